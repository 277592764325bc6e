"""Everything that a call can raise, and the one function that turns a gRPC failure into it.

A declined redemption is not here: it is an answer, with `decision` DECLINED.

    PointguardError
    ├── ConfigurationError             nothing was sent: no API key, plaintext to another machine
    └── CallError                      the server, or the way to it, refused the call
        ├── InvalidArgument            a field is malformed; `field_violations` names it
        ├── Unauthenticated            no API key, or one that is not known
        ├── PermissionDenied           the API key may not do this
        ├── NotFound                   no such member, reservation or transaction
        ├── AlreadyExists
        │   ├── KeyReused              the idempotency key was used for another request
        │   └── IdentifierTaken        the identifier finds another account already
        ├── FailedPrecondition         the state does not allow it
        │   ├── ReservationEnded       the reservation was captured, voided or has expired
        │   ├── ReturnAboveOriginal    more is to be returned than is left of the original
        │   ├── AdviceEnded            the advice was overridden or removed, or has expired
        │   ├── AdviceIsCase           the advice is a case, which is resolved instead
        │   ├── CaseResolved           the case has been resolved
        │   ├── FourEyes               another author with another API key must resolve the case
        │   ├── ExemptionEnded         the exemption was ended, or its time was up
        │   ├── StopEnded              the stop of redemptions was released, or its time was up
        │   └── ActiveVersionDiffers   another version of the earn rules is active than was expected
        ├── Overloaded                 the server sheds load; `retry_after` says for how long
        ├── Unavailable                the server cannot be reached, or its storage is in trouble
        ├── DeadlineExceeded           no answer in time
        ├── Cancelled                  the call was cut off
        └── ServerFault                anything else

After Unavailable, DeadlineExceeded or Cancelled of a call that changes state nobody knows whether it was done. Call
again with the error's `idempotency_key`: that finds out, and does it if it was not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar, cast

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo, RetryInfo
from google.rpc.status_pb2 import Status

MessageType = TypeVar("MessageType", bound=Message)

STATUS_DETAILS_KEY: Final = "grpc-status-details-bin"
ERROR_ID_KEY: Final = "error_id"
REASON_KEY_REUSED: Final = "IDEMPOTENCY_KEY_REUSED"
REASON_IDENTIFIER_TAKEN: Final = "IDENTIFIER_TAKEN"
REASON_RESERVATION_ENDED: Final = "RESERVATION_ENDED"
REASON_RETURN_ABOVE_ORIGINAL: Final = "RETURN_ABOVE_ORIGINAL"
REASON_ADVICE_ENDED: Final = "ADVICE_ENDED"
REASON_ADVICE_IS_CASE: Final = "ADVICE_IS_CASE"
REASON_CASE_RESOLVED: Final = "CASE_RESOLVED"
REASON_FOUR_EYES: Final = "FOUR_EYES"
REASON_EXEMPTION_ENDED: Final = "EXEMPTION_ENDED"
REASON_STOP_ENDED: Final = "STOP_ENDED"
REASON_ACTIVE_VERSION_DIFFERS: Final = "ACTIVE_VERSION_DIFFERS"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """What is wrong with one field: its path, such as member.loyalty_id, and what it must be."""

    field: str
    description: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed call in plain values, before it becomes an exception.

    `code` is the status name, such as NOT_FOUND; `reason` and `error_id` are empty where the server gave none.
    """

    code: str
    message: str = ""
    reason: str = ""
    error_id: str = ""
    field_violations: tuple[FieldViolation, ...] = ()
    retry_after: timedelta | None = None


class PointguardError(Exception):
    """The root of everything that this client raises by itself."""


class ConfigurationError(PointguardError):
    """Nothing was sent, because the client lacks something that it needs."""


class CallError(PointguardError):
    """A call failed.

    `rpc` names it; `code` is the gRPC status; `reason` is the machine-readable reason; `error_id` finds the failure in
    the server's log; `idempotency_key` is the key to use again (empty for calls that change nothing).
    """

    def __init__(self, failure: Failure, rpc: str = "", idempotency_key: str = "") -> None:
        self.failure = failure
        self.rpc = rpc
        self.idempotency_key = idempotency_key
        super().__init__(self._text())

    @property
    def code(self) -> str:
        """The gRPC status, such as NOT_FOUND."""
        return self.failure.code

    @property
    def reason(self) -> str:
        """The machine-readable reason, such as IDEMPOTENCY_KEY_REUSED; empty if the server gave none."""
        return self.failure.reason

    @property
    def error_id(self) -> str:
        """The id under which the server logged the failure; empty if it gave none."""
        return self.failure.error_id

    @property
    def field_violations(self) -> tuple[FieldViolation, ...]:
        """The fields at fault; empty unless the request was malformed."""
        return self.failure.field_violations

    @property
    def retry_after(self) -> timedelta | None:
        """How long the server asks to be left alone; None if it did not say."""
        return self.failure.retry_after

    def _text(self) -> str:
        failure = self.failure
        head = f"{self.rpc}: {failure.code}" if self.rpc else failure.code
        details = [f"{violation.field}: {violation.description}" for violation in failure.field_violations]
        reason = f" [{failure.reason}]" if failure.reason else ""
        error_id = f" (error id {failure.error_id})" if failure.error_id else ""
        return "; ".join([f"{head}{reason} {failure.message}".rstrip(), *details]) + error_id


class InvalidArgument(CallError):
    """A field is malformed, unknown or out of range."""


class Unauthenticated(CallError):
    """No API key was sent, or one that the server does not know."""


class PermissionDenied(CallError):
    """The API key may not do this."""


class NotFound(CallError):
    """No such member, reservation or transaction in this tenant."""


class AlreadyExists(CallError):
    """What was to be made exists already."""


