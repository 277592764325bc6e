"""What the books say: frozen data with Python's own types. Anyone may use it."""

from dataclasses import dataclass
from datetime import date, datetime

from pointguard_client.requests import Money
from pointguard_client.results import Balance
from pointguard_client.words import EntryType


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
