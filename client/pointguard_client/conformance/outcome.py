"""What became of a call, or of one request of many. Everybody here uses it."""

from dataclasses import dataclass
from typing import Any, Final

import grpc

from pointguard.v1 import transaction_pb2
from pointguard_client.errors import failure_from_rpc_error, status_name

LOST: Final = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED"})
"""Statuses after which nobody knows whether the call was done."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back: OK with a message, or a status with the reason and the fields at fault."""

    code: str
    message: Any = None
    reason: str = ""
    fields: tuple[str, ...] = ()
    text: str = ""

    @property
    def is_lost(self) -> bool:
        """Whether there was no answer."""
        return self.code in LOST


def of_result(result: transaction_pb2.BatchResult) -> Outcome:
    """Return what a batch or a stream says of one request."""
    which = result.WhichOneof("outcome")
    if which is None:
        return Outcome("MISSING", text="a result of the batch is empty")
    return of_batch_error(result.error) if which == "error" else Outcome("OK", getattr(result, which))


def of_batch_error(error: transaction_pb2.BatchError) -> Outcome:
    """Return why one request of many was refused."""
    fields = tuple(violation.field for violation in error.field_violations)
    return Outcome(status_name(error.code), None, error.reason, fields, error.message)


def of_error(error: grpc.aio.AioRpcError) -> Outcome:
    """Return why a call failed."""
    failure = failure_from_rpc_error(error)
    fields = tuple(violation.field for violation in failure.field_violations)
    return Outcome(failure.code, None, failure.reason, fields, failure.message)
