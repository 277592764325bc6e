"""Streams and columns of the stand-in server: they ask its `batch_result` about each request, as the contract says.

A stream can be told to break, to fall silent, or to hold its answers back.
"""

# The names of the methods are the contract's.
# ruff: noqa: N802

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import grpc

from pointguard.v1 import common_pb2, transaction_pb2, transaction_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass
class StreamBehavior:
    """What streams have seen, and what they shall do: break off when so many requests in all have been read."""

    opened: int = 0
    messages: list[int] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    break_at: list[int] = field(default_factory=list)
    answer_before_breaking: bool = True
    silent: bool = False
    code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE
    half_closes: int = 0
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        self.may_answer.set()

    async def until_opened(self, count: int) -> None:
        """Return when so many streams have been opened."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.opened >= count)


class FakeBulk(transaction_pb2_grpc.TransactionServiceServicer):
    """The bulk calls; each request is answered once for each key, also over several streams."""

    def __init__(self, streams: StreamBehavior) -> None:
        self._streams = streams
        self._answered: dict[str, transaction_pb2.BatchResult] = {}

    @abstractmethod
    def batch_result(self, item: transaction_pb2.BatchItem) -> transaction_pb2.BatchResult:
        """Return the answer to one request."""

    async def StreamTransactions(
        self, requests: AsyncIterator[transaction_pb2.StreamTransactionsRequest], context: Context
    ) -> AsyncIterator[transaction_pb2.StreamTransactionsResponse]:
        streams = self._streams
        async with streams.changed:
            streams.opened += 1
            streams.changed.notify_all()
        async for request in requests:
            streams.messages.append(len(request.items))
            streams.keys += [key_of(item) for item in request.items]
            breaks = bool(streams.break_at) and len(streams.keys) >= streams.break_at[0]
            answers = [
                transaction_pb2.StreamResult(idempotency_key=key_of(item), result=self._once(item))
                for item in request.items
            ]
            await streams.may_answer.wait()
            if not streams.silent and (streams.answer_before_breaking or not breaks):
                # Out of order, as the contract allows it across accounts.
                yield transaction_pb2.StreamTransactionsResponse(results=reversed(answers))
            if breaks:
                streams.break_at.pop(0)
                await context.abort(streams.code, "the stream breaks")
        streams.half_closes += 1

    async def ProcessBatchColumns(self, request: transaction_pb2.ProcessBatchColumnsRequest, context: Context) -> Any:
        keys = [
            str(UUID(bytes=request.idempotency_keys[at:][:16])) for at in range(0, len(request.idempotency_keys), 16)
        ]
        answer = transaction_pb2.ProcessBatchColumnsResponse()
        for row, key in enumerate(keys):
            self._add_row(answer, row, self._once(item_of_row(request, row, key)))
        return answer

    def _once(self, item: transaction_pb2.BatchItem) -> transaction_pb2.BatchResult:
        key = key_of(item)
        if key not in self._answered:
            self._answered[key] = self.batch_result(item)
        return self._answered[key]

    def _add_row(
        self, answer: transaction_pb2.ProcessBatchColumnsResponse, row: int, result: transaction_pb2.BatchResult
    ) -> None:
        outcome = getattr(result, result.WhichOneof("outcome") or "")
        if result.HasField("error"):
            answer.errors.add(row=row, error=result.error)
            outcome = transaction_pb2.AccrueResponse()
        else:
            answer.reasons.extend(transaction_pb2.ColumnReason(row=row, reason=reason) for reason in outcome.reasons)
        answer.transaction_ids += UUID(int=row + 1).bytes if outcome.transaction_id else bytes(16)
        answer.decisions.append(outcome.decision)
        answer.points.append(outcome.points)
        answer.account_ids.append(outcome.account_id)
        answer.posted.append(outcome.balance.posted)
        answer.reserved.append(outcome.balance.reserved)
        answer.pending.append(outcome.balance.pending)
        for empty in (answer.points_released, answer.money_minor_units, answer.expires_at_micros):
            empty.append(0)


def key_of(item: transaction_pb2.BatchItem) -> str:
    """Return the key of a request."""
    return str(getattr(item, item.WhichOneof("request") or "").idempotency_key)


def item_of_row(request: transaction_pb2.ProcessBatchColumnsRequest, row: int, key: str) -> transaction_pb2.BatchItem:
    """Return a row as the item of a batch that asks the same."""
    member = common_pb2.MemberReference(loyalty_id=request.loyalty_ids[row])
    if request.operations[row] == common_pb2.OPERATION_ACCRUE:
        total = common_pb2.Money(currency_code=request.currency_code, minor_units=request.money_minor_units[row])
        return transaction_pb2.BatchItem(
            accrue=transaction_pb2.AccrueRequest(idempotency_key=key, member=member, total=total)
        )
    if request.operations[row] == common_pb2.OPERATION_AUTHORISE:
        return transaction_pb2.BatchItem(
            authorise_redemption=transaction_pb2.AuthoriseRedemptionRequest(
                idempotency_key=key, member=member, points=request.points[row], capture=request.captures[row]
            )
        )
    return transaction_pb2.BatchItem(void_redemption=transaction_pb2.VoidRedemptionRequest(idempotency_key=key))
