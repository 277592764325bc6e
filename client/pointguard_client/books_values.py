"""What the books say: frozen data with Python's own types. Anyone may use it."""

from dataclasses import dataclass
from datetime import date, datetime

from pointguard_client.requests import Money
from pointguard_client.results import Balance
from pointguard_client.words import Decision, DifferenceKind, EntryType, Operation, TransactionKind


@dataclass(frozen=True, slots=True)
class LiabilityProgress:
    """How far a report is: accounts that were looked at, of those that there are."""

    accounts: int
    accounts_total: int


@dataclass(frozen=True, slots=True)
class LiabilityLot:
    """Points whose last day is the same; None: they never end. `money` is None where no rate is known."""

    last_day: date | None
    points: int
    pending_points: int
    money: Money | None


@dataclass(frozen=True, slots=True)
class Liability:
    """What the points of all members come to as of a moment; `movements` are those after `since`, by type.

    `opening_points` and all movements come to `balance.posted`. Money is None where no rate is known.
    """

    as_of: datetime
    position: int
    accounts: int
    outstanding_points: int
    owed_points: int
    balance: Balance
    outstanding_money: Money | None
    configuration_version: int
    lots: tuple[LiabilityLot, ...]
    since: datetime | None
    opening_points: int
    movements: dict[EntryType, int]
    breakage_points: int
    breakage_money: Money | None


@dataclass(frozen=True, slots=True)
class DaySums:
    """How many transactions, and what they come to; money in minor units of the program's currency."""

    count: int
    points: int
    money_minor_units: int


@dataclass(frozen=True, slots=True)
class SaidTotal:
    """What a terminal says of approved transactions; what is left out is any."""

    sums: DaySums
    store_id: str = ""
    terminal_id: str = ""
    operation: Operation = Operation.UNSPECIFIED
    kind: TransactionKind = TransactionKind.UNSPECIFIED


@dataclass(frozen=True, slots=True)
class SaidTransaction:
    """What a terminal says of a transaction; without a decision it had no answer, and nothing is compared."""

    idempotency_key: str
    decision: Decision = Decision.UNSPECIFIED
    points: int = 0
    money_minor_units: int | None = None


@dataclass(frozen=True, slots=True)
class ComparedTotal:
    """A total that was said, by its place in the request, and what the ledger has."""

    index: int
    said: DaySums
    ledger: DaySums


@dataclass(frozen=True, slots=True)
class DayTotal:
    """What the ledger has of one terminal, operation and kind."""

    business_unit_id: str
    store_id: str
    terminal_id: str
    operation: Operation
    kind: TransactionKind
    approved: DaySums
    declined_count: int


@dataclass(frozen=True, slots=True)
class DayTransaction:
    """A transaction as a day's totals count it."""

    transaction_id: str
    operation: Operation
    kind: TransactionKind
    decision: Decision
    points: int
    money_minor_units: int
    accepted_at: datetime
    store_id: str
    terminal_id: str
    order_reference: str


@dataclass(frozen=True, slots=True)
class DayDifference:
    """How a transaction differs: what was said, or None, and what the ledger has, or None."""

    kinds: tuple[DifferenceKind, ...]
    said: SaidTransaction | None
    ledger: DayTransaction | None


@dataclass(frozen=True, slots=True)
class ReconciledDay:
    """A business day of the ledger up to a position, and where what was said differs.

    At most the first 10,000 of `difference_count` differences are here. A day that is not over may get more.
    """

    begins_at: datetime
    ends_before: datetime
    position: int
    over: bool
    totals: tuple[DayTotal, ...]
    differing_totals: tuple[ComparedTotal, ...]
    differences: tuple[DayDifference, ...]
    difference_count: int
