"""Requests and answers over one connection: sent as they come, answered as they are decided. Anyone may use it.

async with client.stream() as stream:
    pending = [await stream.send(Accrue(member, total)) for total in totals]
    for answer in pending:
        print(await answer)
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, overload

import grpc

from pointguard.v1 import transaction_pb2
from pointguard_client import requests, results
from pointguard_client.decoding import decode_batch_result
from pointguard_client.encoding import encode_batch_item
from pointguard_client.errors import CallError, Failure, error_from_failure, failure_from_rpc_error
from pointguard_client.retry import RetryPolicy

RPC: Final = "StreamTransactions"
# What the contract allows in one message.
ITEMS_MAX: Final = 1_000
BASKET_LINES_MAX: Final = 10_000
IN_FLIGHT_MAX: Final = 4_000
SILENCE_SECONDS_MAX: Final = 10.0

StreamCall = grpc.aio.StreamStreamCall[
    transaction_pb2.StreamTransactionsRequest, transaction_pb2.StreamTransactionsResponse
]


@dataclass(frozen=True, slots=True, eq=False)
class _Pending:
    """A request that has no answer yet."""

    key: str
    item: transaction_pb2.BatchItem
    answer: asyncio.Future[Any]  # Any: of the kind that `send` promises for the request.


class TransactionStream:
    """A stream of requests; safe to share between the tasks of one event loop. Made by `PointguardClient.stream`.

    What is sent while a message is on its way goes out together as the next one. Requests about one account are decided
    in the order of their `send`; answers may overtake one another across accounts. At most `in_flight_max` requests are
    without an answer: `send` waits for room. A stream that breaks, or that says nothing for `silence_seconds_max` while
    answers are due, is connected again as the retry policy says, and what has no answer is sent again under the same
    keys; so nothing is lost and nothing is done twice.
    """

    def __init__(
        self,
        connect: Callable[[], StreamCall],
        retry_policy: RetryPolicy,
        in_flight_max: int = IN_FLIGHT_MAX,
        silence_seconds_max: float = SILENCE_SECONDS_MAX,
    ) -> None:
        if in_flight_max < 1:
            raise ValueError(f"in_flight_max must be 1 or more, but it is {in_flight_max}")
        self._connect = connect
        self._retry_policy = retry_policy
        self._silence_seconds_max = silence_seconds_max
        self._room = asyncio.Semaphore(in_flight_max)
        # Without an answer, in the order of sending; and of them what this connection has not been given yet.
        self._pending: dict[str, _Pending] = {}
        self._unsent: deque[_Pending] = deque()
        self._work = asyncio.Event()
        self._answers = 0
        self._silence: asyncio.Timeout | None = None
        self._closing = False
        self._failed: CallError | None = None
        self._runner: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._runner = asyncio.create_task(self._run())
        self._runner.add_done_callback(self._abandon)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            await self.close()
        else:
            await self.abort()

    @property
    def in_flight(self) -> int:
        """How many requests have no answer yet."""
        return len(self._pending)

    @overload
    async def send(self, request: requests.AuthoriseRedemption) -> asyncio.Future[results.Redemption]: ...
    @overload
    async def send(self, request: requests.CaptureRedemption) -> asyncio.Future[results.Capture]: ...
    @overload
    async def send(self, request: requests.VoidRedemption) -> asyncio.Future[results.Void]: ...
    @overload
    async def send(self, request: requests.Accrue) -> asyncio.Future[results.Accrual]: ...
    async def send(self, request: requests.BatchRequest) -> asyncio.Future[Any]:
        """Send a request as soon as there is room, and return its answer to come; a refusal is raised by awaiting that.

        Raises:
            ValueError: if the stream is closed, or a request with the same key is under way on it.
            CallError: if the stream was given up.
        """
        item = encode_batch_item(request)
        key: str = getattr(item, item.WhichOneof("request") or "").idempotency_key
        await self._room.acquire()
        try:
            self._check_open(key)
        except BaseException:
            self._room.release()
            raise
        pending = self._pending[key] = _Pending(key, item, asyncio.get_running_loop().create_future())
        self._unsent.append(pending)
        if len(self._pending) == 1:
            self._await_answers()
        self._work.set()
        return pending.answer

    def _check_open(self, key: str) -> None:
        if self._failed is not None:
            raise error_from_failure(self._failed.failure, RPC, key)
        if self._closing or self._runner is None:
            raise ValueError("the stream is not open: use it inside `async with`")
        if key in self._pending:
            raise ValueError(f"idempotency_key: a request with the key {key} is under way on this stream")

    async def close(self) -> None:
        """Send nothing more, and return when all that was sent is answered.

        Raises:
            CallError: if the stream was given up; every request without an answer has failed with the same error.
        """
        self._closing = True
        self._work.set()
        if self._runner is not None:
            await self._runner
        if self._failed is not None:
            raise self._failed

    async def abort(self) -> None:
        """Break the stream off; what has no answer is cancelled, and nobody knows whether it was done."""
        self._closing = True
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.wait([self._runner])

    def _abandon(self, _runner: asyncio.Task[None]) -> None:
        for pending in self._pending.values():
            pending.answer.cancel()

    async def _run(self) -> None:
        attempts_made = 0
        while True:
            if not self._pending:
                attempts_made = 0
                await self._work.wait()
                if self._closing and not self._pending:
                    return
            answers_before = self._answers
            failure = await self._serve_once()
            if not self._pending:
                continue
            attempts_made = 1 if self._answers > answers_before else attempts_made + 1
            delay = self._retry_policy.delay_seconds(failure, attempts_made)
            if delay is None:
                self._give_up(failure)
                return
            await asyncio.sleep(delay)

    async def _serve_once(self) -> Failure:
        """Use one connection until it ends; return why it did."""
        self._unsent = deque(self._pending.values())
        self._work.set()
        call = self._connect()
        writer = asyncio.create_task(self._write(call))
        try:
            async with asyncio.timeout(self._silence_seconds_max) as self._silence:
                async for answer in call:
                    self._settle(answer)
            return Failure("UNAVAILABLE", "the server ended the stream")
        except grpc.aio.AioRpcError as error:
            return failure_from_rpc_error(error)
        except TimeoutError:
            return Failure("UNAVAILABLE", f"the server said nothing for {self._silence_seconds_max:g} s")
        finally:
            self._silence = None
            call.cancel()
            writer.cancel()
            await asyncio.wait([writer])

    async def _write(self, call: StreamCall) -> None:
        try:
            while True:
                await self._work.wait()
                if self._unsent:
                    await call.write(self._next_message())
                elif self._closing:
                    await call.done_writing()
                    return
                else:
                    self._work.clear()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # The connection has ended; reading tells why.
            return

    def _next_message(self) -> transaction_pb2.StreamTransactionsRequest:
        items: list[transaction_pb2.BatchItem] = []
        lines = 0
        while self._unsent and len(items) < ITEMS_MAX:
            item = self._unsent[0].item
            lines += len(item.accrue.basket.lines)
            if items and lines > BASKET_LINES_MAX:
                break
            items.append(item)
            self._unsent.popleft()
        return transaction_pb2.StreamTransactionsRequest(items=items)

    def _await_answers(self) -> None:
        """Give the server its time anew; no time at all to keep while nothing is due."""
        if self._silence is not None and not self._silence.expired():
            now = asyncio.get_running_loop().time()
            self._silence.reschedule(now + self._silence_seconds_max if self._pending else None)

    def _settle(self, answer: transaction_pb2.StreamTransactionsResponse) -> None:
        for result in answer.results:
            pending = self._pending.pop(result.idempotency_key, None)
            if pending is None:
                continue
            self._answers += 1
            self._room.release()
            if pending.answer.done():  # its caller does not wait any more
                continue
            decoded = decode_batch_result(result.result, pending.key, RPC)
            if isinstance(decoded, CallError):
                pending.answer.set_exception(decoded)
            else:
                pending.answer.set_result(decoded)
        self._await_answers()

    def _give_up(self, failure: Failure) -> None:
        self._failed = error_from_failure(failure, RPC)
        for pending in self._pending.values():
            self._room.release()
            if not pending.answer.done():
                pending.answer.set_exception(error_from_failure(failure, RPC, pending.key))
        self._pending.clear()
        self._unsent.clear()
