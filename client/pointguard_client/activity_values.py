"""What a caller says and hears of recorded activity. Frozen, without protobuf."""

from dataclasses import dataclass
from datetime import datetime

from pointguard_client.errors import CallError
from pointguard_client.requests import NOWHERE, Identifier, Money, Origin
from pointguard_client.results import Advice, Reason
from pointguard_client.words import TransactionKind, TransactionPart


@dataclass(frozen=True, slots=True)
class Activity:
    """Something that a member did in another system.

    `event_id` is that system's own name for it, 1 to 64 bytes, and its idempotency key. `occurred_at` must know its
    time zone, and stands for that of the `origin`. Without `parts` it has those that are usual for its kind.
    """

    event_id: str
    member: Identifier
    kind: TransactionKind
    occurred_at: datetime
    parts: tuple[TransactionPart, ...] = ()
    points: int = 0
    money: Money | None = None
    origin: Origin = NOWHERE
    redemption_type: str = ""
    order_reference: str = ""


@dataclass(frozen=True, slots=True)
class RecordedActivity:
    """What was recorded, as which transaction of the account.

    `reasons` are what a decision about the same would have said, `advice` is what it raised or extended.
    """

    transaction_id: str
    account_id: int
    seq: int
    reasons: tuple[Reason, ...]
    advice: tuple[Advice, ...]


@dataclass(frozen=True, slots=True)
class ActivityFault:
    """An activity of a stream that was refused: its place from 0, its name, and why."""

    place: int
    event_id: str
    error: CallError


@dataclass(frozen=True, slots=True)
class StreamedActivities:
    """What became of a stream: how many came, were recorded, of these before already, and were refused.

    `faults` are the first 100 that were.
    """

    received: int
    recorded: int
    replayed: int
    refused: int
    faults: tuple[ActivityFault, ...]


# The answer to one activity of many; for one that was refused, the error that the call alone would have raised.
ActivityResult = RecordedActivity | CallError
