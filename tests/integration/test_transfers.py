"""Transfers between two accounts: all of it on both sides or nothing, and what judges and stops them."""

from functools import partial
from itertools import pairwise

import pytest

from pointguard_server.domain.codes import (
    Context,
    Decision,
    EntryType,
    Factor,
    Kind,
    Operation,
    Outcome,
    Part,
    Reason,
)
from pointguard_server.domain.errors import StorageUnavailable
from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.engine import batch
from pointguard_server.engine.ask import Verdict
from pointguard_server.engine.inbox import Inbox
from pointguard_server.feeds.schema import event_of
from tests.integration.audit import audit
from tests.integration.test_advice_feed import notices
from tests.support.explaining import explaining
from tests.support.ledger import DAY, Ledger, named, open_ledger, sandboxed

APPROVED, DECLINED = Decision.APPROVED, Decision.DECLINED
LOTS = '[program.lots]\nexpiry = "ROLLING"\nexpires_after = "30d"\n'
RULE = """
[[fraud_rule]]
name = "many"
context = "TRANSFER"
{scope}counts = {{ parts = ["{part}"], attempts = "{attempts}" }}
measure = "{measure}"
window = {{ rolling = "1d" }}
threshold = {threshold}
posture = "{posture}"
duration = "{duration}"
"""
ledger_of = partial(open_ledger, back_end=sandboxed)


def rule(
    part: str, posture: str = "BLOCK", *, measure: str = "COUNT", threshold: int = 1, duration: str = "0s",
    attempts: str = "ALL", scope: str = "",
) -> str:  # fmt: skip
    """A rule over transfers that go out or come in."""
    named = f'scope = "{scope}"\n' if scope else ""
    return RULE.format(
        part=part, posture=posture, measure=measure, threshold=threshold, duration=duration, attempts=attempts,
        scope=named,
    )  # fmt: skip


def check(ledger: Ledger) -> None:
    """The ledger is sound, and each of its decisions comes out again."""
    audit(ledger)
    with explaining(ledger) as explainer:
        assert [each.differences for each in explainer.all_legs() if not each.reproduced] == []


def said(verdict: Verdict) -> tuple[Decision, list[Reason]]:
    return Decision(verdict.decision), [Reason(code) for code, _ in verdict.reasons]


def balances(ledger: Ledger, *accounts: int) -> list[int]:
    return [ledger.balance(account).posted for account in accounts]


def test_a_transfer_is_a_leg_in_each_accounts_own_sequence() -> None:
    with ledger_of() as ledger:
        giver, getter = ledger.member(points=100), ledger.member(points=7)
        moved = ledger.transfer(giver, getter, 40)
        assert (said(moved), moved.points, moved.posted, moved.account_id) == ((APPROVED, []), 40, 60, giver)
        assert balances(ledger, giver, getter) == [60, 47]
        out, got = ledger.legs(giver)[-1], ledger.legs(getter)[-1]
        assert out["transaction_id"] == got["transaction_id"] == moved.transaction_id
        assert [(leg["leg_number"], leg["seq"], leg["parts"]) for leg in (out, got)] == [
            (0, 3, 1 << Part.TRANSFER_OUT),
            (1, 3, 1 << Part.TRANSFER_IN),
        ]
        assert {(leg["operation"], leg["kind"]) for leg in (out, got)} == {(Operation.TRANSFER, Kind.POINTS_TRANSFER)}
        entries = [(each["entry_type"], each["signed_points"]) for each in ledger.rows("entries")][-2:]
        assert entries == [(EntryType.TRANSFER_OUT, -40), (EntryType.TRANSFER_IN, 40)]
        # Neither earned nor redeemed.
        assert (out["redeemed_total"], got["earned_total"]) == (0, 7)
        check(ledger)


@pytest.mark.parametrize(("points", "decision"), [(49, APPROVED), (50, APPROVED), (51, DECLINED)])
def test_no_more_goes_over_than_may_be_spent_and_a_declined_transfer_moves_neither_side(
    points: int, decision: Decision
) -> None:
    with ledger_of() as ledger:
        giver, getter = ledger.member(points=60), ledger.member()
        ledger.authorise_reserving(giver, 10)
        moved = ledger.transfer(giver, getter, points)
        if decision is DECLINED:
            assert (said(moved), moved.points) == ((DECLINED, [Reason.INSUFFICIENT_POINTS]), 0)
            assert [leg["points"] for leg in (ledger.legs(giver)[-1], ledger.legs(getter)[-1])] == [51, 51]
        assert balances(ledger, giver, getter) == ([60, 0] if decision is DECLINED else [60 - points, points])
        check(ledger)


