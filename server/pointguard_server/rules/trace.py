"""How an evaluation came to its outcome, as plain data: for simulating a rule set and explaining a decision.

Values are scaled as in ``fields``: numbers, money and dates × 10^6, conditions 0 or 1, texts by id.
"""

from dataclasses import dataclass

from pointguard_server.rules.outcome import Outcome
from pointguard_server.rules.syntax import SourceRange
from pointguard_server.rules.value_types import Limit, ValueType


@dataclass(frozen=True, slots=True)
class Seen:
    """What a part of an expression came to; ``line`` is the index of the basket's line being looked at, if one was."""

    source_range: SourceRange
    type: ValueType
    value: int
    line: int | None


@dataclass(frozen=True, slots=True)
class AwardTrace:
    """An award on its way: as computed (scaled), as whole points, under its caps, and as given."""

    computed: int
    rounded: int
    capped: int
    given: int
    limit: Limit


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """One rule. ``valid`` and ``held`` are None where they were not looked at, and so is ``award``.

    ``excluded``: an exclusive rule of a higher priority applied. ``seen`` is in the order of evaluation; a ``let`` is
    computed, and so seen, in the first rule that needs it.
    """

    ordinal: int
    excluded: bool
    valid: bool | None
    held: bool | None
    award: AwardTrace | None
    seen: tuple[Seen, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """The whole evaluation; rules are in their own order. ``failed_at`` is where the arithmetic failed, if it did.

    ``is_cut``: more was seen than is kept.
    """

    outcome: Outcome
    rules: tuple[RuleTrace, ...]
    base_points: int
    failed_at: SourceRange | None
    is_cut: bool
