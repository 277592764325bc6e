"""Returns: what goes back, out of which lots and windows, and what is refused."""

from functools import partial

import pytest

from pointguard_server.domain.codes import EntryType, Kind, Operation, Outcome
from pointguard_server.engine.ask import Verdict
from tests.integration.audit import audit
from tests.support.explaining import explaining
from tests.support.ledger import DAY, HOUR, Ledger, open_ledger, sandboxed

TWO_RULES = 'rule "base"\n    earn base order.total * 10\nrule "gift"\n    earn bonus 7\n'
LOTS = '[program.lots]\nexpiry = "ROLLING"\nexpires_after = "30d"\n'
REDEEM_THEN_RETURN = """
[[fraud_rule]]
name = "redeem-then-return"
context = "REDEMPTION"
when = 'count(redemptions, 1 day) > 0'
counts = { kinds = ["RETURN"], attempts = "APPROVED" }
measure = "COUNT"
window = { rolling = "1d" }
threshold = 0
posture = "BLOCK"
duration = "7d"
"""
SPENDING = """
[[fraud_rule]]
name = "spending"
context = "REDEMPTION"
counts = {{ parts = ["REDEEM"], attempts = "APPROVED" }}
measure = "POINTS"
window = {{ rolling = "7d" }}
threshold = 500
posture = "BLOCK"
duration = "0s"
net_of_reversals = {net}
"""


# Made in milliseconds, where machine code takes seconds; both decide alike.
ledger_of = partial(open_ledger, back_end=sandboxed)


def entries_of(ledger: Ledger, verdict: Verdict) -> list[tuple[EntryType, int, str]]:
    """The type, the points and the rule of a leg's entries."""
    rows = [row for row in ledger.rows("entries") if row["leg_position"] == verdict.position]
    return [(EntryType(row["entry_type"]), row["signed_points"], ledger.names.text(row["rule_id"])) for row in rows]


def check(ledger: Ledger) -> None:
    """The ledger is sound, and each of its decisions comes out again."""
    audit(ledger)
    with explaining(ledger) as explainer:
        assert [each.differences for each in explainer.all_legs() if not each.reproduced] == []


def test_an_accrual_that_is_returned_leaves_no_points() -> None:
    with ledger_of(earn=TWO_RULES) as ledger:
        account = ledger.member()
        bought = ledger.accrue(account, 1_234)
        returned = ledger.give_back(bought)
        assert (returned.points, returned.money, returned.released, returned.posted) == (130, 1_234, 0, 0)
        assert entries_of(ledger, returned) == [
            (EntryType.REVERSE, -123, "base"),
            (EntryType.REVERSE, -7, "gift"),
        ]
        leg = ledger.legs(account)[-1]
        assert (leg["operation"], leg["kind"], leg["refers_to_seq"]) == (Operation.RETURN, Kind.RETURN, bought.seq)
        assert (leg["earned_total"], leg["spend_total"]) == (0, 0)
        check(ledger)


@pytest.mark.parametrize("cuts", [[617, 617], [1, 1, 1_232], [333, 333, 333, 235]])
def test_partial_returns_come_to_the_whole_award_by_award_and_not_one_beyond(cuts: list[int]) -> None:
    with ledger_of(earn=TWO_RULES) as ledger:
        bought = ledger.accrue(ledger.member(), 1_234)
        returns = [ledger.give_back(bought, money=cut) for cut in cuts]
        of_rule = {
            rule: sum(points for each in returns for _, points, name in entries_of(ledger, each) if name == rule)
            for rule in ("base", "gift")
        }
        assert of_rule == {"base": -123, "gift": -7}
        assert returns[-1].posted == 0
        for again in (ledger.give_back(bought), ledger.give_back(bought, money=1)):
            assert again.outcome == Outcome.RETURN_ABOVE_ORIGINAL
        check(ledger)


def test_of_two_returns_at_once_that_are_more_than_the_original_one_is_done() -> None:
    with ledger_of() as ledger:
        bought = ledger.accrue(ledger.member(), 1_000)
        both = ledger.decide(*(ledger.return_ask(bought.transaction_id, money=600) for _ in range(2)))
        assert [each.outcome for each in both] == [Outcome.DONE, Outcome.RETURN_ABOVE_ORIGINAL]
        whole, rest = ledger.decide(ledger.return_ask(bought.transaction_id), ledger.return_ask(bought.transaction_id))
        assert (whole.money, rest.outcome) == (400, Outcome.RETURN_ABOVE_ORIGINAL)
        check(ledger)