def test_points_that_end_go_over_with_their_end_and_what_ends_together_is_one_lot() -> None:
    with ledger_of(lots=LOTS) as ledger:
        giver, getter = ledger.member(points=10), ledger.member()
        ledger.clock.moment += DAY
        first, second = ledger.accrue(giver, 50), ledger.accrue(giver, 60)
        assert (first.points, second.points) == (5, 6)
        moved = ledger.transfer(giver, getter, 18)
        assert moved.decision == APPROVED
        ends = [each["expires_at"] for each in ledger.rows("entries") if each["entry_type"] == EntryType.EARN]
        given = [each for each in ledger.rows("entries") if each["account_id"] == getter]
        assert [(each["signed_points"], each["expires_at"]) for each in given] == list(
            zip((10, 5, 3), ends, strict=True)
        )
        # They are spent in the order in which they end, end in their turn, and go back to their lot.
        spent = ledger.authorise(getter, 12)
        assert [entry.signed_points for entry in spent.entries] == [-10, -2]
        ledger.restart_decider()
        assert ledger.give_back(spent, points=2).posted == 8
        ledger.restart_decider()
        ledger.clock.moment = ends[1]
        assert balances(ledger, giver, getter) == [3, 3]
        ledger.clock.moment = ends[2]
        assert balances(ledger, giver, getter) == [0, 0]
        ledger.accrue(getter, 10)
        check(ledger)


def test_points_that_come_in_pay_what_is_owed_before_they_are_a_lot() -> None:
    with ledger_of(lots=LOTS, settings="points_floor = -50") as ledger:
        giver, getter = ledger.member(points=30), ledger.member()
        assert ledger.authorise(getter, 20).posted == -20
        assert ledger.transfer(giver, getter, 25).posted == 5
        ledger.clock.moment += 40 * DAY
        assert balances(ledger, getter) == [0]
        ledger.accrue(getter, 10)
        audit(ledger, floor=-50)


def test_many_transfers_of_one_batch_see_one_another_and_leave_the_sum_as_it_was() -> None:
    with ledger_of(lots=LOTS) as ledger:
        a, b, c = ledger.member(points=30), ledger.member(), ledger.member(points=5)
        asks = [(a, b, 30), (b, c, 20), (b, c, 11), (c, a, 25), (a, b, 26), (b, b, 1)]
        verdicts = ledger.decide(*(ledger.transfer_ask(*each) for each in asks))
        assert [each.decision for each in verdicts[:-1]] == [APPROVED, APPROVED, DECLINED, APPROVED, DECLINED]
        assert verdicts[-1].outcome == Outcome.SAME_ACCOUNT
        assert balances(ledger, a, b, c) == [25, 10, 0]
        ledger.restart_decider()
        assert balances(ledger, a, b, c) == [25, 10, 0]
        check(ledger)


def test_who_gets_points_is_found_by_an_identifier_and_an_unknown_one_is_refused() -> None:
    with ledger_of(tenants=2) as ledger:
        giver = ledger.member(points=10)
        ledger.one(ledger.enroll_ask("friend"))
        moved = ledger.transfer(giver, (int(IdentifierKind.LOYALTY_ID), "friend"), 4)
        assert moved.decision == APPROVED
        assert ledger.rows("legs")[-1]["identifier_kind"] == IdentifierKind.LOYALTY_ID
        ledger.tenant = 2
        stranger = ledger.member()
        ledger.tenant = 1
        for other in (99_999, stranger, (int(IdentifierKind.LOYALTY_ID), "nobody")):
            refused = ledger.transfer(giver, other, 1)
            assert refused.outcome == Outcome.ACCOUNT_UNKNOWN
        assert ledger.transfer(99_999, giver, 1).outcome == Outcome.ACCOUNT_UNKNOWN
        assert balances(ledger, giver) == [6]
        check(ledger)


