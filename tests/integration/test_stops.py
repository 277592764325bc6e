"""Stops of redemptions, as the engine heeds them; and a program's budget for a day, which a wider rule is."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from pointguard_server.domain.codes import CodeKind, Decision, Reason
from pointguard_server.engine.ask import Verdict
from pointguard_server.engine.world import STOP
from tests.support.ledger import DAY, MINUTE, NOWHERE, SECOND, Ledger, ManualClock, Where, open_ledger
from tests.support.server import ROOT

EAGER = """
[[fraud_rule]]
name = "eager"
context = "REDEMPTION"
counts = { parts = ["REDEEM"], attempts = "ALL" }
include_blocked = true
measure = "COUNT"
window = { rolling = "7d" }
threshold = 1
posture = "BLOCK"
duration = "1d"
"""
BUDGET = ROOT / "docs" / "examples" / "fraud" / "budget.toml"
"""Of 100,000 points."""
HERE = Where("store 1", terminal="till 1", unit="north")
STOPPED = Reason.REDEMPTIONS_STOPPED


@pytest.fixture(scope="module")
def ledger() -> Iterator[Ledger]:
    with open_ledger(rules=EAGER) as ledger:
        yield ledger


def stop(
    ledger: Ledger, reason: Reason = STOPPED, where: Where = NOWHERE, *, begins: int = 0, lasts: int = DAY
) -> None:
    """Have a stop, and no other, be in force."""
    starts_at = ledger.decider.latest_moment + begins
    row = (
        ledger.programs.programs[0].program_id,
        int(reason),
        ledger.code(CodeKind.BUSINESS_UNIT, where.unit),
        ledger.code(CodeKind.STORE, where.store),
        ledger.code(CodeKind.TERMINAL, where.terminal),
        starts_at,
        starts_at + lasts,
    )
    ledger.decider.directives.take_stops(np.array([row], STOP))


def release(ledger: Ledger) -> None:
    ledger.decider.directives.take_stops(np.zeros(0, STOP))


def reasons(verdict: Verdict) -> list[int]:
    return [code for code, _ in verdict.reasons]


@pytest.mark.parametrize(
    ("reason", "where", "elsewhere"),
    [
        (Reason.REDEMPTIONS_STOPPED, Where(), None),
        (Reason.BUSINESS_UNIT_STOPPED, Where(unit="north"), HERE._replace(unit="south")),
        (Reason.STORE_STOPPED, Where("store 1"), HERE._replace(store="store 2")),
        (Reason.TERMINAL_STOPPED, Where("store 1", terminal="till 1"), HERE._replace(store="store 2")),
        (Reason.TERMINAL_STOPPED, Where("store 1", terminal="till 1"), HERE._replace(terminal="till 2")),
    ],
    ids=["program", "business unit", "store", "terminal of another store", "another terminal"],
)
def test_a_stop_declines_what_it_names_and_nothing_else(
    ledger: Ledger, reason: Reason, where: Where, elsewhere: Where | None
) -> None:
    account = ledger.member(100)
    stop(ledger, reason, where)
    declined = ledger.authorise(account, 10, where=HERE)
    assert (declined.decision, reasons(declined)) == (Decision.DECLINED, [reason])
    assert (declined.posted, declined.reserved, declined.advice) == (100, 0, ())
    quoted = ledger.quote(account, where=HERE)
    assert (quoted.points, reasons(quoted)) == (0, [reason])
    if elsewhere is not None:
        assert ledger.authorise(account, 10, where=elsewhere).decision == Decision.APPROVED
    nowhere = ledger.authorise(ledger.member(100), 10)
    assert reasons(nowhere) == ([reason] if elsewhere is None else [])


@pytest.mark.parametrize(("begins", "approved"), [(-DAY, True), (1 - DAY, False), (SECOND, True)])
def test_a_stop_declines_from_its_start_until_its_end_and_not_then(ledger: Ledger, begins: int, approved: bool) -> None:
    account = ledger.member(100)
    ledger.clock.moment = ledger.decider.latest_moment + MINUTE
    ledger.balance(account)
    now = ledger.decider.latest_moment
    stop(ledger, begins=begins)
    verdict = ledger.authorise(account, 10)
    assert ledger.decider.latest_moment == now
    assert (verdict.decision == Decision.APPROVED) == approved


def test_a_declined_attempt_counts_in_no_window_and_raises_nothing(ledger: Ledger) -> None:
    account = ledger.member(100)
    stop(ledger)
    assert [reasons(ledger.authorise(account, 10)) for _ in range(3)] == [[STOPPED]] * 3
    release(ledger)
    first, second = ledger.authorise(account, 10), ledger.authorise(account, 10)
    assert (first.decision, reasons(second)) == (Decision.APPROVED, [Reason.FRAUD_RULE])
    again = ledger.member(100)
    stop(ledger)
    ledger.authorise(again, 10)
    release(ledger)
    ledger.decider.memory.evict([again])
    assert ledger.authorise(again, 10).decision == Decision.APPROVED, "nor when it is read from the ledger"


def test_a_household_is_declined_a_transfer_moves_and_a_reservation_is_captured(ledger: Ledger) -> None:
    first, second, other = ledger.member(100), ledger.member(100), ledger.member(100)
    held = ledger.authorise_reserving(other, 60)
    stop(ledger)
    together = ledger.redeem_household([first, second], 150)
    assert (together.decision, reasons(together)) == (Decision.DECLINED, [STOPPED])
    assert [ledger.balance(each).posted for each in (first, second)] == [100, 100]
    assert ledger.transfer(first, second, 50).decision == Decision.APPROVED
    assert ledger.capture(held, 40).decision == Decision.APPROVED
    assert ledger.accrue(first, 10_00).decision == Decision.APPROVED
    release(ledger)
    assert ledger.redeem_household([first, second], 150).decision == Decision.APPROVED


def test_a_stop_is_named_before_what_is_wrong_with_the_account(ledger: Ledger) -> None:
    account = ledger.member(5)
    ledger.lock(account)
    stop(ledger)
    declined = ledger.authorise(account, 10)
    assert reasons(declined) == [STOPPED, Reason.REDEMPTION_LOCKED, Reason.INSUFFICIENT_POINTS]
    checked = ledger.check(account)
    assert reasons(checked) == [STOPPED]


@pytest.mark.parametrize(("points", "fits"), [(39_999, True), (40_000, True), (40_001, False)])
def test_a_programs_budget_for_a_day_is_spent_to_the_last_point_and_no_further(
    new_ledger: Callable[..., Ledger], points: int, fits: bool
) -> None:
    clock = ManualClock(0)
    clock.set("2026-03-03 23:30:00-05:00")
    ledger = new_ledger(rules=BUDGET.read_text(), zone="America/Toronto", clock=clock)
    first, second, third = ledger.member(500_000), ledger.member(500_000), ledger.member(500_000)
    assert ledger.authorise(first, 60_000).decision == Decision.APPROVED
    verdict = ledger.authorise(second, points)
    assert (verdict.decision == Decision.APPROVED) == fits
    if fits:
        return
    assert ledger.reason_names(verdict) == ["program-budget"]
    assert ledger.redeem_household([second, third], points).decision == Decision.DECLINED
    # What fits goes on: nothing stands against anybody. Of two in one batch, the first has it.
    asks = [ledger.authorise_ask(each, 30_000) for each in (second, third)]
    assert [each.decision for each in ledger.decide(*asks)] == [Decision.APPROVED, Decision.DECLINED]
    ledger.clock.set("2026-03-03 23:59:59.999999-05:00")
    assert ledger.authorise(third, 10_001).decision == Decision.DECLINED
    ledger.clock.set("2026-03-04 00:00:01-05:00")
    assert ledger.authorise(third, 100_001).decision == Decision.DECLINED
    assert ledger.authorise(third, 100_000).decision == Decision.APPROVED, "a new day of the program's"


def test_what_is_voided_is_given_back_to_the_budget(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=BUDGET.read_text())
    first, second = ledger.member(500_000), ledger.member(500_000)
    held = ledger.authorise_reserving(first, 100_000)
    assert ledger.authorise(second, 1).decision == Decision.DECLINED
    ledger.void(held)
    assert ledger.authorise(second, 100_000).decision == Decision.APPROVED
