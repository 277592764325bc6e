"""The money path's short way: from a frame into the next batch and back, with no task and no message for a call.

Whatever needs waiting before it can be decided (a credential to be verified, codes to be learned) is left to the long
way, a ``Handler`` of the guard's.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from pointguard.v1 import transaction_pb2
from pointguard_server.domain.codes import Operation
from pointguard_server.domain.errors import Expired, InvalidRequest, PointguardError, Violation
from pointguard_server.engine.verdicts import Answers
from pointguard_server.rpc.guard import DEADLINE_DEFAULT_S, Call, Guard, Refusal, refuse
from pointguard_server.rpc.link import Frame
from pointguard_server.rpc.status import code_of
from pointguard_server.rpc.transaction_service import BATCH_ITEMS_MAX, BATCH_LINES_MAX, Desk
from pointguard_server.rpc.wire.codec import Codec, MustLearn, Named, count_items
from pointguard_server.service.metrics import CallTally

Answer = Callable[[int, bytes | Refusal], None]
"""Takes a call's number and its answer."""
Lane = Callable[[Frame], bool]
"""Takes a call, or leaves it: False."""

_LOOK_EVERY_S = 0.05

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Way:
    """A call on its way."""

    name: str
    number: int
    started: float
    tally: CallTally
    answered: bool = False


class Lanes:
    """Makes the lanes."""

    def __init__(
        self, desk: Desk, guard: Guard, codecs: dict[int, Codec], call_tally: Callable[[str], CallTally], answer: Answer
    ) -> None:
        self._desk = desk
        self._guard = guard
        self._codecs = codecs  # by tenant
        self._call_tally = call_tally
        self._answer = answer
        self._logs_calls = log.bind().is_enabled_for(logging.DEBUG)
        # Calls that named no deadline, oldest first: theirs is watched here, the front watches the others'.
        self._undated: deque[_Way] = deque()

    def single(self, name: str, operation: Operation, request_class: type[Message]) -> Lane:
        """Return the lane of an RPC of one request."""
        tally = self._call_tally(name)

        def put(call: Call, codec: Codec, data: bytes) -> tuple[int, Callable[[Answers], Any]]:
            inbox = self._desk.engine.inbox_for(1)
            row = inbox.count
            named = codec.read_one(inbox, operation, data, request_class, self._desk.decoder(call))
            if not named:
                return row, lambda answers: (codec.write_one(answers, row), ())
            return row, lambda answers: (codec.write_one(answers, row), found_members(answers, named))

        return partial(self._take, name, tally, put)

    def batch(self, name: str) -> Lane:
        """Return the lane of ``ProcessBatch``."""
        tally = self._call_tally(name)

        def put(call: Call, codec: Codec, data: bytes) -> tuple[int, Callable[[Answers], Any]]:
            count = count_items(data)
            if count < 0:
                raise MustLearn
            check_count(count)
            inbox = self._desk.engine.inbox_for(count)
            items = codec.read_items(inbox, data, count, self._desk.decoder(call), BATCH_LINES_MAX)
            return items.first, lambda answers: (codec.write_items(answers, items), found_members(answers, items.named))

        return partial(self._take, name, tally, put)

    def _take(
        self,
        name: str,
        tally: CallTally,
        put: Callable[[Call, Codec, bytes], tuple[int, Callable[[Answers], Any]]],
        frame: Frame,
    ) -> bool:
        started = time.monotonic()
        undated = frame.seconds < 0
        deadline = started + (DEADLINE_DEFAULT_S if undated else frame.seconds)
        call = self._guard.known_caller(frame.text, deadline)
        if call is None:
            return False
        way = _Way(name, frame.call, started, tally)
        codec = self._codecs[call.tenant.tenant_id]
        try:
            first, finish = put(call, codec, frame.data)
        except MustLearn:
            return False
        except PointguardError as error:
            self._close(way, error)
            return True
        self._desk.engine.submit_rows(first, deadline, finish, partial(self._done, way, codec))
        if undated:
            self._watch(way)
        return True

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
        seconds = time.monotonic() - way.started
        if isinstance(answer, PointguardError):
            way.tally.observe(code_of(answer).name, seconds)
            self._answer(way.number, refuse(way.name, answer))
        else:
            way.tally.observe("OK", seconds)
            self._answer(way.number, answer)
            if self._logs_calls:
                log.debug("call", rpc=way.name, code="OK", transaction_id=_transaction_id(way.name, answer))

    def _watch(self, way: _Way) -> None:
        self._undated.append(way)
        if len(self._undated) == 1:
            asyncio.get_running_loop().call_later(_LOOK_EVERY_S, self._look)

    def _look(self) -> None:
        """Answer those whose time is up: what becomes of them is found out by a retry."""
        latest = time.monotonic() - DEADLINE_DEFAULT_S
        while self._undated and (self._undated[0].answered or self._undated[0].started <= latest):
            self._close(self._undated.popleft(), Expired())
        if self._undated:
            asyncio.get_running_loop().call_later(_LOOK_EVERY_S, self._look)


def _transaction_id(name: str, answer: bytes) -> str:
    """Return the id in an answer; empty if the RPC answers for many."""
    rpc = transaction_pb2.DESCRIPTOR.services_by_name["TransactionService"].methods_by_name[name]
    return getattr(GetMessageClass(rpc.output_type).FromString(answer), "transaction_id", "")


def check_count(count: int) -> None:
    """Refuse a batch of too few or too many.

    Raises:
        InvalidRequest: if it is one.
    """
    if not 1 <= count <= BATCH_ITEMS_MAX:
        raise InvalidRequest(Violation("items", f"must be 1 to {BATCH_ITEMS_MAX}"))


def found_members(answers: Answers, named: Sequence[Named]) -> list[tuple[int, str, int]]:
    """Return (kind, identifier, account) of those members that this batch has found."""
    outcomes, accounts = answers.out.answers["outcome"], answers.out.answers["account_id"]
    return [(kind, text, int(accounts[row])) for row, kind, text in named if outcomes[row] == 0]