def test_each_leg_says_by_which_identifier_its_own_account_was_named() -> None:
    kind = IdentifierKind.LOYALTY_ID
    with ledger_of() as ledger:
        giver, getter = (ledger.one(ledger.enroll_ask(name)).account_id for name in ("giver", "getter"))
        ledger.accrue(giver, 100)
        inbox = Inbox()
        inbox.put(named(ledger.transfer_ask(giver, (int(kind), "getter"), 4), kind, "giver"))
        answers = ledger.decider.decide_inbox(inbox)
        out, got = ledger.legs(giver)[-1], ledger.legs(getter)[-1]
        assert 0 < out["identifier_id"] != got["identifier_id"] > 0
        # Whoever learns from the answer learns it of who gives.
        assert answers.envelopes["identifier_id"][0] == out["identifier_id"]
        check(ledger)


def test_a_key_moves_points_once_and_answers_the_same_for_ever() -> None:
    with ledger_of() as ledger:
        giver, getter, other = ledger.member(points=10), ledger.member(), ledger.member()
        ask = ledger.transfer_ask(giver, getter, 4, key="once")
        first, again = ledger.decide(ask, ask)
        ledger.restart_decider()
        later = ledger.one(ask)
        assert first.replayed is False
        assert again._replace(replayed=False) == first
        for name in ("transaction_id", "decision", "points", "account_id", "seq", "posted", "reasons"):
            assert getattr(later, name) == getattr(first, name)
        assert ledger.one(ledger.transfer_ask(giver, other, 4, key="once")).outcome == Outcome.KEY_REUSED
        assert balances(ledger, giver, getter, other) == [6, 4, 0]


@pytest.mark.parametrize("stopped", ["giver", "getter"])
def test_a_suspended_account_neither_gives_nor_gets(stopped: str) -> None:
    with ledger_of() as ledger:
        giver, getter = ledger.member(points=10), ledger.member()
        ledger.one(ledger.status_ask(giver if stopped == "giver" else getter, suspended=True))
        assert said(ledger.transfer(giver, getter, 1)) == (DECLINED, [Reason.ACCOUNT_SUSPENDED])
        check(ledger)


def test_the_redemption_lock_stops_no_transfer() -> None:
    with ledger_of() as ledger:
        giver, getter = ledger.member(points=10), ledger.member()
        ledger.lock(giver)
        ledger.lock(getter)
        assert ledger.transfer(giver, getter, 10).decision == APPROVED
        check(ledger)


@pytest.mark.parametrize(
    ("context", "of_giver", "decision"),
    [
        (Context.TRANSFER, True, DECLINED),
        (Context.TRANSFER, False, DECLINED),
        (Context.REDEMPTION, True, DECLINED),
        (Context.REDEMPTION, False, APPROVED),
        (Context.EARNING, True, APPROVED),
        (Context.EARNING, False, DECLINED),
        (Context.ADJUSTMENT, True, APPROVED),
    ],
)
def test_advice_that_stops_redeeming_stops_giving_and_advice_that_stops_earning_stops_getting(
    context: Context, of_giver: bool, decision: Decision
) -> None:
    with ledger_of() as ledger:
        giver, getter = ledger.member(points=10), ledger.member()
        ledger.one(ledger.raise_ask(giver if of_giver else getter, context=context))
        expected = [Reason.ADVICE_BLOCK] if decision is DECLINED else []
        assert said(ledger.transfer(giver, getter, 1)) == (decision, expected)
        check(ledger)


def test_a_step_up_asks_for_what_verifies_the_member_who_gives() -> None:
    asking = rule("TRANSFER_OUT", "STEP_UP", measure="POINTS", threshold=5) + 'step_up = "PIN"\n'
    with ledger_of(rules=asking) as ledger:
        giver, getter = ledger.member(points=20), ledger.member()
        assert said(ledger.transfer(giver, getter, 6)) == (DECLINED, [Reason.STEP_UP_PIN])
        assert said(ledger.transfer(giver, getter, 6, verified=Factor.PIN))[0] == APPROVED
        check(ledger)


# ---------------------------------------------------------------------------------------------------------- fraud rules


@pytest.mark.parametrize("part", ["TRANSFER_OUT", "TRANSFER_IN"])
def test_a_rule_over_one_side_declines_both(part: str) -> None:
    with ledger_of(rules=rule(part, duration="2d")) as ledger:
        hub, others = ledger.member(points=50), [ledger.member(points=50) for _ in range(3)]
        pairs = [(hub, each) if part == "TRANSFER_OUT" else (each, hub) for each in others]
        verdicts = [ledger.transfer(*pair, 5) for pair in pairs]
        assert [said(each) for each in verdicts] == [
            (APPROVED, []),
            (DECLINED, [Reason.FRAUD_RULE]),
            (DECLINED, [Reason.ADVICE_BLOCK]),
        ]
        (advice,) = ledger.rows("advice")
        assert (advice["account_id"], advice["measured"], advice["context"]) == (hub, 2, Context.TRANSFER)
        assert balances(ledger, hub, *others) == ([45, 55, 50, 50] if part == "TRANSFER_OUT" else [55, 45, 50, 50])
        check(ledger)


