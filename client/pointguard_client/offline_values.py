"""What a caller says and hears of allowances and uploads. Frozen, without protobuf."""

from dataclasses import dataclass
from datetime import datetime

from pointguard_client.activity_values import Activity
from pointguard_client.errors import CallError
from pointguard_client.requests import (
    NOWHERE,
    Accrue,
    CaptureRedemption,
    Origin,
    ReturnTransaction,
    VoidRedemption,
)
from pointguard_client.results import Balance, Reason
from pointguard_client.words import Decision, DiscrepancyKind


@dataclass(frozen=True, slots=True)
class Allowance:
    """Points that were signed out to a terminal, as the server signed them: see `pointguard_client.offline`."""

    terms: bytes
    key_id: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class IssuedAllowance:
    """The decision on an allowance; None if it was declined."""

    transaction_id: str
    decision: Decision
    reasons: tuple[Reason, ...]
    allowance: Allowance | None
    account_id: int
    balance: Balance


@dataclass(frozen=True, slots=True)
class AllowanceKey:
    """A key that signs allowances, or did: its id, and the 32 bytes of the Ed25519 public key."""

    key_id: str
    public_key: bytes
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class OfflineRedemption:
    """A redemption that a terminal approved by an allowance; `origin` says when it did."""

    allowance: Allowance
    points: int
    origin: Origin = NOWHERE
    order_reference: str = ""
    idempotency_key: str = ""


OccurrenceRequest = Accrue | OfflineRedemption | CaptureRedemption | VoidRedemption | ReturnTransaction | Activity


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that happened at a terminal: the terminal's own number for it, and the request, with its key."""

    sequence: int
    request: OccurrenceRequest


@dataclass(frozen=True, slots=True)
class TakenOccurrence:
    """An occurrence that is in the ledger."""

    sequence: int
    transaction_id: str
    account_id: int
    decision: Decision
    reasons: tuple[Reason, ...]
    points: int
    balance: Balance


@dataclass(frozen=True, slots=True)
class RefusedOccurrence:
    """An occurrence that was refused: nothing was booked."""

    sequence: int
    error: CallError


@dataclass(frozen=True, slots=True)
class Upload:
    """What became of an upload, in its order, and the highest number that the terminal has ever uploaded."""

    results: tuple[TakenOccurrence | RefusedOccurrence, ...]
    last_sequence: int


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """Something that does not fit in what a terminal has uploaded."""

    kind: DiscrepancyKind
    first_sequence: int
    last_sequence: int
    transaction_id: str
    points: int
    overspent_points: int
    occurred_at: datetime | None
    happened_at: datetime | None
    received_at: datetime | None


@dataclass(frozen=True, slots=True)
class Discrepancies:
    """All that does not fit in what a terminal has uploaded up to now, in order of its numbers."""

    found: tuple[Discrepancy, ...]
    last_sequence: int
