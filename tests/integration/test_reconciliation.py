"""Days of a ledger reconciled with what terminals say: totals, and each way in which a transaction may differ."""

import asyncio
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from pointguard_server.domain.calendar import start_of
from pointguard_server.domain.codes import Decision, Kind, Operation
from pointguard_server.domain.errors import InvalidRequest
from pointguard_server.engine.identifiers import key_bytes
from pointguard_server.service import reconciliation as service
from pointguard_server.service.reconciliation import (
    Asked,
    Difference,
    DifferenceKind,
    Place,
    Reconciled,
    Reconciliation,
    Said,
    SaidTotal,
    Sums,
)
from pointguard_server.storage.books_reader import BooksReader
from tests.support.books import open_books
from tests.support.databases import look_up
from tests.support.ledger import HOUR, MINUTE, TENANT, Ledger, Where

DAY = date(2026, 11, 20)
TILL, OTHER = Where("12", "anna", "till 1", "food"), Where("12", "anna", "till 2", "food")
AWAY = Where("13", "bert", "till 1", "fuel")
APPROVED, DECLINED = int(Decision.APPROVED), int(Decision.DECLINED)
AUTHORISE, CAPTURE, VOID, ACCRUE, RETURN, HOUSEHOLD = (
    int(each)
    for each in (
        Operation.AUTHORISE,
        Operation.CAPTURE,
        Operation.VOID,
        Operation.ACCRUE,
        Operation.RETURN,
        Operation.REDEEM_HOUSEHOLD,
    )
)


def at(ledger: Ledger, local: str) -> None:
    """Set the clock to a local time of Toronto, in winter."""
    ledger.clock.set(f"{local}-05:00")


def place(ledger: Ledger, where: Where) -> Place:
    numbers = ledger.place(where)
    return Place(0, numbers["store_id"], numbers["terminal_id"])


def reconcile(
    ledger: Ledger, where: Place | None = None, totals: Any = (), said: list[Said] | None = None, day: date = DAY
) -> Reconciled:
    zone = ledger.programs.programs[0].zone
    asked = Asked(start_of(day, zone), start_of(day + timedelta(days=1), zone), where or Place(), totals, said)
    connection = look_up(ledger.path, ledger.postgres_url)
    try:
        with open_books(ledger) as books:
            reading = Reconciliation(books.books, BooksReader(connection))
            return asyncio.run(reading.reconcile(TENANT, asked))
    finally:
        connection.close()


def sums_of(found: Reconciled) -> dict[tuple[int, int, int], tuple[Sums, int]]:
    return {
        (total.place.store_id, total.place.terminal_id, total.operation): (total.approved, total.declined)
        for total in found.totals
    }


def said(key: str, decision: int = APPROVED, points: int = 0, money: int | None = None) -> Said:
    return Said(key_bytes(key), decision, points, money)


def kinds(found: Reconciled) -> list[tuple[Any, ...]]:
    return [(each.index, *(kind.name for kind in each.kinds)) for each in found.differences]


@pytest.fixture
def busy(new_ledger: Callable[..., Ledger]) -> Ledger:
    """A ledger of two stores with a day between two others."""
    ledger = new_ledger()
    at(ledger, "2026-11-19T12:00:00")
    accounts = [ledger.member(1_000), ledger.member(1_000)]
    ledger.accrue(accounts[0], 9_00, key="the day before", where=TILL)
    at(ledger, "2026-11-20T00:00:00")
    ledger.accrue(accounts[0], 20_00, key="a", where=TILL)
    ledger.accrue(accounts[1], 5_00, key="b", where=TILL)
    ledger.authorise(accounts[0], 30, key="c", where=TILL)
    ledger.authorise(accounts[0], 9_999, key="d", where=TILL)
    held = ledger.authorise_reserving(accounts[0], 50, key="e", where=OTHER)
    ledger.one(ledger.end_ask(Operation.CAPTURE, held.transaction_id, 20, key="f"))
    ledger.accrue(accounts[1], 7_00, key="g", where=AWAY)
    ledger.one(ledger.household_ask(accounts, 2_500, key="h"))
    at(ledger, "2026-11-20T23:59:59.999998")
    ledger.accrue(accounts[0], 1_00, key="last", where=TILL)
    at(ledger, "2026-11-21T00:00:00")
    ledger.accrue(accounts[0], 3_00, key="the day after", where=TILL)
    ledger.clock.moment += HOUR
    return ledger


