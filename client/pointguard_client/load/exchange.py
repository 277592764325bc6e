"""How a load speaks to the server: one request a call, batches, columns, or a stream. The runner uses it.

An exchange builds what it sends, sends it and waits, and counts what the answer says; the runner takes the time of the
second step alone. Raw bytes go out; answers are read after the clock has stopped.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Protocol

import grpc

from pointguard.v1 import advice_pb2, common_pb2, transaction_pb2
from pointguard_client import encoding
from pointguard_client.channel import Metadata
from pointguard_client.errors import Failure, error_from_failure, status_name
from pointguard_client.idempotency import uuid_text
from pointguard_client.load.tally import LoadTally
from pointguard_client.load.templates import LoadOperation, TemplatePool
from pointguard_client.pump import StreamPump
from pointguard_client.requests import BatchColumns, Origin
from pointguard_client.stream import BASKET_LINES_MAX, ITEMS_MAX

RawCall = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
RawStream = grpc.aio.StreamStreamMultiCallable[bytes, bytes]
KeySource = Callable[[], int]

_TRANSACTIONS: Final = "/pointguard.v1.TransactionService/"
_ADVICE: Final = "/pointguard.v1.AdviceService/"
# Any: the answers have nothing in common but `decision`, and the reads not even that.
_METHODS: Final[dict[LoadOperation, tuple[str, Callable[[bytes], Any]]]] = {
    LoadOperation.AUTHORISE: (
        _TRANSACTIONS + "AuthoriseRedemption",
        transaction_pb2.AuthoriseRedemptionResponse.FromString,
    ),
    LoadOperation.ACCRUE: (_TRANSACTIONS + "Accrue", transaction_pb2.AccrueResponse.FromString),
    LoadOperation.QUOTE: (_TRANSACTIONS + "QuoteRedemption", transaction_pb2.QuoteRedemptionResponse.FromString),
    LoadOperation.BALANCE: (_TRANSACTIONS + "GetBalance", transaction_pb2.GetBalanceResponse.FromString),
    LoadOperation.ADVICE: (_ADVICE + "CheckAdvice", advice_pb2.CheckAdviceResponse.FromString),
}
_COLUMN_OPERATIONS: Final = {
    LoadOperation.AUTHORISE: common_pb2.OPERATION_AUTHORISE,
    LoadOperation.ACCRUE: common_pb2.OPERATION_ACCRUE,
}
_DECISIONS: Final = {
    common_pb2.DECISION_APPROVED: "approved",
    common_pb2.DECISION_DECLINED: "declined",
    common_pb2.DECISION_REVIEW: "review",
}
_OUTCOMES: Final[dict[tuple[LoadOperation, int], str]] = {
    (operation, decision): f"{operation.value} {text}"
    for operation in LoadOperation
    for decision, text in _DECISIONS.items()
}
_OUTCOMES_BY_FIELD: Final = {
    "accrue": LoadOperation.ACCRUE,
    "authorise_redemption": LoadOperation.AUTHORISE,
}


class LoadMode(Enum):
    """How requests are sent."""

    UNARY = "unary"
    BATCH = "batch"
    STREAM = "stream"
    COLUMNS = "columns"


@dataclass(frozen=True, slots=True)
class Line:
    """The way to the server, and what goes over it."""

    channel: grpc.aio.Channel
    metadata: Metadata
    pool: TemplatePool
    next_key: KeySource
    timeout_seconds: float

    def next_key_text(self) -> bytes:
        """Return the next key in its 36-character form."""
        return uuid_text(self.next_key()).encode()


class Exchange(Protocol):
    """One mode. Any: what is built and answered is the exchange's own business."""

    def build(self, size: int) -> Any:
        """Return what asks `size` requests in one call."""

    async def send(self, built: Any) -> Any:
        """Send it and return the answer; raise AioRpcError or CallError if there is none."""

    def note(self, answer: Any, tally: LoadTally) -> str:
        """Count what an answer says, and return the name of what was called."""

    async def close(self) -> None:
        """Give back what was opened, if anything was."""


