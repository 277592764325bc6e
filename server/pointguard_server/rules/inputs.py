"""The inputs that a rule set asks for beside the fields of the table: windows, caps, patterns, local dates.

Each is one more fact, in the order of ``CheckedRuleSet.inputs``, behind those of ``fields``. The host fills them before
it calls the rules, or refuses the rule set.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pointguard_server.domain.codes import Kind, Part
from pointguard_server.rules.value_types import CapPeriod


class WindowMeasure(StrEnum):
    """What a window adds up, and the unit of its fact.

    Counts, points and distinct values are numbers, so × 10^6; money is in major units × 10^6.
    """

    COUNT = "count"
    POINTS = "points"
    MONEY = "money"
    DISTINCT_STORES = "distinct stores"
    DISTINCT_CASHIERS = "distinct cashiers"
    DISTINCT_TERMINALS = "distinct terminals"
    DISTINCT_CARDS = "distinct cards"
    DISTINCT_DEVICES = "distinct devices"


class CalendarUnit(StrEnum):
    """A stretch of the calendar in the program's time zone; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class WindowInput:
    """What the account's own window holds before this transaction, which is not counted.

    It counts approved transactions of one of ``kinds`` and with one of ``parts`` (None: any), less what was reversed.
    The window is ``(t − seconds, t]``, or the calendar's ``calendar`` that holds t.
    """

    measure: WindowMeasure
    kinds: tuple[Kind, ...] | None
    parts: tuple[Part, ...] | None
    seconds: int
    calendar: CalendarUnit | None


@dataclass(frozen=True, slots=True)
class EarnedInput:
    """The points (not scaled) that rule ``ordinal`` gave the account earlier in the period."""

    ordinal: int
    period: CapPeriod


@dataclass(frozen=True, slots=True)
class MatchInput:
    """1 if the text of a field of the facts matches the pattern, else 0; a text that is absent matches nothing."""

    field: str
    pattern: str


@dataclass(frozen=True, slots=True)
class LocalDateInput:
    """The date of the transaction in a time zone, as ``fields`` says for dates."""

    zone: str


Input = WindowInput | EarnedInput | MatchInput | LocalDateInput


@dataclass(frozen=True, slots=True)
class WindowSource:
    """What a window may count, by the word for it."""

    kinds: tuple[Kind, ...] | None
    parts: tuple[Part, ...] | None = None


WINDOW_SOURCES: Final = {
    "transactions": WindowSource(None),
    "purchases": WindowSource((Kind.PURCHASE,)),
    "redemptions": WindowSource(None, (Part.REDEEM, Part.HOUSEHOLD_REDEEM)),
    "returns": WindowSource((Kind.RETURN,)),
    "activities": WindowSource((Kind.ACTIVITY,)),
    "bonus_awards": WindowSource(None, (Part.BONUS,)),
    "targeted_awards": WindowSource(None, (Part.TARGETED,)),
    "discretionary_awards": WindowSource(None, (Part.DISCRETIONARY,)),
    "transfers": WindowSource((Kind.POINTS_TRANSFER,)),
    "profile_updates": WindowSource((Kind.EMAIL_UPDATE, Kind.PROFILE_UPDATE)),
    "card_links": WindowSource((Kind.CARD_LINK, Kind.CARD_REPLACE)),
}
SUMMED: Final = {"points": WindowMeasure.POINTS, "money": WindowMeasure.MONEY}
"""What ``sum(… of purchases, …)`` may add up."""
COUNTED: Final = {
    "stores": WindowMeasure.DISTINCT_STORES,
    "cashiers": WindowMeasure.DISTINCT_CASHIERS,
    "terminals": WindowMeasure.DISTINCT_TERMINALS,
    "cards": WindowMeasure.DISTINCT_CARDS,
    "devices": WindowMeasure.DISTINCT_DEVICES,
}
"""What ``distinct(… of purchases, …)`` may count."""
SECONDS: Final = {"minutes": 60, "hours": 3_600, "days": 86_400, "weeks": 604_800}
LONGEST_WINDOW_DAYS: Final = 400


def window_text(window: WindowInput) -> str:
    """A window as it is written, in the largest unit that its length is whole in."""
    source = next(
        word for word, known in WINDOW_SOURCES.items() if (known.kinds, known.parts) == (window.kinds, window.parts)
    )
    measured = {measure: word for word, measure in (*SUMMED.items(), *COUNTED.items())}.get(window.measure)
    what = f"{measured} of {source}" if measured else source
    function = {WindowMeasure.COUNT: "count", WindowMeasure.POINTS: "sum", WindowMeasure.MONEY: "sum"}
    return f"{function.get(window.measure, 'distinct')}({what}, {_length_text(window)})"


def _length_text(window: WindowInput) -> str:
    if window.calendar is not None:
        return f"this {window.calendar.value}"
    unit, seconds = max(
        ((unit, seconds) for unit, seconds in SECONDS.items() if unit != "weeks" and window.seconds % seconds == 0),
        key=lambda choice: choice[1],
    )
    return f"{window.seconds // seconds} {unit if window.seconds // seconds > 1 else unit.removesuffix('s')}"