def test_totals_are_of_one_day_by_unit_store_terminal_and_operation(busy: Ledger) -> None:
    found = reconcile(busy)
    till, other, away = (place(busy, where)[1:] for where in (TILL, OTHER, AWAY))
    assert sums_of(found) == {
        (*till, ACCRUE): (Sums(3, 260, 26_00), 0),
        (*till, AUTHORISE): (Sums(1, 30, 30), 1),
        (*other, AUTHORISE): (Sums(1, 50, 50), 0),
        (*away, ACCRUE): (Sums(1, 70, 7_00), 0),
        (0, 0, CAPTURE): (Sums(1, 20, 20), 0),
        (0, 0, HOUSEHOLD): (Sums(), 1),
    }
    assert (found.over, found.differing, found.differences) == (True, (), ())
    units = {total.place.business_unit_id for total in found.totals}
    assert len(units) == 3, "two units, and none"
    assert [each.place for each in reconcile(busy, Place(min(units - {0}))).totals] == [
        total.place for total in found.totals if total.place.business_unit_id == min(units - {0})
    ]


def test_a_transaction_about_several_accounts_is_one_with_all_points(busy: Ledger) -> None:
    accounts = [leg["account_id"] for leg in busy.rows("legs") if leg["operation"] == Operation.ENROLL]
    at(busy, "2026-11-22T10:00:00")
    verdict = busy.one(busy.household_ask(accounts, 1_300, key="together"))
    assert verdict.decision == Decision.APPROVED
    found = reconcile(busy, said=[said("together", points=1_300, money=13_00)], day=date(2026, 11, 22))
    assert (sums_of(found)[0, 0, HOUSEHOLD], found.differences) == ((Sums(1, 1_300, 13_00), 0), ())
    elsewhere = reconcile(busy, said=[said("together", points=1_300)], day=date(2026, 11, 21))
    assert kinds(elsewhere)[0] == (0, "OTHER_DAY")


def test_totals_that_were_said_are_compared_with_those_of_their_place_and_kind(busy: Ledger) -> None:
    till = place(busy, TILL)
    right, wrong = Sums(3, 260, 26_00), Sums(3, 261, 26_00)
    bought = int(Kind.PURCHASE)
    found = reconcile(
        busy,
        totals=[
            SaidTotal(till, ACCRUE, 0, right),
            SaidTotal(till, ACCRUE, bought, wrong),
            SaidTotal(Place(0, till.store_id), 0, 0, Sums(5, 340, 26_80)),
            SaidTotal(Place(0, -1), 0, 0, Sums()),
            SaidTotal(till, VOID, 0, Sums(1, 1, 1)),
        ],
    )
    assert found.differing == ((1, right), (4, Sums()))


def test_each_way_to_differ_is_named(busy: Ledger) -> None:
    found = reconcile(
        busy,
        place(busy, TILL),
        said=[
            said("a", points=200, money=20_00),
            said("b", points=51, money=5_01),
            said("c", DECLINED),
            said("d", DECLINED, 7),
            said("never sent"),
            said("the day before", points=90),
            said("e", points=50),
            said("g", points=70, money=7_01),
            said("the day after", decision=0),
        ],
    )
    assert kinds(found) == [
        (1, "POINTS", "MONEY"),
        (2, "DECISION"),
        (4, "NOT_IN_LEDGER"),
        (5, "OTHER_DAY"),
        (6, "OTHER_PLACE"),
        (7, "OTHER_PLACE", "MONEY"),
        (8, "OTHER_DAY"),
        (None, "NOT_SAID"),
    ]
    assert found.difference_count == 8
    unsaid = found.differences[-1].leg
    assert unsaid is not None
    assert (unsaid.idempotency_key, unsaid.points, unsaid.order_reference) == (key_bytes("last"), 10, "receipt")


def test_what_agrees_says_nothing_more(busy: Ledger) -> None:
    agreed = [said(key, points=points) for key, points in (("a", 200), ("b", 50), ("c", 30), ("last", 10))]
    found = reconcile(busy, place(busy, TILL), said=[*agreed, said("d", DECLINED)])
    assert (found.differences, found.difference_count) == ((), 0)


def test_an_empty_list_differs_in_all(busy: Ledger) -> None:
    found = reconcile(busy, said=[])
    assert {kind for _, kind in kinds(found)} == {"NOT_SAID"}
    assert found.difference_count == 9


