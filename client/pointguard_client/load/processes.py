"""Runs a load in processes of its own: showing progress does not disturb it, and several keep a server busy.

The command uses it. The processes are new ones, not forks, and begin together. Each sends its counts so far a few times
a second; they are added up. One that loses its parent ends.
"""

import asyncio
import gc
import multiprocessing
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection as Pipe
from multiprocessing.context import SpawnProcess
from typing import Final

from pointguard_client.channel import Metadata, open_channel
from pointguard_client.errors import PointguardError
from pointguard_client.load.members import LoadMember, Skew
from pointguard_client.load.runner import LoadOptions, LoadRunner
from pointguard_client.load.tally import LoadTally
from pointguard_client.load.templates import LoadOperation, LoadShape, TemplatePool

_REPORT_SECONDS: Final = 0.25
_ENDING_SECONDS_MAX: Final = 5.0


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """All that a process needs to know to load a server."""

    address: str | None
    metadata: Metadata
    plaintext: bool | None
    root_certificates: bytes | None
    members: Sequence[LoadMember]
    shape: LoadShape
    weights: dict[LoadOperation, int]
    skew: Skew
    seed: int
    options: LoadOptions

    def part(self, number: int, parts: int) -> "LoadPlan":
        """Return what process `number` (from 0) of so many does: its share of the calls, the count and the rate."""
        options = self.options
        shared = replace(
            options,
            concurrency=_share(options.concurrency, number, parts),
            count=None if options.count is None else _share(options.count, number, parts),
            rate=None if options.rate is None else options.rate / parts,
            phase=number / parts,
            seed=options.seed + number,
        )
        return replace(self, seed=self.seed + number, options=shared)

    @asynccontextmanager
    async def runner(self) -> AsyncIterator[LoadRunner]:
        """Open a channel, and return what runs the load over it."""
        pool = TemplatePool(self.members, self.shape, self.weights, self.seed, self.skew)
        async with open_channel(self.address, self.plaintext, self.root_certificates) as channel:
            # The first call shall not be slow for the connection's sake. Without a server the load counts failures.
            with suppress(TimeoutError):
                await asyncio.wait_for(channel.channel_ready(), self.options.timeout_seconds)
            yield LoadRunner(channel, self.metadata, pool, self.options)


class LoadProcesses:
    """Runs one plan once, in so many processes. `stop` ends it early; calls in flight are still answered."""

    def __init__(self, plan: LoadPlan, processes: int) -> None:
        self._parts = [plan.part(number, processes) for number in range(processes)]
        self._tallies = [LoadTally() for _ in range(processes)]
        self._pipes: list[Pipe] = []

    @property
    def tally(self) -> LoadTally:
        """The counts of all processes so far."""
        whole = LoadTally()
        for tally in self._tallies:
            whole.add(tally)
        return whole

    def stop(self) -> None:
        """Send nothing more."""
        self._tell(go_on=False)

    async def run(self) -> LoadTally:
        """Run to the end and return what all did; raise PointguardError if a process ends before its time."""
        processes = self._start()
        followers: list[asyncio.Task[None]] = []
        try:
            await asyncio.gather(*(asyncio.to_thread(_until_ready, pipe) for pipe in self._pipes))
            followers += [asyncio.create_task(self._follow(number, pipe)) for number, pipe in enumerate(self._pipes)]
            self._tell(go_on=True)
            await asyncio.gather(*followers)
        finally:
            for follower in followers:
                follower.cancel()
            await asyncio.gather(*followers, return_exceptions=True)
            for pipe in self._pipes:
                pipe.close()
            for process in processes:
                process.join(_ENDING_SECONDS_MAX)
                process.kill()
        return self.tally

    def _start(self) -> list[SpawnProcess]:
        context = multiprocessing.get_context("spawn")
        processes = []
        with _interrupts_blocked():
            for part in self._parts:
                ours, theirs = context.Pipe()
                process = context.Process(target=_work, args=(part, theirs), daemon=True)
                process.start()
                theirs.close()
                processes.append(process)
                self._pipes.append(ours)
        return processes

    def _tell(self, *, go_on: bool) -> None:
        for pipe in self._pipes:
            # One that has ended already need not be told.
            with suppress(OSError):
                pipe.send(go_on)

    async def _follow(self, number: int, pipe: Pipe) -> None:
        """Take a process's counts until it has sent its last."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()

        def take() -> None:
            try:
                tally: LoadTally | None = pipe.recv()
            except (EOFError, OSError):
                loop.remove_reader(pipe.fileno())
                ended.set_exception(PointguardError(_LOST))
                return
            if tally is not None:
                self._tallies[number] = tally
            else:
                loop.remove_reader(pipe.fileno())
                ended.set_result(None)

        loop.add_reader(pipe.fileno(), take)
        try:
            await ended
        finally:
            loop.remove_reader(pipe.fileno())


_LOST: Final = "a client process ended before its time; what it wrote to standard error says why"


def _until_ready(pipe: Pipe) -> None:
    try:
        pipe.recv()
    except (EOFError, OSError):
        raise PointguardError(_LOST) from None


def _work(plan: LoadPlan, pipe: Pipe) -> None:
    """Run a part of a load in this process: what the parent starts."""
    # Requests are kept to be sent again. To walk them all takes Python's collector 20 ms, which calls would be told to
    # have taken: so it hardly ever does, and what is young is looked at in small steps.
    gc.set_threshold(2_000, 20, 1_000)
    with suppress(asyncio.CancelledError, BrokenPipeError):
        asyncio.run(_run_part(plan, pipe))


async def _run_part(plan: LoadPlan, pipe: Pipe) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    async with plan.runner() as runner:

        def listen() -> None:
            try:
                go_on: bool = pipe.recv()
            except (EOFError, OSError):
                loop.remove_reader(pipe.fileno())
                if task is not None:
                    task.cancel()
            else:
                if not go_on:
                    runner.stop()

        pipe.send(None)
        listen()
        loop.add_reader(pipe.fileno(), listen)
        reporter = asyncio.create_task(_report(runner, pipe))
        try:
            await runner.run()
        finally:
            loop.remove_reader(pipe.fileno())
            reporter.cancel()
        pipe.send(runner.tally)
        pipe.send(None)


async def _report(runner: LoadRunner, pipe: Pipe) -> None:
    while True:
        await asyncio.sleep(_REPORT_SECONDS)
        pipe.send(runner.tally)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Let processes that start here never hear Ctrl-C, which reaches all of a terminal: their parent tells them."""
    # The first process would start this one beside it, and that unblocks the signal.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _share(whole: int, number: int, parts: int) -> int:
    return whole * (number + 1) // parts - whole * number // parts
