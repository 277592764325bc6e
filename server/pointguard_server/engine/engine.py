"""Collecting batches: whatever arrives while one batch is decided is the next one. No timer, no fixed size.

``Engine`` belongs to the event loop that starts it; one thread decides and writes, one batch at a time, so that no
disk ever holds the loop up. Answers reach the loop by one call a batch.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import structlog

from pointguard_server.domain.errors import (
    Draining,
    Expired,
    Overloaded,
    PointguardError,
    StorageBroken,
    StorageUnavailable,
)
from pointguard_server.engine.ask import Ask, Verdict
from pointguard_server.engine.batch import BatchReport, Decider

log = structlog.get_logger(__name__)

BATCH_REQUESTS_MAX = 4_096
GATHER_S_MAX = 0.008
QUIET_PASSES_MIN, QUIET_PASSES_MAX, QUIET_PASSES_A_REQUEST = 4, 100, 4
QUEUED_REQUESTS_MAX = 32_768


@dataclass(slots=True, eq=False)
class _Submission:
    """Asks that are answered together."""

    asks: Sequence[Ask]
    deadline: float  # of time.monotonic()
    queued_at: float
    answer: "asyncio.Future[list[Verdict]]"


@dataclass(slots=True, eq=False)
class _Job:
    """Something else to run on the writer's thread, in an atomic step of its own."""

    run: Callable[[Any], Any]
    answer: "asyncio.Future[Any]"


@dataclass(frozen=True, slots=True)
class Observed:
    """A batch as the observer sees it: the report, and how long its oldest request waited."""

    report: BatchReport
    waited_s: float