def test_a_day_under_way_is_read_up_to_its_position(busy: Ledger) -> None:
    today = reconcile(busy, day=date(2026, 11, 21))
    assert (today.over, sum(total.approved.transactions for total in today.totals)) == (False, 1)
    busy.accrue(busy.rows("legs")[0]["account_id"], 1_00)
    later = reconcile(busy, day=date(2026, 11, 21))
    assert later.position > today.position
    assert sum(total.approved.transactions for total in later.totals) == 2


def test_a_day_that_is_to_come_is_refused(busy: Ledger) -> None:
    with pytest.raises(InvalidRequest) as refused:
        reconcile(busy, day=date(2026, 11, 22))
    assert [violation.field for violation in refused.value.violations] == ["business_date"]


def test_more_differences_than_are_told_are_counted(busy: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "DIFFERENCES_MAX", 3)
    found = reconcile(busy, said=[said("x"), said("y")])
    assert (found.difference_count, len(found.differences)) == (11, 3)
    assert kinds(found)[-1] == (None, "NOT_SAID")


def test_pages_make_no_difference(busy: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [said("a", points=1), said("x"), said("the day before"), said("h", DECLINED)]
    whole = reconcile(busy, said=asked)
    monkeypatch.setattr(service, "LEGS_A_PAGE", 1)
    monkeypatch.setattr(service, "KEYS_A_PAGE", 1)
    assert reconcile(busy, said=asked) == whole
    assert whole.differences[0] == Difference((DifferenceKind.POINTS,), 0, whole.differences[0].leg)


def test_a_day_without_a_midnight_of_its_own_has_its_hours(new_ledger: Callable[..., Ledger]) -> None:
    """In Toronto the first of November 2026 has 25 hours."""
    ledger = new_ledger()
    at(ledger, "2026-10-31T12:00:00")
    account = ledger.member()
    begin = start_of(date(2026, 11, 1), ledger.programs.programs[0].zone)
    for moment in (begin - 1, begin, begin + 25 * HOUR - 1, begin + 25 * HOUR):
        ledger.clock.moment = moment
        ledger.accrue(account, 1_00)
    ledger.clock.moment += MINUTE
    assert [total.approved for total in reconcile(ledger, day=date(2026, 11, 1)).totals] == [Sums(2, 20, 2_00)]


def a_day(totals: list[SaidTotal], terminals: int) -> service._Day:
    """A day on which each terminal of 500 stores rang up three operations."""
    day = service._Day(Asked(0, 1, Place(), totals, None))
    for store in range(1, 501):
        for terminal in range(1, terminals + 1):
            for operation in (AUTHORISE, ACCRUE, VOID):
                day.sums[Place(store % 3, store, terminal), operation, store % 2 + 1] = [store, terminal, operation, 1]
    return day


def test_what_was_said_is_compared_with_what_it_names_and_nothing_else() -> None:
    places = [Place(), Place(2), Place(0, 7), Place(0, 7, 2), Place(0, 0, 2), Place(1, 7), Place(0, -1, -1), Place(-1)]
    names = [(place, operation, kind) for place in places for operation in (0, ACCRUE) for kind in (0, 2)]
    day = a_day([SaidTotal(*name, Sums(1, 1, 1)) for name in names], terminals=3)

    def obvious(place: Place, operation: int, kind: int) -> Sums:
        own = [
            sums[:3]
            for (its, its_operation, its_kind), sums in day.sums.items()
            if place.holds(its) and operation in (0, its_operation) and kind in (0, its_kind)
        ]
        return Sums(*map(sum, zip(*own, strict=True))) if own else Sums()

    found = dict(each for some in day.differing() for each in some)
    assert found == {index: obvious(*name) for index, name in enumerate(names)}
    right = a_day([SaidTotal(*name, obvious(*name)) for name in names], terminals=3)
    assert [each for some in right.differing() for each in some] == []


def test_a_thousand_totals_of_a_busy_day_are_compared_in_a_step_that_goes_through_it_once() -> None:
    day = a_day([SaidTotal(Place(0, n % 500 + 1), ACCRUE, 0, Sums(1, 1, 1)) for n in range(1_000)], terminals=10)
    looked = 0

    class Counted(dict[Any, list[int]]):
        def items(self) -> Any:
            nonlocal looked
            for item in super().items():
                looked += 1
                yield item

    day.sums = Counted(day.sums)
    (differing,) = day.differing()
    assert (len(differing), looked) == (1_000, 15_000)