def open_exchange(mode: LoadMode, line: Line) -> Exchange:
    """Return the exchange of a mode; nothing is sent yet."""
    kinds: dict[LoadMode, Callable[[Line], Exchange]] = {
        LoadMode.UNARY: UnaryExchange,
        LoadMode.BATCH: BatchExchange,
        LoadMode.STREAM: StreamExchange,
        LoadMode.COLUMNS: ColumnsExchange,
    }
    return kinds[mode](line)


def error_text(failure: Failure) -> str:
    """Return how a failure is counted."""
    return f"{failure.code} {failure.reason}".rstrip()


class UnaryExchange(Exchange):
    """One request a call."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._calls: dict[LoadOperation, RawCall] = {
            operation: line.channel.unary_unary(path) for operation, (path, _) in _METHODS.items()
        }

    def build(self, size: int) -> tuple[LoadOperation, bytes]:
        """Return one request; `size` is 1."""
        template = self._line.pool.choose_template()
        return template.operation, template.request(self._line.next_key_text())

    async def send(self, built: tuple[LoadOperation, bytes]) -> tuple[LoadOperation, bytes]:
        """Return the serialized answer."""
        operation, request = built
        call = self._calls[operation]
        return operation, await call(request, timeout=self._line.timeout_seconds, metadata=self._line.metadata)

    def note(self, answer: tuple[LoadOperation, bytes], tally: LoadTally) -> str:
        """Count the decision, or that a read was answered."""
        operation, content = answer
        path, parse = _METHODS[operation]
        decision = getattr(parse(content), "decision", None)
        outcome = f"{operation.value} answered" if decision is None else _outcome(operation, decision)
        tally.outcomes[outcome] += 1
        tally.requests += 1
        return path.rpartition("/")[2]


class BatchExchange(Exchange):
    """Many requests a call."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._call: RawCall = line.channel.unary_unary(_TRANSACTIONS + "ProcessBatch")

    def build(self, size: int) -> bytes:
        """Return a batch of so many requests."""
        choose, next_key = self._line.pool.choose_template, self._line.next_key_text
        return b"".join([choose().batch_item(next_key()) for _ in range(size)])

    async def send(self, built: bytes) -> bytes:
        """Return the serialized answers."""
        return await self._call(built, timeout=self._line.timeout_seconds, metadata=self._line.metadata)

    def note(self, answer: bytes, tally: LoadTally) -> str:
        """Count the answers of a batch."""
        _note_results(transaction_pb2.ProcessBatchResponse.FromString(answer).results, tally)
        return "ProcessBatch"


