"""The closed loop: so many calls in flight, until a time or a count is reached. Raw bytes out, messages in.

It does not retry: a failure is counted, and the loop that met it waits a little before its next call.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

import grpc

from pointguard.v1 import common_pb2, transaction_pb2
from pointguard_client.channel import Metadata
from pointguard_client.errors import failure_from_rpc_error, status_name
from pointguard_client.idempotency import Uuid7Source
from pointguard_client.latency import LatencyRecorder, LatencySummary
from pointguard_client.load.templates import LoadOperation, TemplatePool

Decided = transaction_pb2.AuthoriseRedemptionResponse | transaction_pb2.AccrueResponse
RawCall = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]

_SERVICE: Final = "/pointguard.v1.TransactionService/"
_METHODS: Final[dict[LoadOperation, tuple[str, Callable[[bytes], Decided]]]] = {
    LoadOperation.AUTHORISE: ("AuthoriseRedemption", transaction_pb2.AuthoriseRedemptionResponse.FromString),
    LoadOperation.ACCRUE: ("Accrue", transaction_pb2.AccrueResponse.FromString),
}
_PAUSE_AFTER_ERROR_SECONDS: Final = 0.05
_ERRORS_IN_A_ROW_MAX: Final = 200
_DECISIONS: Final = {
    common_pb2.DECISION_APPROVED: "approved",
    common_pb2.DECISION_DECLINED: "declined",
    common_pb2.DECISION_REVIEW: "review",
}


class LoadMode(Enum):
    """One request a call, or many."""

    UNARY = "unary"
    BATCH = "batch"


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How to load: it ends after `duration_seconds` or `count` requests, whichever comes first; one must be given."""

    mode: LoadMode = LoadMode.UNARY
    concurrency: int = 32
    batch_size: int = 500
    duration_seconds: float | None = None
    count: int | None = None
    timeout_seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class LoadSummary:
    """What a load did. `requests` counts the decisions, `calls` the answered RPCs; failures are in `errors`."""

    mode: str
    concurrency: int
    batch_size: int
    interrupted: bool
    gave_up: str
    elapsed_seconds: float
    calls: int
    requests: int
    requests_per_second: float
    client_cpu_seconds: float
    latency: LatencySummary
    outcomes: dict[str, int]
    errors: dict[str, int]


