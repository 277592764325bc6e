"""The books of a ledger in particular cases: several accounts, rates that change, days that are not of 24 hours."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from pointguard_server.domain.codes import EntryType, Operation
from pointguard_server.domain.errors import InvalidRequest
from pointguard_server.service import books as service
from pointguard_server.storage.books_reader import BooksReader
from tests.support.books import open_books
from tests.support.databases import look_up
from tests.support.ledger import DAY, HOUR, SECOND, TENANT, Ledger

ENDING = """
rule "base"
    earn base order.total * 10
rule "soon over"
    when order.total > 50
    earn bonus 100
    expire after 3 days
"""


def test_what_several_accounts_move_among_them_comes_to_nothing(ledger: Ledger) -> None:
    accounts = [ledger.member(100) for _ in range(3)]
    began = ledger.decider.heads.accepted_at
    ledger.one(ledger.transfer_ask(accounts[0], accounts[1], 60))
    ledger.one(ledger.household_ask(accounts, 200))
    bought = ledger.accrue(accounts[2], 50_00)
    ledger.one(ledger.return_ask(bought.transaction_id, money=20_00))
    ledger.one(ledger.adjust_ask(accounts[0], 7))
    with open_books(ledger) as books:
        report = books.liability(since=began)
        assert report.opening == 300
        assert report.movements == {
            EntryType.TRANSFER_OUT: -60,
            EntryType.TRANSFER_IN: 60,
            EntryType.REDEEM: -200,
            EntryType.EARN: 500,
            EntryType.REVERSE: -200,
            EntryType.CREDIT: 7,
        }
        assert report.totals.posted == 407 == sum(ledger.balance(account).posted for account in accounts)


def test_a_debt_is_no_part_of_what_is_outstanding(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(settings="points_floor = -50", earn=ENDING)
    rich, poor = ledger.member(), ledger.member()
    ledger.accrue(rich, 100_00)
    ledger.authorise(poor, 40)
    with open_books(ledger) as books:
        totals = books.liability().totals
        assert (totals.outstanding, totals.owed, totals.posted) == (1_100, 40, 1_060)


def test_each_report_goes_by_the_rate_that_was_in_force(ledger: Ledger) -> None:
    account = ledger.member(300)
    then = ledger.decider.heads.accepted_at
    ledger.change(rate_money=50)
    ledger.accrue(account, 1_00)
    with open_books(ledger) as books:
        old, new = books.liability(then), books.liability()
        assert (old.worth(300), new.worth(301)) == (300, 150), "rounded down"
        assert old.configuration_version < new.configuration_version
        assert books.liability(1_000_000_000_000_000).worth(0) is None, "before there was anything"


def test_a_lot_is_of_the_last_day_on_which_it_may_be_spent(new_ledger: Callable[..., Ledger]) -> None:
    """In Toronto the 2nd of November begins at 05:00 UTC; the day before has 25 hours."""
    ledger = new_ledger(earn=ENDING)
    ledger.clock.set("2026-10-20T00:00:00+00:00")
    account = ledger.member()
    ledger.clock.set("2026-10-30T05:00:00+00:00")
    ledger.accrue(account, 100_00)
    ledger.clock.moment += 1
    ledger.accrue(account, 100_00)
    with open_books(ledger) as books:
        days = books.liability().totals.by_day(ledger.programs.programs[0].zone)
        assert days == [("2026-11-01", 100, 0), ("2026-11-02", 100, 0), ("", 2_000, 0)]


def test_breakage_counts_when_points_end_and_not_when_it_is_written_down(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(earn=ENDING)
    account = ledger.member()
    given = ledger.clock.now() + 1
    ledger.clock.moment = given
    ledger.accrue(account, 100_00)
    held = ledger.authorise_reserving(account, 30, time_to_live=4 * DAY)
    ended = given + 3 * DAY
    ledger.clock.moment = ended + HOUR
    with open_books(ledger) as books:
        assert books.liability(ended - 1).breakage == 0
        before = books.liability(ended, since=ended - 1)
        assert before.breakage == 70, "the reservation keeps 30"
        assert before.totals.by_end[(ended - 1) // 900_000_000 * 900_000_000] == [30, 0]
        ledger.one(ledger.read_ask(Operation.SETTLE, account))
        assert books.liability(ended, since=ended - 1) == before
        assert books.liability(ended + HOUR, since=ended).breakage == 0, "it was written down, and had ended before"
        ledger.clock.moment = held.expires_at + SECOND
        assert books.liability(held.expires_at, since=ended).breakage == 30
        assert books.liability().breakage == 100


def test_a_reservation_keeps_points_of_one_lot_after_another_and_none_twice(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(earn='rule "over"\n    earn base order.total\n    expire after 3 days\n')
    account = ledger.member()
    for cents in (20_00, 30_00, 40_00):
        ledger.accrue(account, cents)
        ledger.clock.moment += HOUR
    ledger.authorise_reserving(account, 25, time_to_live=6 * DAY)
    ledger.clock.moment += 4 * DAY
    with open_books(ledger) as books:
        now = ledger.decider.moment() - 1
        found, totals = books.balance(account, now), books.liability(now).totals
        assert (
            (found.posted, found.reserved, found.gone) == (25, 25, 65) == (totals.posted, totals.reserved, totals.gone)
        )
        assert [lot.points for lot in found.lots] == [20, 5]
        assert ledger.balance(account).posted == 25


def test_a_report_of_many_pages_is_the_same(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    for points in range(1, 8):
        ledger.member(points)
    with open_books(ledger) as books:
        now = ledger.decider.moment() - 1
        whole = books.liability(now)
        monkeypatch.setattr(service, "ACCOUNTS_A_PAGE", 2)
        monkeypatch.setattr(service, "ENTRIES_A_PAGE", 3)
        assert books.liability(now) == whole
        assert (whole.totals.accounts, whole.totals.posted) == (7, 28)


def test_what_is_decided_meanwhile_changes_no_report(ledger: Ledger) -> None:
    account = ledger.member(10)
    then = ledger.decider.moment() - 1
    with open_books(ledger) as books:
        before = books.liability(then), books.balance(account, then)
        ledger.accrue(account, 5_00)
        ledger.member(3)
        assert (books.liability(then), books.balance(account, then)) == before


@pytest.mark.parametrize("place", [("as_of", 10**6, None), ("since", 0, 0), ("since", -1, 5)])
def test_moments_that_make_no_period_are_refused(ledger: Ledger, place: tuple[str, int, Any]) -> None:
    field, ahead, since = place
    ledger.member(10)
    now = ledger.decider.moment() - 1
    with open_books(ledger) as books, pytest.raises(InvalidRequest) as refused:
        books.liability(now + ahead, None if since is None else now + since)
    assert [violation.field for violation in refused.value.violations] == [field]


async def test_only_who_asks_about_the_present_has_the_writer_asked_and_all_of_them_at_once(ledger: Ledger) -> None:
    account = ledger.member(100)
    then = ledger.decider.heads.accepted_at
    ledger.clock.moment += HOUR
    ledger.accrue(account, 10_00)
    ledger.catch_up()
    asked, caught_up = [], 0

    async def present() -> int:
        await asyncio.sleep(0)
        asked.append(ledger.decider.moment() - 1)
        return asked[-1]

    async def catch_up() -> None:
        nonlocal caught_up
        caught_up += 1

    connection = look_up(ledger.path, ledger.postgres_url)
    reading = service.Books(
        BooksReader(connection), catch_up, lambda: ledger.decider.latest_moment - 1, present, no_configuration
    )
    balances = await asyncio.gather(*(reading.balance(TENANT, account, then) for _ in range(5)))
    assert ({balance.posted for balance, _ in balances}, asked, caught_up) == ({100}, [], 0)
    ledger.clock.moment += HOUR
    now = ledger.clock.now() - 1
    balances = await asyncio.gather(*(reading.balance(TENANT, account, now) for _ in range(5)))
    assert ({balance.posted for balance, _ in balances}, len(asked)) == ({200}, 1)
    ledger.clock.moment += HOUR
    with pytest.raises(InvalidRequest):
        await reading.balance(TENANT, account, ledger.clock.now() + HOUR)
    assert len(asked) == 3, "a turn that was shared might have been too early"
    connection.close()


async def no_configuration(_source: str) -> Any:
    raise AssertionError("no rate is asked for")


def test_of_a_busy_account_only_what_makes_and_ends_reservations_is_read(ledger: Ledger) -> None:
    account = ledger.member(1_000)
    held = ledger.authorise_reserving(account, 30)
    other = ledger.authorise_reserving(account, 50)
    for _ in range(20):
        ledger.accrue(account, 10_00)
        ledger.authorise(account, 1)
    ledger.one(ledger.end_ask(Operation.VOID, other.transaction_id))
    with open_books(ledger) as books:
        assert books.balance(account, ledger.decider.heads.accepted_at).reserved == 30
    connection = look_up(ledger.path, ledger.postgres_url)
    first = next(leg["seq"] for leg in ledger.legs(account) if leg["transaction_id"] == held.transaction_id)
    legs = BooksReader(connection).reserving_legs(TENANT, account, first, first + 100)
    assert [leg.operation for leg in legs] == [Operation.AUTHORISE, Operation.AUTHORISE, Operation.VOID]
    connection.close()
