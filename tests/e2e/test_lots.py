"""Points that are held back and points that end, on a running server whose clock the tests move.

One server for all; each test has members of its own, and time only goes on.
"""

import asyncio
import itertools
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pointguard_client import (
    AccountBalance,
    Decision,
    EntryType,
    Identifier,
    Money,
    Operation,
    PointguardClient,
    Redemption,
    SimulatedOrder,
    new_idempotency_key,
)
from tests.e2e.audit import audit
from tests.support.clocked_server import AHEAD_FILE, move
from tests.support.server import PROGRAM, ServerProcess, issue_key, write_program

DAY = 86_400_000_000
SETTINGS = """
[program.lots]
expiry = "ROLLING"
expires_after = "30d"
"""
EARN = """
rule "base"
    earn base order.total * 10
rule "held back"
    when order.total > 100
    earn bonus 500
    pending 14 days
rule "soon over"
    when order.total > 1000
    earn targeted 7
    expire after 2 days
"""
numbers = itertools.count(1)


class MovedServer:
    """The server, and how far its clock is ahead."""

    def __init__(self, folder: Path) -> None:
        options = ("--tenant", "plain", *write_program(folder / "program", PROGRAM + SETTINGS))
        (folder / "program" / "earn.rules").write_text(EARN)
        self._file = folder / "ahead"
        self.ahead = 0
        move(self._file, 0)
        key = issue_key(folder / "data", *options, "--role", "till", "--role", "manager")
        self.process = ServerProcess(
            folder / "data",
            options,
            api_key=key,
            environment={AHEAD_FILE: str(self._file)},
            module="tests.support.clocked_server",
        )

    def wait(self, microseconds: int) -> None:
        """Let time go by."""
        self.ahead += microseconds
        move(self._file, self.ahead)

    def wait_until(self, moment: datetime) -> None:
        """Let time go by up to a moment."""
        now = datetime.now(UTC) + timedelta(microseconds=self.ahead)
        self.wait((moment - now) // timedelta(microseconds=1))

    def legs_of(self, account_id: int, operation: Operation) -> list[tuple[int, int]]:
        """Return (points, occurred at) of an account's legs of an operation, as the database has them."""
        with closing(sqlite3.connect(f"file:{self.process.database}?mode=ro", uri=True)) as connection:
            return connection.execute(
                "SELECT points, occurred_at FROM legs WHERE account_id = ? AND operation = ? ORDER BY seq",
                (account_id, int(operation)),
            ).fetchall()

    def await_legs(self, account_id: int, operation: Operation, count: int) -> list[tuple[int, int]]:
        """Return an account's legs of an operation once there are so many."""
        give_up = time.monotonic() + 30
        while len(found := self.legs_of(account_id, operation)) < count:
            assert time.monotonic() < give_up, f"{len(found)} legs of {operation.name}"
            time.sleep(0.02)
        return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MovedServer]:
    moved = MovedServer(tmp_path_factory.mktemp("lots"))
    try:
        moved.process.start()
        yield moved
        moved.process.stop()
        audit(moved.process.database)
    finally:
        moved.process.clean_up()


@pytest.fixture
async def client(server: MovedServer) -> AsyncIterator[PointguardClient]:
    process = server.process
    async with PointguardClient.connect(process.address, api_key=process.api_key, timeout_seconds=30) as connected:
        yield connected


async def new_member(client: PointguardClient) -> tuple[Identifier, int]:
    member = Identifier.loyalty_id(f"lots{next(numbers)}")
    enrolled = await client.enroll_member([member], idempotency_key=new_idempotency_key())
    return member, enrolled.account_id


async def buy(client: PointguardClient, member: Identifier, dollars: int) -> None:
    await client.accrue(member, Money(dollars * 100, "CAD"), idempotency_key=new_idempotency_key())


async def spend(client: PointguardClient, member: Identifier, points: int) -> Redemption:
    return await client.authorise_redemption(member, points, capture=True, idempotency_key=new_idempotency_key())


def figures(balance: AccountBalance) -> tuple[int, int, int]:
    return balance.balance.posted, balance.balance.pending, balance.balance.available


def micros(moment: datetime | None) -> int:
    assert moment is not None
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)


@pytest.mark.long
async def test_points_that_are_held_back_are_spent_when_they_have_matured_and_not_before(
    server: MovedServer, client: PointguardClient
) -> None:
    member, _ = await new_member(client)
    await buy(client, member, 101)
    assert figures(await client.get_balance(member)) == (1_510, 500, 1_010)
    declined = await spend(client, member, 1_011)
    assert declined.decision is Decision.DECLINED
    assert (declined.balance.posted, declined.balance.pending, declined.balance.available) == (1_510, 500, 1_010)
    server.wait(14 * DAY - 60_000_000)
    assert (await client.quote_redemption(member)).points_max == 1_010
    server.wait(60_000_000)
    assert figures(await client.get_balance(member)) == (1_510, 0, 1_510)
    assert (await spend(client, member, 1_510)).decision is Decision.APPROVED