class LoadRunner:
    """Runs one load once. `stop` ends it early; calls in flight are still answered."""

    def __init__(self, channel: grpc.aio.Channel, metadata: Metadata, pool: TemplatePool, options: LoadOptions) -> None:
        if options.duration_seconds is None and options.count is None:
            raise ValueError("a load needs a duration or a count")
        self.requests_done = 0
        self._options = options
        self._metadata = metadata
        self._pool = pool
        # Keys of a load need not be hard to guess, and asking the system for randomness would be half their cost.
        self._next_key = Uuid7Source(random_step=lambda: 1 + random.getrandbits(32)).next_text
        self._latencies = LatencyRecorder()
        self._outcomes: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._errors_in_a_row = 0
        self._requests_left = options.count if options.count is not None else -1
        self._stop = False
        self._gave_up = ""
        self._unary: dict[LoadOperation, tuple[RawCall, Callable[[bytes], Decided]]] = {
            operation: (channel.unary_unary(_SERVICE + name), parse) for operation, (name, parse) in _METHODS.items()
        }
        self._batch: RawCall = channel.unary_unary(_SERVICE + "ProcessBatch")

    def stop(self) -> None:
        """Send nothing more."""
        self._stop = True

    async def run(self) -> LoadSummary:
        """Run the load to its end and return what it did."""
        loop = self._unary_loop if self._options.mode is LoadMode.UNARY else self._batch_loop
        started, cpu_started = time.perf_counter(), time.process_time()
        duration = self._options.duration_seconds
        ends_at = started + duration if duration is not None else float("inf")
        async with asyncio.TaskGroup() as group:
            for _ in range(self._options.concurrency):
                group.create_task(loop(ends_at))
        elapsed = time.perf_counter() - started
        return LoadSummary(
            mode=self._options.mode.value,
            concurrency=self._options.concurrency,
            batch_size=self._options.batch_size if self._options.mode is LoadMode.BATCH else 1,
            interrupted=self._stop and not self._gave_up,
            gave_up=self._gave_up,
            elapsed_seconds=elapsed,
            calls=len(self._latencies.samples_ns),
            requests=self.requests_done,
            requests_per_second=self.requests_done / elapsed if elapsed > 0 else 0.0,
            client_cpu_seconds=time.process_time() - cpu_started,
            latency=self._latencies.summary(),
            outcomes=dict(self._outcomes.most_common()),
            errors=dict(self._errors.most_common()),
        )

    def _take(self, wanted: int, ends_at: float) -> int:
        """Take up to `wanted` requests off what is left to do; 0 when the load is over."""
        if self._stop or time.perf_counter() >= ends_at:
            return 0
        if self._requests_left < 0:
            return wanted
        taken = min(wanted, self._requests_left)
        self._requests_left -= taken
        return taken

    async def _unary_loop(self, ends_at: float) -> None:
        timeout, metadata = self._options.timeout_seconds, self._metadata
        while self._take(1, ends_at):
            template = self._pool.choose()
            call, parse = self._unary[template.operation]
            request = template.request(self._next_key().encode())
            started = time.perf_counter_ns()
            try:
                answer = await call(request, timeout=timeout, metadata=metadata)
            except grpc.aio.AioRpcError as error:
                await self._note_error(error)
                continue
            self._latencies.record(time.perf_counter_ns() - started)
            self._outcomes[_outcome(template.operation, parse(answer).decision)] += 1
            self.requests_done += 1
            self._errors_in_a_row = 0

    async def _batch_loop(self, ends_at: float) -> None:
        timeout, metadata, batch_size = self._options.timeout_seconds, self._metadata, self._options.batch_size
        while size := self._take(batch_size, ends_at):
            request = self._batch_request(size)
            started = time.perf_counter_ns()
            try:
                answer = await self._batch(request, timeout=timeout, metadata=metadata)
            except grpc.aio.AioRpcError as error:
                await self._note_error(error)
                continue
            self._latencies.record(time.perf_counter_ns() - started)
            self.requests_done += self._note_batch(transaction_pb2.ProcessBatchResponse.FromString(answer))
            self._errors_in_a_row = 0

    def _batch_request(self, size: int) -> bytes:
        choose, next_key = self._pool.choose, self._next_key
        return b"".join([choose().batch_item(next_key().encode()) for _ in range(size)])

    def _note_batch(self, answer: transaction_pb2.ProcessBatchResponse) -> int:
        """Count the answers of a batch; return how many are decisions."""
        outcomes, refused = self._outcomes, 0
        for result in answer.results:
            match result.WhichOneof("outcome"):
                case "accrue":
                    outcomes[_outcome(LoadOperation.ACCRUE, result.accrue.decision)] += 1
                case "authorise_redemption":
                    outcomes[_outcome(LoadOperation.AUTHORISE, result.authorise_redemption.decision)] += 1
                case "error":
                    self._errors[_error_text(status_name(result.error.code), result.error.reason)] += 1
                    refused += 1
                case _:
                    self._errors["UNKNOWN"] += 1
                    refused += 1
        return len(answer.results) - refused

    async def _note_error(self, error: grpc.aio.AioRpcError) -> None:
        failure = failure_from_rpc_error(error)
        self._errors[_error_text(failure.code, failure.reason)] += 1
        self._errors_in_a_row += 1
        if self._errors_in_a_row >= _ERRORS_IN_A_ROW_MAX and not self._stop:
            self._gave_up = f"{_ERRORS_IN_A_ROW_MAX} calls in a row failed, the last with {failure.code}"
            self._stop = True
        await asyncio.sleep(_PAUSE_AFTER_ERROR_SECONDS)


_OUTCOME_TEXTS: Final[dict[tuple[LoadOperation, int], str]] = {
    (operation, decision): f"{operation.value} {text}"
    for operation in LoadOperation
    for decision, text in _DECISIONS.items()
}


def _outcome(operation: LoadOperation, decision: int) -> str:
    return _OUTCOME_TEXTS.get((operation, decision), "unknown")


def _error_text(code: str, reason: str) -> str:
    return f"{code} {reason}".rstrip()
