"""The answers that the client gives: frozen data with Python's own types.

Points are in the program's smallest unit, times in UTC.
"""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pointguard_client.errors import CallError
from pointguard_client.requests import Identifier, Money, Profile
from pointguard_client.words import (
    AdviceContext,
    AdviceEntity,
    AdviceEvent,
    AdvicePosture,
    Channel,
    Decision,
    EntryType,
    Factor,
    FraudScope,
    IdentifierKind,
    InterventionReason,
    Operation,
    ReasonCode,
    TransactionKind,
    TransactionPart,
)


@dataclass(frozen=True, slots=True)
class Balance:
    """An account's points; `available` = `posted` − `pending` − `reserved`."""

    posted: int
    reserved: int
    pending: int
    available: int


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason of a decision.

    `rule` is empty unless a rule or an advice gave it, `text`, which a till shows, unless that has a message.
    """

    code: ReasonCode
    rule: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a fraud rule saw when it tripped; it trips when `measured` is above `threshold`."""

    transaction_id: str
    measured: int
    threshold: int
    window_starts_after: datetime | None


@dataclass(frozen=True, slots=True)
class Advice:
    """A standing finding about an account; `factor` is what a STEP_UP asks for.

    Without `ends_at` it is a case, and stands until it is resolved. `scope` and `scope_entity` say whose transactions
    its rule had counted, `text` what a till should show.
    """

    advice_id: str
    entity: AdviceEntity
    context: AdviceContext
    posture: AdvicePosture
    starts_at: datetime | None
    ends_at: datetime | None
    rule: str
    rule_version: int
    evidence: Evidence
    factor: Factor = Factor.UNSPECIFIED
    scope: FraudScope = FraudScope.UNSPECIFIED
    scope_entity: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class AdviceChange:
    """A step that a transaction took in the life of an advice, and the advice as it is from then on."""

    event: AdviceEvent
    advice: Advice


@dataclass(frozen=True, slots=True)
class Intervention:
    """Who of the staff does something about an account, and why; a note is required for OTHER.

    `author` is a staff number or an account, not a name; `api_key_id` is the server's to say. `session_id` is the
    console's own name for the session in which it is done.
    """

    author: str
    reason: InterventionReason
    note: str = ""
    api_key_id: str = ""
    session_id: str = ""


@dataclass(frozen=True, slots=True)
class AdviceReport:
    """What stands against an account, strongest posture first.

    `redemptions_stopped` and `redemption_reasons` say what else declines every redemption where it was asked: stops;
    controls and fraud rules.
    """

    account_id: int
    posture: AdvicePosture
    advice: tuple[Advice, ...]
    redemption_locked: bool
    suspended: bool = False
    redemptions_stopped: tuple[ReasonCode, ...] = ()
    redemption_reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Quote:
    """What may be spent now, in points and in money, and what binds the figure."""

    account_id: int
    points_max: int
    money_max: Money | None
    limits: tuple[Reason, ...]
    balance: Balance
    advice: tuple[Advice, ...]


@dataclass(frozen=True, slots=True)
class Redemption:
    """The decision on a redemption. `transaction_id` is the reservation's id too, if there is one."""

    transaction_id: str
    account_id: int
    decision: Decision
    reasons: tuple[Reason, ...]
    points: int
    money: Money | None
    expires_at: datetime | None
    balance: Balance


@dataclass(frozen=True, slots=True)
class Capture:
    """What was spent of a reservation, and what was released.

    `expires_at` is when what is left of it ends by itself; None: this has ended it.
    """

    transaction_id: str
    account_id: int
    points: int
    points_released: int
    balance: Balance
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Extension:
    """Until when a reservation stands, and the points that are left of it."""

    transaction_id: str
    account_id: int
    points: int
    expires_at: datetime
    balance: Balance


@dataclass(frozen=True, slots=True)
class Void:
    """What was released of a reservation."""

    transaction_id: str
    account_id: int
    points_released: int
    balance: Balance


@dataclass(frozen=True, slots=True)
class Return:
    """What was undone: `signed_points` below 0 were taken back of an accrual, above 0 went back of a redemption.

    `points_not_moved` are those that the account had not got where the program forgives them, or whose lot had ended.
    """

    transaction_id: str
    account_id: int
    signed_points: int
    points_not_moved: int
    money: Money | None
    balance: Balance


@dataclass(frozen=True, slots=True)
class Award:
    """Points that one earn rule gave."""

    rule: str
    part: TransactionPart
    points: int


@dataclass(frozen=True, slots=True)
class Accrual:
    """The decision on an accrual; `points` is the sum of the awards. Without an experiment its number and arm are 0."""

    transaction_id: str
    account_id: int
    decision: Decision
    reasons: tuple[Reason, ...]
    points: int
    awards: tuple[Award, ...]
    balance: Balance
    experiment_id: int = 0
    arm: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One immutable line of a transaction; `running_balance` is the posted points after it.

    Its points may be spent from `matures_at` on and end at `expires_at`, where they were held back or end.
    """

    entry_type: EntryType
    part: TransactionPart
    signed_points: int
    running_balance: int
    rule: str
    matures_at: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Transfer:
    """The decision on a transfer; account and balance are of who gives."""

    transaction_id: str
    account_id: int
    decision: Decision
    reasons: tuple[Reason, ...]
    points: int
    balance: Balance


@dataclass(frozen=True, slots=True)
class Conversion:
    """What points became: units of what `unit` says, by the code of the program's conversion."""

    conversion: str
    units: int
    unit: str


