"""Rules about agents: what they do is counted, and what trips is about them and not about the member."""

from collections.abc import Callable
from functools import partial

import pytest

from pointguard_server.domain.codes import (
    AdviceEntity,
    AdviceEvent,
    CaseOutcome,
    Decision,
    Kind,
    Operation,
    Outcome,
    Posture,
    Reason,
)
from pointguard_server.engine.ask import Verdict
from pointguard_server.engine.directives import Directives
from tests.integration.audit import audit
from tests.support.directives import end_exemption, exempt, exemptions_of, stop_redemptions, stops_of
from tests.support.explaining import explaining
from tests.support.ledger import DAY, HOUR, SECOND, Ledger, open_ledger, sandboxed

APPROVED, DECLINED = Decision.APPROVED, Decision.DECLINED
CODES = '[program.adjustments]\nreason_codes = ["GOODWILL"]\n'
ledger_of = partial(open_ledger, back_end=sandboxed, adjustments=CODES)


def rule(posture: str, kind: str = "DISCRETIONARY", measure: str = "COUNT", threshold: int = 2, more: str = "") -> str:
    return f"""
[[fraud_rule]]
name = "busy-agent"
scope = "AGENT"
context = "ADJUSTMENT"
counts = {{ kinds = ["{kind}"], attempts = "APPROVED" }}
measure = "{measure}"
window = {{ calendar = "DAY" }}
threshold = {threshold}
posture = "{posture}"
duration = "2d"
{more}
"""


def check(ledger: Ledger) -> None:
    """The ledger is sound, and each of its decisions comes out again."""
    audit(ledger)
    with explaining(ledger) as explainer:
        assert [each.differences for each in explainer.all_legs() if not each.reproduced] == []


def said(verdict: Verdict) -> tuple[Decision, list[Reason]]:
    return Decision(verdict.decision), [Reason(code) for code, _ in verdict.reasons]


def steps(ledger: Ledger) -> list[tuple[AdviceEvent, AdviceEntity, Posture]]:
    rows = ledger.rows("advice")
    return [(AdviceEvent(row["event"]), AdviceEntity(row["entity"]), Posture(row["posture"])) for row in rows]


@pytest.mark.parametrize(("points", "decision"), [(99, APPROVED), (100, APPROVED), (101, DECLINED)])
def test_an_agent_who_gives_more_than_the_threshold_is_blocked_for_every_account(
    points: int, decision: Decision
) -> None:
    with ledger_of(rules=rule("BLOCK", measure="POINTS", threshold=150)) as ledger:
        accounts = [ledger.member() for _ in range(3)]
        ledger.adjust(accounts[0], 50)
        assert ledger.adjust(accounts[1], points).decision == decision
        if decision is DECLINED:
            ledger.restart_decider()
            (block,) = ledger.rows("advice")
            ledger.clock.moment = block["ends_at"] - 3
            assert said(ledger.adjust(accounts[2], 1)) == (DECLINED, [Reason.ADVICE_BLOCK])
            # He may take points, and others may give them.
            assert ledger.adjust(accounts[0], -1, kind=Kind.ADJUSTMENT).decision == APPROVED
            assert ledger.adjust(accounts[2], 1, agent="agent 8").decision == APPROVED
            # Each of the three came a microsecond after the one before.
            assert ledger.adjust(accounts[2], 1).decision == APPROVED
        check(ledger)


def test_of_credits_in_one_batch_those_above_the_threshold_are_declined() -> None:
    with ledger_of(rules=rule("BLOCK"), journaled=True) as ledger:
        accounts = [ledger.member() for _ in range(5)]
        given = ledger.decide(*(ledger.adjust_ask(account, 1) for account in accounts))
        expected = [[], [], [Reason.FRAUD_RULE], [Reason.ADVICE_BLOCK], [Reason.ADVICE_BLOCK]]
        assert [said(each)[1] for each in given] == expected
        assert steps(ledger) == [(AdviceEvent.RAISED, AdviceEntity.AGENT, Posture.BLOCK)]
        ledger.restart_decider()
        assert said(ledger.adjust(accounts[0], 1))[1] == [Reason.ADVICE_BLOCK]
        check(ledger)


