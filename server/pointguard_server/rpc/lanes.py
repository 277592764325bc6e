"""The money path: from a frame into the next batch and back, with no task and no object for a request.

Only what needs waiting before it can be decided (a credential to be verified, codes to be numbered) takes a task; then
it goes the same way.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from google.protobuf.message_factory import GetMessageClass

from pointguard.v1 import transaction_pb2
from pointguard_server.domain.codes import Operation
from pointguard_server.domain.errors import Expired, InvalidRequest, PointguardError, Violation
from pointguard_server.engine.verdicts import Answers
from pointguard_server.rpc.guard import DEADLINE_DEFAULT_S, Call, Guard, Refusal, refuse
from pointguard_server.rpc.link import Frame
from pointguard_server.rpc.parsing import parse
from pointguard_server.rpc.status import Fault, code_of
from pointguard_server.rpc.transaction_service import Desk
from pointguard_server.rpc.wire import columns
from pointguard_server.rpc.wire.codec import DECODE, REQUESTS, Codec, MustLearn, Named, count_items
from pointguard_server.service.metrics import CallTally

Answer = Callable[[int, bytes | Refusal], None]
"""Takes a call's number and its answer."""
Put = Callable[[Call, Codec, bytes], tuple[int, Callable[[Answers], Any]]]
"""Puts a request into the next batch; returns its first row and what makes (answer, members found) of the answers.

Raises MustLearn with nothing put there, and InvalidRequest.
"""
Learn = Callable[[Call, bytes], Awaitable[None]]
"""Has the codes of a request numbered. Raises InvalidRequest."""

BATCH_ITEMS_MAX, BATCH_LINES_MAX = 10_000, 100_000
_LOOK_EVERY_S = 0.05

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Lane:
    """The way of one RPC's requests."""

    name: str
    tally: CallTally
    put: Put
    learn: Learn


@dataclass(slots=True, eq=False)
class _Way:
    """A call on its way; times are of ``time.monotonic()``."""

    lane: _Lane
    number: int
    started: float
    deadline: float
    answered: bool = False


