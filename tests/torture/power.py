"""Power cuts: what one server's life did to its files is recorded, and cut off at any place, again and again.

    python -m tests.torture.power --cuts 100000 --seed 1

Recorded is a server under load that is killed, started again and ended. Each cut leaves what ``disk.py`` says of the
files; the ledger is opened on them as a start opens it, and must have, in order and unchanged, all that a client had
been told before the disk's next step. A record stands for one life only, so that a long run makes several.
"""

import argparse
import asyncio
import math
import random
import sqlite3
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from pointguard_server.data_directory import DataDirectory
from pointguard_server.domain.errors import PointguardError
from pointguard_server.storage import blocks
from pointguard_server.storage.database import DATABASE_FILE
from pointguard_server.storage.journaled_ledger import recover
from pointguard_server.storage.keyring import KeyRingError
from pointguard_server.storage.sqlite_ledger import SqliteLedger
from tests.e2e.audit import audit, audit_connection, uuid_text
from tests.e2e.workload import Workload
from tests.support.server import ServerProcess
from tests.torture import doomed_server
from tests.torture.disk import SYNC, WRITE, Disk, Step, read_record, recorder
from tests.torture.doomed_server import DOOM_FILE
from tests.torture.history import READS, read_history
from tests.torture.stage import MEMORY, new_server

TILLS, GATEWAYS = 4, 1
LIVES_S = (0.5, 0.3)
ENROLLS = 0.01
TOLD_LATE_NS = 100_000
"""The two clocks that steps and answers are told by may differ so much."""
AUDIT_EVERY = 50
"""Of so many cuts one is audited record by record."""
CUTS_A_RECORD = 5_000
WAIT_S = 20.0
CONTROL_CUTS = 60
FAULTS_SHOWN = 20
READ_TRANSACTIONS = "SELECT transaction_id, leg_number FROM legs ORDER BY position"


@dataclass
class Record:
    """A life on disk: the files before, the steps, when clients were told of which positions, and the ledger then."""

    before: dict[str, bytes]
    steps: list[Step]
    told: list[tuple[int, int]]  # when, in ns since 1970, and up to which position
    transactions: list[tuple[bytes, int]]  # id and number of each leg in order

    def told_by(self, moment_ns: int) -> int:
        """Return the last position that a client had been told of."""
        at = bisect_left(self.told, (moment_ns - TOLD_LATE_NS, 0))
        return self.told[at - 1][1] if at else 0


def make_record(directory: Path, seed: int, module: str = doomed_server.__name__) -> Record:
    """Have a server live, be killed, live again and end, while all that it does to its files is recorded."""
    server = new_server(directory, module=module, environment={DOOM_FILE: str(directory / "doom")})
    folder = server.data_directory
    before = _files_of(folder)
    workload = Workload(seed, directory / "history")
    workload.enrolls = ENROLLS
    asyncio.run(_live(server, workload, directory))
    steps = [step for life in range(len(LIVES_S)) for step in read_record(directory / f"life{life}", folder)]
    disk = Disk(before)
    for step in steps:
        disk.take(step)
    now, found = disk.now(), _files_of(folder)
    assert now.keys() == found.keys(), f"the record has other files: {now.keys() ^ found.keys()}"
    assert not [path for path in now if now[path] != found[path]], "the record has other bytes"
    legs = audit(server.database).legs
    return Record(
        before, steps, _told(directory / "history", legs), [(leg["transaction_id"], leg["leg_number"]) for leg in legs]
    )


async def _live(server: ServerProcess, workload: Workload, directory: Path) -> None:
    try:
        for life, seconds in enumerate(LIVES_S):
            server.behind = recorder(directory / f"life{life}")
            await asyncio.to_thread(server.start)
            tracer = tracer_of(server.process_id)
            if life:
                await workload.find_out(server)
            else:
                await workload.enroll(server)
            load = asyncio.create_task(workload.run(server, TILLS, GATEWAYS))
            await asyncio.sleep(seconds)
            if life < len(LIVES_S) - 1:
                await asyncio.to_thread(server.kill)
            else:
                workload.stopped = True
            await asyncio.wait_for(load, 30)
            if server.running:
                assert await asyncio.to_thread(server.stop) == 0
            await asyncio.to_thread(wait_for_end, tracer)
    finally:
        server.clean_up()


