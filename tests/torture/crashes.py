"""``make crash``: ``kill -9`` under load, again and again, and what the clients saw held against the ledger.

    python -m tests.torture.crashes --cycles 1000 --seed 1

Each cycle ends a server at a random moment or at a point of ``doomed_server``, and starts it again; tills then ask what
became of every request that was on its way. Every so many cycles all is checked, and a new ledger begun. Prints one
line at the end; the status is 1 if anything was found.
"""

import argparse
import asyncio
import math
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc

from pointguard.v1 import advice_pb2, advice_pb2_grpc, common_pb2, transaction_pb2
from pointguard_server.storage.database import DATABASE_FILE
from tests.e2e.workload import Workload, till_at
from tests.support.server import ROOT, ServerProcess, server_environment
from tests.torture import doomed_server
from tests.torture.checker import Checker, Leg, read_ledger, redeemed_by
from tests.torture.doomed_server import DOOM_FILE, MIGRATION, POINTS, arm, disarm
from tests.torture.history import read_history
from tests.torture.stage import POINTS_MAX, TERMS, new_server, program_options

ANY_MOMENT = "at any moment"
ENDS = (ANY_MOMENT, *POINTS)
TILLS, GATEWAYS = 10, 2
CYCLES_A_LEDGER = 5
ENROLLS = 0.05
"""The part of the tills' requests, where a server is to die enrolling; they take the ledger past its journal."""
RESERVE_S = 1
LIFE_S = (0.15, 0.5)
"""How long the load runs before a server is ended at any moment, or may die."""
PASSES = {point: 3 for point in POINTS if point.endswith("a checkpoint") or point.startswith(("enroll", "expir"))}
"""How often a point is passed before the end, at most; the others up to 20 times."""
STATEMENTS = 165
"""About as many as the migrations have."""
FAULTS_SHOWN = 20


class Follower:
    """Follows the feed of advice through every crash, and goes on behind the last notice that it has."""

    def __init__(self) -> None:
        self.notices: list[tuple[int, str]] = []  # position and transaction

    async def follow(self, server: ServerProcess, *, until_now: bool = False) -> None:
        """Read notices until the server is gone, or all there are."""
        after = self.notices[-1][0] if self.notices else 0
        async with grpc.aio.insecure_channel(server.address) as channel:
            request = advice_pb2.WatchAdviceRequest(after_position=after, follow=not until_now)
            call = advice_pb2_grpc.AdviceServiceStub(channel).WatchAdvice(request, metadata=server.authorization)
            with nullcontext() if until_now else suppress(grpc.aio.AioRpcError):
                async for answer in call:
                    if answer.HasField("notice"):
                        self.notices.append((answer.position, answer.notice.transaction_id))


