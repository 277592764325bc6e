"""The errors of the domain. ``rpc`` maps each to one status; no other layer knows a status.

PointguardError
├── InvalidRequest          a field is malformed or out of range
├── NotFound                an account, reservation or transaction that this tenant does not have
├── KeyReused               the idempotency key was used for another request
├── IdentifierTaken         the identifier belongs to another account
├── ReservationEnded        the reservation was captured, voided or expired
├── CaptureAboveReservation more points than were reserved
├── Unauthenticated         no credential, or a bad one
├── Overloaded              too much is waiting; try again after a while
├── Expired                 the deadline passed before the request was looked at
├── Draining                the server is shutting down
└── StorageUnavailable      the ledger could not be read or written
    └── StorageBroken       ... and must not be tried again by this process
"""

from dataclasses import dataclass


class PointguardError(Exception):
    """Base of all; its text may be shown to a client."""

    reason = "ERROR"


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong with one field: its path in the request, and what it must be. Never the value itself."""

    field: str
    description: str


class InvalidRequest(PointguardError):
    """The request is not valid."""

    reason = "INVALID_REQUEST"

    def __init__(self, *violations: Violation) -> None:
        super().__init__("the request is not valid: " + "; ".join(f"{v.field} {v.description}" for v in violations))
        self.violations = violations


class NotFound(PointguardError):
    """Nothing here has that identifier."""

    reason = "NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("not found")


class KeyReused(PointguardError):
    """The idempotency key was used before, for another request."""

    reason = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        super().__init__("the idempotency key was used before, for another request")


class IdentifierTaken(PointguardError):
    """The identifier belongs to another account."""

    reason = "IDENTIFIER_TAKEN"

    def __init__(self) -> None:
        super().__init__("the identifier belongs to another account")


class ReservationEnded(PointguardError):
    """The reservation has ended: captured, voided or expired."""

    reason = "RESERVATION_ENDED"

    def __init__(self) -> None:
        super().__init__("the reservation has ended: captured, voided or expired")


class CaptureAboveReservation(PointguardError):
    """More points than are reserved."""

    reason = "CAPTURE_ABOVE_RESERVATION"

    def __init__(self) -> None:
        super().__init__("more points than are reserved")


class Unauthenticated(PointguardError):
    """No valid credential."""

    reason = "UNAUTHENTICATED"

    def __init__(self) -> None:
        super().__init__("no valid credential")


class Overloaded(PointguardError):
    """Too much is waiting; try again after ``retry_after_s`` seconds."""

    reason = "OVERLOADED"

    def __init__(self, retry_after_s: float = 0.25) -> None:
        super().__init__("too much is waiting; try again later")
        self.retry_after_s = retry_after_s


class Expired(PointguardError):
    """The deadline passed before the answer; a retry with the same key finds out what happened."""

    reason = "DEADLINE_EXCEEDED"

    def __init__(self) -> None:
        super().__init__("the deadline passed; a retry with the same key finds out what happened")


class Draining(PointguardError):
    """The server is shutting down."""

    reason = "DRAINING"

    def __init__(self) -> None:
        super().__init__("the server is shutting down")


class StorageUnavailable(PointguardError):
    """The ledger could not be written; a retry with the same key finds out what happened."""

    reason = "STORAGE_UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("the ledger could not be written; a retry with the same key finds out what happened")


class StorageBroken(StorageUnavailable):
    """A flush to disk failed: what is on disk is unknown, and only a restart reads it anew."""