class ColumnsExchange(Exchange):
    """Many rows a call; accruals are of totals."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._call: RawCall = line.channel.unary_unary(_TRANSACTIONS + "ProcessBatchColumns")

    def build(self, size: int) -> tuple[list[LoadOperation], bytes]:
        """Return so many rows."""
        pool, next_key = self._line.pool, self._line.next_key
        shape, members = pool.shape, pool.members
        chosen = [pool.choose() for _ in range(size)]
        operations = [operation for _, operation in chosen]
        redeems = [operation is LoadOperation.AUTHORISE for operation in operations]
        stores: dict[str, int] = {}
        columns = BatchColumns(
            b"".join([next_key().to_bytes(16) for _ in range(size)]),
            operations=[_COLUMN_OPERATIONS[operation] for operation in operations],
            loyalty_ids=[members[member].loyalty_id for member, _ in chosen],
            points=[shape.points if redeem else 0 for redeem in redeems],
            money_minor_units=[0 if redeem else shape.total_minor for redeem in redeems],
            currency_code=shape.currency_code,
            captures=[redeem and shape.capture for redeem in redeems],
            origin_numbers=[_number_of(members[member].store_id, stores) for member, _ in chosen],
            origins=[Origin(store_id=store) for store in stores],
        )
        return operations, encoding.encode_columns(columns).SerializeToString()

    async def send(self, built: tuple[list[LoadOperation], bytes]) -> tuple[list[LoadOperation], bytes]:
        """Return the serialized answers, and what was asked."""
        operations, request = built
        return operations, await self._call(request, timeout=self._line.timeout_seconds, metadata=self._line.metadata)

    def note(self, answer: tuple[list[LoadOperation], bytes], tally: LoadTally) -> str:
        """Count the rows."""
        operations, content = answer
        response = transaction_pb2.ProcessBatchColumnsResponse.FromString(content)
        refused = {error.row for error in response.errors}
        decided = Counter(
            (operation, decision)
            for row, (operation, decision) in enumerate(zip(operations, response.decisions, strict=True))
            if row not in refused
        )
        tally.outcomes.update({_outcome(*what): count for what, count in decided.items()})
        tally.requests += len(operations) - len(refused)
        tally.errors.update(_refusal(error.error) for error in response.errors)
        return "ProcessBatchColumns"


class StreamExchange(Exchange):
    """One request at a time into a stream; what is queued while a message is on its way goes out together.

    A stream that breaks, or is silent for the timeout while answers are due, fails what is under way; the next request
    opens another one. Nothing is sent again: the load counts failures.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._method: RawStream = line.channel.stream_stream(_TRANSACTIONS + "StreamTransactions")
        self._items_max = max(min(ITEMS_MAX, BASKET_LINES_MAX // max(line.pool.shape.basket_lines, 1)), 1)
        self._waiting: dict[str, asyncio.Future[transaction_pb2.BatchResult]] = {}
        self._unsent: deque[bytes] = deque()
        self._pump: StreamPump[bytes, bytes] = StreamPump(self, line.timeout_seconds)
        self._runner: asyncio.Task[None] | None = None

    def build(self, size: int) -> tuple[str, bytes]:
        """Return one request and its key; `size` is 1."""
        key = self._line.next_key_text()
        return key.decode(), self._line.pool.choose_template().batch_item(key)

    async def send(self, built: tuple[str, bytes]) -> transaction_pb2.BatchResult:
        """Return the answer."""
        key, item = built
        waiting: asyncio.Future[transaction_pb2.BatchResult] = asyncio.get_running_loop().create_future()
        self._waiting[key] = waiting
        self._unsent.append(item)
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        self._pump.wake()
        return await waiting

    def note(self, answer: transaction_pb2.BatchResult, tally: LoadTally) -> str:
        """Count the answer."""
        _note_results([answer], tally)
        return "StreamTransactions"

    async def close(self) -> None:
        """End the stream."""
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.wait([self._runner])

    async def _run(self) -> None:
        failure = await self._pump.run(self._method(metadata=self._line.metadata))
        waiting, self._waiting, self._unsent = self._waiting, {}, deque()
        for key, answer in waiting.items():
            if not answer.done():
                answer.set_exception(error_from_failure(failure, "StreamTransactions", key))

    def next_message(self) -> bytes | None:
        """For the pump: return what is queued, as much as one message may hold."""
        unsent = self._unsent
        return b"".join([unsent.popleft() for _ in range(min(len(unsent), self._items_max))]) or None

    def take_answer(self, answer: bytes, /) -> None:
        """For the pump: hand the answers to those who wait for them."""
        for result in transaction_pb2.StreamTransactionsResponse.FromString(answer).results:
            waiting = self._waiting.pop(result.idempotency_key, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(result.result)

    def answers_due(self) -> bool:
        """For the pump: tell whether a request has no answer."""
        return bool(self._waiting)

    def at_end(self) -> bool:
        """For the pump: a load breaks its stream off when it has all its answers."""
        return False


def _number_of(store: str, stores: dict[str, int]) -> int:
    """Return a store's number from 1, a new one if it has none; 0 for no store."""
    return stores.setdefault(store, len(stores) + 1) if store else 0


def _note_results(results: Iterable[transaction_pb2.BatchResult], tally: LoadTally) -> None:
    for result in results:
        field = result.WhichOneof("outcome") or ""
        operation = _OUTCOMES_BY_FIELD.get(field)
        if operation is not None:
            tally.outcomes[_outcome(operation, getattr(result, field).decision)] += 1
            tally.requests += 1
        else:
            tally.errors[_refusal(result.error)] += 1


def _refusal(error: transaction_pb2.BatchError) -> str:
    return error_text(Failure(status_name(error.code), reason=error.reason))


def _outcome(operation: LoadOperation, decision: int) -> str:
    return _OUTCOMES.get((operation, decision), "unknown")
