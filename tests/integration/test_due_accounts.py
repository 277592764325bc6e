"""What the sweeper looks up: in the order of moments, by an index, a page at a time, and only what is not written."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from pointguard_server.domain.codes import Operation
from pointguard_server.engine.ask import Ask
from pointguard_server.service import sweeper
from pointguard_server.service.ports import Due, DueKind, SweptUpTo
from pointguard_server.storage.due_accounts import _STATEMENTS, DueReader
from tests.support.databases import open_readers
from tests.support.ledger import DAY, MINUTE, SECOND, Ledger

BEGINNING = SweptUpTo(0, 0)
LOTS = '[program.lots]\npending = "1d"\nexpiry = "ROLLING"\nexpires_after = "10d"\n'


def due(ledger: Ledger, kind: DueKind, after: SweptUpTo = BEGINNING, count: int = 100) -> list[Due]:
    async def look() -> list[Due]:
        engine = open_readers(ledger.path, ledger.postgres_url)
        try:
            return await DueReader(engine).due(kind, after, ledger.clock.now(), count)
        finally:
            await engine.dispose()

    ledger.catch_up()
    return asyncio.run(look())


def test_what_has_ended_or_matured_is_due_until_something_is_written_to_its_account(
    new_ledger: Callable[..., Ledger],
) -> None:
    ledger = new_ledger(lots=LOTS, journaled=True)
    accounts = [ledger.member() for _ in range(3)]
    begun = ledger.clock.moment + SECOND
    for number, account in enumerate(accounts):
        ledger.clock.moment = begun + number
        ledger.accrue(account, 1_000)
    assert due(ledger, DueKind.MATURITY) == []
    ledger.clock.moment += DAY
    assert [(each.at.moment, each.account_id, each.is_due) for each in due(ledger, DueKind.MATURITY)] == [
        (begun + number + DAY, account, True) for number, account in enumerate(accounts)
    ]
    ledger.authorise_reserving(accounts[1], 10, time_to_live=MINUTE)
    assert [each.is_due for each in due(ledger, DueKind.MATURITY)] == [True, False, True]
    ledger.clock.moment += MINUTE
    ((_, _, account, is_due),) = due(ledger, DueKind.RESERVATIONS)
    assert (account, is_due) == (accounts[1], True)
    ledger.clock.moment += 10 * DAY
    first, *others = due(ledger, DueKind.EXPIRY)
    assert due(ledger, DueKind.EXPIRY, count=1) == [first]
    assert due(ledger, DueKind.EXPIRY, first.at) == others
    ledger.decide(*(ledger.read_ask(Operation.SETTLE, account) for account in accounts))
    for kind in DueKind:
        assert not any(each.is_due for each in due(ledger, kind))


def left(ledger: Ledger, kind: DueKind, after: SweptUpTo = BEGINNING) -> int:
    async def look() -> int:
        engine = open_readers(ledger.path, ledger.postgres_url)
        try:
            return await DueReader(engine).left(kind, after, ledger.clock.now())
        finally:
            await engine.dispose()

    ledger.catch_up()
    return asyncio.run(look())


def test_what_is_left_is_counted_from_where_the_sweeper_is(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(lots=LOTS, journaled=True)
    for _ in range(3):
        ledger.accrue(ledger.member(), 1_000)
    assert left(ledger, DueKind.EXPIRY) == 0
    ledger.clock.moment += 11 * DAY
    first, second, _ = due(ledger, DueKind.EXPIRY)
    assert [left(ledger, DueKind.EXPIRY, at) for at in (BEGINNING, first.at, second.at)] == [3, 2, 1]
    assert left(ledger, DueKind.RESERVATIONS) == 0


class HeldUp:
    """An engine and what is due, of which one kind never ends."""

    def __init__(self) -> None:
        self.moment, self.asked, self.notes = 100, list[int](), dict[str, str]()
        self.endless = DueKind.MATURITY

    async def catch_up(self) -> None:
        pass

    async def submit(self, asks: Sequence[Ask], deadline: float) -> None:
        del deadline
        self.asked += [ask.account_id for ask in asks]

    async def run(self, job: Callable[[Any], Any]) -> Any:
        return job(None)

    def note(self, connection: Any, name: str, value: str) -> None:
        del connection
        self.notes[name] = value

    @property
    def latest_moment(self) -> int:
        self.moment += 1
        return self.moment

    async def due(self, kind: DueKind, after: SweptUpTo, until: int, count: int) -> list[Due]:
        del until, count
        if kind is self.endless:
            return [Due(SweptUpTo(1, after.position + 1), 1, 7, is_due=True)]
        return [] if after.position else [Due(SweptUpTo(1, 1), 1, len(kind.value), is_due=True)]

    async def left(self, kind: DueKind, after: SweptUpTo, until: int) -> int:
        del until
        return 1_000 - after.position if kind is self.endless else 0

    async def swept_up_to(self, kind: DueKind) -> SweptUpTo:
        return SweptUpTo(*map(int, self.notes.get(kind.note, "0 0").split()))


def test_much_of_one_kind_holds_no_other_up_and_is_noted_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "TURN_S", 0.05)
    monkeypatch.setattr(sweeper, "NOTE_EVERY_S", 0.0)
    world = HeldUp()
    made: Any = sweeper.Sweeper(*cast("Any", (world, world, world, world)))
    assert asyncio.run(made.sweep()) is False
    # Those of the other kinds have the lengths of their names as their numbers.
    assert set(world.asked) == {7, len(DueKind.RESERVATIONS.value), len(DueKind.EXPIRY.value)}
    position = made._at[DueKind.MATURITY].position
    assert world.notes[DueKind.MATURITY.note] == f"1 {position}"
    assert made.left == {DueKind.RESERVATIONS: 0, DueKind.MATURITY: 1_000 - position, DueKind.EXPIRY: 0}
    again: Any = sweeper.Sweeper(*cast("Any", (world, world, world, world)))
    asyncio.run(again.sweep())
    assert again._at[DueKind.MATURITY].position > position
    world.endless = DueKind.RESERVATIONS
    made._at[DueKind.RESERVATIONS] = SweptUpTo(0, 0)
    assert asyncio.run(made.sweep()) is False
    assert made.left[DueKind.MATURITY] == 0


@pytest.mark.sqlite
def test_what_is_due_is_looked_up_by_an_index(ledger: Ledger) -> None:
    values = {"after_moment": 0, "after_position": 0, "until": 1, "count": 1}
    for kind, statement in _STATEMENTS.items():
        plan = [row[3] for row in ledger.connection.execute(f"EXPLAIN QUERY PLAN {statement.text}", values)]
        assert any("SEARCH" in step and "(tenant_id=? AND account_id=?)" in step for step in plan), plan
        assert not any(step.startswith("SCAN") and step not in ("SCAN due",) for step in plan), (kind, plan)