def test_one_rule_may_raise_advice_against_both_sides_of_a_transfer() -> None:
    both = rule("TRANSFER_OUT", "WARN", threshold=0, duration="1d").replace(
        '"TRANSFER_OUT"', '"TRANSFER_OUT", "TRANSFER_IN"'
    )
    with ledger_of(rules=both) as ledger:
        giver, getter = ledger.member(points=5), ledger.member()
        assert said(ledger.transfer(giver, getter, 1)) == (APPROVED, [Reason.FRAUD_WARNING])
        raised = ledger.rows("advice")
        assert [each["account_id"] for each in raised] == [giver, getter]
        assert raised[0]["advice_id"] != raised[1]["advice_id"]
        # Who drops events that come twice gets both.
        assert len({event_of(each, "acme", str)["event_id"] for each in notices(ledger)}) == 2
        check(ledger)


def test_the_built_in_rule_counts_what_comes_in() -> None:
    built_in = """
[[fraud_rule]]
name = "ADVICE_CHECK_ACCOUNT_EARN_FROM_POINTS_TRANSFER_DAY"
window = { calendar = "DAY" }
threshold = 2
posture = "BLOCK"
duration = "0s"
"""
    with ledger_of(rules=built_in) as ledger:
        giver, getter = ledger.member(points=50), ledger.member(points=50)
        ledger.transfer(getter, giver, 1)
        verdicts = [ledger.transfer(giver, getter, 1) for _ in range(3)]
        assert [each.decision for each in verdicts] == [APPROVED, APPROVED, DECLINED]
        assert ledger.reason_names(verdicts[-1]) == ["ADVICE_CHECK_ACCOUNT_EARN_FROM_POINTS_TRANSFER_DAY"]
        assert ledger.transfer(getter, giver, 1).decision == APPROVED
        check(ledger)


def test_a_wider_rule_counts_each_side_once() -> None:
    wide = rule("TRANSFER_IN", measure="POINTS", threshold=10, attempts="APPROVED", scope="PROGRAM")
    with ledger_of(rules=wide) as ledger:
        accounts = [ledger.member(points=50) for _ in range(4)]
        asks = [ledger.transfer_ask(accounts[n], accounts[n + 1], 5) for n in range(3)]
        assert [each.decision for each in ledger.decide(*asks)] == [APPROVED, APPROVED, DECLINED]
        ledger.restart_decider()
        assert ledger.transfer(accounts[0], accounts[1], 1).decision == DECLINED
        check(ledger)


def test_a_rule_about_an_agent_counts_the_transfers_that_he_makes_for_others() -> None:
    of_agent = rule("TRANSFER_OUT", "REVIEW", duration="1d", attempts="APPROVED", scope="AGENT").replace(
        '"TRANSFER"\n', '"ADJUSTMENT"\n'
    )
    with ledger_of(rules=of_agent) as ledger:
        giver, getter = ledger.member(points=50), ledger.member()
        ledger.transfer(giver, getter, 1)
        for _ in range(2):
            assert ledger.transfer(giver, getter, 1, agent="agent 7").decision == APPROVED
        (case,) = ledger.rows("advice")
        assert (ledger.names.text(case["actor_id"] >> 32), case["measured"]) == ("agent 7", 2)
        check(ledger)


# ----------------------------------------------------------------------------------------------------------- households


def test_a_household_gives_in_the_order_that_was_asked_for_until_there_is_enough() -> None:
    with ledger_of() as ledger:
        a, b, c = ledger.member(points=10), ledger.member(), ledger.member(points=20)
        spent = ledger.redeem_household([a, b, c], 25)
        assert (said(spent), spent.points, spent.account_id) == ((APPROVED, []), 25, a)
        assert balances(ledger, a, b, c) == [0, 0, 5]
        legs = [leg for leg in ledger.rows("legs") if leg["operation"] == Operation.REDEEM_HOUSEHOLD]
        assert [(leg["account_id"], leg["points"], leg["money"]) for leg in legs] == [(a, 10, 10), (c, 15, 15)]
        assert {leg["parts"] for leg in legs} == {1 << Part.HOUSEHOLD_REDEEM}
        assert [leg["redeemed_total"] for leg in legs] == [10, 15]
        check(ledger)


