"""Faults of the disk: the Nth write or flush fails, for each N, and what was said then is held against the files.

    python -m tests.torture.faults --every 1

A teller works through a fixed list of requests on a journaled ledger. For each N it is begun anew, as a fork of a
process that has everything loaded, and strace has the Nth call of each of its threads fail: once, for a while or for
good. The teller asks again where it is told UNAVAILABLE, and ends as the server does where its storage is broken.
"""

import argparse
import itertools
import math
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NoReturn

import structlog

from pointguard_server.domain.errors import StorageBroken, StorageUnavailable
from pointguard_server.engine.ask import Ask
from pointguard_server.storage import journaled_ledger, projector
from pointguard_server.storage.database import DATABASE_FILE
from pointguard_server.storage.journal import Journal
from tests.e2e.audit import audit
from tests.support.ledger import Ledger, compiled_rules_directory, open_ledger
from tests.support.tools import tool
from tests.torture.stage import MEMORY

DONE, UNAVAILABLE, BROKEN, NOT_STARTED, DEFECT = 0, 2, 3, 4, 5
"""How a teller ends: all was done; it could not be, as long as it asked; storage is broken; no start; a defect."""
READY = b"!!"
WRITES, FLUSHES = "write,pwrite64", "fsync,fdatasync"
ONCE, FOR_A_WHILE, FOR_GOOD = "{0}", "{0}..{1}", "{0}+"
WHILE: Final = 4
KINDS = tuple(
    (calls, error, when)
    for calls, error in ((WRITES, "EIO"), (WRITES, "ENOSPC"), (FLUSHES, "EIO"), (FLUSHES, "ENOSPC"))
    for when in (ONCE, FOR_A_WHILE, FOR_GOOD)
)
TRIES, REST_S = 40, 0.01
POINTS: Final = 1_000
LIFE_S_MAX = 30.0
FAULTS_SHOWN = 20
CALL = re.compile(r"^(\d+\.\d+) (\w+)\(\d+<([^>]*)>.* = -?\d+(.*)$")


def requests(ledger: Ledger) -> Iterator[Ask]:
    """Yield the teller's work: members, points, reservations and transfers, in the journal and past it."""
    for number in (2, 3, 4):
        yield ledger.enroll_ask(f"member {number}", key=f"enroll {number}")
        yield ledger.accrue_ask(number, 10 * POINTS, key=f"first {number}")
        for i in range(8):
            yield ledger.accrue_ask(number, 100, key=f"accrue {number} {i}")
            yield ledger.authorise_ask(number, 10, key=f"authorise {number} {i}")
        if number > 2:
            yield ledger.transfer_ask(number, number - 1, 5, key=f"transfer {number}")


def tell(directory: Path, told: int, go: Callable[[], object] = lambda: None) -> int:
    """Make a ledger, and from ``go`` on work through the list; write the number of each request that is answered.

    That is done by a call of its own kind, which does not fail.
    """
    ledger = Ledger(directory, compiled_rules_directory())
    ledger.connection.execute("PRAGMA synchronous=FULL")
    ledger.member()  # with the keys that a start makes
    go()
    try:
        ledger.open_journal()
        ledger.restart_decider()
    except (StorageUnavailable, OSError):
        return NOT_STARTED
    status = _work(ledger, told)
    journal = ledger.journal
    assert journal is not None
    journal.close()
    if not journal.broken:
        ledger.connection.close()
    return status


def _work(ledger: Ledger, told: int) -> int:
    for number, ask in enumerate(requests(ledger)):
        try:
            if not _told_of(ledger, ask):
                return UNAVAILABLE
        except StorageBroken:
            return BROKEN
        os.writev(told, [number.to_bytes(2, "big")])
    return DONE


def _told_of(ledger: Ledger, ask: Ask) -> bool:
    """Ask until there is an answer, for a while; return whether there is one."""
    for _ in range(TRIES):
        try:
            ledger.one(ask)
        except StorageBroken:
            raise
        except StorageUnavailable:
            time.sleep(REST_S)
        else:
            return True
    return False


@dataclass(frozen=True)
class Ending:
    """What became of one teller: its status, what it told, the calls that were made to fail, flushes tried again."""

    status: int
    told: tuple[int, ...]
    failed: tuple[str, ...]
    flushed_again: tuple[str, ...]


class Tellers:
    """Forks tellers of this process, which has everything loaded and one thread. ``work`` is what they do."""

    def __init__(self) -> None:
        structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # a log is no part of the disk
        Journal.__init__.__defaults__ = (16 * 1024,)
        projector.CHECKPOINT_LEGS, projector.RETRY_S, projector.GATHER_S = 12, 0.01, 0.002  # type: ignore[misc]
        projector.BEHIND_BYTES_MAX = 16 * 1024  # type: ignore[misc]
        journaled_ledger.DIRECT_FOR = 1  # type: ignore[misc]
        with open_ledger() as ledger:
            ledger.member()
            self.keys = [ask.key for ask in requests(ledger)]
        with TemporaryDirectory() as name:
            read_end, write_end = os.pipe()
            assert tell(Path(name), write_end) == DONE
            assert len(os.read(read_end, 1 << 16)) == 2 * len(self.keys)
            for end in (read_end, write_end):
                os.close(end)

    def work(self, directory: Path, calls: str, error: str, when: str) -> Ending:
        """Have a teller work in a folder while some of its calls fail."""
        go_read, go_write = os.pipe()
        told_read, told_write = os.pipe()
        child = os.fork()
        if not child:
            _be_a_teller(directory, go_read, told_write)
        for end in (go_read, told_write):
            os.close(end)
        log = directory.with_name("calls")
        try:
            assert os.read(told_read, len(READY)) == READY
            with failing(child, log, f"{calls}:error={error}:when={when}"):
                os.write(go_write, b"!")
                status = _status_of(child)
        finally:
            os.close(go_write)
        told = bytearray()
        while some := os.read(told_read, 1 << 16):
            told += some
        os.close(told_read)
        numbers = tuple(int.from_bytes(told[i : i + 2], "big") for i in range(0, len(told), 2))
        return Ending(status, numbers, *read_calls(log))


