"""The page about going on without a line, as it stands; and a day of 500 terminals, some of which have no line."""

import asyncio
import os
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pointguard.v1 import offline_pb2
from pointguard_client import (
    Accrue,
    Decision,
    Identifier,
    Money,
    Origin,
    PointguardClient,
    TakenOccurrence,
    new_idempotency_key,
)
from pointguard_client.offline import NotCovered, OfflineTerminal
from tests.e2e.audit import audit
from tests.support.clocked_server import AHEAD_FILE, move
from tests.support.server import PROGRAM, ROOT, ServerProcess, issue_key, write_program

PAGE = (ROOT / "docs" / "offline.md").read_text()
EXAMPLE, PRINTED = re.findall(
    r"<!-- example: python -->\n```python\n(.*?)```\n\n```printed\n(.*?)```", PAGE, re.DOTALL
)[0]
TERMINALS = 500
HOUR = 3_600_000_000


async def test_the_terminal_of_the_page_runs_as_it_stands(
    shared_server: ServerProcess, client: PointguardClient, tmp_path: Path
) -> None:
    member = new_idempotency_key()
    await client.enroll_member([Identifier.loyalty_id(member)])
    await client.accrue(Identifier.loyalty_id(member), Money(100_00, "CAD"))
    (tmp_path / "terminal.py").write_text(EXAMPLE)
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "terminal.py", "12", f"page {member[-12:]}", member],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        env=os.environ | {"POINTGUARD_ADDRESS": shared_server.address, "POINTGUARD_API_KEY": shared_server.api_key},
    )  # fmt: skip
    assert (done.stdout, done.returncode) == (PRINTED, 0), done.stderr


@dataclass
class Station:
    """A terminal with a customer of its own, and what it has told the customer."""

    number: int
    terminal: OfflineTerminal
    member: Identifier
    signed_out: int = 0
    approved: Counter[str] = field(default_factory=Counter)
    purchases: int = 0
    given_back: bool = False


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, Path]]:
    """A server whose clock the test moves, and the file that says how far."""
    folder = tmp_path_factory.mktemp("day")
    ahead = folder / "ahead"
    move(ahead, 0)
    options = ("--tenant", "plain", *write_program(folder / "program", PROGRAM))
    key = issue_key(folder / "data", *options)
    server = ServerProcess(
        folder / "data", options, api_key=key, environment={AHEAD_FILE: str(ahead)},
        module="tests.support.clocked_server",
    )  # fmt: skip
    try:
        yield server.start(), ahead
    finally:
        server.clean_up()


@pytest.mark.long
async def test_a_day_of_500_terminals_of_which_some_have_no_line_ends_reconciled_to_the_point(
    moved: tuple[ServerProcess, Path], tmp_path: Path
) -> None:
    server, ahead = moved
    source, opened_at = random.Random(7), datetime.now(UTC)
    now = [opened_at]
    async with PointguardClient.connect(server.address, api_key=server.api_key, timeout_seconds=30) as client:
        keys = await client.offline.keys()
        stations = await asyncio.gather(*(_open(client, number, tmp_path, now) for number in range(TERMINALS)))
        for station in stations:
            station.terminal.trust(keys)
        await asyncio.gather(*(_sign_out(client, station, source.randint(50, 400)) for station in stations))
        # A third of them has no line all day, the others lose it for an hour each.
        for hour in range(1, 10):
            now[0] = opened_at + timedelta(hours=hour)
            move(ahead, hour * HOUR)
            for station in stations:
                _sell(station, source)
            # What comes in an order of its own is all of it before the night.
            online = [station for station in stations if station.number % 3 and station.number % 12 != hour]
            await asyncio.gather(*(_upload(client, station, source) for station in online))
        # At night all have a line, and what is left goes back: behind what was spent, so in its order.
        for station in stations:
            if station.number % 5:
                station.terminal.give_back(next(iter(station.terminal.allowances(station.member))).allowance_id)
                station.given_back = True
        await asyncio.gather(*(station.terminal.upload(client.offline) for station in stations))
        found = await asyncio.gather(
            *(client.offline.discrepancies("s1", station.terminal.terminal_id) for station in stations)
        )
        balances = await asyncio.gather(*(client.get_balance(station.member) for station in stations))
    for station, told, account in zip(stations, found, balances, strict=True):
        assert told.found == (), station.number
        spent = sum(station.approved.values())
        assert account.balance.posted == 10_000 + station.purchases * 100 - spent
        left = 0 if station.given_back else station.signed_out - spent
        assert account.balance.reserved == left
        assert told.last_sequence == station.terminal.last_sequence
        assert station.terminal.waiting == 0
        station.terminal.close()
    assert sum(sum(station.approved.values()) for station in stations) > 50 * TERMINALS
    assert audit(server.database).legs


async def _open(client: PointguardClient, number: int, folder: Path, now: list[datetime]) -> Station:
    member = Identifier.external_id(f"customer {number}")
    await client.enroll_member([member])
    await client.accrue(member, Money(1_000_00, "CAD"))
    terminal = OfflineTerminal.open(
        folder / f"{number}.queue", bytes(32), store_id="s1", terminal_id=f"t{number}", clock=lambda: now[0]
    )
    return Station(number, terminal, member)


async def _sign_out(client: PointguardClient, station: Station, points: int) -> None:
    here = Origin(store_id="s1", terminal_id=station.terminal.terminal_id)
    issued = await client.offline.issue_allowance(
        station.member, points, origin=here, time_to_live=timedelta(hours=24), points_each_max=150
    )
    assert issued.decision is Decision.APPROVED
    assert issued.allowance is not None
    station.terminal.keep(issued.allowance, station.member)
    station.signed_out = points


def _sell(station: Station, source: random.Random) -> None:
    """Serve a customer without a line: a purchase, and as many points as the allowance lets go."""
    station.terminal.record(Accrue(station.member, Money(10_00, "CAD")))
    station.purchases += 1
    if source.random() < 0.4:
        try:
            approval = station.terminal.redeem(station.member, source.randint(10, 160))
        except NotCovered:
            return
        station.approved[approval.idempotency_key] += approval.points


async def _upload(client: PointguardClient, station: Station, source: random.Random) -> None:
    """Upload what waits; some send parts of it twice, the later half first."""
    if source.random() < 0.3 and station.terminal.waiting > 1:
        waiting = station.terminal.waiting_occurrences()
        for part in (waiting[len(waiting) // 2 :], waiting[:1]):
            message = offline_pb2.UploadOccurrencesRequest(
                store_id="s1", terminal_id=station.terminal.terminal_id, occurrences=part
            )
            done = await client.offline.send(message, timeout_seconds=30)
            assert all(isinstance(each, TakenOccurrence) for each in done.results)
    await station.terminal.upload(client.offline)
