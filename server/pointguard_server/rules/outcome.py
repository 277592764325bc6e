"""What evaluating a rule set decides, as plain data. For whoever books it or shows it; both back ends give it."""

from collections.abc import Sequence
from dataclasses import dataclass

from pointguard_server.rules.checked import CheckedRuleSet, Expiry
from pointguard_server.rules.fixed_point import Status
from pointguard_server.rules.value_types import Limit, Part


@dataclass(frozen=True, slots=True)
class Award:
    """What one rule gives: whole points, perhaps fewer than it would for ``limit``.

    They may be spent ``pending_days`` after they are given, and end as ``expiry`` says (None: as the program says).
    """

    ordinal: int
    part: Part
    points: int
    limit: Limit
    pending_days: int
    expiry: Expiry | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The status, and an award for each rule in order; all of them nothing unless the status is OK."""

    status: Status
    awards: tuple[Award, ...]


def outcome_of(rules: CheckedRuleSet, status: Status, points: Sequence[int], limits: Sequence[int]) -> Outcome:
    """The outcome, from what a back end gives: one entry for each rule."""
    return Outcome(
        status,
        tuple(
            Award(ordinal, rule.part, int(points[ordinal]), Limit(limits[ordinal]), rule.pending_days, rule.expiry)
            for ordinal, rule in enumerate(rules.rules)
        ),
    )