def test_pending_points_are_canceled_before_any_that_may_be_spent() -> None:
    lots = LOTS + 'pending = "14d"\n'
    with ledger_of(lots=lots) as ledger:
        account = ledger.member()
        ledger.accrue(account, 500)
        ledger.clock.moment += 15 * DAY
        bought = ledger.accrue(account, 1_000)
        returned = ledger.give_back(bought, money=700)
        assert (returned.posted, returned.pending) == (80, 30)
        ledger.restart_decider()
        rest = ledger.give_back(bought)
        assert (rest.points, rest.posted, rest.pending) == (30, 50, 0)
        check(ledger)


def test_what_was_spent_is_owed_and_later_points_fill_it_first() -> None:
    with ledger_of(lots=LOTS) as ledger:
        account = ledger.member()
        bought = ledger.accrue(account, 1_000)
        ledger.authorise(account, 80)
        returned = ledger.give_back(bought)
        assert (returned.points, returned.posted) == (100, -80)
        assert ledger.accrue(account, 500).posted == -30
        assert ledger.authorise(account, 1).points == 0
        assert ledger.accrue(account, 500).posted == 20
        assert ledger.authorise(account, 20).points == 20
        check(ledger)


def test_a_program_that_lets_no_balance_become_negative_forgives_what_is_not_there() -> None:
    with ledger_of(returns="[program.returns]\nnegative_balance = false") as ledger:
        account = ledger.member()
        bought = ledger.accrue(account, 1_000)
        ledger.authorise(account, 60)
        held = ledger.authorise_reserving(account, 10)
        first = ledger.give_back(bought, money=500)
        assert (first.points, first.released, first.posted) == (30, 20, 10)
        rest = ledger.give_back(bought)
        assert (rest.points, rest.released) == (0, 50)
        assert ledger.capture(held).posted == 0
        check(ledger)


def test_a_redemption_that_is_returned_goes_back_into_its_lots_with_their_ends() -> None:
    with ledger_of(lots=LOTS) as ledger:
        account = ledger.member()
        ledger.accrue(account, 300)
        ledger.clock.moment += 10 * DAY
        ledger.accrue(account, 300)
        spent = ledger.capture(ledger.authorise_reserving(account, 50))
        first = ledger.give_back(spent, points=25)
        ends = {
            row["lot_seq"]: row["expires_at"] for row in ledger.rows("entries") if row["entry_type"] == EntryType.EARN
        }
        given = [row for row in ledger.rows("entries") if row["leg_position"] == first.position]
        assert [(row["entry_type"], row["lot_seq"], row["signed_points"]) for row in given] == [
            (EntryType.VOID, 2, 5),
            (EntryType.VOID, 3, 20),
        ]
        assert all(row["expires_at"] == ends[row["lot_seq"]] for row in given)
        ledger.restart_decider()
        assert ledger.give_back(spent).posted == 60
        balance = ledger.balance(account)
        assert (balance.expiring_points, balance.expiring_at) == (30, ends[2])
        assert ledger.legs(account)[-1]["redeemed_total"] == 0
        check(ledger)


@pytest.mark.parametrize(("grace", "moved"), [("", 30), ('grace = "3d"', 50)])
def test_points_whose_lot_has_ended_are_lost_or_live_for_the_grace(grace: str, moved: int) -> None:
    with ledger_of(lots=LOTS, returns=f"[program.returns]\n{grace}") as ledger:
        account = ledger.member()
        ledger.accrue(account, 200)
        ledger.clock.moment += 29 * DAY
        ledger.accrue(account, 300)
        spent = ledger.authorise(account, 50)
        ledger.clock.moment += 2 * DAY
        returned = ledger.give_back(spent)
        assert (returned.points, returned.released, returned.posted) == (moved, 50 - moved, moved)
        ledger.clock.moment += 3 * DAY
        assert ledger.balance(account).posted == 30
        check(ledger)


@pytest.mark.parametrize("is_net", [True, False])
def test_a_redemption_that_is_returned_leaves_the_windows_that_are_net_of_reversals(is_net: bool) -> None:
    with ledger_of(rules=SPENDING.format(net=str(is_net).lower())) as ledger:
        account = ledger.member(2_000)
        spent = ledger.capture(ledger.authorise_reserving(account, 400), 300)
        ledger.clock.moment += HOUR
        assert ledger.give_back(spent, points=100).points == 100
        ledger.restart_decider()
        assert ledger.authorise(account, 301).points == 0  # 200 and 301
        assert ledger.give_back(spent).points == 200
        assert ledger.authorise(account, 500).points == (500 if is_net else 0)
        check(ledger)


def test_redeem_then_return_is_caught_by_a_fraud_rule() -> None:
    with ledger_of(rules=REDEEM_THEN_RETURN) as ledger:
        account, honest = ledger.member(1_000), ledger.member(1_000)
        for each in (account, honest):
            bought = ledger.accrue(each, 5_000)
            if each == account:
                assert ledger.authorise(each, 500).points == 500
            assert ledger.give_back(bought).points == 500
        assert ledger.authorise(account, 1).points == 0
        (standing,) = ledger.check(account).advice
        assert ledger.names.text(standing.rule_id) == "redeem-then-return"
        assert ledger.authorise(honest, 1).points == 1
        check(ledger)


