"""What the sweeper looks up: in the order of moments, by an index, a page at a time, and only what is not written."""

import asyncio
from collections.abc import Callable

import pytest

from pointguard_server.domain.codes import Operation
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


@pytest.mark.sqlite
def test_what_is_due_is_looked_up_by_an_index(ledger: Ledger) -> None:
    values = {"after_moment": 0, "after_position": 0, "until": 1, "count": 1}
    for kind, statement in _STATEMENTS.items():
        plan = [row[3] for row in ledger.connection.execute(f"EXPLAIN QUERY PLAN {statement.text}", values)]
        assert any("SEARCH" in step and "(tenant_id=? AND account_id=?)" in step for step in plan), plan
        assert not any(step.startswith("SCAN") and step not in ("SCAN due",) for step in plan), (kind, plan)
