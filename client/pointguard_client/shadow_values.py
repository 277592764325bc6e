"""What a manager hears about shadows: frozen data with Python's own types. Anyone may use it."""

from dataclasses import dataclass
from datetime import datetime

from pointguard_client.rule_values import RuleChange


@dataclass(frozen=True, slots=True)
class Shadow:
    """One shadow: a version evaluated on what is accepted from its start until its stop, which decides nothing."""

    shadow_id: int
    version: int
    started_at: datetime | None
    started: RuleChange
    stopped_at: datetime | None = None
    stopped: RuleChange | None = None


@dataclass(frozen=True, slots=True)
class ShadowRule:
    """Points that the shadow's rule of a name would have given, and those that the live rules' did give."""

    rule: str
    points: int
    live_points: int


@dataclass(frozen=True, slots=True)
class ShadowDifference:
    """One accrual for which the shadow would have given other points."""

    transaction_id: str
    accepted_at: datetime | None
    points: int
    live_points: int


@dataclass(frozen=True, slots=True)
class ShadowFindings:
    """What a shadow found so far, the newest differences first.

    `evaluated` are approved accruals, `flips` those of them with other points, `dropped` transactions that were
    passed over.
    """

    shadow: Shadow
    evaluated: int
    declined: int
    flips: int
    failed: int
    dropped: int
    points: int
    live_points: int
    rules: tuple[ShadowRule, ...]
    differences: tuple[ShadowDifference, ...]
    seen_to: datetime | None
