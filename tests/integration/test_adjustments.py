"""Adjustments: points that agents give and take, what limits them, and what corrections come to together."""

from collections.abc import Iterator
from functools import partial

import pytest

from pointguard_server.domain.codes import Decision, EntryType, Kind, Operation, Outcome, Reason
from pointguard_server.engine.ask import Verdict
from tests.integration.audit import audit
from tests.support.explaining import explaining
from tests.support.ledger import DAY, HOUR, Ledger, open_ledger, sandboxed

APPROVED, DECLINED = Decision.APPROVED, Decision.DECLINED
CODES = '[program.adjustments]\nreason_codes = ["GOODWILL"]\n'
LIMITS = CODES + "credit_max = 100\nagent_daily_max = 250\nagent_monthly_max = 400\naccount_monthly_max = 120\n"
LOTS = '[program.lots]\npending = "1d"\nexpiry = "ROLLING"\nexpires_after = "30d"\n'
# Made in milliseconds, where machine code takes seconds; both decide alike.
ledger_of = partial(open_ledger, back_end=sandboxed, adjustments=CODES)


@pytest.fixture
def limited() -> Iterator[Ledger]:
    """A ledger of a program with all limits, at noon of a month's first day; sound at the end."""
    with ledger_of(adjustments=LIMITS) as ledger:
        ledger.clock.set("2027-03-01T12:00:00-05:00")
        yield ledger
        check(ledger)


def check(ledger: Ledger) -> None:
    """The ledger is sound, and each of its decisions comes out again."""
    audit(ledger)
    with explaining(ledger) as explainer:
        assert [each.differences for each in explainer.all_legs() if not each.reproduced] == []


def said(verdict: Verdict) -> tuple[Decision, list[Reason]]:
    return Decision(verdict.decision), [Reason(code) for code, _ in verdict.reasons]


def moved(verdict: Verdict) -> int:
    return sum(entry.signed_points for entry in verdict.entries)


def test_a_credit_gives_points_that_are_neither_earned_nor_redeemed() -> None:
    with ledger_of() as ledger:
        account = ledger.member(points=10)
        given = ledger.adjust(account, 40)
        assert (said(given), given.points, given.posted) == ((APPROVED, []), 40, 50)
        assert [(entry.entry_type, entry.signed_points) for entry in given.entries] == [(EntryType.CREDIT, 40)]
        leg = ledger.legs(account)[-1]
        assert (leg["operation"], leg["kind"], leg["points"]) == (Operation.ADJUST, Kind.DISCRETIONARY, 40)
        assert ledger.names.text(leg["agent_id"]) == "agent 7"
        assert (leg["earned_total"], leg["redeemed_total"]) == (10, 0)
        check(ledger)


@pytest.mark.parametrize(("points", "decision"), [(49, APPROVED), (50, APPROVED), (51, DECLINED)])
def test_a_debit_takes_no_more_than_may_be_spent(points: int, decision: Decision) -> None:
    with ledger_of() as ledger:
        account = ledger.member(points=60)
        ledger.authorise_reserving(account, 10)
        taken = ledger.adjust(account, -points, kind=Kind.ADJUSTMENT)
        assert taken.decision == decision
        if decision is DECLINED:
            assert (said(taken)[1], taken.posted, moved(taken)) == ([Reason.INSUFFICIENT_POINTS], 60, 0)
        else:
            assert (taken.posted, moved(taken)) == (60 - points, -points)
            assert ledger.legs(account)[-1]["redeemed_total"] == 0
        check(ledger)


def test_a_credit_may_be_spent_at_once_and_ends_as_the_program_says() -> None:
    with ledger_of(lots=LOTS) as ledger:
        account = ledger.member()
        assert ledger.adjust(account, 40).pending == 0
        assert ledger.authorise(account, 5).decision == APPROVED
        ledger.clock.moment = ledger.legs(account)[1]["accepted_at"] + 30 * DAY - 1
        assert ledger.balance(account).posted == 35
        ledger.clock.moment += 1
        assert ledger.balance(account).posted == 0
        # What comes next has it written down. An adjustment ends likewise, and a debit takes of it.
        ledger.adjust(account, 10, kind=Kind.ADJUSTMENT)
        ledger.restart_decider()
        taken = ledger.adjust(account, -4, kind=Kind.ADJUSTMENT)
        assert (moved(taken), taken.posted, ledger.balance(account).expiring_points) == (-4, 6, 6)
        check(ledger)


