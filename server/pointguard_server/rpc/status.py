"""The one table from the domain's errors to gRPC statuses, with machine-readable details (``google.rpc``)."""

import uuid
from enum import IntEnum
from typing import Self

from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from pointguard_server.domain import errors
from pointguard_server.domain.codes import Outcome
from pointguard_server.service.configuration_versions import ConfigurationRefused
from pointguard_server.service.credentials import VerificationFailed

DOMAIN = "pointguard"


class StatusCode(IntEnum):
    """gRPC's status codes, those that calls end with here."""

    OK = 0
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


CODES: dict[type[errors.PointguardError], StatusCode] = {
    errors.InvalidRequest: StatusCode.INVALID_ARGUMENT,
    errors.NotFound: StatusCode.NOT_FOUND,
    errors.KeyReused: StatusCode.ALREADY_EXISTS,
    errors.IdentifierTaken: StatusCode.ALREADY_EXISTS,
    errors.CardLinkingCap: StatusCode.FAILED_PRECONDITION,
    errors.ReservationEnded: StatusCode.FAILED_PRECONDITION,
    errors.CaptureAboveReservation: StatusCode.FAILED_PRECONDITION,
    errors.ReservationLimit: StatusCode.FAILED_PRECONDITION,
    errors.NotReturnable: StatusCode.FAILED_PRECONDITION,
    errors.ReturnAboveOriginal: StatusCode.FAILED_PRECONDITION,
    errors.ReturnWindowOver: StatusCode.FAILED_PRECONDITION,
    errors.ReceiptRequired: StatusCode.FAILED_PRECONDITION,
    errors.ReasonCodeUnknown: StatusCode.FAILED_PRECONDITION,
    errors.AboveAllowance: StatusCode.FAILED_PRECONDITION,
    errors.NotCorrectable: StatusCode.FAILED_PRECONDITION,
    errors.CorrectionAboveOriginal: StatusCode.FAILED_PRECONDITION,
    errors.AdviceEnded: StatusCode.FAILED_PRECONDITION,
    errors.AdviceIsCase: StatusCode.FAILED_PRECONDITION,
    errors.CaseResolved: StatusCode.FAILED_PRECONDITION,
    errors.FourEyes: StatusCode.FAILED_PRECONDITION,
    errors.ExemptionEnded: StatusCode.FAILED_PRECONDITION,
    errors.TooManyExemptions: StatusCode.FAILED_PRECONDITION,
    errors.StopEnded: StatusCode.FAILED_PRECONDITION,
    errors.TooManyStops: StatusCode.FAILED_PRECONDITION,
    errors.ActiveVersionDiffers: StatusCode.FAILED_PRECONDITION,
    errors.AlreadyActive: StatusCode.FAILED_PRECONDITION,
    errors.NotAnEarlierVersion: StatusCode.FAILED_PRECONDITION,
    errors.TooManyPlanned: StatusCode.FAILED_PRECONDITION,
    errors.ActivationNotPlanned: StatusCode.FAILED_PRECONDITION,
    errors.TooManyPatterns: StatusCode.FAILED_PRECONDITION,
    errors.RulesNotCompiled: StatusCode.FAILED_PRECONDITION,
    errors.RulesNotChecked: StatusCode.UNAVAILABLE,
    errors.ExperimentRunning: StatusCode.FAILED_PRECONDITION,
    errors.ExperimentStarted: StatusCode.FAILED_PRECONDITION,
    errors.ExperimentNotRunning: StatusCode.FAILED_PRECONDITION,
    errors.ShadowRunning: StatusCode.FAILED_PRECONDITION,
    errors.ShadowNotRunning: StatusCode.FAILED_PRECONDITION,
    errors.BacktestUnderWay: StatusCode.RESOURCE_EXHAUSTED,
    errors.BacktestFailed: StatusCode.UNAVAILABLE,
    errors.NotOnThisDatabase: StatusCode.FAILED_PRECONDITION,
    errors.PermissionDenied: StatusCode.PERMISSION_DENIED,
    errors.Unauthenticated: StatusCode.UNAUTHENTICATED,
    errors.Overloaded: StatusCode.RESOURCE_EXHAUSTED,
    errors.Expired: StatusCode.DEADLINE_EXCEEDED,
    errors.Draining: StatusCode.UNAVAILABLE,
    errors.StorageUnavailable: StatusCode.UNAVAILABLE,
    errors.ProgramChanged: StatusCode.UNAVAILABLE,
    errors.StorageBroken: StatusCode.UNAVAILABLE,
    ConfigurationRefused: StatusCode.FAILED_PRECONDITION,
    VerificationFailed: StatusCode.UNAVAILABLE,
}

