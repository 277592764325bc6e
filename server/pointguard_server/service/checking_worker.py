"""Checks rule sets and lays them out in a process of its own, which is killed if a source asks for too much.

For ``rule_compiler``. The process is started when the first source comes, and is there from then on; it takes one
source after the other. One that takes too long, or too much memory, ends it: the caller hears which limit it was, and
another process takes the next source.

    CheckingFailed (RulesError)
    ├── SourceTooCostly       a limit ended the process; the message names it
    └── CheckerLost           the process ended for another reason
"""

import asyncio
import sys
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

import structlog

from pointguard_server.domain.errors import Overloaded
from pointguard_server.rules.compiler import RulesError, child_environment
from pointguard_server.rules.conditions import ConditionsError
from pointguard_server.rules.priority import lower_priority
from pointguard_server.rules.problems import RuleSetError
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.rules.source_limits import MOST_SOURCE_BYTES, find_excess
from pointguard_server.service import checking_process
from pointguard_server.service.checking_messages import (
    LENGTH_BYTES,
    OUT_OF_MEMORY,
    Answer,
    Order,
    SetTexts,
    UnexpectedAnswer,
    decode_answer,
    encode,
    length_of,
)
from pointguard_server.service.program_config import ProgramConfig, ProgramConfigError
from pointguard_server.service.rule_versions import NO_FILES

_START_SECONDS_AT_MOST: Final = 60.0
_END_SECONDS_AT_MOST: Final = 1.0
# A tenth of the processor where calls want all of it: a manager waits longer, and no till does.
_NICENESS: Final = 10
# The parser remembers what it has seen, and its memory is the process's.
_SOURCES_A_PROCESS: Final = 1_000
_LARGE_ANSWER: Final = 64 * 1024
Pipe = TypeVar("Pipe")

log = structlog.get_logger(__name__)


class CheckStop(StrEnum):
    """Why checking a source was given up."""

    TIME = "TIME"
    MEMORY = "MEMORY"
    LOST = "LOST"


class CheckingFailed(RulesError):
    """A source could not be checked."""


class SourceTooCostly(CheckingFailed):
    """Checking the source took more than it may; the message goes on from "the source"."""


class CheckerLost(CheckingFailed):
    """The process that checks rule sets ended, or said nothing that makes sense; another one takes its place."""


@dataclass(frozen=True, slots=True)
class CheckingLimits:
    """What checking one source may take, and how many sources may wait for it."""

    seconds: float = 10.0
    memory_bytes: int = 512 * 1024 * 1024
    waiting: int = 16