class Crashes:
    """Cycles on one ledger after the other. ``faults`` is what was found."""

    def __init__(self, seed: int, cycles_a_ledger: int = CYCLES_A_LEDGER) -> None:
        self._chance = random.Random(seed)
        self._cycles_a_ledger = cycles_a_ledger
        self.faults: list[str] = []
        self.ends: Counter[str] = Counter()
        self.calls = self.legs = self.in_doubt = self.notices = 0

    def run(self, cycles: int, ends: tuple[str, ...] = ENDS, until: float = math.inf) -> None:
        """Run so many cycles, the ends in turn; begin no ledger after a time of ``time.monotonic()``."""
        done = 0
        while done < cycles and not self.faults and time.monotonic() < until:
            some = min(self._cycles_a_ledger, cycles - done)
            with TemporaryDirectory() as name:
                asyncio.run(self._one_ledger(Path(name), [ends[(done + i) % len(ends)] for i in range(some)]))
            done += some

    async def _one_ledger(self, directory: Path, ends: list[str]) -> None:
        doom = directory / "doom"
        server = new_server(directory, module=doomed_server.__name__, environment={DOOM_FILE: str(doom)})
        workload = Workload(self._chance.randrange(1 << 30), directory / "history", reserve_s=RESERVE_S)
        follower = Follower()
        try:
            await asyncio.to_thread(server.start)
            await workload.enroll(server)
            for end in ends:
                await self._cycle(server, workload, follower, doom, end)
            await workload.replay_everything(server)
            await asyncio.sleep(RESERVE_S + 0.3)
            found = await self._quoted(server, workload)
            await follower.follow(server, until_now=True)
            entire = Follower()
            await entire.follow(server, until_now=True)
            if follower.notices != entire.notices:
                self.faults.append("feed: notices were skipped or came twice")
            self.notices += len(entire.notices)
            assert await asyncio.to_thread(server.stop) == 0
        finally:
            server.clean_up()
        self._check(server, directory / "history", found)

    async def _cycle(self, server: ServerProcess, workload: Workload, follower: Follower, doom: Path, end: str) -> None:
        """Have the server die under load, start it again, and find out what became of what was on its way."""
        workload.enrolls = ENROLLS if end.startswith("enroll") else 0.0
        load = asyncio.create_task(workload.run(server, TILLS, GATEWAYS))
        feed = asyncio.create_task(follower.follow(server))
        await asyncio.sleep(self._chance.uniform(*LIFE_S))
        if end == ANY_MOMENT:
            server.send_signal(signal.SIGKILL)
        else:
            arm(doom, end, self._chance.randrange(PASSES.get(end, 20)))
        try:
            status = await asyncio.to_thread(server.wait)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the server has never come to the point: {end}") from None
        assert status == -signal.SIGKILL, f"{end}: the server ended with {status}\n{server.log()}"
        await asyncio.wait_for(asyncio.gather(load, feed), 30)
        disarm(doom)
        await asyncio.to_thread(server.start)
        self.in_doubt += await workload.find_out(server)
        self.ends[end] += 1
        if complaints := server.complaints():
            self.faults.append(f"log: {complaints[0]}")

    async def _quoted(self, server: ServerProcess, workload: Workload) -> dict[str, int]:
        """Return what each member may redeem: its balance, or what is left in its window as it was rebuilt."""
        async with till_at(server) as till:
            found = {}
            for name in workload.members:
                request = transaction_pb2.QuoteRedemptionRequest(member=common_pb2.MemberReference(external_id=name))
                answer = await till.transactions.QuoteRedemption(request, metadata=server.authorization, timeout=20)
                found[name] = answer.points_max
        return found

    def _check(self, server: ServerProcess, path: Path, quoted: dict[str, int]) -> None:
        rows, history = read_ledger(server.database), read_history(path)
        checker = Checker(history, rows, TERMS)
        self.faults += checker.check()
        for name, points in quoted.items():
            legs = [leg for leg in rows.legs if leg["account_id"] == checker.member_accounts[name]]
            if points != may_redeem(legs):
                self.faults.append(f"window: {name} may redeem {points}, and the ledger makes it {may_redeem(legs)}")
        self.calls += len(history.calls)
        self.legs += len(rows.legs)

    @property
    def summary(self) -> str:
        """What was done, in one line."""
        ends = ", ".join(f"{count} {end}" for end, count in self.ends.items())
        return (
            f"{self.ends.total()} crashes ({ends}), {self.calls:,} calls of which {self.in_doubt:,} were in doubt,"
            f" {self.legs:,} legs, {self.notices:,} notices"
        )


def may_redeem(legs: list[Leg]) -> int:
    """Return what an account may redeem once nothing is reserved any more: its points, or what its window leaves."""
    return max(0, min(int(legs[-1]["posted"] - legs[-1]["reserved"]), POINTS_MAX - sum(map(redeemed_by, legs))))


def crash_migrations(seed: int, times: int, until: float = math.inf) -> tuple[int, list[str]]:
    """End the making of a ledger somewhere in its migrations; return how many ends there were, and the faults.

    What the next try makes has to be what an undisturbed one makes. A quarter of the time until ``until`` is taken.
    """
    until = time.monotonic() + (until - time.monotonic()) / 4
    chance = random.Random(seed)
    with TemporaryDirectory() as name:
        whole = _make_ledger(Path(name))
    ends = 0
    for _ in range(times):
        if time.monotonic() > until:
            break
        with TemporaryDirectory() as name:
            doom = Path(name) / "doom"
            arm(doom, MIGRATION, chance.randrange(STATEMENTS))
            if _make_ledger(Path(name)) is not None:
                continue
            ends += 1
            disarm(doom)
            again = _make_ledger(Path(name))
            if again != whole:
                return ends, [f"migration: another try after {ends} ends makes {again or 'nothing'}"]
    return ends, []


def _make_ledger(directory: Path) -> list[Any] | None:
    """Make a ledger; return what its database is made of, or nothing if the process was killed."""
    command = [sys.executable, "-m", doomed_server.__name__, "--data-dir", str(directory / "data"), "--issue-key"]
    ended = subprocess.run(
        [*command, *program_options(directory)],
        env=server_environment({DOOM_FILE: str(directory / "doom")}),
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=False,
    )
    if ended.returncode == -signal.SIGKILL:
        return None
    assert ended.returncode == 0, ended.stderr
    with closing(sqlite3.connect(directory / "data" / DATABASE_FILE)) as connection:
        return connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2").fetchall()


def main() -> int:
    """Run as many cycles as are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=5)
    parser.add_argument("--migrations", type=int, default=0, help="first starts that are ended in their migrations")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    started = time.monotonic()
    crashes = Crashes(given.seed)
    crashes.run(given.cycles)
    ends, faults = crash_migrations(given.seed, given.migrations) if given.migrations else (0, [])
    faults += crashes.faults
    for fault in faults[:FAULTS_SHOWN]:
        print(fault)
    print(f"{crashes.summary}, {ends} in migrations; {len(faults)} faults; {time.monotonic() - started:.0f} s")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