def test_a_case_is_opened_about_an_agent_once_and_is_told_to_nobody_at_a_till() -> None:
    with ledger_of(rules=rule("REVIEW")) as ledger:
        accounts = [ledger.member() for _ in range(5)]
        given = [ledger.adjust(account, 10) for account in accounts]
        assert [said(each) for each in given] == [(APPROVED, [])] * 5
        assert steps(ledger) == [(AdviceEvent.RAISED, AdviceEntity.AGENT, Posture.REVIEW)]
        (case,) = ledger.rows("advice")
        assert (case["account_id"], ledger.names.text(case["actor_id"] >> 32)) == (accounts[2], "agent 7")
        assert (case["measured"], case["threshold"]) == (3, 2)
        # The member has nothing to do with it.
        assert ledger.check(accounts[2]).advice == ()
        assert said(ledger.authorise(accounts[2], 10)) == (APPROVED, [])
        check(ledger)


def test_a_false_positive_has_the_rule_leave_the_agent_alone_for_its_duration() -> None:
    with ledger_of(rules=rule("REVIEW", more="four_eyes = true")) as ledger:
        account = ledger.member()
        for _ in range(3):
            ledger.adjust(account, 1)
        (case,) = ledger.rows("advice")
        resolve = partial(ledger.resolve_ask, account, case["advice_id"], CaseOutcome.FALSE_POSITIVE)
        assert ledger.one(resolve("analyst 1", "key 1")).decision == Decision.REVIEW
        assert ledger.one(resolve("analyst 2", "key 2")).decision == APPROVED
        for restart in (False, True):
            if restart:
                ledger.restart_decider()
            ledger.adjust(account, 1)
            assert len(steps(ledger)) == 3
        ledger.clock.moment += 2 * DAY + HOUR
        for _ in range(3):
            ledger.adjust(account, 1)
        assert steps(ledger)[3:] == [(AdviceEvent.RAISED, AdviceEntity.AGENT, Posture.REVIEW)]
        check(ledger)


def test_nobody_clears_himself() -> None:
    with ledger_of(rules=rule("BLOCK") + rule("REVIEW").replace("busy-agent", "case")) as ledger:
        account = ledger.member()
        for _ in range(3):
            ledger.adjust(account, 1)
        block, case = ledger.rows("advice")
        resolve = partial(ledger.resolve_ask, account, case["advice_id"], CaseOutcome.FALSE_POSITIVE)
        override, remove = (
            partial(ledger.settle_ask, operation, account, block["advice_id"])
            for operation in (Operation.OVERRIDE_ADVICE, Operation.REMOVE_ADVICE)
        )
        own = [override(author="agent 7"), remove(author="agent 7"), resolve("agent 7")]
        assert [each.outcome for each in ledger.decide(*own)] == [Outcome.FOUR_EYES] * 3
        others = [remove(author="agent 8"), resolve("agent 8")]
        assert [each.outcome for each in ledger.decide(*others)] == [Outcome.DONE] * 2
        check(ledger)


def test_a_block_that_is_overridden_lets_the_agent_go_on_at_once() -> None:
    with ledger_of(rules=rule("BLOCK")) as ledger:
        account, other = ledger.member(), ledger.member()
        for _ in range(3):
            ledger.adjust(account, 1)
        (block,) = ledger.rows("advice")
        override = ledger.settle_ask(Operation.OVERRIDE_ADVICE, account, block["advice_id"])
        asks = [ledger.adjust_ask(other, 1), override, ledger.adjust_ask(other, 1)]
        assert [each.decision for each in ledger.decide(*asks)] == [DECLINED, APPROVED, APPROVED]
        ledger.restart_decider()
        assert ledger.adjust(other, 1).decision == APPROVED
        check(ledger)


def locks(ledger: Ledger, account: int) -> Verdict:
    return ledger.one(ledger.lock_ask(account, True, agent="agent 7"))


def overrides(ledger: Ledger, account: int) -> Verdict:
    raised = ledger.one(ledger.raise_ask(account))
    operation = Operation.OVERRIDE_ADVICE
    return ledger.one(ledger.settle_ask(operation, account, raised.transaction_id, author="agent 7"))


