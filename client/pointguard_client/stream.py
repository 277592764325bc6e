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
from pointguard_client.errors import CallError, Failure, error_from_failure
from pointguard_client.pump import StreamPump
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
        self._room = asyncio.Semaphore(in_flight_max)
        # Without an answer, in the order of sending; and of them what this connection has not been given yet.
        self._pending: dict[str, _Pending] = {}
        self._unsent: deque[_Pending] = deque()
        self._pump = StreamPump(self, silence_seconds_max)
        self._answers = 0
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
    async def send(self, request: requests.ExtendReservation) -> asyncio.Future[results.Extension]: ...
    @overload
    async def send(self, request: requests.Accrue) -> asyncio.Future[results.Accrual]: ...
    @overload
    async def send(self, request: requests.ReturnTransaction) -> asyncio.Future[results.Return]: ...

    @overload
    async def send(self, request: requests.TransferPoints) -> asyncio.Future[results.Transfer]: ...

    @overload
    async def send(self, request: requests.RedeemHousehold) -> asyncio.Future[results.HouseholdRedemption]: ...
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
        self._pump.wake()
        return pending.answer

    def _check_open(self, key: str) -> None:
        if self._failed is not None:
            raise error_from_failure(self._failed.failure, RPC, key)
        if self._closing or self._runner is None or self._runner.done():
            raise ValueError("the stream is not open: use it inside `async with`")
        if key in self._pending:
            raise ValueError(f"idempotency_key: a request with the key {key} is under way on this stream")

    async def close(self) -> None:
        """Send nothing more, and return when all that was sent is answered.

        Raises:
            CallError: if the stream was given up; every request without an answer has failed with the same error.
        """
        self._closing = True
        self._pump.wake()
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
            self._room.release()
            pending.answer.cancel()
        self._pending.clear()

    async def _run(self) -> None:
        attempts_made = 0
        while True:
            while not self._pending:
                if self._closing:
                    return
                attempts_made = 0
                await self._pump.until_woken()
            answers_before = self._answers
            self._unsent = deque(self._pending.values())
            failure = await self._pump.run(self._connect())
            if not self._pending:
                continue
            attempts_made = 1 if self._answers > answers_before else attempts_made + 1
            delay = self._retry_policy.delay_seconds(failure, attempts_made)
            if delay is None:
                self._give_up(failure)
                return
            await asyncio.sleep(delay)

    def next_message(self) -> transaction_pb2.StreamTransactionsRequest | None:
        """For the pump: return what is queued, as much as one message may hold."""
        items: list[transaction_pb2.BatchItem] = []
        lines = 0
        while self._unsent and len(items) < ITEMS_MAX:
            item = self._unsent[0].item
            lines += len(item.accrue.basket.lines)
            if items and lines > BASKET_LINES_MAX:
                break
            items.append(item)
            self._unsent.popleft()
        return transaction_pb2.StreamTransactionsRequest(items=items) if items else None

    def answers_due(self) -> bool:
        """For the pump: tell whether a request has no answer."""
        return bool(self._pending)

    def at_end(self) -> bool:
        """For the pump: tell whether nothing more will be sent."""
        return self._closing

    def take_answer(self, answer: transaction_pb2.StreamTransactionsResponse, /) -> None:
        """For the pump: settle what the server has answered."""
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

    def _give_up(self, failure: Failure) -> None:
        self._failed = error_from_failure(failure, RPC)
        for pending in self._pending.values():
            self._room.release()
            if not pending.answer.done():
                pending.answer.set_exception(error_from_failure(failure, RPC, pending.key))
        self._pending.clear()