def test_a_reason_code_that_the_program_has_not_is_refused() -> None:
    with ledger_of() as ledger:
        account = ledger.member()
        assert ledger.adjust(account, 1, reason_code=0).outcome == Outcome.REASON_CODE_UNKNOWN
        assert [leg["operation"] for leg in ledger.legs(account)] == [Operation.ENROLL]


def test_a_suspended_account_gets_no_credit_and_can_be_debited() -> None:
    with ledger_of() as ledger:
        account = ledger.member(points=10)
        ledger.one(ledger.status_ask(account, suspended=True))
        assert said(ledger.adjust(account, 1)) == (DECLINED, [Reason.ACCOUNT_SUSPENDED])
        assert ledger.adjust(account, -1, kind=Kind.ADJUSTMENT).decision == APPROVED
        check(ledger)


# ---------------------------------------------------------------------------------------------------------- the limits


@pytest.mark.parametrize(("points", "expected"), [(99, []), (100, []), (101, [Reason.CREDIT_LIMIT])])
def test_no_credit_is_above_the_limit_of_one(limited: Ledger, points: int, expected: list[Reason]) -> None:
    account = limited.member()
    given = limited.adjust(account, points)
    assert (said(given)[1], moved(given)) == (expected, 0 if expected else points)


@pytest.mark.parametrize(("points", "expected"), [(49, []), (50, []), (51, [Reason.AGENT_DAILY_LIMIT])])
def test_an_agent_gives_no_more_in_a_day_than_his_limit(limited: Ledger, points: int, expected: list[Reason]) -> None:
    accounts = [limited.member() for _ in range(3)]
    for account in accounts[:2]:
        assert limited.adjust(account, 100).decision == APPROVED
    limited.clock.set("2027-03-01T23:59:59.999999-05:00")
    limited.restart_decider()
    assert said(limited.adjust(accounts[2], points))[1] == expected
    assert limited.adjust(accounts[2], 20, agent="agent 8").decision == APPROVED
    limited.clock.set("2027-03-02T00:00:00-05:00")
    assert limited.adjust(accounts[2], 50).decision == APPROVED


@pytest.mark.parametrize(("points", "expected"), [(99, []), (100, []), (101, [Reason.AGENT_MONTHLY_LIMIT])])
def test_an_agent_gives_no_more_in_a_month_than_his_limit(limited: Ledger, points: int, expected: list[Reason]) -> None:
    limited.change(adjustments=LIMITS.replace("credit_max = 100", "credit_max = 101"))
    accounts = [limited.member() for _ in range(5)]
    for account in accounts[:3]:
        assert limited.adjust(account, 100).decision == APPROVED
        limited.clock.moment += DAY
    limited.clock.set("2027-03-31T23:59:59.999999-04:00")
    assert said(limited.adjust(accounts[3], points))[1] == expected
    limited.clock.set("2027-04-01T00:00:00-04:00")
    assert limited.adjust(accounts[4], 100).decision == APPROVED


@pytest.mark.parametrize(("points", "expected"), [(19, []), (20, []), (21, [Reason.ACCOUNT_MONTHLY_LIMIT])])
def test_agents_give_no_account_more_in_a_month_than_its_limit(
    limited: Ledger, points: int, expected: list[Reason]
) -> None:
    account = limited.member()
    assert limited.adjust(account, 100).decision == APPROVED
    limited.clock.moment += 20 * DAY
    limited.restart_decider()
    # Neither what is earned nor what is taken back counts.
    limited.accrue(account, 10_000)
    assert limited.adjust(account, -100, kind=Kind.ADJUSTMENT).decision == APPROVED
    assert said(limited.adjust(account, points, agent="agent 8", kind=Kind.ADJUSTMENT))[1] == expected


def test_the_limits_hold_among_credits_of_one_batch(limited: Ledger) -> None:
    accounts = [limited.member() for _ in range(4)]
    same = limited.adjust_ask(accounts[0], 100, key="same")
    asks = [same, same, *(limited.adjust_ask(account, 100) for account in accounts[1:3])]
    given = limited.decide(*asks, limited.adjust_ask(accounts[3], 50), limited.adjust_ask(accounts[3], 1))
    assert [said(each)[1] for each in given] == [[], [], [], [Reason.AGENT_DAILY_LIMIT], [], [Reason.AGENT_DAILY_LIMIT]]
    assert given[1].replayed
    assert limited.one(same).transaction_id == given[0].transaction_id


