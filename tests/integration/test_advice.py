"""The life of advice: raised, extended, overridden or removed, and what a suppressed rule and a suspension do."""

from collections.abc import Callable

import pytest

from pointguard_server.domain.codes import AdviceEvent, Context, Decision, Operation, Outcome, Posture, Reason
from pointguard_server.engine.ask import Verdict
from tests.integration.audit import audit
from tests.support.ledger import DAY, HOUR, SECOND, Ledger

RULE = """
[[fraud_rule]]
name = "eager"
context = "REDEMPTION"
counts = { parts = ["REDEEM"], attempts = "ALL" }
measure = "COUNT"
window = { rolling = "7d" }
threshold = 2
posture = "BLOCK"
duration = "1d"
include_blocked = true
"""
EXTENDING = RULE + "extends = true\n"
CAP = 'daily_cap = { money_minor = 10, posture = "BLOCK", duration = "1d" }\n'


def codes(verdict: Verdict) -> list[Reason]:
    """The reasons' codes."""
    return [Reason(code) for code, _ in verdict.reasons]


def trip(ledger: Ledger, account: int) -> bytes:
    """Redeem three times, which is once too often; return the id of the advice."""
    verdicts = []
    for _ in range(3):
        ledger.clock.moment += SECOND
        verdicts.append(ledger.authorise(account, 1))
    assert [verdict.decision for verdict in verdicts] == [Decision.APPROVED] * 2 + [Decision.DECLINED]
    (advice,) = ledger.check(account).advice
    return advice.advice_id


def override(ledger: Ledger, account: int, advice_id: bytes) -> Verdict:
    return ledger.one(ledger.settle_ask(Operation.OVERRIDE_ADVICE, account, advice_id))


def remove(ledger: Ledger, account: int, advice_id: bytes) -> Verdict:
    return ledger.one(ledger.settle_ask(Operation.REMOVE_ADVICE, account, advice_id))


def events(ledger: Ledger) -> list[AdviceEvent]:
    return [AdviceEvent(row["event"]) for row in ledger.rows("advice")]


# ---------------------------------------------------------------------------------------------------------- overriding


def test_an_overridden_rule_has_no_effect_until_its_advice_would_have_ended(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=RULE)
    account = ledger.member(100)
    advice_id = trip(ledger, account)
    ends_at = ledger.check(account).advice[0].ends_at
    assert override(ledger, account, advice_id).outcome == Outcome.DONE
    assert ledger.check(account).advice == ()
    for moment in (ledger.clock.moment + HOUR, ends_at - 1):
        ledger.clock.moment = moment
        approved = ledger.authorise(account, 1)
        assert (approved.decision, codes(approved)) == (Decision.APPROVED, [])
    assert events(ledger) == [AdviceEvent.RAISED, AdviceEvent.OVERRIDDEN]
    ledger.clock.moment = ends_at
    tripped = ledger.authorise(account, 1)
    assert (tripped.decision, codes(tripped)) == (Decision.DECLINED, [Reason.FRAUD_RULE])
    (again,) = ledger.check(account).advice
    assert again.advice_id != advice_id
    assert again.ends_at == ends_at + DAY
    assert events(ledger) == [AdviceEvent.RAISED, AdviceEvent.OVERRIDDEN, AdviceEvent.RAISED]
    audit(ledger)


def test_an_override_lasts_through_a_restart_and_so_does_its_end(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=RULE, journaled=True)
    account = ledger.member(100)
    advice_id = trip(ledger, account)
    ends_at = ledger.check(account).advice[0].ends_at
    override(ledger, account, advice_id)
    ledger.restart_decider()
    ledger.clock.moment += HOUR
    assert ledger.check(account).advice == ()
    assert ledger.authorise(account, 1).decision == Decision.APPROVED
    assert override(ledger, account, advice_id).outcome == Outcome.ADVICE_ENDED
    ledger.clock.moment = ends_at
    ledger.restart_decider()
    assert codes(ledger.authorise(account, 1)) == [Reason.FRAUD_RULE]
    audit(ledger)