@pytest.mark.long
async def test_a_simulation_tells_when_the_points_mature_and_end_as_the_purchase_then_says(
    client: PointguardClient,
) -> None:
    member, _ = await new_member(client)
    bought = await client.accrue(member, Money(1_001_00, "CAD"), idempotency_key=new_idempotency_key())
    booked = (await client.get_transaction(bought.transaction_id)).entries
    assert [(each.rule, each.matures_at is not None) for each in booked] == [
        ("base", False),
        ("held back", True),
        ("soon over", False),
    ]
    assert (await client.rules.simulate(bought.transaction_id)).entries == booked
    now = await client.rules.simulate(SimulatedOrder(Money(1_001_00, "CAD"), member=member))
    assert [each.running_balance for each in now.entries] == [20_527, 21_027, 21_034]
    for again, before in zip(now.entries, booked, strict=True):
        assert micros(again.expires_at) >= micros(before.expires_at)
    accepted_at = datetime(2026, 7, 1, 3, 30, tzinfo=UTC)
    (entry,) = (
        await client.rules.simulate(
            SimulatedOrder(Money(1_00, "CAD"), accepted_at=accepted_at),
            source='rule "month" earn base 5 pending 1 days expire at end of month',
        )
    ).entries
    # It matures on the last hours of 1 July in Toronto, in which month it ends.
    assert (entry.matures_at, entry.expires_at) == (
        accepted_at + timedelta(days=1),
        datetime(2026, 8, 1, 4, tzinfo=UTC),
    )


async def test_points_end_with_their_moment_and_what_ends_next_is_spent_first(
    server: MovedServer, client: PointguardClient
) -> None:
    member, account_id = await new_member(client)
    await buy(client, member, 10)
    server.wait(DAY)
    await buy(client, member, 1_001)  # 10,010, 500 held back, and 7 that end after two days
    balance = await client.get_balance(member)
    assert balance.next_expiry is not None
    assert balance.next_expiry.points == 7
    spent = await spend(client, member, 17)
    entries = (await client.get_transaction(spent.transaction_id)).entries
    assert [(each.signed_points, each.rule) for each in entries] == [(-7, "soon over"), (-10, "base")]
    assert micros(entries[0].expires_at) < micros(entries[1].expires_at)
    balance = await client.get_balance(member)
    assert balance.next_expiry is not None
    assert balance.next_expiry.points == 90
    end = balance.next_expiry.expires_at
    server.wait_until(end - timedelta(seconds=30))
    assert figures(await client.get_balance(member)) == (10_600, 0, 10_600)
    server.wait_until(end)
    assert figures(await client.get_balance(member)) == (10_510, 0, 10_510)
    assert (await spend(client, member, 10_511)).decision is Decision.DECLINED
    (ended,) = await asyncio.to_thread(server.await_legs, account_id, Operation.EXPIRE, 1)
    assert ended == (90, micros(end))


async def test_a_void_after_the_end_gives_nothing_back_and_a_capture_still_spends(
    server: MovedServer, client: PointguardClient
) -> None:
    member, _ = await new_member(client)
    await buy(client, member, 20)
    server.wait(30 * DAY - 3_600_000_000)
    held = [
        await client.authorise_redemption(
            member, points, idempotency_key=new_idempotency_key(), time_to_live=timedelta(days=1)
        )
        for points in (50, 70)
    ]
    server.wait(3_700_000_000)
    balance = await client.get_balance(member)
    assert figures(balance) == (120, 0, 0)
    captured = await client.capture_redemption(held[0].transaction_id, points=20, idempotency_key=new_idempotency_key())
    assert (captured.points, captured.balance.posted) == (20, 70)
    voided = await client.void_redemption(held[1].transaction_id, idempotency_key=new_idempotency_key())
    assert (voided.points_released, voided.balance.posted) == (70, 0)
    entries = (await client.get_transaction(voided.transaction_id)).entries
    assert [(each.entry_type, each.signed_points) for each in entries] == [(EntryType.EXPIRE, -70)]


async def test_what_nobody_comes_to_is_written_down_also_after_a_kill(
    server: MovedServer, client: PointguardClient
) -> None:
    accounts = []
    for _ in range(40):
        member, account_id = await new_member(client)
        await buy(client, member, 101)
        await client.authorise_redemption(member, 5, idempotency_key=new_idempotency_key())
        accounts.append((member, account_id))
    server.wait(31 * DAY)
    # It sweeps now, and a kill comes in the middle of it.
    await asyncio.to_thread(server.await_legs, accounts[0][1], Operation.EXPIRE, 1)
    server.process.kill()
    server.process.start()
    for _, account_id in accounts:
        await asyncio.to_thread(server.await_legs, account_id, Operation.EXPIRE, 2)
    for _, account_id in accounts:
        ((matured, _),) = server.legs_of(account_id, Operation.MATURE)
        reservation, *ended = server.legs_of(account_id, Operation.EXPIRE)
        assert (matured, reservation[0], sum(points for points, _ in ended)) == (500, 5, 1_510)
    process = server.process
    async with PointguardClient.connect(process.address, api_key=process.api_key, timeout_seconds=30) as connected:
        assert figures(await connected.get_balance(accounts[0][0])) == (0, 0, 0)