class CheckingWorker:
    """The process of one server. Belongs to the event loop.

    ``stopped`` counts sources that were not checked, by why.
    """

    def __init__(self, currency: str, limits: CheckingLimits | None = None) -> None:
        self._currency = currency
        self._limits = limits or CheckingLimits()
        self._orders: deque[tuple[Order, asyncio.Future[Answer]]] = deque()
        self._taking: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._sources = 0  # that the process has taken
        self._is_stopped = False
        self.stopped: Counter[CheckStop] = Counter()

    @property
    def process_id(self) -> int | None:
        """The number of the process, if there is one."""
        return self._process.pid if self._process is not None else None

    async def check(self, source: str, name: str, files: SetTexts = NO_FILES) -> RuleSet:
        """Return the rule set of a source text; ``name`` is what mistakes are reported under.

        Raises:
            RuleSetError: with every mistake, and every thing that this server cannot do.
            CheckingFailed: if it takes too much, or the process ended.
            Overloaded: if too many wait.
        """
        return await self.take(Order(source, name, self._currency, files))

    async def take(self, order: Order) -> RuleSet:
        """Return the rule set of an order's source or conditions; raises what ``check`` does.

        Raises:
            ConditionsError: with every mistake of conditions.
        """
        answer = await self._ask(order, order.name)
        if answer.condition_problems:
            raise ConditionsError(answer.condition_problems)
        if answer.rule_set is None:
            raise CheckerLost("the checking process gave no rule set")
        return answer.rule_set

    async def configuration(self, source: str, name: str) -> tuple[ProgramConfig, RuleSet | None]:
        """Return a program's configuration and the conditions of its fraud rules; raises what ``check`` does.

        Raises:
            ProgramConfigError: with every mistake, instead of RuleSetError.
        """
        answer = await self._ask(Order(source, name, self._currency, NO_FILES, is_configuration=True), name)
        if answer.config_problems:
            raise ProgramConfigError(name, answer.config_problems)
        if answer.config is None:
            raise CheckerLost("the checking process gave no configuration")
        return answer.config, answer.rule_set

    async def formatted(self, source: str, name: str) -> str:
        """Return a source text in its canonical layout; raises what ``check`` does."""
        answer = await self._ask(Order(source, name, self._currency, NO_FILES, is_for_layout=True), name)
        if answer.text is None:
            raise CheckerLost("the checking process gave no text")
        return answer.text

    async def stop(self) -> None:
        """End the process, and check nothing more; who waits hears of it."""
        self._is_stopped = True
        await self._end()
        if self._taking is not None:
            await asyncio.gather(self._taking, return_exceptions=True)

    async def _ask(self, order: Order, name: str) -> Answer:
        is_long = len(order.source) > MOST_SOURCE_BYTES and not order.is_configuration
        if is_long and (excess := find_excess(order.source)) is not None:
            # It need not be sent anywhere.
            raise RuleSetError(name, [excess])
        if len(self._orders) >= self._limits.waiting:
            raise Overloaded
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._orders.append((order, future))
        if self._taking is None or self._taking.done():
            self._taking = asyncio.create_task(self._take())
        answer = await future
        if answer.problems:
            raise RuleSetError(name, answer.problems, by_place=False)
        return answer

    async def _take(self) -> None:
        """Answer what waits, in turn. Who gives up meanwhile does not disturb the talk with the process."""
        while self._orders:
            order, future = self._orders.popleft()
            if future.done():
                continue
            try:
                answer = await self._answer(order)
            except Exception as error:  # noqa: BLE001 - a defect, too, is for who waits to hear of
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(answer)

    async def _answer(self, order: Order) -> Answer:
        while True:
            process = await self._running()
            self._sources += 1
            is_fresh = self._sources == 1
            try:
                return await self._exchange(process, order)
            except TimeoutError:
                await self._end()
                self._note(CheckStop.TIME)
                raise SourceTooCostly(f"takes more than {self._limits.seconds:g} seconds to check") from None
            except (asyncio.IncompleteReadError, ConnectionError, UnexpectedAnswer) as error:
                # What earlier sources left behind is not this one's fault.
                with suppress(TimeoutError):
                    async with asyncio.timeout(_END_SECONDS_AT_MOST):
                        await process.wait()
                await self._end()
                if process.returncode == OUT_OF_MEMORY and not is_fresh:
                    continue
                raise self._failure(process.returncode, error) from error

    async def _exchange(self, process: asyncio.subprocess.Process, order: Order) -> Answer:
        async with asyncio.timeout(self._limits.seconds):
            orders = _there(process.stdin)
            orders.write(encode(order))
            await orders.drain()
            answer = await _read(process)
        if answer is None:
            raise UnexpectedAnswer("no answer")
        return answer

    def _failure(self, status: int | None, error: Exception) -> CheckingFailed:
        if status == OUT_OF_MEMORY:
            self._note(CheckStop.MEMORY)
            most = self._limits.memory_bytes // 2**20
            return SourceTooCostly(f"takes more than {most} MiB of memory to check")
        self._note(CheckStop.LOST)
        said = f": {error}" if isinstance(error, UnexpectedAnswer) else ""
        return CheckerLost(f"the process that checks rule sets ended with status {status}{said}")

    def _note(self, why: CheckStop) -> None:
        self.stopped[why] += 1
        log.warning("rule_check_stopped", why=why.value)

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await _ended(process)

    async def _running(self) -> asyncio.subprocess.Process:
        """Return a process that is there, and started anew if it has taken as many sources as it may."""
        if self._is_stopped:
            raise CheckerLost("the server is shutting down")
        process = self._process
        if process is not None and process.returncode is None and self._sources < _SOURCES_A_PROCESS:
            return process
        await self._end()
        self._process, self._sources = await self._started(), 0
        return self._process

    async def _started(self) -> asyncio.subprocess.Process:
        # -P keeps the working directory, which may be anyone's, out of the import path.
        command = [sys.executable, "-P", "-m", checking_process.__name__, str(self._limits.memory_bytes)]
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=child_environment(),
            )
        except OSError as error:
            raise CheckerLost(f"the process that checks rule sets cannot be started: {error}") from error
        lower_priority(process.pid, _NICENESS)
        try:
            async with asyncio.timeout(_START_SECONDS_AT_MOST):
                await _read(process)
        except (TimeoutError, asyncio.IncompleteReadError, UnexpectedAnswer) as error:
            await _ended(process)
            raise CheckerLost("the process that checks rule sets does not start") from error
        if self._is_stopped:
            await _ended(process)
        return process


async def _read(process: asyncio.subprocess.Process) -> Answer | None:
    answers = _there(process.stdout)
    body = await answers.readexactly(length_of(await answers.readexactly(LENGTH_BYTES)))
    # A thread holds the loop up too, but not for all of the time that it takes.
    return decode_answer(body) if len(body) < _LARGE_ANSWER else await asyncio.to_thread(decode_answer, body)


def _there(pipe: Pipe | None) -> Pipe:
    if pipe is None:
        raise AssertionError("a process was started without its pipes")
    return pipe


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Kill a process, and return when it is gone."""
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()
    _there(process.stdin).close()