_CURRENCY = errors.Violation("money.currency_code", "must be the program's currency")
_PAST_END = errors.Violation("ends_at", "must be to come")
_WRONG_AMOUNT = errors.Violation("amount", "must be money or lines of an accrual, and points of a redemption")
_NO_SUCH_LINE = errors.Violation("lines.lines", "must be lines of the original's basket")
_SAME_ACCOUNT = errors.Violation("to", "must be another account")
_NAMED_TWICE = errors.Violation("members", "must be different accounts")
_RETRY_AFTER_S = 0.1  # others are just changing the same member's groups, moving many lots, or spending an allowance
_OUTCOMES: dict[int, errors.PointguardError] = {
    Outcome.ACCOUNT_UNKNOWN: errors.NotFound(),
    Outcome.RESERVATION_UNKNOWN: errors.NotFound(),
    Outcome.RESERVATION_ENDED: errors.ReservationEnded(),
    Outcome.CAPTURE_ABOVE_RESERVATION: errors.CaptureAboveReservation(),
    Outcome.RESERVATION_LIMIT: errors.ReservationLimit(),
    Outcome.KEY_REUSED: errors.KeyReused(),
    Outcome.IDENTIFIER_TAKEN: errors.IdentifierTaken(),
    Outcome.CURRENCY_MISMATCH: errors.InvalidRequest(_CURRENCY),
    Outcome.ADVICE_ENDED: errors.AdviceEnded(),
    Outcome.ENDS_IN_THE_PAST: errors.InvalidRequest(_PAST_END),
    Outcome.CASE_RESOLVED: errors.CaseResolved(),
    Outcome.FOUR_EYES: errors.FourEyes(),
    Outcome.ADVICE_IS_CASE: errors.AdviceIsCase(),
    Outcome.NOT_RETURNABLE: errors.NotReturnable(),
    Outcome.RETURN_ABOVE_ORIGINAL: errors.ReturnAboveOriginal(),
    Outcome.RETURN_WINDOW_OVER: errors.ReturnWindowOver(),
    Outcome.RETURN_AMOUNT_MISMATCH: errors.InvalidRequest(_WRONG_AMOUNT),
    Outcome.NO_SUCH_LINE: errors.InvalidRequest(_NO_SUCH_LINE),
    Outcome.RECEIPT_REQUIRED: errors.ReceiptRequired(),
    Outcome.REASON_CODE_UNKNOWN: errors.ReasonCodeUnknown(),
    Outcome.NOT_CORRECTABLE: errors.NotCorrectable(),
    Outcome.CORRECTION_ABOVE_ORIGINAL: errors.CorrectionAboveOriginal(),
    Outcome.CARD_LINKING_CAP: errors.CardLinkingCap(),
    Outcome.GROUPS_CHANGED: errors.Overloaded(_RETRY_AFTER_S),
    Outcome.SAME_ACCOUNT: errors.InvalidRequest(_SAME_ACCOUNT),
    Outcome.NAMED_TWICE: errors.InvalidRequest(_NAMED_TWICE),
    Outcome.ABOVE_ALLOWANCE: errors.AboveAllowance(),
    Outcome.TOO_MANY_LOTS: errors.Overloaded(_RETRY_AFTER_S),
    Outcome.SPENT_ALONGSIDE: errors.Overloaded(_RETRY_AFTER_S),
}


class Fault(errors.PointguardError):
    """A defect of ours. The client learns nothing but an id to report; the log has the rest."""

    reason = "FAULT"

    def __init__(self) -> None:
        super().__init__("the server could not answer; a retry with the same key finds out what happened")

    @classmethod
    def of(cls, defect: BaseException) -> Self:
        """Return the fault that a defect is to the client."""
        fault = cls()
        fault.__cause__ = defect
        return fault


CODES[Fault] = StatusCode.UNAVAILABLE


def refusal(outcome: int) -> errors.PointguardError:
    """Return the error that an outcome other than DONE stands for."""
    return _OUTCOMES[outcome]


def code_of(error: errors.PointguardError) -> StatusCode:
    """Return the status code of an error."""
    return CODES[type(error)]


def details(error: errors.PointguardError, error_id: str) -> bytes:
    """Return the serialized ``google.rpc.Status`` that goes into the trailing metadata."""
    found = {**error.evidence, "error_id": error_id}
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=found)
    status = status_pb2.Status(code=int(code_of(error)), message=str(error), details=[_packed(info)])
    if isinstance(error, errors.InvalidRequest):
        violations = [
            error_details_pb2.BadRequest.FieldViolation(field=violation.field, description=violation.description)
            for violation in error.violations
        ]
        status.details.append(_packed(error_details_pb2.BadRequest(field_violations=violations)))
    if isinstance(error, errors.Overloaded):
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(int(error.retry_after_s * 1000))
        status.details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
    return status.SerializeToString()


def new_error_id() -> str:
    """Return a random id that ties an answer to a line of the log."""
    return uuid.uuid4().hex


def _packed(
    message: "error_details_pb2.ErrorInfo | error_details_pb2.BadRequest | error_details_pb2.RetryInfo",
) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