def test_a_household_that_has_not_enough_gives_nothing() -> None:
    with ledger_of() as ledger:
        accounts = [ledger.member(points=points) for points in (10, 20)]
        ask = ledger.household_ask(accounts, 31, key="once")
        spent = ledger.one(ask)
        assert (said(spent), spent.points) == ((DECLINED, [Reason.INSUFFICIENT_POINTS]), 0)
        assert balances(ledger, *accounts) == [10, 20]
        ledger.restart_decider()
        assert (ledger.one(ask).replayed, ledger.one(ask).points) == (True, 0)
        check(ledger)


@pytest.mark.parametrize(("points", "decision"), [(10, APPROVED), (11, DECLINED)])
def test_a_locked_member_of_a_household_declines_what_he_would_give_to(points: int, decision: Decision) -> None:
    with ledger_of() as ledger:
        accounts = [ledger.member(points=10), ledger.member(points=10)]
        ledger.lock(accounts[1])
        spent = ledger.redeem_household(accounts, points)
        assert said(spent) == (decision, [Reason.REDEMPTION_LOCKED] if decision is DECLINED else [])
        assert balances(ledger, *accounts) == ([10, 10] if decision is DECLINED else [0, 10])
        check(ledger)


def test_a_household_names_each_account_once() -> None:
    with ledger_of() as ledger:
        a, b = ledger.member(points=10), ledger.member(points=10)
        assert ledger.redeem_household([a, b, a], 1).outcome == Outcome.NAMED_TWICE
        assert ledger.redeem_household([a, 99_999], 1).outcome == Outcome.ACCOUNT_UNKNOWN
        ask = ledger.household_ask([a, b], 15, key="once")
        first = ledger.one(ask)
        ledger.restart_decider()
        assert (ledger.one(ask).points, first.points) == (15, 15)
        assert ledger.one(ledger.household_ask([b, a], 15, key="once")).outcome == Outcome.KEY_REUSED


# ------------------------------------------------------------------------------------------------------- all or nothing


def test_a_batch_that_is_not_committed_leaves_neither_side_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    with ledger_of() as ledger:
        giver, getter = ledger.member(points=10), ledger.member()

        def fail() -> None:
            raise StorageUnavailable

        with monkeypatch.context() as broken:
            broken.setattr(ledger.store, "commit", fail)
            with pytest.raises(StorageUnavailable):
                ledger.transfer(giver, getter, 4)
        assert balances(ledger, giver, getter) == [10, 0]
        assert ledger.transfer(giver, getter, 4).decision == APPROVED
        assert balances(ledger, giver, getter) == [6, 4]
        check(ledger)


def test_both_sides_are_read_into_a_memory_that_holds_few_accounts() -> None:
    with ledger_of(accounts_max=4) as ledger:
        accounts = [ledger.member(points=10) for _ in range(8)]
        for number, pair in enumerate(pairwise(accounts), 1):
            ledger.transfer(*pair, 10 * number)
        assert balances(ledger, *accounts) == [0] * 7 + [80]
        check(ledger)


def test_a_batch_takes_over_only_so_many_lots_and_refuses_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "LOTS_MOVED", 0)
    with ledger_of(lots=LOTS) as ledger:
        a, b = ledger.member(points=10), ledger.member()
        ledger.accrue(a, 10)
        asks = [ledger.transfer_ask(*each) for each in [(a, b, 11), (b, a, 11), (a, b, 11), (b, a, 11)]]
        outcomes = [each.outcome for each in ledger.decide(*asks)]
        assert outcomes[0] == Outcome.DONE
        assert Outcome.TOO_MANY_LOTS in outcomes
        assert next(each.decision for each in ledger.decide(*asks) if not each.outcome) == APPROVED
        check(ledger)


def test_a_transfer_is_neither_returned_nor_corrected() -> None:
    with ledger_of(adjustments='[program.adjustments]\nreason_codes = ["GOODWILL"]\n') as ledger:
        giver, getter = ledger.member(points=10), ledger.member()
        moved = ledger.transfer(giver, getter, 4)
        assert ledger.give_back(moved).outcome == Outcome.NOT_RETURNABLE
        corrected = ledger.adjust(giver, 1, corrects=moved.transaction_id)
        assert corrected.outcome == Outcome.NOT_CORRECTABLE