def test_declined_credits_use_up_no_limit(limited: Ledger) -> None:
    account = limited.member()
    assert [limited.adjust(account, 101).decision for _ in range(3)] == [DECLINED] * 3
    assert limited.adjust(account, 100).decision == APPROVED
    # The attempt stands in the ledger, with who it was.
    assert [leg["points"] for leg in limited.legs(account)][1:] == [101, 101, 101, 100]


# --------------------------------------------------------------------------------------------------------- corrections


def test_corrections_take_no_more_of_an_accrual_than_it_gave() -> None:
    with ledger_of() as ledger:
        account = ledger.member()
        bought = ledger.accrue(account, 1_000)
        correct = partial(ledger.adjust, account, corrects=bought.transaction_id)
        first = correct(-60)
        leg = ledger.legs(account)[-1]
        assert (moved(first), leg["kind"], leg["refers_to_seq"]) == (-60, Kind.CORRECTION, bought.seq)
        assert correct(-41).outcome == Outcome.CORRECTION_ABOVE_ORIGINAL
        ledger.restart_decider()
        assert moved(correct(-40)) == -40
        assert correct(-1).outcome == Outcome.CORRECTION_ABOVE_ORIGINAL
        # What was given too little is given now, and what was taken too much.
        assert moved(correct(150)) == 150
        assert ledger.balance(account).posted == 150
        check(ledger)


def test_corrections_of_one_transaction_in_one_batch_are_seen_together() -> None:
    with ledger_of(journaled=True) as ledger:
        account = ledger.member()
        bought = ledger.accrue(account, 1_000)
        ask = partial(ledger.adjust_ask, account, corrects=bought.transaction_id)
        decided = ledger.decide(ask(-60), ask(-60), ask(-40), ask(-1))
        above = Outcome.CORRECTION_ABOVE_ORIGINAL
        assert [each.outcome for each in decided] == [Outcome.DONE, above, Outcome.DONE, above]
        assert ledger.one(ask(-1)).outcome == above
        check(ledger)


def test_a_correction_heeds_what_was_returned_and_may_go_below_the_floor() -> None:
    with ledger_of() as ledger:
        account = ledger.member()
        bought = ledger.accrue(account, 1_000)
        ledger.give_back(bought, money=300)
        ledger.authorise(account, 70)
        correct = partial(ledger.adjust, account, corrects=bought.transaction_id)
        assert correct(-71).outcome == Outcome.CORRECTION_ABOVE_ORIGINAL
        assert correct(-70).posted == -70
        with explaining(ledger) as explainer:
            assert [each.differences for each in explainer.all_legs() if not each.reproduced] == []


def test_corrections_give_no_more_of_a_redemption_back_than_it_took() -> None:
    with ledger_of() as ledger:
        account = ledger.member(points=100)
        spent = ledger.authorise(account, 40)
        correct = partial(ledger.adjust, account, corrects=spent.transaction_id)
        assert correct(41).outcome == Outcome.CORRECTION_ABOVE_ORIGINAL
        assert [moved(correct(30)), moved(correct(10))] == [30, 10]
        assert correct(1).outcome == Outcome.CORRECTION_ABOVE_ORIGINAL
        check(ledger)


def test_a_member_has_another_ones_transaction_not_corrected() -> None:
    with ledger_of() as ledger:
        account, other = ledger.member(points=10), ledger.member()
        bought, held = ledger.accrue(account, 1_000), ledger.authorise_reserving(account, 1)
        declined = ledger.authorise(account, 1_000)
        corrected = ledger.adjust(account, -1, corrects=bought.transaction_id)
        assert ledger.adjust(other, -1, corrects=bought.transaction_id).outcome == Outcome.RESERVATION_UNKNOWN
        assert ledger.adjust(account, -1, corrects=b"x" * 16).outcome == Outcome.RESERVATION_UNKNOWN
        for each in (held, declined, corrected):
            assert ledger.adjust(account, -1, corrects=each.transaction_id).outcome == Outcome.NOT_CORRECTABLE


@pytest.mark.parametrize(("points", "expected"), [(39, []), (40, []), (41, [Reason.CREDIT_LIMIT])])
def test_what_corrections_of_one_transaction_give_is_one_credit(points: int, expected: list[Reason]) -> None:
    with ledger_of(adjustments=CODES + "credit_max = 100\n") as ledger:
        account = ledger.member()
        bought = ledger.accrue(account, 10)
        assert moved(ledger.adjust(account, 60, corrects=bought.transaction_id)) == 60
        ledger.clock.moment += HOUR
        assert said(ledger.adjust(account, points, corrects=bought.transaction_id))[1] == expected
        check(ledger)
