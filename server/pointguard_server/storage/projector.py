"""Bringing what the journal holds into the database, behind the writer. For ``journaled_ledger``.

A thread of its own takes the batches that gathered and writes them in one transaction, unflushed: they are in the
journal. From time to time it checkpoints, which flushes; the journal's files up to there are then free again. The one
connection that writes is shared with the writer's thread, under ``lock``: SQLite before 3.51.3 can corrupt a database
that two connections write or checkpoint at once.
"""

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

import structlog

from pointguard_server.domain.errors import StorageBroken, StorageUnavailable
from pointguard_server.engine.ports import Rows
from pointguard_server.storage.journal import Journal
from pointguard_server.storage.sqlite_ledger import SqliteLedger

log = structlog.get_logger(__name__)

GATHER_S: Final = 0.1
LEGS_A_TRANSACTION: Final = 2_048
BEHIND_BYTES_MAX: Final = 8 * 1024 * 1024
RETRY_S: Final = 0.25
CHECKPOINT_LEGS: Final = 20_000
CHECKPOINT_S: Final = 5.0


class _Batch(NamedTuple):
    """A batch that is in the journal and not yet in the database."""

    batch_id: int
    rows: Rows
    size: int


class Projector:
    """The batches behind the writer, and the thread that brings them into the database."""

    def __init__(self, database: SqliteLedger, journal: Journal, batch_id: int) -> None:
        self.lock = threading.Lock()  # of the connection that writes
        self.projected = batch_id  # the last batch that is in the database
        self.behind_legs = 0
        self.broken = False
        self.on_broken: Callable[[], None] | None = None
        self._database, self._journal = database, journal
        self._changed = threading.Condition()
        self._batches: deque[_Batch] = deque()
        self._behind_bytes = 0
        self._added = batch_id
        self._tries = 0
        self._urgent = 0  # callers that wait
        self._ending = False
        self._unflushed_legs = 0
        self._checkpointed_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="projector", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def add(self, rows: Rows, size: int) -> None:
        """Take over a batch of which the journal has so many bytes."""
        with self._changed:
            self._batches.append(_Batch(rows.batch.batch_id, rows, size))
            self._added = rows.batch.batch_id
            self.behind_legs += rows.batch.leg_count
            self._behind_bytes += size
            if len(self._batches) == 1 or self.behind_legs >= LEGS_A_TRANSACTION:
                self._changed.notify_all()

    def skip(self, rows: Rows) -> None:
        """Note a batch that went into the database without the journal."""
        with self._changed:
            self._added = self.projected = rows.batch.batch_id
            self._unflushed_legs += rows.batch.leg_count

    def wait_for_room(self, size: int) -> None:
        """Wait until a batch of so many bytes more is not too much to be behind.

        Raises:
            StorageUnavailable: the database cannot be written now.
        """
        if self._batches and self._behind_bytes + size > BEHIND_BYTES_MAX:
            self._wait(lambda: not self._batches or self._behind_bytes + size <= BEHIND_BYTES_MAX)

    def catch_up(self) -> None:
        """Wait until the database has every batch that is in the journal now.

        Raises:
            StorageUnavailable: the database cannot be written now.
        """
        if self.projected < self._added:
            target = self._added
            self._wait(lambda: self.projected >= target)

    def _wait(self, reached: Callable[[], bool]) -> None:
        with self._changed:
            tries = self._tries
            self._urgent += 1
            self._changed.notify_all()
            # Another try than the one under way, which may be about to fail for a reason that is over.
            self._changed.wait_for(lambda: reached() or self.broken or self._tries > tries + 1)
            self._urgent -= 1
            if not reached():
                raise StorageBroken if self.broken else StorageUnavailable

    def give_up(self) -> None:
        """Write and flush nothing any more: a flush has failed, and what is on disk is unknown."""
        with self._changed:
            self.broken = True
            self._changed.notify_all()
        if self.on_broken is not None:
            self.on_broken()

    def close(self) -> bool:
        """Bring everything into the database and end the thread; return whether the journal is of no more use."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self._thread.join()
        return not self._batches and not self._unflushed_legs and not self.broken

    # ------------------------------------------------------------------------------------------------------ its thread

    def _run(self) -> None:
        while not self.broken:
            some = self._gather()
            try:
                if some:
                    self._project(some)
                self._checkpoint()
            except StorageUnavailable as error:
                self._failed(error)
            except Exception as defect:  # noqa: BLE001  (whoever waits for this thread must hear of it)
                self._end_after(defect)
            # Where there is no room for a spare, the writer finds that out when it needs one.
            with suppress(StorageUnavailable):
                if not self.broken:
                    self._journal.prepare()
            if self._ending and (not self._batches or self._tries):
                break

    def _gather(self) -> list[_Batch]:
        """Wait for batches, and return those that are brought in together."""
        with self._changed:
            self._changed.wait_for(lambda: self._batches or self._ending, CHECKPOINT_S)
            self._changed.wait_for(self._is_time, RETRY_S if self._tries else GATHER_S)
            some, legs = [], 0
            for batch in self._batches:
                some.append(batch)
                legs += batch.rows.batch.leg_count
                if legs >= LEGS_A_TRANSACTION:
                    break
            return some

    def _is_time(self) -> bool:
        return bool(self._urgent or self._ending or (self.behind_legs >= LEGS_A_TRANSACTION and not self._tries))

    def _project(self, some: list[_Batch]) -> None:
        """Bring batches into the database, in one transaction that nobody waits to see on the disk."""
        with self.lock, self._database.unflushed():
            if self.broken:
                return
            self._database.begin()
            try:
                self._database.append_all([batch.rows for batch in some])
                self._database.commit()
            except BaseException:
                self._database.rollback()
                raise
        with self._changed:
            for batch in some:
                self._batches.popleft()
                self.behind_legs -= batch.rows.batch.leg_count
                self._behind_bytes -= batch.size
            self.projected = some[-1].batch_id
            self._unflushed_legs += sum(batch.rows.batch.leg_count for batch in some)
            self._tries = 0
            self._changed.notify_all()

    def _checkpoint(self) -> None:
        """Flush the database, if it is time to, and free the journal up to there."""
        due = self._unflushed_legs >= CHECKPOINT_LEGS or time.monotonic() - self._checkpointed_at >= CHECKPOINT_S
        if not self._unflushed_legs or not (due or (self._ending and not self._batches)):
            return
        with self.lock:
            projected, legs = self.projected, self._unflushed_legs
            if not self.broken and self._database.checkpoint():
                with self._changed:
                    self._unflushed_legs -= legs
                self._journal.retire(projected)
        self._checkpointed_at = time.monotonic()

    def _end_after(self, defect: Exception) -> None:
        log.error("fault", where="projector", exc_info=defect)
        self._failed(StorageBroken())

    def _failed(self, error: StorageUnavailable) -> None:
        with self._changed:
            if self._tries == 0 and error.__cause__ is not None:
                log.warning("projection_failed", behind_legs=self.behind_legs, error=repr(error.__cause__))
            self._tries += 1
            self._changed.notify_all()
        if isinstance(error, StorageBroken) or isinstance(error.__cause__, sqlite3.IntegrityError):
            self.give_up()
