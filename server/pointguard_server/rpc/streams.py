"""StreamTransactions at the engine's end: each message is a small batch, taken in order, answered by one message.

A message's requests are in the engine's queue before the next message is looked at, so an account's order is the
stream's.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog

from pointguard_server.domain.errors import PointguardError
from pointguard_server.engine.verdicts import Answers
from pointguard_server.rpc.guard import DEADLINE_DEFAULT_S, Guard, Refusal, refuse
from pointguard_server.rpc.lanes import Answer, check_count, found_members
from pointguard_server.rpc.link import Frame
from pointguard_server.rpc.status import Fault, code_of
from pointguard_server.rpc.transaction_service import Desk
from pointguard_server.rpc.wire.codec import Codec, MustLearn, count_items
from pointguard_server.service.metrics import CallTally

NAME = "StreamTransactions"
ITEMS_MAX, LINES_MAX = 1_000, 10_000

log = structlog.get_logger(__name__)


class Streams:
    """All open streams."""

    def __init__(self, desk: Desk, guard: Guard, codecs: dict[int, Codec], tally: CallTally, answer: Answer) -> None:
        self.desk = desk
        self.guard = guard
        self.codecs = codecs  # by tenant
        self.tally = tally
        self.answer = answer
        # Bound once: where debug lines are off, this is a function that does nothing.
        self.debug = log.bind().debug
        self._open: dict[int, _Stream] = {}

    def take(self, frame: Frame) -> None:
        """Take a message; the first of a stream opens it."""
        stream = self._open.get(frame.call)
        if stream is None:
            stream = self._open[frame.call] = _Stream(frame.call, self)
        stream.take(frame)

    def refuse(self, call: int, error: PointguardError) -> None:
        """End a stream by an error, once everything before it is answered."""
        if (stream := self._open.get(call)) is not None:
            stream.refuse(error)

    def close(self, call: int) -> None:
        """Forget a stream that is over; what it has in the queue is decided all the same."""
        stream = self._open.pop(call, None)
        if stream is not None:
            stream.close()


class _Stream:
    """One stream: its messages that wait for something to be learned, and what is on its way."""

    def __init__(self, call: int, streams: Streams) -> None:
        self._call = call
        self._streams = streams
        self._waiting: deque[Frame] = deque()
        self._learning: asyncio.Task[None] | None = None
        self._on_the_way = 0
        self._refusal: Refusal | None = None

    def take(self, frame: Frame) -> None:
        """Put a message's requests in the next batch, once all earlier messages are there; after an error, nothing."""
        if self._refusal is not None:
            return
        if self._learning is not None or not self._put(frame):
            self._waiting.append(frame)
            if self._learning is None:
                self._learning = asyncio.get_running_loop().create_task(self._learn())

    def close(self) -> None:
        """Take nothing more."""
        if self._learning is not None:
            self._learning.cancel()
        self._waiting.clear()

    def _put(self, frame: Frame) -> bool:
        """Put a message's requests in the next batch; return False if something must be learned before."""
        started = time.monotonic()
        call = self._streams.guard.known_caller(frame.text, started + DEADLINE_DEFAULT_S)
        if call is None:
            return False
        codec = self._streams.codecs[call.tenant.tenant_id]
        try:
            count, data = count_items(frame.data)
            check_count(count, ITEMS_MAX)
            refused = partial(codec.refuse_stream_items, data)
            try:
                inbox = self._streams.desk.engine.inbox_for(count)
            except PointguardError as error:
                self._on_the_way += 1
                self._done(started, refused, None, error)
                return True
            items = codec.read_items(inbox, data, count, self._streams.desk.decoder(call), LINES_MAX)
        except MustLearn:
            return False
        except PointguardError as error:
            self.refuse(error)
            return True

        def finish(answers: Answers) -> Any:
            return codec.write_stream_items(answers, items, data), found_members(answers, items.named), codec

        self._on_the_way += 1
        self._streams.desk.engine.submit_rows(items.first, call.deadline, finish, partial(self._done, started, refused))
        return True

    async def _learn(self) -> None:
        """Have what the next message needs learned, and go on."""
        try:
            while self._waiting:
                if not self._put(self._waiting[0]):
                    await self._learn_from(self._waiting[0])
                    if not self._put(self._waiting[0]):
                        self.refuse(Fault())
                        return
                if self._waiting:  # nothing does after a refusal
                    self._waiting.popleft()
        except PointguardError as error:
            self.refuse(error)
        except Exception as defect:  # noqa: BLE001  (the outermost: nothing unknown may pass)
            self.refuse(Fault.of(defect))
        finally:
            self._learning = None

    async def _learn_from(self, frame: Frame) -> None:
        call = await self._streams.guard.caller(frame.text, time.monotonic() + DEADLINE_DEFAULT_S)
        await self._streams.desk.learn_items(call, frame.data)

    def _done(
        self,
        started: float,
        refused: Callable[[PointguardError], bytes],
        result: Any,
        error: BaseException | None,
    ) -> None:
        self._on_the_way -= 1
        code = "OK"
        if isinstance(error, PointguardError):
            code, message = code_of(error).name, refused(error)
        else:
            message, found, codec = result
            codec.learn_members(found)
        self._streams.tally.observe(code, time.monotonic() - started)
        self._streams.answer(self._call, message)
        self._streams.debug("call", rpc=NAME, code=code)
        self._end_refused()

    def refuse(self, error: PointguardError) -> None:
        """End the stream by an error, once everything before it is answered."""
        self._streams.tally.observe(code_of(error).name, 0.0)
        self._refusal = refuse(NAME, error)
        self._waiting.clear()
        self._end_refused()

    def _end_refused(self) -> None:
        if self._refusal is not None and not self._on_the_way:
            self._streams.answer(self._call, self._refusal)