def tracer_of(process: int) -> int:
    """Return the number of the process that traces another one."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("TracerPid:")).split()[1])


def wait_for_end(process: int) -> None:
    """Wait until strace has written down all that it saw."""
    give_up = time.monotonic() + WAIT_S
    while Path(f"/proc/{process}").exists():
        assert time.monotonic() < give_up, "strace does not end"
        time.sleep(0.01)


def _files_of(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith("-shm")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def _told(history: Path, legs: Sequence[dict[str, Any]]) -> list[tuple[int, int]]:
    """Return when clients were told of which position: by answers, and by reads of what others had written."""
    calls = read_history(history)
    last = {uuid_text(leg["idempotency_key"]): leg["position"] for leg in legs}
    of_seq = {(leg["account_id"], leg["seq"]): leg["position"] for leg in legs}
    told, position = [], 0
    answered = sorted((call.ended_at or 0, i) for i, call in enumerate(calls.calls) if call.answer is not None)
    for ended_at, i in answered:
        call = calls.calls[i]
        one = of_seq[call.answer.account_id, call.answer.seq] if call.name in READS else last[call.key]
        position = max(position, one)
        told.append((ended_at + calls.clock_ahead_ns, position))
    return told


@dataclass
class Found:
    """What became of some cuts."""

    cuts: int = 0
    lost: int = 0  # cuts after which a ledger lacked what a client had been told of
    faults: list[str] = field(default_factory=list)

    def __add__(self, other: "Found") -> "Found":
        return Found(self.cuts + other.cuts, self.lost + other.lost, self.faults + other.faults)


def cut(record: Record, cuts: int, seed: int, forgets: Callable[[Step], bool] = lambda _step: False) -> Found:
    """Cut the record so many times, half of them just before a flush has ended."""
    chance = random.Random(seed)
    flushes = [i for i, step in enumerate(record.steps) if step.what == SYNC]
    places = sorted(
        chance.choice(flushes) if chance.random() < 0.5 else chance.randrange(len(record.steps)) for _ in range(cuts)
    )
    disk, done, found = Disk(record.before, forgets), 0, Found(cuts)
    for number, place in enumerate(places):
        for step in record.steps[done:place]:
            disk.take(step)
        done, step = place, record.steps[place]
        left = disk.left(chance, record.steps[place : place + 1])
        said = _look(record, left, record.told_by(step.ended_ns), thorough=number % AUDIT_EVERY == 0)
        if said:
            found.lost += said.startswith("lost")
            found.faults.append(f"before step {place} ({step.what} {step.path}): {said}")
    return found


# The same blocks are found by cut after cut, and what they say follows from their bytes.
_rows_of_block = cache(blocks._decode_rows)


def _look(record: Record, left: dict[str, bytes], told: int, *, thorough: bool) -> str:
    """Open the ledger on what a cut left; return what is wrong with it."""
    with TemporaryDirectory(dir=MEMORY) as name:
        directory = Path(name)
        for path, data in left.items():
            (directory / path).parent.mkdir(exist_ok=True)
            (directory / path).write_bytes(data)
            (directory / path).chmod(0o600)
        try:
            with patch.object(blocks, "_decode_rows", _rows_of_block), DataDirectory(directory) as opened:
                database = SqliteLedger(opened.connection, opened.names, 1)
                recover(database, directory)
                found = opened.connection.execute(
                    "SELECT transaction_id, leg_number FROM legs ORDER BY position"
                ).fetchall()
                if thorough:
                    assert isinstance(opened.connection, sqlite3.Connection)
                    opened.connection.row_factory = sqlite3.Row
                    audit_connection(opened.connection)
        except (PointguardError, KeyRingError, ValueError, OSError, sqlite3.Error, AssertionError) as error:
            return f"it does not open: {type(error).__name__}: {error}"
    if found != record.transactions[: len(found)]:
        return "another ledger than was written"
    return f"lost {told - len(found)} of {told} that were told" if len(found) < told else ""


def unflushed_journal(step: Step) -> bool:
    """Leave out the flushes of the journal: a control that has to lose what was answered."""
    return step.path.startswith("journal/")


def unflushed_commits(record: Record) -> Callable[[Step], bool]:
    """Return what leaves out the flushes of SQLite's commits, as ``synchronous=NORMAL`` does: another control."""
    projectors = {step.thread for step in record.steps if step.what == WRITE and step.path == DATABASE_FILE}
    return lambda step: step.path == f"{DATABASE_FILE}-wal" and step.thread not in projectors


CONTROLS: dict[str, Callable[[Record], Callable[[Step], bool]]] = {
    "with the journal not flushed": lambda _record: unflushed_journal,
    "with commits not flushed": unflushed_commits,
}


@dataclass
class Cuts:
    """Cuts of several records, with the controls. ``found.faults`` and ``in_vain`` are what should be empty."""

    found: Found = field(default_factory=Found)
    controls: dict[str, Found] = field(default_factory=lambda: {name: Found() for name in CONTROLS})
    records: int = 0
    steps: int = 0

    def run(self, cuts: int, seed: int, processes: int, until: float = math.inf) -> None:
        """Cut so often; make no record after a time of ``time.monotonic()``."""
        while self.found.cuts < cuts and not self.found.faults and time.monotonic() < until:
            with TemporaryDirectory() as name:
                record = make_record(Path(name), seed + self.records)
            some = min(CUTS_A_RECORD, cuts - self.found.cuts)
            self.found += cut_beside(record, some, seed + self.records, processes)
            for name, forgets in CONTROLS.items():
                self.controls[name] += cut(record, CONTROL_CUTS, seed, forgets(record))
            self.records, self.steps = self.records + 1, self.steps + len(record.steps)

    @property
    def in_vain(self) -> list[str]:
        """The controls that have lost nothing."""
        return [name for name, found in self.controls.items() if not found.lost]

    @property
    def summary(self) -> str:
        """What was done, in one line."""
        controls = ", ".join(
            f"{len(found.faults)} of {found.cuts} {name} ({found.lost} lost something)"
            for name, found in self.controls.items()
        )
        return (
            f"{self.found.cuts:,} power cuts in {self.records} records of {self.steps:,} steps:"
            f" {len(self.found.faults)} faults; controls, which have to have some: {controls}"
        )


def main() -> int:
    """Cut as often as is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    started, cuts = time.monotonic(), Cuts()
    cuts.run(given.cuts, given.seed, given.processes)
    for fault in cuts.found.faults[:FAULTS_SHOWN]:
        print(fault)
    print(f"{cuts.summary}; {time.monotonic() - started:.0f} s")
    return 1 if cuts.found.faults or cuts.in_vain else 0


def cut_beside(record: Record, cuts: int, seed: int, processes: int) -> Found:
    """Do as ``cut`` does, in several processes."""
    if processes <= 1:
        return cut(record, cuts, seed)
    parts = [(record, cuts // processes, seed * processes + number) for number in range(processes)]
    with get_context("spawn").Pool(processes) as pool:
        return sum(pool.starmap(cut, parts), Found())


if __name__ == "__main__":
    sys.exit(main())
