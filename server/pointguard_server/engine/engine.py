"""The engine: the queue before the ledger, which collects requests into batches, and the thread that decides them.

Whatever arrives while one batch is decided is the next one. ``Engine`` belongs to the event loop that starts it; one
thread decides and writes, one batch at a time, so that no disk ever holds the loop up. Answers reach the loop by one
call a batch.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any

import structlog

from pointguard_server.domain.errors import (
    Draining,
    Expired,
    Overloaded,
    PointguardError,
    ProgramChanged,
    StorageBroken,
    StorageUnavailable,
)
from pointguard_server.engine.ask import Ask, Verdict
from pointguard_server.engine.batch import Decider
from pointguard_server.engine.inbox import INBOXES, Inbox
from pointguard_server.engine.rows import SETTLED
from pointguard_server.engine.totals import BatchReport
from pointguard_server.engine.verdicts import Answers

log = structlog.get_logger(__name__)

BATCH_REQUESTS_MAX = 4_096
# A batch that took longer to decide makes the next ones smaller: deadlines are looked at between batches.
DECIDE_S_MAX = 0.25
# A batch waits for more if the one before had so many callers, and for this long at most.
HOLD_FROM_CALLERS, HOLD_S_MAX = 2, 0.002
QUEUED_REQUESTS_MAX = 32_768


Finish = Callable[[Answers], Any]
"""Makes of a batch's answers what a submission's caller gets. Runs on the writer's thread, once all is durable."""
Done = Callable[[Any, BaseException | None], None]
"""Takes what ``Finish`` made, or an error. Called on the event loop."""


@dataclass(slots=True, eq=False)
class _Submission:
    """Rows of an inbox that are answered together."""

    first: int
    count: int
    deadline: float  # of time.monotonic()
    queued_at: float
    finish: Finish
    done: Done
    context: Any  # what ``Engine.context`` gave


@dataclass(slots=True, eq=False)
class _Batch:
    """What is decided in one step."""

    inbox: Inbox
    submissions: list[_Submission]

    @property
    def count(self) -> int:
        """How many requests are submitted."""
        return sum(submission.count for submission in self.submissions)


@dataclass(slots=True, eq=False)
class _Job:
    """Something else to run on the writer's thread, in an atomic step of its own, and what follows its commit."""

    run: Callable[[Any], Any]
    done: Done
    then: Callable[[Any], None] | None = None
    failed: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """A batch as the observer sees it: the report, how long its oldest request waited, what ``Engine.context`` gave."""

    report: BatchReport
    waited_s: float
    contexts: Sequence[Any]