@contextmanager
def failing(process: int, log: Path, inject: str, *options: str) -> Iterator[None]:
    """Have strace make calls of a process fail while the block runs, in which the process has to end."""
    command = [tool("strace", "strace"), "-ff", "-f", "-y", "--absolute-timestamps=format:unix,precision:ns"]
    command += ["-e", f"trace={WRITES},{FLUSHES}", "-e", "signal=none", "-e", f"inject={inject}", "-o", str(log)]
    with subprocess.Popen([*command, *options, "-p", str(process)], stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        line = tracer.stderr.readline()
        assert "attached" in line, line
        try:
            yield
        finally:
            tracer.stderr.read()  # to its end, which is the process's
            tracer.wait(LIFE_S_MAX)


def _be_a_teller(directory: Path, go: int, told: int) -> NoReturn:
    status = DEFECT
    try:
        status = tell(directory, told, lambda: os.writev(told, [READY]) and os.read(go, 1))
    finally:
        # As the server does, without what Python would close.
        os._exit(status)


def _status_of(process: int) -> int:
    give_up = time.monotonic() + LIFE_S_MAX
    while time.monotonic() < give_up:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return DEFECT


def read_calls(log: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the calls that were made to fail, and files that were flushed again after a flush of them had failed."""
    found = [CALL.match(line) for path in log.parent.glob(f"{log.name}.*") for line in path.read_text().splitlines()]
    failed, broken, again = [], set(), []
    for _, call, path, rest in sorted(each.groups() for each in found if each is not None):
        if call in FLUSHES and path in broken:
            again.append(path)
        if "INJECTED" in rest:
            failed.append(f"{call} {Path(path).name}")
            if call in FLUSHES:
                broken.add(path)
    return tuple(failed), tuple(again)


def look(tellers: Tellers, directory: Path, ending: Ending) -> str:
    """Return what is wrong with how a teller ended, and with the ledger that it left."""
    if ending.status == DEFECT or ending.status < 0:
        return f"ended with {ending.status}"
    if ending.flushed_again:
        return f"flushed again: {ending.flushed_again}"
    found = audit(directory / DATABASE_FILE).transactions_by_key
    known = [number for number, key in enumerate(tellers.keys) if key in found]
    # One request after the other: besides what was told there is at most the one that was under way.
    if ending.told != tuple(range(len(ending.told))) or known[: len(ending.told)] != list(ending.told):
        return f"told {ending.told}, has {known}"
    if len(known) > len(ending.told) + 1 or known != list(range(len(known))):
        return f"told {ending.told}, has {known}"
    return "ended early" if ending.status == DONE and len(known) < len(tellers.keys) else ""


@dataclass
class Found:
    """What became of the tellers of some kinds of faults."""

    endings: Counter[int] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    unfinished: bool = False  # places were left out, since time was over

    @property
    def summary(self) -> str:
        """What was done, in one line."""
        names = {
            DONE: "done after all",
            UNAVAILABLE: "unavailable to the end",
            BROKEN: "ended",
            NOT_STARTED: "not started",
        }
        endings = ", ".join(f"{count} {names.get(status, status)}" for status, count in sorted(self.endings.items()))
        return (
            f"{self.endings.total()} faults of the disk ({endings}), {self.failed.total():,} calls failed,"
            f" {len(self.faults)} faults{'; not all places were tried' if self.unfinished else ''}"
        )


def run(tellers: Tellers, every: dict[str, int], seed: int = 1, until: float = math.inf) -> Found:
    """Have tellers work, each with a fault at its own place, until a place is past a teller's last call.

    ``every`` says of the writes and of the flushes how far it is from one place to the next. Nobody begins to work
    after a time of ``time.monotonic()``.
    """
    found, chance = Found(), random.Random(seed)
    for calls, error, when in KINDS:
        for place in itertools.count(chance.randrange(every[calls]) + 1, every[calls]):
            if time.monotonic() > until:
                found.unfinished = True
                return found
            with TemporaryDirectory(dir=MEMORY) as name:
                directory = Path(name) / "data"
                directory.mkdir()
                ending = tellers.work(directory, calls, error, when.format(place, place + WHILE))
                if not ending.failed:
                    break
                wrong = look(tellers, directory, ending)
            if not wrong and when != FOR_GOOD and ending.status == UNAVAILABLE:
                wrong = "neither recovered nor ended"
            if not wrong and calls == WRITES and ending.status == BROKEN:
                wrong = "ended though no flush had failed"
            found.endings[ending.status] += 1
            found.failed.update(ending.failed)
            if wrong:
                found.faults.append(f"{calls} {error} {when.format(place, place + WHILE)} {ending.failed[:3]}: {wrong}")
    return found


def main() -> int:
    """Try every place, or every so many."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every-write", type=int, default=1)
    parser.add_argument("--every-flush", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    started = time.monotonic()
    found = run(Tellers(), {WRITES: given.every_write, FLUSHES: given.every_flush}, given.seed)
    for fault in found.faults[:FAULTS_SHOWN]:
        print(fault)
    print(f"{found.summary}; {time.monotonic() - started:.0f} s")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