def test_an_overridden_control_limits_neither_quotes_nor_partial_redemptions(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(controls=CAP)
    account = ledger.member(100)
    assert codes(ledger.authorise(account, 11)) == [Reason.DAILY_REDEMPTION_CAP]
    (advice,) = ledger.check(account).advice
    assert ledger.quote(account).points == 0
    override(ledger, account, advice.advice_id)
    assert ledger.quote(account).points == 100
    partial = ledger.authorise(account, 50, partial=True)
    assert (partial.points, codes(partial)) == (50, [])
    audit(ledger)


def test_what_overrides_one_rule_leaves_other_advice_standing(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=RULE)
    account = ledger.member(100)
    advice_id = trip(ledger, account)
    by_hand = ledger.one(ledger.raise_ask(account))
    override(ledger, account, advice_id)
    assert [advice.advice_id for advice in ledger.check(account).advice] == [by_hand.transaction_id]
    declined = ledger.authorise(account, 1)
    assert (declined.decision, declined.reasons) == (Decision.DECLINED, ((Reason.ADVICE_BLOCK, 0),))


def test_a_redemption_and_an_override_in_one_batch_are_decided_in_their_order(
    new_ledger: Callable[..., Ledger],
) -> None:
    for override_first in (True, False):
        ledger = new_ledger(rules=RULE)
        account = ledger.member(100)
        end = ledger.settle_ask(Operation.OVERRIDE_ADVICE, account, trip(ledger, account))
        spend = ledger.authorise_ask(account, 1)
        verdicts = ledger.decide(*((end, spend) if override_first else (spend, end)))
        redemption = verdicts[1 if override_first else 0]
        assert redemption.decision == (Decision.APPROVED if override_first else Decision.DECLINED)
        audit(ledger)


# ------------------------------------------------------------------------------------------------------------ removing


@pytest.mark.parametrize("restarted", [False, True])
def test_a_removed_advice_no_longer_stands_and_its_rule_trips_again_at_once(
    new_ledger: Callable[..., Ledger], restarted: bool
) -> None:
    ledger = new_ledger(rules=RULE)
    account = ledger.member(100)
    advice_id = trip(ledger, account)
    assert remove(ledger, account, advice_id).outcome == Outcome.DONE
    if restarted:
        ledger.restart_decider()
    assert ledger.check(account).advice == ()
    tripped = ledger.authorise(account, 1)
    assert codes(tripped) == [Reason.FRAUD_RULE]
    (again,) = ledger.check(account).advice
    assert again.advice_id[:14] == tripped.transaction_id[:14]
    assert events(ledger) == [AdviceEvent.RAISED, AdviceEvent.REMOVED, AdviceEvent.RAISED]
    audit(ledger)


def test_advice_that_stands_no_more_can_be_neither_overridden_nor_removed(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=RULE)
    account, other = ledger.member(100), ledger.member(100)
    removed = trip(ledger, account)
    remove(ledger, account, removed)
    ended = trip(ledger, other)
    ledger.clock.moment += 2 * DAY
    legs = len(ledger.rows("legs"))
    for owner, advice_id in ((account, removed), (other, ended), (other, removed)):
        assert override(ledger, owner, advice_id).outcome == Outcome.ADVICE_ENDED
        assert remove(ledger, owner, advice_id).outcome == Outcome.ADVICE_ENDED
    assert len(ledger.rows("legs")) == legs


# ----------------------------------------------------------------------------------------------------------- extending


@pytest.mark.parametrize("restarted", [False, True])
def test_an_attempt_extends_the_advice_that_stands_instead_of_raising_another(
    new_ledger: Callable[..., Ledger], restarted: bool
) -> None:
    ledger = new_ledger(rules=EXTENDING)
    account = ledger.member(100)
    advice_id = trip(ledger, account)
    first = ledger.check(account).advice[0]
    ledger.clock.moment += HOUR
    assert Reason.ADVICE_BLOCK in codes(ledger.authorise(account, 1))
    now = ledger.decider.heads.accepted_at
    if restarted:
        ledger.restart_decider()
    (extended,) = ledger.check(account).advice
    assert extended == first._replace(ends_at=now + DAY, measured=4, window_starts_after=now - 7 * DAY)
    assert events(ledger) == [AdviceEvent.RAISED, AdviceEvent.EXTENDED]
    override(ledger, account, advice_id)
    assert ledger.authorise(account, 1).decision == Decision.APPROVED
    assert events(ledger) == [AdviceEvent.RAISED, AdviceEvent.EXTENDED, AdviceEvent.OVERRIDDEN]
    audit(ledger)


def test_an_extension_by_a_shorter_duration_does_not_shorten_advice(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=EXTENDING)
    account = ledger.member(100)
    trip(ledger, account)
    ends_at = ledger.check(account).advice[0].ends_at
    ledger.change(rules=EXTENDING.replace("1d", "1h"))
    ledger.authorise(account, 1)
    assert [advice.ends_at for advice in ledger.check(account).advice] == [ends_at]
    assert events(ledger) == [AdviceEvent.RAISED, AdviceEvent.EXTENDED]


# ------------------------------------------------------------------------------------------------------------- by hand


@pytest.mark.parametrize(
    ("context", "posture", "reasons", "decision"),
    [
        (Context.REDEMPTION, Posture.BLOCK, [Reason.ADVICE_BLOCK], Decision.DECLINED),
        (Context.REDEMPTION, Posture.WARN, [Reason.FRAUD_WARNING], Decision.APPROVED),
        (Context.REDEMPTION, Posture.LOG, [], Decision.APPROVED),
        (Context.EARNING, Posture.BLOCK, [], Decision.APPROVED),
    ],
)
def test_advice_raised_by_hand_is_enforced_as_its_terms_say(
    ledger: Ledger, context: Context, posture: Posture, reasons: list[Reason], decision: Decision
) -> None:
    account = ledger.member(100)
    raised = ledger.one(ledger.raise_ask(account, context=context, posture=posture))
    redemption = ledger.authorise(account, 1)
    assert (codes(redemption), redemption.decision) == (reasons, decision)
    (advice,) = ledger.check(account).advice
    assert (advice.advice_id, advice.rule_id, advice.context, advice.posture) == (
        raised.transaction_id,
        0,
        context,
        posture,
    )
    audit(ledger)


def test_advice_by_hand_ends_after_its_duration_or_at_its_moment(ledger: Ledger) -> None:
    account = ledger.member(100)
    until = ledger.clock.moment + 3 * HOUR
    ledger.one(ledger.raise_ask(account, duration=HOUR))
    started = ledger.decider.heads.accepted_at
    ledger.one(ledger.raise_ask(account, ends_at=until))
    assert sorted(advice.ends_at for advice in ledger.check(account).advice) == [started + HOUR, until]
    ledger.clock.moment = until - 1
    assert [advice.ends_at for advice in ledger.check(account).advice] == [until]
    ledger.clock.moment = until
    assert ledger.authorise(account, 1).decision == Decision.APPROVED


def test_advice_by_hand_that_would_have_ended_already_is_refused(ledger: Ledger) -> None:
    account = ledger.member(100)
    now = ledger.clock.moment + HOUR
    ledger.clock.moment = now
    assert ledger.one(ledger.raise_ask(account, ends_at=now)).outcome == Outcome.ENDS_IN_THE_PAST
    assert ledger.rows("advice") == []
    assert ledger.one(ledger.raise_ask(account, ends_at=now + 1)).outcome == Outcome.DONE


def test_an_intervention_is_answered_again_as_it_was_whatever_has_become_of_the_advice(ledger: Ledger) -> None:
    account = ledger.member(100)
    ask = ledger.raise_ask(account, key="raise")
    first = ledger.one(ask)
    remove(ledger, account, first.transaction_id)
    again = ledger.one(ask)
    assert again == first._replace(leg_row=-1, first_entry=0, replayed=True)
    assert ledger.check(account).advice == ()


def test_a_window_counts_no_intervention(new_ledger: Callable[..., Ledger]) -> None:
    everything = RULE.replace('{ parts = ["REDEEM"], attempts = "ALL" }', '{ attempts = "ALL" }')
    ledger = new_ledger(rules=everything.replace("threshold = 2", "threshold = 4"))
    account = ledger.member(100)
    for suspended in (True, False) * 4:
        ledger.one(ledger.status_ask(account, suspended))
    assert ledger.rows("advice") == []
    ledger.restart_decider()
    assert [ledger.authorise(account, 1).decision for _ in range(3)] == [1, 1, 2], "enrolled, earned, and twice spent"
    audit(ledger)


# ---------------------------------------------------------------------------------------------------------- suspension


@pytest.mark.parametrize("restarted", [False, True])
def test_a_suspended_account_neither_redeems_nor_earns_until_it_is_reinstated(ledger: Ledger, restarted: bool) -> None:
    account = ledger.member(100)
    reservation = ledger.authorise_reserving(account, 10)
    ledger.one(ledger.status_ask(account, suspended=True))
    if restarted:
        ledger.restart_decider()
    for declined in (ledger.authorise(account, 1), ledger.accrue(account, 100)):
        assert (declined.decision, codes(declined)) == (Decision.DECLINED, [Reason.ACCOUNT_SUSPENDED])
    assert codes(ledger.quote(account)) == [Reason.ACCOUNT_SUSPENDED]
    assert ledger.capture(reservation).outcome == Outcome.DONE, "what was authorised before goes on"
    ledger.one(ledger.status_ask(account, suspended=False))
    assert ledger.authorise(account, 1).decision == ledger.accrue(account, 100).decision == Decision.APPROVED
    audit(ledger)
