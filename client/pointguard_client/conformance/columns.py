"""Requests as the columns of a ProcessBatchColumns, and what its answer tells of each. For ``wire``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from pointguard.v1 import common_pb2, transaction_pb2
from pointguard_client.conformance.outcome import Outcome, of_batch_error

OPERATIONS: Final = {
    "AuthoriseRedemption": common_pb2.OPERATION_AUTHORISE,
    "CaptureRedemption": common_pb2.OPERATION_CAPTURE,
    "VoidRedemption": common_pb2.OPERATION_VOID,
    "Accrue": common_pb2.OPERATION_ACCRUE,
}
"""The calls that columns take; of accruals those of a total."""
_NO_ID: Final = bytes(16)
_FIELDS: Final = ("points", "points_released", "account_id")
_BALANCE: Final = ("posted", "reserved", "pending")


@dataclass(frozen=True, slots=True)
class Row:
    """What columns tell of one request that was answered."""

    transaction_id: str
    decision: int
    numbers: dict[str, int]
    reasons: list[tuple[int, str]]

    def differences(self, message: Any) -> list[str]:
        """Return in what the request's answer, asked alone, is another."""
        told = {"transaction_id": self.transaction_id, "reasons": self.reasons, **self.numbers}
        alone: dict[str, Any] = {name: getattr(message, name) for name in _FIELDS if hasattr(message, name)}
        alone |= {name: getattr(message.balance, name) for name in _BALANCE}
        alone["transaction_id"] = message.transaction_id
        alone["reasons"] = [(each.code, each.rule) for each in getattr(message, "reasons", ())]
        if hasattr(message, "decision"):
            told["decision"], alone["decision"] = self.decision, message.decision
        return [f"{name}: {told[name]} in columns, {alone[name]} alone" for name in alone if told[name] != alone[name]]


def columns_of(calls: Sequence[tuple[str, Any]]) -> transaction_pb2.ProcessBatchColumnsRequest:
    """Return requests as columns; a member is named by the loyalty id."""
    columns = transaction_pb2.ProcessBatchColumnsRequest(currency_code="CAD")
    for rpc, request in calls:
        columns.idempotency_keys += UUID(request.idempotency_key).bytes
        columns.operations.append(OPERATIONS[rpc])
        columns.loyalty_ids.append(request.member.loyalty_id if hasattr(request, "member") else "")
        columns.points.append(getattr(request, "points", 0))
        money = getattr(request, "total", None) or getattr(request, "money", None)
        columns.money_minor_units.append(money.minor_units if money else 0)
        columns.kinds.append(getattr(request, "kind", common_pb2.TRANSACTION_KIND_UNSPECIFIED))
        columns.captures.append(getattr(request, "capture", False))
        columns.keep_opens.append(getattr(request, "keep_open", False))
        columns.allow_partials.append(getattr(request, "allow_partial", False))
        reservation = getattr(request, "reservation_id", "")
        columns.reservation_ids += UUID(reservation).bytes if reservation else _NO_ID
        columns.origin_numbers.append(0)
        if request.HasField("origin"):
            columns.origins.append(request.origin)
            columns.origin_numbers[-1] = len(columns.origins)
    return columns


def rows_of(answer: transaction_pb2.ProcessBatchColumnsResponse, count: int) -> list[Row | Outcome]:
    """Return what columns tell of each request: its answer, or why it was refused."""
    columns = (answer.decisions, answer.points, answer.points_released, answer.account_ids, answer.posted)
    if any(len(column) != count for column in columns) or len(answer.transaction_ids) != 16 * count:
        return [Outcome("MISSING", text="the columns have not a value for every row")] * count
    errors = {error.row: of_batch_error(error.error) for error in answer.errors}
    reasons: dict[int, list[tuple[int, str]]] = {}
    for each in answer.reasons:
        reasons.setdefault(each.row, []).append((each.reason.code, each.reason.rule))
    return [errors.get(row) or _row(answer, row, reasons.get(row, [])) for row in range(count)]


def _row(answer: transaction_pb2.ProcessBatchColumnsResponse, row: int, reasons: list[tuple[int, str]]) -> Row:
    numbers = {
        "points": answer.points[row],
        "points_released": answer.points_released[row],
        "account_id": answer.account_ids[row],
        "posted": answer.posted[row],
        "reserved": answer.reserved[row],
        "pending": answer.pending[row],
    }
    transaction_id = str(UUID(bytes=answer.transaction_ids[16 * row : 16 * (row + 1)]))
    return Row(transaction_id, answer.decisions[row], numbers, reasons)