def test_what_cannot_be_returned_is_refused_and_writes_nothing() -> None:
    returns = '[program.returns]\nwindow = "30d"'
    with ledger_of(returns=returns, tenants=2) as ledger:
        account = ledger.member(100)
        bought = ledger.accrue(account, 1_000)
        held = ledger.authorise_reserving(account, 20)
        spent = ledger.authorise(account, 30)
        declined = ledger.authorise(account, 1_000)
        returned = ledger.give_back(bought, money=100)
        before = len(ledger.rows("legs"))

        def outcome(original: Verdict, **rest: int) -> int:
            return ledger.give_back(original, **rest).outcome

        for original in (held, declined, returned):
            assert outcome(original) == Outcome.NOT_RETURNABLE
        assert outcome(bought, points=5) == outcome(spent, money=5) == Outcome.RETURN_AMOUNT_MISMATCH
        assert outcome(bought, money=901) == outcome(spent, points=31) == Outcome.RETURN_ABOVE_ORIGINAL
        assert ledger.one(ledger.return_ask(bought.transaction_id, lines=[(1, 0)])).outcome == Outcome.NO_SUCH_LINE
        other = ledger.one(ledger.enroll_ask("another"))
        assert outcome(bought, account=other.account_id) == Outcome.RESERVATION_UNKNOWN
        assert ledger.one(ledger.return_ask(b"\1" * 16)).outcome == Outcome.RESERVATION_UNKNOWN
        ledger.tenant = 2
        assert outcome(bought) == Outcome.RESERVATION_UNKNOWN
        ledger.tenant = 1
        ledger.clock.moment += 31 * DAY
        assert outcome(bought) == outcome(spent) == Outcome.RETURN_WINDOW_OVER
        written = ledger.rows("legs")[before:]
        assert [Operation(leg["operation"]) for leg in written] == [Operation.ENROLL, Operation.EXPIRE]
        check(ledger)


def test_without_a_receipt_a_program_refuses_or_takes_back_at_a_rate() -> None:
    with ledger_of() as ledger:
        account = ledger.member(100)
        asked = ledger.return_ask(account=account, money=500)
        assert ledger.one(asked).outcome == Outcome.RECEIPT_REQUIRED
    with ledger_of(returns="[program.returns]\nwithout_receipt = { points = 3, money_minor = 100 }") as ledger:
        account = ledger.member(100)
        returned = ledger.one(ledger.return_ask(account=account, money=599))
        assert (returned.points, returned.posted) == (17, 83)
        check(ledger)


def test_what_is_returned_without_a_receipt_is_not_spent_any_more() -> None:
    with ledger_of(returns="[program.returns]\nwithout_receipt = { points = 3, money_minor = 100 }") as ledger:
        account = ledger.member()
        ledger.accrue(account, 2_000)
        ledger.one(ledger.return_ask(account=account, money=1_900))
        ledger.one(ledger.return_ask(account=account, money=500))
        assert [leg["spend_total"] for leg in ledger.legs(account)[-3:]] == [2_000, 100, -400]
        check(ledger)


def test_a_replayed_return_gets_its_first_answer_and_writes_nothing() -> None:
    with ledger_of() as ledger:
        bought = ledger.accrue(ledger.member(), 1_000)
        ask = ledger.return_ask(bought.transaction_id, money=300, key="return")
        first, second = ledger.decide(ask, ask)
        later = ledger.one(ask)
        for again in (second, later):
            assert again.replayed
            assert (again.transaction_id, again.points, again.released, again.entries, again.posted) == (
                (first.transaction_id, 30, 0, first.entries, 70)
            )
        assert len(ledger.legs(first.account_id)) == 3


def test_returns_behind_in_the_journal_count_and_a_restart_finds_the_same() -> None:
    with ledger_of(journaled=True) as ledger:
        assert ledger.journal is not None
        account = ledger.member()
        ledger.catch_up()
        with ledger.journal.projector.lock:  # nothing reaches the database meanwhile
            bought = ledger.accrue(account, 1_000)
            assert ledger.give_back(bought, money=600).posted == 40
            assert ledger.give_back(bought, money=600).outcome == Outcome.RETURN_ABOVE_ORIGINAL
            ledger.decider.memory.evict([account])
            assert ledger.give_back(bought, money=300).posted == 10
        ledger.catch_up()
        ledger.restart_decider()
        assert ledger.give_back(bought, money=101).outcome == Outcome.RETURN_ABOVE_ORIGINAL
        assert ledger.give_back(bought).posted == 0
        check(ledger)