class Engine:
    """The queue before the ledger, and the thread that writes."""

    def __init__(self, decider: Decider, run_job: Callable[[Callable[[Any], Any]], Any]) -> None:
        self._decider = decider
        self._run_job = run_job
        self._pending: deque[_Submission | _Job] = deque()
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._busy = False
        self._gathering = False
        self._quiet_passes = 0
        self._gather_until = 0.0
        self._patience = QUIET_PASSES_MIN  # passes of the loop without a new request that end a batch
        self._draining = False
        self._under_way_since = 0.0  # when the oldest request of the batch under way was queued; 0 between batches
        self.queued = 0  # requests
        self.shed = 0  # requests refused because too many were waiting
        self.writable = True  # whether the latest write was committed
        self.broken = False
        self.failures = 0  # batches that were undone
        self.observe: Callable[[Observed], None] | None = None
        self.submitted: Callable[[asyncio.Future[list[Verdict]]], None] | None = None  # called for each submission
        self.on_broken: Callable[[], None] | None = None

    def start(self) -> None:
        """Start the writer's thread for the running loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._write, name="writer", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Take no more, decide what is queued, and end the thread."""
        self._draining = True
        if self._thread is not None:
            idle = self._loop_of().create_future()
            self._pending.append(_Job(lambda _connection: None, idle))
            self._take_next()
            await asyncio.wait((idle,))
            self._work.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None

    @property
    def oldest_wait_s(self) -> float:
        """Age of the oldest request that is not answered yet: a writer that is stuck shows here. 0 without any."""
        oldest = self._under_way_since or next(
            (item.queued_at for item in self._pending if isinstance(item, _Submission)), 0.0
        )
        return time.monotonic() - oldest if oldest else 0.0

    def submit(self, asks: Sequence[Ask], deadline: float) -> "asyncio.Future[list[Verdict]]":
        """Queue asks to be decided in one batch, in order; the future gives a verdict for each.

        ``deadline`` is in ``time.monotonic()`` seconds: asks that wait past it are not looked at.

        Raises:
            Overloaded, Draining, StorageUnavailable: at once, before anything is queued.
        """
        self._check(len(asks))
        answer: asyncio.Future[list[Verdict]] = self._loop_of().create_future()
        self.queued += len(asks)
        self._enqueue(_Submission(asks, deadline, time.monotonic(), answer))
        if self.submitted is not None:
            self.submitted(answer)
        return answer

    @contextmanager
    def admitted(self, count: int) -> Iterator[None]:
        """Keep room for requests while they are still being decoded, which for many is work worth sparing.

        Raises:
            Overloaded, Draining, StorageUnavailable: at once.
        """
        self._check(count)
        self.queued += count
        try:
            yield
        finally:
            self.queued -= count

    def run(self, job: Callable[[Any], Any]) -> "asyncio.Future[Any]":
        """Run ``job(connection)`` on the writer's thread between two batches, as one atomic step."""
        self._check(0)
        answer: asyncio.Future[Any] = self._loop_of().create_future()
        self._enqueue(_Job(job, answer))
        return answer

    def _loop_of(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise StorageUnavailable
        return self._loop

    def _check(self, count: int) -> None:
        if self._draining:
            raise Draining
        if self.broken:
            raise StorageUnavailable
        if self.queued + count > QUEUED_REQUESTS_MAX:
            self.shed += count
            raise Overloaded

    def _enqueue(self, item: _Submission | _Job) -> None:
        """Queue an item; whoever else is ready to run on the loop comes first, to be in the same batch."""
        self._pending.append(item)
        self._quiet_passes = 0
        if not self._busy and not self._gathering:
            self._gather_from_now()

    def _gather_from_now(self) -> None:
        self._gathering, self._quiet_passes = True, 0
        self._gather_until = time.monotonic() + GATHER_S_MAX
        self._loop_of().call_soon(self._gather)

    def _gather(self) -> None:
        """Begin the next batch once the loop finds nothing new to read: then waiting would cost, and gain nothing.

        While calls keep coming in, the loop is busy reading them anyway; a batch that takes them along costs each of
        them less. Bounded by ``GATHER_S_MAX``.
        """
        self._quiet_passes += 1
        if self._quiet_passes < self._patience and time.monotonic() < self._gather_until:
            self._loop_of().call_soon(self._gather)
            return
        self._gathering = False
        self._take_next()

    # -------------------------------------------------------------------------------------------------------- batches

    def _take_next(self) -> None:
        """Begin the next batch or job, if none is under way."""
        if self._busy or not self._pending:
            return
        self._busy = True
        first = self._pending.popleft()
        if isinstance(first, _Job):
            self._work.put(lambda: self._do_job(first))
            return
        batch, count = [first], len(first.asks)
        while self._pending:
            item = self._pending[0]
            if not isinstance(item, _Submission) or count + len(item.asks) > BATCH_REQUESTS_MAX:
                break
            batch.append(item)
            count += len(item.asks)
            self._pending.popleft()
        self.queued -= count
        # The more came together the last time, the more is on its way; a lone request waits for next to nothing.
        self._patience = min(QUIET_PASSES_MIN + QUIET_PASSES_A_REQUEST * (len(batch) - 1), QUIET_PASSES_MAX)
        self._begin(batch)

    def _begin(self, batch: list[_Submission]) -> None:
        """Leave out what has come too late, and hand the rest to the writer's thread."""
        now = time.monotonic()
        live = [submission for submission in batch if submission.deadline > now]
        for submission in batch:
            if submission.deadline <= now:
                _settle(submission.answer, None, Expired())
        waited_s = now - batch[0].queued_at
        if self.broken:
            # What is on disk is unknown: nothing more may be decided on it.
            for submission in live:
                _settle(submission.answer, None, StorageUnavailable())
            self._next()
        elif live:
            self._under_way_since = live[0].queued_at
            self._work.put(lambda: self._decide(live, waited_s))
        else:
            self._next()

    def _decided(
        self, live: list[_Submission], waited_s: float, verdicts: list[Verdict], error: PointguardError | None
    ) -> None:
        """Hand each submission its verdicts, and go on with what has come meanwhile."""
        at = 0
        for submission in live:
            count = len(submission.asks)
            _settle(submission.answer, verdicts[at : at + count], error)
            at += count
        if error is not None:
            self.failures += 1
            self.broken = self.broken or isinstance(error, StorageBroken)
            if self.broken and self.on_broken is not None:
                self.on_broken()
        elif (report := self._decider.last_report) is not None:
            self.writable = self.writable or report.legs > 0
            if self.observe is not None:
                self.observe(Observed(report, waited_s))
        self._next()

    def _next(self) -> None:
        self._busy = False
        self._under_way_since = 0.0
        if self._pending and not self._gathering:
            self._gather_from_now()

    # -------------------------------------------------------------------------------------------- the writer's thread

    def _write(self) -> None:
        """Do what is handed over until told to stop."""
        while (work := self._work.get()) is not None:
            work()

    def _decide(self, live: list[_Submission], waited_s: float) -> None:
        verdicts: list[Verdict] = []
        error: PointguardError | None = None
        try:
            verdicts = self._decider.decide([ask for submission in live for ask in submission.asks])
        except StorageUnavailable as failure:
            error, self.writable = failure, False
        except Exception as defect:  # the thread must outlive it; the batch was undone
            log.exception("fault", where="batch", exc_info=defect)
            error = StorageUnavailable()
        self._post(self._decided, live, waited_s, verdicts, error)

    def _do_job(self, job: _Job) -> None:
        try:
            result, error = self._run_job(job.run), None
        except BaseException as failure:  # noqa: BLE001  (whoever waits for it gets it)
            result, error = None, failure
        self._post(self._job_done, job, result, error)

    def _job_done(self, job: _Job, result: Any, error: BaseException | None) -> None:
        if error is None:
            self.writable = True
        elif isinstance(error, StorageUnavailable):
            self.writable = False
        _settle(job.answer, result, error)
        self._next()

    def _post(self, call: Callable[..., None], *arguments: Any) -> None:
        self._loop_of().call_soon_threadsafe(call, *arguments)


def _settle(answer: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    """Answer a future that may have been given up by whoever waited."""
    if answer.done():
        return
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(result)