class Lanes:
    """The RPCs that decide, by name."""

    def __init__(
        self, desk: Desk, guard: Guard, codecs: dict[int, Codec], call_tally: Callable[[str], CallTally], answer: Answer
    ) -> None:
        self._desk = desk
        self._guard = guard
        self._codecs = codecs  # by tenant
        self._answer = answer
        self._logs_calls = log.bind().is_enabled_for(logging.DEBUG)
        self._learning: dict[int, asyncio.Task[None]] = {}  # by call
        # Calls that named no deadline, oldest first: theirs is watched here, the front watches the others'.
        self._undated: deque[_Way] = deque()
        ways: dict[str, tuple[Put, Learn]] = {
            "AuthoriseRedemption": self._single(Operation.AUTHORISE),
            "CaptureRedemption": self._single(Operation.CAPTURE),
            "VoidRedemption": self._single(Operation.VOID),
            "Accrue": self._single(Operation.ACCRUE),
            "CheckAdvice": self._single(Operation.CHECK),
            "ProcessBatch": (self._put_batch, desk.learn_items),
            "ProcessBatchColumns": (self._put_columns, self._learn_origins),
        }
        self._lanes = {name: _Lane(name, call_tally(name), *way) for name, way in ways.items()}

    def take(self, name: str, frame: Frame) -> None:
        """Take a call: it will be answered."""
        started = time.monotonic()
        way = _Way(
            self._lanes[name],
            frame.call,
            started,
            started + (DEADLINE_DEFAULT_S if frame.seconds < 0 else frame.seconds),
        )
        try:
            if not self._put(way, frame):
                task = asyncio.get_running_loop().create_task(self._learn(way, frame))
                self._learning[frame.call] = task
        except Exception as defect:  # noqa: BLE001  (the outermost: nothing unknown may pass)
            self._close(way, Fault.of(defect))
        if frame.seconds < 0 and not way.answered:
            self._watch(way)

    def cancel(self, call: int) -> None:
        """Learn no more for a call that was given up. What is in a batch will be decided."""
        if (task := self._learning.get(call)) is not None:
            task.cancel()

    def _put(self, way: _Way, frame: Frame) -> bool:
        """Put a call into the next batch, or answer it at once; return False if something must be learned before."""
        call = self._guard.known_caller(frame.text, way.deadline)
        if call is None:
            return False
        codec = self._codecs[call.tenant.tenant_id]
        try:
            first, finish = way.lane.put(call, codec, frame.data)
        except MustLearn:
            return False
        except PointguardError as error:
            self._close(way, error)
            return True
        self._desk.engine.submit_rows(first, way.deadline, finish, partial(self._done, way, codec))
        return True

    async def _learn(self, way: _Way, frame: Frame) -> None:
        """Have learned what a call needs, and put it into a batch then."""
        try:
            async with asyncio.timeout(max(way.deadline - time.monotonic(), 0)):
                call = await self._guard.caller(frame.text, way.deadline)
                if not self._put(way, frame):
                    await way.lane.learn(call, frame.data)
                    if not self._put(way, frame):
                        self._close(way, Fault())
        except TimeoutError:
            self._close(way, Expired())
        except PointguardError as error:
            self._close(way, error)
        except Exception as defect:  # noqa: BLE001  (the outermost: nothing unknown may pass)
            self._close(way, Fault.of(defect))
        finally:
            del self._learning[way.number]

    def _done(self, way: _Way, codec: Codec, result: Any, error: BaseException | None) -> None:
        if isinstance(error, PointguardError):
            self._close(way, error)
            return
        answer, found = result
        codec.learn_members(found)
        self._close(way, answer)

    def _close(self, way: _Way, answer: bytes | PointguardError) -> None:
        if way.answered:
            return
        way.answered = True
        name, seconds = way.lane.name, time.monotonic() - way.started
        if isinstance(answer, PointguardError):
            way.lane.tally.observe(code_of(answer).name, seconds)
            self._answer(way.number, refuse(name, answer))
        else:
            way.lane.tally.observe("OK", seconds)
            self._answer(way.number, answer)
            if self._logs_calls:
                log.debug("call", rpc=name, code="OK", transaction_id=_transaction_id(name, answer))

    # ------------------------------------------------------------------------------------------------------------ lanes

    def _single(self, operation: Operation) -> tuple[Put, Learn]:
        """Return the way of an RPC of one request."""
        request_class = REQUESTS[operation]

        def put(call: Call, codec: Codec, data: bytes) -> tuple[int, Callable[[Answers], Any]]:
            inbox = self._desk.engine.inbox_for(1)
            row = inbox.count
            named = codec.read_one(inbox, operation, data, request_class, self._desk.decoder(call))
            if not named:
                return row, lambda answers: (codec.write_one(answers, row), ())
            return row, lambda answers: (codec.write_one(answers, row), found_members(answers, named))

        async def learn(call: Call, data: bytes) -> None:
            request = request_class()
            parse(request, data)
            await self._desk.decode(call, lambda decoder: DECODE[operation](decoder, request))

        return put, learn

    def _put_batch(self, call: Call, codec: Codec, data: bytes) -> tuple[int, Callable[[Answers], Any]]:
        count, data = count_items(data)
        check_count(count, BATCH_ITEMS_MAX)
        inbox = self._desk.engine.inbox_for(count)
        items = codec.read_items(inbox, data, count, self._desk.decoder(call), BATCH_LINES_MAX)
        return items.first, lambda answers: (codec.write_items(answers, items), found_members(answers, items.named))

    def _put_columns(self, call: Call, codec: Codec, data: bytes) -> tuple[int, Callable[[Answers], Any]]:
        request = columns.look_at(data)
        inbox = self._desk.engine.inbox_for(request.count)
        items = codec.read_columns(inbox, request, data, self._desk.decoder(call))
        return items.first, lambda answers: (codec.write_columns(answers, items), found_members(answers, items.named))

    async def _learn_origins(self, call: Call, data: bytes) -> None:
        decoder = self._desk.decoder(call)
        for origin in columns.look_at(data).origins:
            decoder.where(origin)
        await self._desk.learn(call, decoder.unknown_codes)

    # ------------------------------------------------------------------------------------------------------- deadlines

    def _watch(self, way: _Way) -> None:
        self._undated.append(way)
        if len(self._undated) == 1:
            asyncio.get_running_loop().call_later(_LOOK_EVERY_S, self._look)

    def _look(self) -> None:
        """Answer those whose time is up: what becomes of them is found out by a retry."""
        now = time.monotonic()
        while self._undated and (self._undated[0].answered or self._undated[0].deadline <= now):
            way = self._undated.popleft()
            self._close(way, Expired())
        if self._undated:
            asyncio.get_running_loop().call_later(_LOOK_EVERY_S, self._look)


def _transaction_id(name: str, answer: bytes) -> str:
    """Return the id in an answer; empty if the RPC answers for many, or books nothing."""
    rpc = transaction_pb2.DESCRIPTOR.services_by_name["TransactionService"].methods_by_name.get(name)
    return getattr(GetMessageClass(rpc.output_type).FromString(answer), "transaction_id", "") if rpc is not None else ""


def check_count(count: int, most: int) -> None:
    """Refuse a message of too few or too many items.

    Raises:
        InvalidRequest: if it is one.
    """
    if not 1 <= count <= most:
        raise InvalidRequest(Violation("items", f"must be 1 to {most}"))


def found_members(answers: Answers, named: Sequence[Named]) -> list[tuple[int, str, int, int]]:
    """Return (kind, identifier, account, the identifier's number) of those members that this batch has found."""
    outcomes, accounts = answers.out.answers["outcome"], answers.out.answers["account_id"]
    identifiers = answers.envelopes["identifier_id"]
    return [(kind, text, int(accounts[row]), int(identifiers[row])) for row, kind, text in named if outcomes[row] == 0]
