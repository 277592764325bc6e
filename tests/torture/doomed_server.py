"""The server, but it kills itself with signal 9 at a named point. The crash tests start it in its place.

    python -m tests.torture.doomed_server server arguments…

The file that ``DOOM_FILE`` names holds a name of ``POINTS`` and how many times it may still be passed: without the file
nothing happens. Checkpoints, sweeps and changes of the journal's files come a hundred times as often as usual, so that
a short life has all of them.
"""

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine as DatabaseEngine
from sqlalchemy import event

from pointguard_server.__main__ import main
from pointguard_server.domain.codes import Operation
from pointguard_server.engine.batch import Decider
from pointguard_server.rpc.feeds import Feeds
from pointguard_server.service import sweeper
from pointguard_server.storage import journal, journaled_ledger, projector
from pointguard_server.storage.journal import Journal
from pointguard_server.storage.journaled_ledger import JournaledLedger
from pointguard_server.storage.sqlite_ledger import SqliteLedger

DOOM_FILE = "POINTGUARD_TEST_DOOM_FILE"
SEGMENT_BYTES = 32 * 1024
POINTS = (
    "before the commit",
    "after the commit, before the answer",
    "in a checkpoint",
    "delivering a feed",
    "enrolling, before the commit",
    "enrolled, before the answer",
    "half a block written",
    "before the flush",
    "in mid-batch",
    "in a projection",
    "after a checkpoint",
    "expiring, before the commit",
    "expired, after the commit",
)
MIGRATION = "in a migration"
"""A point of a first start alone: after any statement."""
_passed: dict[str, int] = {}


def die() -> None:
    """End the process as ``kill -9`` does."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def is_doomed(point: str) -> bool:
    """Note that a point is passed; return whether this is the end."""
    try:
        name, _, times = Path(os.environ[DOOM_FILE]).read_text().partition("\n")
    except OSError:
        return False
    if name != point:
        return False
    _passed[point] = _passed.get(point, 0) + 1
    return _passed[point] > int(times)


def arm(file: Path, point: str, times: int) -> None:
    """Have the server die when it has passed a point so many times more; never half of it can be read."""
    fresh = file.with_suffix(".new")
    fresh.write_text(f"{point}\n{times}")
    fresh.replace(file)


def disarm(file: Path) -> None:
    """Have the server live."""
    file.unlink(missing_ok=True)


class Disk:
    """``os`` as the journal has it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def pwrite(self, file: int, data: memoryview, at: int) -> int:
        """Write, or die when half of it is written."""
        if is_doomed("half a block written"):
            os.pwrite(file, data[: len(data) // 2], at)
            die()
        return os.pwrite(file, data, at)

    def fdatasync(self, file: int) -> None:
        """Flush, or die before."""
        if is_doomed("before the flush"):
            die()
        os.fdatasync(file)


def put(point: str, owner: type, name: str, *, after: bool = False, when: Callable[..., bool] | None = None) -> None:
    """Put a point before a method, or after it; passed only where ``when``, asked before, says so."""
    real = getattr(owner, name)

    def method(self: Any, *given: Any, **named: Any) -> Any:
        meant = when is None or when(self)
        if meant and not after and is_doomed(point):
            die()
        result = real(self, *given, **named)
        if meant and after and is_doomed(point):
            die()
        return result

    setattr(owner, name, method)


def in_a_checkpoint(real: Callable[[SqliteLedger], bool]) -> Callable[[SqliteLedger], bool]:
    """Have the process die at any time in a checkpoint, for which SQLite lets other threads run."""

    def checkpoint(self: SqliteLedger) -> bool:
        if is_doomed("in a checkpoint"):
            threading.Timer(random.uniform(0, 0.003), die).start()
            done = real(self)
            time.sleep(60)
            return done
        return real(self)

    return checkpoint


def writes(ledger: JournaledLedger) -> bool:
    """Whether a step has not only read."""
    return ledger._staged is not None


def expires(ledger: JournaledLedger) -> bool:
    """Whether a step writes that a reservation has ended by itself."""
    return ledger._staged is not None and bool((ledger._staged.legs["operation"] == Operation.EXPIRE).any())


def is_direct(ledger: JournaledLedger) -> bool:
    """Whether a step goes into the database itself, as one that enrolls does."""
    return ledger._direct


def projects(_database: SqliteLedger) -> bool:
    """Whether the projector calls."""
    return threading.current_thread().name == "projector"


def die_in_a_migration(*_: Any) -> None:
    """Die after a statement, if that is the point."""
    if is_doomed(MIGRATION):
        die()


def prepare() -> None:
    """Put the points where they belong."""
    journal.os = Disk()  # type: ignore[assignment, attr-defined]
    Journal.__init__.__defaults__ = (SEGMENT_BYTES,)
    projector.CHECKPOINT_LEGS = 200  # type: ignore[misc]
    sweeper.SWEEP_EVERY_S = 0.05  # type: ignore[misc]
    journaled_ledger.DIRECT_FOR = 1  # type: ignore[misc]
    put("in mid-batch", Decider, "_append")
    put("before the commit", JournaledLedger, "commit", when=writes)
    put("after the commit, before the answer", JournaledLedger, "commit", after=True, when=writes)
    put("expiring, before the commit", JournaledLedger, "commit", when=expires)
    put("expired, after the commit", JournaledLedger, "commit", after=True, when=expires)
    put("enrolling, before the commit", SqliteLedger, "enroll", after=True)
    put("enrolled, before the answer", JournaledLedger, "commit", after=True, when=is_direct)
    put("in a projection", SqliteLedger, "append_all", after=True, when=projects)
    put("after a checkpoint", Journal, "retire")
    put("delivering a feed", Feeds, "taken")
    SqliteLedger.checkpoint = in_a_checkpoint(SqliteLedger.checkpoint)  # type: ignore[assignment, method-assign]
    event.listen(DatabaseEngine, "after_cursor_execute", die_in_a_migration)


if __name__ == "__main__":
    prepare()
    main()
