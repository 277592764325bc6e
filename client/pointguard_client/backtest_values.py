"""What a backtest says: frozen data with Python's own types. Anyone may use it. Money is in minor units."""

from dataclasses import dataclass
from datetime import datetime

from pointguard_client.words import BacktestCaveat


@dataclass(frozen=True, slots=True)
class BacktestProgress:
    """How far a backtest has come: legs of the ledger looked at, the orders among them, their points so far."""

    legs: int
    legs_in_all: int
    orders: int
    points: int


@dataclass(frozen=True, slots=True)
class BacktestRule:
    """What one rule would have given, to how many orders, and what that would have cost."""

    rule: str
    points: int
    orders: int
    cost_minor_units: int


@dataclass(frozen=True, slots=True)
class BacktestSide:
    """What one version would have given. Orders on which its arithmetic fails count 0 points."""

    version: int
    points: int
    cost_minor_units: int
    failed_orders: int
    rules: tuple[BacktestRule, ...]


@dataclass(frozen=True, slots=True)
class BacktestGroup:
    """The orders of one tier or store; `other_points` are the other version's, or else those that were issued."""

    code: str
    orders: int
    spend_minor_units: int
    issued_points: int
    points: int
    other_points: int
    flips: int


@dataclass(frozen=True, slots=True)
class BacktestFlipRule:
    """A rule that gives an order other points by the two versions."""

    rule: str
    points: int
    other_points: int


@dataclass(frozen=True, slots=True)
class BacktestFlip:
    """An order that would have got other points."""

    transaction_id: str
    accepted_at: datetime
    points: int
    other_points: int
    rules: tuple[BacktestFlipRule, ...]


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """What came out. Without an `other` version, the version is compared with what was issued."""

    orders: int
    declined_orders: int
    currency_code: str
    spend_minor_units: int
    issued_points: int
    issued_cost_minor_units: int
    side: BacktestSide
    other: BacktestSide | None
    tiers: tuple[BacktestGroup, ...]
    stores: tuple[BacktestGroup, ...]
    flips: int
    points_gained: int
    points_lost: int
    examples: tuple[BacktestFlip, ...]
    caveats: tuple[BacktestCaveat, ...]