class KeyReused(AlreadyExists):
    """The idempotency key was used before, for another request."""


class IdentifierTaken(AlreadyExists):
    """The identifier finds another account already."""


class FailedPrecondition(CallError):
    """The state does not allow it, such as a capture of more points than are reserved."""


class AdviceEnded(FailedPrecondition):
    """The advice stands no more: it was overridden or removed, or has expired."""


class AdviceIsCase(FailedPrecondition):
    """The advice is a case: it is resolved, not overridden or removed."""


class CaseResolved(FailedPrecondition):
    """The case has been resolved."""


class FourEyes(FailedPrecondition):
    """Another author with another API key than it was proposed by must resolve the case."""


class ExemptionEnded(FailedPrecondition):
    """The exemption was ended, or its time was up."""


class StopEnded(FailedPrecondition):
    """The stop of redemptions was released, or its time was up."""


class ReservationEnded(FailedPrecondition):
    """The reservation was captured or voided, or its time is up."""


class ReturnAboveOriginal(FailedPrecondition):
    """More is to be returned than is left of the original, or of one of its lines."""


class ActiveVersionDiffers(FailedPrecondition):
    """Another version of the earn rules is active than was expected: someone was faster. The text names it."""


class Overloaded(CallError):
    """The server sheds load; nothing was done."""


class Unavailable(CallError):
    """The server cannot be reached, or its storage is in trouble. Whether the call was done is not known."""


class DeadlineExceeded(CallError):
    """No answer came in time. Whether the call was done is not known."""


class Cancelled(CallError):
    """The call was cut off. Whether it was done is not known."""


class ServerFault(CallError):
    """The server failed in a way that it should not."""


_BY_REASON: Final[dict[str, type[CallError]]] = {
    REASON_KEY_REUSED: KeyReused,
    REASON_IDENTIFIER_TAKEN: IdentifierTaken,
    REASON_RESERVATION_ENDED: ReservationEnded,
    REASON_RETURN_ABOVE_ORIGINAL: ReturnAboveOriginal,
    REASON_ADVICE_ENDED: AdviceEnded,
    REASON_ADVICE_IS_CASE: AdviceIsCase,
    REASON_CASE_RESOLVED: CaseResolved,
    REASON_FOUR_EYES: FourEyes,
    REASON_EXEMPTION_ENDED: ExemptionEnded,
    REASON_STOP_ENDED: StopEnded,
    REASON_ACTIVE_VERSION_DIFFERS: ActiveVersionDiffers,
}
_BY_CODE: Final[dict[str, type[CallError]]] = {
    "INVALID_ARGUMENT": InvalidArgument,
    "OUT_OF_RANGE": InvalidArgument,
    "UNAUTHENTICATED": Unauthenticated,
    "PERMISSION_DENIED": PermissionDenied,
    "NOT_FOUND": NotFound,
    "ALREADY_EXISTS": AlreadyExists,
    "FAILED_PRECONDITION": FailedPrecondition,
    "RESOURCE_EXHAUSTED": Overloaded,
    "UNAVAILABLE": Unavailable,
    "DEADLINE_EXCEEDED": DeadlineExceeded,
    "CANCELLED": Cancelled,
}


def error_from_failure(failure: Failure, rpc: str = "", idempotency_key: str = "") -> CallError:
    """Return the exception for a failure: by its reason where that is known, else by its status."""
    by_code = _BY_CODE.get(failure.code, ServerFault)
    by_reason = _BY_REASON.get(failure.reason, by_code)
    # A reason only narrows what the status says; it never contradicts it.
    return (by_reason if issubclass(by_reason, by_code) else by_code)(failure, rpc, idempotency_key)


def failure_from_rpc_error(error: grpc.aio.AioRpcError) -> Failure:
    """Read status, reason, error id, violations and retry delay out of a gRPC error. Broken details are left out."""
    if error.code() is grpc.StatusCode.INTERNAL and error.details() == LOST_STATUS:
        return Failure("UNAVAILABLE", "the call ended while it was written to")
    status = _status_details(error)
    info = _detail(status, ErrorInfo())
    violations = _detail(status, BadRequest()).field_violations
    return Failure(
        code=error.code().name,
        message=error.details() or "",
        reason=info.reason,
        error_id=info.metadata.get(ERROR_ID_KEY, "") or _detail(status, RequestInfo()).request_id,
        field_violations=tuple(FieldViolation(item.field, item.description) for item in violations),
        retry_after=_retry_after(status),
    )


def status_name(code: int) -> str:
    """Return the name of a gRPC status number; UNKNOWN for a number that is none."""
    return _STATUS_NAMES.get(code, "UNKNOWN")


LOST_STATUS: Final = "Internal error from Core"
"""What grpc.aio says in place of a call's status where a write came just after it had ended (grpc/grpc#36066)."""
_STATUS_NAMES: Final = {code.value[0]: code.name for code in grpc.StatusCode}


def _status_details(error: grpc.aio.AioRpcError) -> Status:
    status = Status()
    # The stubs do not say that gRPC's metadata can be iterated.
    for key, value in cast("Iterable[tuple[str, str | bytes]]", error.trailing_metadata() or ()):
        if key == STATUS_DETAILS_KEY and isinstance(value, bytes):
            try:
                status.ParseFromString(value)
            except DecodeError:
                return Status()
    return status


def _detail(status: Status, detail: MessageType) -> MessageType:
    for packed in status.details:
        try:
            if packed.Unpack(detail):
                return detail
        except DecodeError:
            detail.Clear()
    return detail


def _retry_after(status: Status) -> timedelta | None:
    delay = _detail(status, RetryInfo())
    return delay.retry_delay.ToTimedelta() if delay.HasField("retry_delay") else None