@pytest.mark.parametrize(("kind", "act"), [("REDEMPTION_LOCK", locks), ("OVERRIDE", overrides)])
def test_who_switches_locks_or_overrides_advice_too_often_gives_no_more_points(
    kind: str, act: Callable[[Ledger, int], Verdict]
) -> None:
    with ledger_of(rules=rule("BLOCK", kind)) as ledger:
        accounts = [ledger.member() for _ in range(4)]
        for account in accounts[:3]:
            # What the member does himself, and what analysts raise, is none of the agent's doing.
            ledger.lock(account)
            assert ledger.adjust(account, 1).decision == APPROVED
            assert act(ledger, account).outcome == Outcome.DONE
        assert said(ledger.adjust(accounts[3], 1)) == (DECLINED, [Reason.ADVICE_BLOCK])
        assert ledger.adjust(accounts[3], 1, agent="agent 8").decision == APPROVED
        ledger.restart_decider()
        assert act(ledger, accounts[3]).outcome == Outcome.DONE
        ledger.clock.moment += HOUR
        assert [step for step in steps(ledger) if step[1] == AdviceEntity.AGENT] == [
            (AdviceEvent.RAISED, AdviceEntity.AGENT, Posture.BLOCK)
        ]
        check(ledger)


def test_a_rule_in_shadow_blocks_no_agent() -> None:
    with ledger_of(rules=rule("BLOCK", more='mode = "SHADOW"')) as ledger:
        account = ledger.member()
        assert [ledger.adjust(account, 1).decision for _ in range(4)] == [APPROVED] * 4
        assert steps(ledger) == []
        check(ledger)


def test_credits_of_an_account_are_counted_whoever_gives_them() -> None:
    limit = """
[[fraud_rule]]
name = "ADVICE_CHECK_ACCOUNT_DISCRETIONARY_EARN_DAY"
window = { rolling = "1d" }
threshold = 2
posture = "BLOCK"
duration = "1d"
"""
    with ledger_of(rules=limit) as ledger:
        account = ledger.member(points=10)
        given = [ledger.adjust(account, 1, agent=f"agent {number}") for number in range(4)]
        assert [said(each)[1] for each in given] == [[], [], [Reason.FRAUD_RULE], [Reason.ADVICE_BLOCK]]
        assert ledger.authorise(account, 10).decision == ledger.accrue(account, 100).decision == APPROVED
        check(ledger)


def test_an_agents_exemptions_count_as_overrides_and_his_next_deed_is_judged_by_them() -> None:
    with ledger_of(rules=rule("BLOCK", "OVERRIDE")) as ledger:
        account = ledger.member()
        for _ in range(2):
            exempt(ledger, "agent 7")
        exempt(ledger, "agent 8")
        assert ledger.adjust(account, 1).decision == APPROVED, "two are not more than two"
        third = exempt(ledger, "agent 7", key="third")
        assert exempt(ledger, "agent 7", key="third") == third, "a retry is no deed"
        ledger.restart_decider()
        declined = ledger.adjust(account, 1)
        assert said(declined) == (DECLINED, [Reason.FRAUD_RULE])
        assert ledger.adjust(account, 1, agent="agent 8").decision == APPROVED
        (block,) = ledger.rows("advice")
        assert (block["measured"], AdviceEntity(block["entity"])) == (3, AdviceEntity.AGENT)
        # To take is to adjust, too.
        assert said(ledger.adjust(account, -1, kind=Kind.ADJUSTMENT)) == (DECLINED, [Reason.FRAUD_RULE])
        ledger.clock.moment += 2 * DAY + SECOND
        assert ledger.adjust(account, 1).decision == APPROVED
        check(ledger)


def test_ends_of_exemptions_and_stops_count_as_interventions_at_a_start_too() -> None:
    with ledger_of(rules=rule("WARN", "INTERVENTION")) as ledger:
        account = ledger.member()
        number = exempt(ledger, "agent 7")
        stop_redemptions(ledger, author="agent 7")
        end_exemption(ledger, number, "agent 7")
        assert ledger.adjust(account, 1).reasons == ()
        stop_redemptions(ledger, author="agent 7")
        ledger.decider.directives = Directives()
        for keeper in (stops_of(ledger), exemptions_of(ledger)):
            keeper._take_up(ledger.store.write(keeper._find))
        assert said(ledger.adjust(account, 1)) == (APPROVED, [Reason.FRAUD_WARNING])
        check(ledger)