@dataclass(frozen=True, slots=True)
class PointsConversion:
    """The decision on a conversion; `conversion` is None if it was declined."""

    transaction_id: str
    account_id: int
    decision: Decision
    reasons: tuple[Reason, ...]
    points: int
    conversion: Conversion | None
    balance: Balance


@dataclass(frozen=True, slots=True)
class HouseholdRedemption:
    """The decision on a household redemption; `points` are those of all, account and balance of who was named first."""

    transaction_id: str
    account_id: int
    decision: Decision
    reasons: tuple[Reason, ...]
    points: int
    balance: Balance


@dataclass(frozen=True, slots=True)
class Adjustment:
    """The decision on points given or taken by hand; `signed_points` are those that moved."""

    transaction_id: str
    account_id: int
    decision: Decision
    reasons: tuple[Reason, ...]
    signed_points: int
    balance: Balance


@dataclass(frozen=True, slots=True)
class AdjustmentReason:
    """What an agent said of it: the program's reason code and a note; `api_key_id` is the key's public id."""

    reason_code: str
    note: str
    api_key_id: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """One immutable decision about one account, as the ledger holds it; its experiment's number and arm, or 0.

    Of a transaction that is about several, `other_legs` are those of the other accounts.
    """

    transaction_id: str
    account_id: int
    seq: int
    position: int
    operation: Operation
    kind: TransactionKind
    decision: Decision
    reasons: tuple[Reason, ...]
    points: int
    money: Money | None
    accepted_at: datetime | None
    occurred_at: datetime | None
    store_id: str
    terminal_id: str
    cashier_id: str
    channel: Channel
    order_reference: str
    rule_set_version: int
    fraud_rules_version: int
    balance: Balance
    entries: tuple[Entry, ...]
    expires_at: datetime | None
    original_transaction_id: str
    experiment_id: int = 0
    arm: int = 0
    advice: tuple[AdviceChange, ...] = ()
    intervention: Intervention | None = None
    verified_by: tuple[Factor, ...] = ()
    agent_id: str = ""  # who of the staff did it
    adjustment: AdjustmentReason | None = None
    identified_by: IdentifierKind = IdentifierKind.UNSPECIFIED
    conversion: Conversion | None = None
    other_legs: tuple["Transaction", ...] = ()


@dataclass(frozen=True, slots=True)
class NextExpiry:
    """The points that end next, if nothing is spent before; from `expires_at` on they are gone."""

    points: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """An account's points as they stand, or stood; `seq` numbers the account's newest transaction by then.

    `position` is the ledger's last by the earlier moment that was asked for; 0 for the present.
    """

    account_id: int
    balance: Balance
    seq: int
    redemption_locked: bool
    next_expiry: NextExpiry | None
    suspended: bool = False
    position: int = 0


@dataclass(frozen=True, slots=True)
class Enrollment:
    """A new member and its account."""

    transaction_id: str
    member_id: int
    account_id: int


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """A member with all that finds it, ACCOUNT_ID left out."""

    member_id: int
    account_id: int
    identifiers: tuple[Identifier, ...]
    profile: Profile
    enrolled_at: datetime | None
    tier: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IdentifierLink:
    """An identifier that was linked to an account."""

    transaction_id: str
    account_id: int


@dataclass(frozen=True, slots=True)
class CardReplacement:
    """A card that finds an account in place of another one."""

    transaction_id: str
    account_id: int


@dataclass(frozen=True, slots=True)
class MemberUpdate:
    """A member that was changed."""

    transaction_id: str
    account_id: int


@dataclass(frozen=True, slots=True)
class RedemptionLock:
    """How an account's redemption lock stands now."""

    transaction_id: str
    account_id: int
    locked: bool


@dataclass(frozen=True, slots=True)
class ColumnAnswers:
    """The answers to a batch of columns: a value for every row, 0 where a row was refused or has none.

    `transaction_ids` has 16 bytes a row; `decisions` are numbers of `Decision`; times are microseconds since 1970-01-01
    UTC. `reasons` and `errors` are by row, and hold only the rows that have some.
    """

    transaction_ids: bytes
    decisions: "array[int]"
    points: "array[int]"
    points_released: "array[int]"
    money_minor_units: "array[int]"
    expires_at_micros: "array[int]"
    account_ids: "array[int]"
    posted: "array[int]"
    reserved: "array[int]"
    pending: "array[int]"
    reasons: Mapping[int, tuple[Reason, ...]]
    errors: Mapping[int, CallError]

    def __len__(self) -> int:
        return len(self.decisions)

    def transaction_id(self, row: int) -> str:
        """Return a row's transaction id in text form, as all other calls have it; empty if the row was refused."""
        identifier = self.transaction_ids[16 * row : 16 * (row + 1)]
        return str(UUID(bytes=identifier)) if any(identifier) else ""


# The answer to one request of a batch; for one that was refused, the error that the call alone would have raised.
BatchResult = Redemption | Capture | Void | Extension | Accrual | Return | Transfer | HouseholdRedemption | CallError
