"""Runs a load in this process, in a closed or an open loop. Command and benchmarks use it.

In a closed loop so many callers each wait for their answer; in an open loop calls are due at their times, whatever the
server does. It does not retry: a failure is counted, and a caller of a closed loop rests a little before its next call.
"""

import asyncio
import random
import time
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Final

import grpc

from pointguard_client.channel import Metadata
from pointguard_client.errors import CallError, Failure, failure_from_rpc_error
from pointguard_client.idempotency import Uuid7Source
from pointguard_client.load.exchange import KeySource, Line, LoadMode, error_text, open_exchange
from pointguard_client.load.schedule import NANOSECONDS, Arrivals, arrival_times
from pointguard_client.load.tally import LoadTally
from pointguard_client.load.templates import TemplatePool

_PAUSE_AFTER_ERROR_SECONDS: Final = 0.05
_ERRORS_IN_A_ROW_MIN: Final = 200
_PACE_STEP_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How to load: it ends after `duration_seconds` or `count` requests, whichever comes first; one must be given.

    With a `rate` the loop is open: so many requests are due in a second, as `arrivals` says, and `concurrency` bounds
    the calls in flight; `phase` (0 to 1) shifts a constant rate, `seed` decides a random one. Without, it is closed:
    `concurrency` callers, each of which rests for `think_seconds` after an answer. A call of a batch or of columns has
    `batch_size` requests.
    """

    mode: LoadMode = LoadMode.UNARY
    concurrency: int = 32
    batch_size: int = 500
    duration_seconds: float | None = None
    count: int | None = None
    timeout_seconds: float = 2.0
    rate: float | None = None
    arrivals: Arrivals = Arrivals.CONSTANT
    phase: float = 0.0
    seed: int = 1
    think_seconds: float = 0.0

    @property
    def requests_a_call(self) -> int:
        """How many requests a call has."""
        return self.batch_size if self.mode in (LoadMode.BATCH, LoadMode.COLUMNS) else 1


class LoadRunner:
    """Runs one load once. `stop` ends it early; calls in flight are still answered.

    `next_key` gives idempotency keys as 128-bit integers; without it they are UUIDv7.

    Raises:
        ValueError: if the options name neither a duration nor a count.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        metadata: Metadata,
        pool: TemplatePool,
        options: LoadOptions,
        next_key: KeySource | None = None,
    ) -> None:
        if options.duration_seconds is None and options.count is None:
            raise ValueError("a load needs a duration or a count")
        self.tally = LoadTally()
        self._options = options
        # Keys of a load need not be hard to guess, and asking the system for randomness would be half their cost.
        next_key = next_key or Uuid7Source(random_step=lambda: 1 + random.getrandbits(32)).next_int
        self._exchange = open_exchange(options.mode, Line(channel, metadata, pool, next_key, options.timeout_seconds))
        self._left = options.count
        self._ends_ns = 0
        self._stopping = asyncio.Event()
        self._errors_in_a_row = 0
        self._in_flight = 0
        self._overdue: deque[int] = deque()

    def stop(self) -> None:
        """Send nothing more."""
        self.tally.interrupted = self.tally.interrupted or not self._stopping.is_set()
        self._stopping.set()

    async def run(self) -> LoadTally:
        """Run the load to its end and return what it did."""
        tally, duration = self.tally, self._options.duration_seconds
        cpu_started = time.process_time_ns()
        tally.started_ns = tally.ended_ns = time.perf_counter_ns()
        self._ends_ns = tally.started_ns + round(duration * NANOSECONDS) if duration is not None else 2**63
        try:
            if self._options.rate is None:
                await self._closed_loop()
            else:
                await self._open_loop(self._options.rate)
        finally:
            self._stopping.set()
            await self._exchange.close()
        tally.ended_ns = time.perf_counter_ns()
        tally.cpu_ns = time.process_time_ns() - cpu_started
        return tally

    def _take(self) -> int:
        """Take a call's requests off what is left to do; 0 when the load is over."""
        if self._stopping.is_set() or time.perf_counter_ns() >= self._ends_ns:
            return 0
        size = self._options.requests_a_call
        if self._left is not None:
            size = min(size, self._left)
            self._left -= size
        return size

    async def _closed_loop(self) -> None:
        async with asyncio.TaskGroup() as callers:
            for _ in range(self._options.concurrency):
                callers.create_task(self._call_by_turns())

    async def _call_by_turns(self) -> None:
        while size := self._take():
            answered = await self._ask(size, None)
            rest = self._options.think_seconds if answered else _PAUSE_AFTER_ERROR_SECONDS
            if rest:
                await self._rest(rest)

    async def _rest(self, seconds: float) -> None:
        left = (self._ends_ns - time.perf_counter_ns()) / NANOSECONDS
        try:
            await asyncio.wait_for(self._stopping.wait(), max(min(seconds, left), 0.0))
        except TimeoutError:
            return

    async def _open_loop(self, rate: float) -> None:
        options = self._options
        calls_a_second = rate / options.requests_a_call
        due = arrival_times(options.arrivals, calls_a_second, options.phase, random.Random(options.seed))
        if options.count is not None:
            due = islice(due, -(-options.count // options.requests_a_call))
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as calls:

            def launch(due_ns: int) -> None:
                if self._in_flight >= options.concurrency:
                    self.tally.held_back += 1
                    self._overdue.append(due_ns)
                else:
                    self._in_flight += 1
                    calls.create_task(self._call_when_due(due_ns))

            def pace() -> None:
                # On a thread of its own: the loop's own timers are a millisecond late at times.
                for offset_ns in due:
                    due_ns = self.tally.started_ns + offset_ns
                    if due_ns >= self._ends_ns:
                        return
                    while (left := due_ns - time.perf_counter_ns()) > 0 and not self._stopping.is_set():
                        time.sleep(min(left / NANOSECONDS, _PACE_STEP_SECONDS))
                    if self._stopping.is_set():
                        return
                    loop.call_soon_threadsafe(launch, due_ns)

            await asyncio.to_thread(pace)
        self.tally.unsent = len(self._overdue) * options.requests_a_call

    async def _call_when_due(self, due_ns: int) -> None:
        while size := self._take():
            self.tally.lateness.record(time.perf_counter_ns() - due_ns)
            await self._ask(size, due_ns)
            if not self._overdue:
                break
            due_ns = self._overdue.popleft()
        else:
            # The load is over.
            self._overdue.appendleft(due_ns)
        self._in_flight -= 1

    async def _ask(self, size: int, due_ns: int | None) -> bool:
        """Make one call and count what comes of it; return whether there was an answer."""
        built = self._exchange.build(size)
        started_ns = time.perf_counter_ns() if due_ns is None else due_ns
        try:
            answer = await self._exchange.send(built)
        except grpc.aio.AioRpcError as error:
            self._note_failure(failure_from_rpc_error(error))
            return False
        except CallError as error:
            self._note_failure(error.failure)
            return False
        ended_ns = time.perf_counter_ns()
        called = self._exchange.note(answer, self.tally)
        self.tally.latencies[called].record(ended_ns - started_ns)
        self.tally.ended_ns = ended_ns
        self._errors_in_a_row = 0
        return True

    def _note_failure(self, failure: Failure) -> None:
        self.tally.errors[error_text(failure)] += 1
        self._errors_in_a_row += 1
        # All that is in flight may fail at once, and the server be there again for the next.
        too_many = max(_ERRORS_IN_A_ROW_MIN, 2 * self._options.concurrency)
        if self._errors_in_a_row >= too_many and not self._stopping.is_set():
            self.tally.gave_up = f"{too_many} calls in a row failed, the last with {failure.code}"
            self._stopping.set()
