"""Collecting batches: whatever arrives while one batch commits is the next one. No timer, no fixed size.

``Engine`` belongs to the event loop that starts it; one thread decides. Answers reach the loop by one call a batch.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

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

log = logging.getLogger(__name__)

BATCH_REQUESTS_MAX = 4_096
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
    """A batch as the observer sees it: the report, how long its oldest request waited, and what it decided."""

    report: BatchReport
    waited_s: float
    asks: Sequence[Ask]
    verdicts: Sequence[Verdict]


class Engine:
    """The writer's thread and the queue before it."""

    def __init__(self, decider: Decider, run_job: Callable[[Callable[[Any], Any]], Any]) -> None:
        self._decider = decider
        self._run_job = run_job
        self._queue: SimpleQueue[_Submission | _Job | None] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._draining = False
        self.queued = 0  # requests, changed on the loop only
        self.broken = False
        self.observe: Callable[[Observed], None] | None = None
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
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None

    @property
    def ready(self) -> bool:
        """Whether requests are taken and the ledger can be written."""
        return not self._draining and not self.broken and self._thread is not None

    def submit(self, asks: Sequence[Ask], deadline: float) -> "asyncio.Future[list[Verdict]]":
        """Queue asks to be decided in one batch, in order; the future gives a verdict for each.

        ``deadline`` is in ``time.monotonic()`` seconds: asks that wait past it are not looked at.

        Raises:
            Overloaded, Draining, StorageUnavailable: at once, before anything is queued.
        """
        self._check(len(asks))
        assert self._loop is not None  # noqa: S101
        answer = self._loop.create_future()
        self.queued += len(asks)
        self._queue.put(_Submission(asks, deadline, time.monotonic(), answer))
        return answer

    def run(self, job: Callable[[Any], Any]) -> "asyncio.Future[Any]":
        """Run ``job(connection)`` on the writer's thread between two batches, as one atomic step."""
        self._check(0)
        assert self._loop is not None  # noqa: S101
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._queue.put(_Job(job, answer))
        return answer

    def _check(self, count: int) -> None:
        if self._draining:
            raise Draining
        if self.broken:
            raise StorageUnavailable
        if self.queued + count > QUEUED_REQUESTS_MAX:
            raise Overloaded

    # ------------------------------------------------------------------------------------------- the writer's thread

    def _write(self) -> None:
        """Take batches until told to stop."""
        item = self._queue.get()
        while item is not None:
            if isinstance(item, _Job):
                self._answer_job(item)
                item = self._queue.get()
            else:
                batch, item = self._collect(item)
                self._answer_batch(batch)
                if item is _NOTHING:
                    item = self._queue.get()

    def _collect(self, first: _Submission) -> tuple[list[_Submission], "_Submission | _Job | None"]:
        """Return all that is queued now, and what came after the batch was full or had to end."""
        batch, count = [first], len(first.asks)
        while not self._queue.empty():
            item = self._queue.get_nowait()
            if not isinstance(item, _Submission) or count + len(item.asks) > BATCH_REQUESTS_MAX:
                return batch, item
            batch.append(item)
            count += len(item.asks)
        return batch, _NOTHING

    def _answer_batch(self, batch: list[_Submission]) -> None:
        now = time.monotonic()
        observed: Observed | None = None
        live = [submission for submission in batch if submission.deadline > now]
        late = [submission for submission in batch if submission.deadline <= now]
        asks = [ask for submission in live for ask in submission.asks]
        verdicts: list[Verdict] = []
        error: PointguardError | None = None
        if asks:
            try:
                verdicts = self._decider.decide(asks)
                observed = self._observed(now - live[0].queued_at, asks, verdicts)
            except StorageUnavailable as failure:
                error = failure
                self.broken = isinstance(failure, StorageBroken)
            except Exception:
                # The thread must outlive a defect; the batch was undone.
                log.exception("a batch of %d requests could not be decided", len(asks))
                error = StorageUnavailable()
        self._post(lambda: self._deliver(batch, live, late, verdicts, error, observed))

    def _observed(self, waited_s: float, asks: list[Ask], verdicts: list[Verdict]) -> Observed | None:
        report = self._decider.last_report
        return None if report is None else Observed(report, waited_s, asks, verdicts)

    def _answer_job(self, job: _Job) -> None:
        try:
            result, error = self._run_job(job.run), None
        except BaseException as failure:  # noqa: BLE001  (whoever waits for it gets it)
            result, error = None, failure
        self._post(lambda: _settle(job.answer, result, error))

    def _post(self, call: Callable[[], None]) -> None:
        assert self._loop is not None  # noqa: S101
        self._loop.call_soon_threadsafe(call)

    # -------------------------------------------------------------------------------------------------------- the loop

    def _deliver(
        self,
        batch: list[_Submission],
        live: list[_Submission],
        late: list[_Submission],
        verdicts: list[Verdict],
        error: PointguardError | None,
        observed: Observed | None,
    ) -> None:
        """Hand each submission its verdicts."""
        self.queued -= sum(len(submission.asks) for submission in batch)
        at = 0
        for submission in live:
            count = len(submission.asks)
            _settle(submission.answer, verdicts[at : at + count], error)
            at += count
        for submission in late:
            _settle(submission.answer, None, Expired())
        if self.broken and self.on_broken is not None:
            self.on_broken()
        if observed is not None and self.observe is not None:
            self.observe(observed)


_NOTHING: Any = object()


def _settle(answer: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    """Answer a future that may have been given up by whoever waited."""
    if answer.done():
        return
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(result)