class Engine:
    """The queue before the ledger, and the thread that writes."""

    def __init__(self, decider: Decider, run_job: Callable[[Callable[[Any], Any]], Any]) -> None:
        self._decider = decider
        self._run_job = run_job
        self._pending: deque[_Batch | _Job] = deque()
        self._spare_inboxes: list[Inbox] = []
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._busy = False
        self._gathering = False
        self._hold_s = 0.0  # how long the next batch waits for more
        self._requests_max = BATCH_REQUESTS_MAX  # in a batch, but for a submission that is larger by itself
        self._draining = False
        self._held = False  # whether batches wait, and jobs alone are done
        self._under_way_since = 0.0  # when the oldest request of the batch under way was queued; 0 between batches
        self.queued = 0  # requests
        self.shed = 0  # requests refused because too many were waiting
        self.writable = True  # whether the latest write was committed
        self.broken = False
        self.failures = 0  # batches that were undone
        self.observe: Callable[[Observed], None] | None = None
        self.context: Callable[[], Any] | None = None  # asked at each submission, for the observer; it may give None
        self.on_broken: Callable[[], None] | None = None
        self.on_program_changed: Callable[[], None] | None = None
        """Told that batches wait: see ``hold``."""

    def start(self) -> None:
        """Start the writer's thread for the running loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._write, name="writer", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Take no more, decide what is queued, and end the thread."""
        self._draining, self._held = True, False
        if self._thread is not None:
            idle = self._loop_of().create_future()
            self._pending.append(_Job(lambda _connection: None, partial(_settle, idle)))
            self._take_next()
            await asyncio.wait((idle,))
            self._work.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None

    @property
    def oldest_wait_s(self) -> float:
        """Age of the oldest request that is not answered yet: a writer that is stuck shows here. 0 without any."""
        oldest = self._under_way_since or next(
            (item.submissions[0].queued_at for item in self._pending if isinstance(item, _Batch) and item.submissions),
            0.0,
        )
        return time.monotonic() - oldest if oldest else 0.0

    def submit(self, asks: Sequence[Ask], deadline: float) -> "asyncio.Future[list[Verdict]]":
        """Queue asks to be decided in one batch, in order; the future gives a verdict for each.

        ``deadline`` is in ``time.monotonic()`` seconds: asks that wait past it are not looked at.

        Raises:
            Overloaded, Draining, StorageUnavailable: at once, before anything is queued.
        """
        answer: asyncio.Future[list[Verdict]] = self._loop_of().create_future()
        inbox = self.inbox_for(len(asks))
        first = inbox.count
        for ask in asks:
            inbox.put(ask)
        last = inbox.count
        self.submit_rows(first, deadline, lambda answers: answers.verdicts()[first:last], partial(_settle, answer))
        return answer

    def inbox_for(self, count: int) -> Inbox:
        """Return the inbox of the batch to come, to put that many requests in, all of them now; then ``submit_rows``.

        Raises:
            Overloaded, Draining, StorageUnavailable: at once, before anything is queued.
        """
        self._check(count)
        last = self._pending[-1] if self._pending else None
        if not isinstance(last, _Batch) or (last.inbox.count and last.inbox.count + count > self._requests_max):
            last = _Batch(self._spare_inboxes.pop() if self._spare_inboxes else Inbox(), [])
            self._pending.append(last)
        return last.inbox

    def submit_rows(self, first: int, deadline: float, finish: Finish, done: Done) -> None:
        """Queue the inbox's requests from row ``first`` on, which the caller has just put there."""
        batch = self._pending[-1]
        assert isinstance(batch, _Batch)  # noqa: S101  (what inbox_for gave)
        count = batch.inbox.count - first
        self.queued += count
        context = self.context() if self.context is not None else None
        batch.submissions.append(_Submission(first, count, deadline, time.monotonic(), finish, done, context))
        self._gather()

    def run(
        self,
        job: Callable[[Any], Any],
        then: Callable[[Any], None] | None = None,
        failed: Callable[[], None] | None = None,
    ) -> "asyncio.Future[Any]":
        """Run ``job(connection)`` on the writer's thread between two batches, as one atomic step.

        ``then`` is given the result on the same thread once the step is durable, before the next batch begins.
        ``failed`` is called on the event loop if either raised, before the next batch begins, too.
        """
        self._check(0)
        answer: asyncio.Future[Any] = self._loop_of().create_future()
        self._pending.append(_Job(job, partial(_settle, answer), then, failed))
        self._gather()
        return answer

    # ------------------------------------------------------------------------------------------------------- holding up

    def hold(self) -> None:
        """Decide nothing until ``release``: what decides must be changed before, by jobs."""
        self._held = not self._draining

    def release(self) -> None:
        """Go on deciding."""
        self._held = False
        if self._pending:
            self._gather()

    def refuse_held(self) -> None:
        """Refuse what waits while held: it was read for what decides no more, or there is no telling how long."""
        if self._held:
            self.refuse_waiting()

    def refuse_waiting(self) -> None:
        """Refuse all requests that wait for a batch; jobs stay."""
        for item in [each for each in self._pending if isinstance(each, _Batch)]:
            self._pending.remove(item)
            self.queued -= item.count
            for submission in item.submissions:
                _hand_over(submission, ProgramChanged())
            self._recycle(item)

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

    def _gather(self) -> None:
        """Have the next batch begun, if none is under way or about to be.

        Where calls come together, a batch's fixed cost (a flush above all) is shared by those that it takes along: so
        it waits for as long as the one before took, and for ``HOLD_S_MAX`` at most. A call that comes alone waits for
        nothing.
        """
        if self._busy or self._gathering:
            return
        self._gathering = True
        loop = self._loop_of()
        if self._hold_s:
            loop.call_later(self._hold_s, self._end_gathering)
        else:
            # Whoever else is ready to run on the loop comes first, to be in the same batch.
            loop.call_soon(self._end_gathering)

    def _end_gathering(self) -> None:
        self._gathering = False
        self._take_next()

    # -------------------------------------------------------------------------------------------------------- batches

    def _take_next(self) -> None:
        """Begin the next batch or job, if none is under way."""
        if self._busy or not self._pending:
            return
        item = self._pending[0]
        if self._held:
            jobs = (each for each in self._pending if isinstance(each, _Job))
            if (job := next(jobs, None)) is None:
                return
            item = job
        self._busy = True
        self._pending.remove(item)
        if isinstance(item, _Job):
            self._work.put(lambda: self._do_job(item))
            return
        self.queued -= item.count
        self._begin(item)

    def _begin(self, batch: _Batch) -> None:
        """Leave out what has come too late, and hand the rest to the writer's thread."""
        now = time.monotonic()
        waited_s = now - batch.submissions[0].queued_at if batch.submissions else 0.0
        live = []
        hurried_from = now + self._decider.programs.deadline_near_s
        for submission in batch.submissions:
            if self.broken:
                # What is on disk is unknown: nothing more may be decided on it.
                submission.done(None, StorageUnavailable())
            elif submission.deadline <= now:
                batch.inbox.envelopes["skip"][submission.first : submission.first + submission.count] = SETTLED
                submission.done(None, Expired())
            else:
                live.append(submission)
                if submission.deadline < hurried_from:
                    batch.inbox.hurry(submission.first, submission.count)
        batch.submissions = live
        if live:
            self._under_way_since = live[0].queued_at
            self._work.put(lambda: self._decide(batch, waited_s))
        else:
            self._recycle(batch)
            self._next()

    def _decided(self, batch: _Batch, waited_s: float, results: list[Any], error: PointguardError | None) -> None:
        """Hand each submission what it gets, and go on with what has come meanwhile."""
        if isinstance(error, ProgramChanged) and self.on_program_changed is not None and not self._draining:
            # Nothing was done: it waits until this server decides by what another one has changed.
            self._pending.appendleft(batch)
            self.queued += batch.count
            self.hold()
            self._next()
            self.on_program_changed()
            return
        for submission, result in zip(batch.submissions, results, strict=True):
            _hand_over(submission, result)
        self._recycle(batch)
        report = self._decider.last_report if error is None else None
        if report is not None:
            self.writable = self.writable or report.legs > 0
            took_s = report.decide_s + report.append_s + report.commit_s
            self._hold_s = min(took_s, HOLD_S_MAX) if len(batch.submissions) >= HOLD_FROM_CALLERS else 0.0
            if report.decide_s > DECIDE_S_MAX:
                self._requests_max = max(1, int(report.requests * DECIDE_S_MAX / report.decide_s))
            elif 2 * report.requests > self._requests_max:
                self._requests_max = min(2 * self._requests_max, BATCH_REQUESTS_MAX)
        else:
            self.failures += 1
            self._look_at(error)
        # Before anybody watches: whatever becomes of that, batches go on.
        self._next()
        if report is not None and self.observe is not None:
            contexts = [submission.context for submission in batch.submissions if submission.context is not None]
            self.observe(Observed(report, waited_s, contexts))

    def _look_at(self, error: BaseException | None) -> None:
        """Have the process end if what failed has left the storage in a state that nobody knows."""
        self.broken = self.broken or isinstance(error, StorageBroken)
        if self.broken and self.on_broken is not None:
            self.on_broken()

    def _recycle(self, batch: _Batch) -> None:
        """Keep an inbox for a later batch, unless a batch of unusual size has made it large."""
        if len(batch.inbox.requests) <= 2 * BATCH_REQUESTS_MAX and len(self._spare_inboxes) < INBOXES:
            batch.inbox.clear()
            self._spare_inboxes.append(batch.inbox)

    def _next(self) -> None:
        self._busy = False
        self._under_way_since = 0.0
        if self._pending:
            self._gather()

    # -------------------------------------------------------------------------------------------- the writer's thread

    def _write(self) -> None:
        """Do what is handed over until told to stop."""
        while (work := self._work.get()) is not None:
            work()

    def _decide(self, batch: _Batch, waited_s: float) -> None:
        error: PointguardError | None = None
        results: list[Any]
        try:
            answers = self._decider.decide_inbox(batch.inbox)
        except StorageUnavailable as failure:
            error, self.writable = failure, self.writable and isinstance(failure, ProgramChanged)
            results = [error] * len(batch.submissions)
        except Exception as defect:  # noqa: BLE001  (the thread must outlive it; the batch was undone)
            error = _unavailable_after(defect, "batch")
            results = [error] * len(batch.submissions)
        else:
            results = [_finished(submission, answers) for submission in batch.submissions]
        self._post(self._decided, batch, waited_s, results, error)

    def _do_job(self, job: _Job) -> None:
        try:
            result, error = self._run_job(job.run), None
            if job.then is not None:
                job.then(result)
        except BaseException as failure:  # noqa: BLE001  (whoever waits for it gets it)
            result, error = None, failure
        self._post(self._job_done, job, result, error)

    def _job_done(self, job: _Job, result: Any, error: BaseException | None) -> None:
        if error is None:
            self.writable = True
        elif isinstance(error, StorageUnavailable):
            self.writable = False
            self._look_at(error)
        if error is not None and job.failed is not None:
            job.failed()
        job.done(result, error)
        self._next()

    def _post(self, call: Callable[..., None], *arguments: Any) -> None:
        self._loop_of().call_soon_threadsafe(call, *arguments)


def _hand_over(submission: _Submission, result: Any) -> None:
    """Give a submission what it gets."""
    try:
        if isinstance(result, BaseException):
            submission.done(None, result)
        else:
            submission.done(result, None)
    except Exception:  # one caller's trouble must not keep the others, and the queue, waiting
        log.exception("fault", where="answer")


def _finished(submission: _Submission, answers: Answers) -> Any:
    """Return what a submission gets. Its requests are decided whatever happens here: a retry hears the decision."""
    try:
        return submission.finish(answers)
    except Exception as defect:  # noqa: BLE001  (a defect in one answer is no reason to lose the others)
        return _unavailable_after(defect, "answer")


def _unavailable_after(defect: Exception, where: str) -> StorageUnavailable:
    """Have the log tell of a defect of ours; a client hears no more of it than that a retry will find out."""
    log.error("fault", where=where, exc_info=defect)
    return StorageUnavailable()


def _settle(answer: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    """Answer a future that may have been given up by whoever waited."""
    if answer.done():
        return
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(result)
