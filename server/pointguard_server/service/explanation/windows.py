"""Windows counted anew, event by event: slow and obvious, for one decision at a time."""

from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from pointguard_server.domain.calendar import local_time
from pointguard_server.domain.codes import Kind, Measure, Part, WindowKind
from pointguard_server.service.explanation.past import PastEvent


@dataclass(frozen=True, slots=True)
class Counting:
    """Which transactions a window counts, and what it adds up; None stands for all kinds, or all parts.

    ``length`` is a rolling window's, in microseconds, and 0 for a stretch of the calendar.
    """

    kinds: frozenset[Kind] | None
    parts: frozenset[Part] | None
    approved_only: bool
    include_blocked: bool
    net_of_reversals: bool
    adds: Measure
    window: WindowKind
    length: int
    tells_apart: str = ""  # the number of an event whose different values are counted; empty: none, all are added up

    def matches(self, kind: int, parts: int, *, approved: bool, blocked: bool) -> bool:
        """Whether a transaction counts at all; ``parts`` is the sum of ``1 << part``."""
        if self.kinds is not None and kind not in self.kinds:
            return False
        if self.parts is not None and not any(parts >> part & 1 for part in self.parts):
            return False
        return (approved or not self.approved_only) and (self.include_blocked or not blocked)

    def amount(self, points: int, money: int) -> int:
        """What a transaction adds."""
        match self.adds:
            case Measure.COUNT:
                return 1
            case Measure.POINTS:
                return points
            case Measure.MONEY:
                return money

    def starts_after(self, end: int, zone: ZoneInfo) -> int:
        """The moment after which the window that ends at ``end`` counts."""
        local = local_time(end, zone)
        match self.window:
            case WindowKind.ROLLING:
                return end - self.length
            case WindowKind.DAY:
                return local.day_start - 1
            case WindowKind.WEEK:
                return local.week_start - 1
            case WindowKind.MONTH:
                return local.month_start - 1


@dataclass(frozen=True, slots=True)
class CountedTransaction:
    """A transaction inside a window, and what it counts for there: nothing for a value that an older one has."""

    transaction_id: bytes
    counts_at: int
    amount: int


@dataclass(frozen=True, slots=True)
class SeenWindow:
    """What a window held just before a decision, of which transactions, oldest first."""

    starts_after: int
    ends_at: int
    transactions: tuple[CountedTransaction, ...]
    recorded: int | None = None  # where it was not counted again: what it held as it was recorded

    @property
    def value(self) -> int:
        """A count, points, or money in minor units."""
        if self.recorded is not None:
            return self.recorded
        return sum(counted.amount for counted in self.transactions)


def look(
    counting: Counting, events: Iterable[PastEvent], end: int, zone: ZoneInfo, starts_after: int | None = None
) -> SeenWindow:
    """Return the window that ends at a moment, over events that came before it; ``starts_after``: where it begins."""
    if starts_after is None:
        starts_after = counting.starts_after(end, zone)
    known = {0}
    counted = (
        CountedTransaction(event.transaction_id, event.counts_at, _contribution(counting, event, known))
        for event in events
        if starts_after < event.counts_at <= end
        and counting.matches(event.kind, event.parts, approved=event.approved, blocked=event.blocked)
        and not (counting.net_of_reversals and event.reversed)
    )
    return SeenWindow(starts_after, end, tuple(counted))


def _contribution(counting: Counting, event: PastEvent, known: set[int]) -> int:
    """Return what an event counts for; ``known`` are the values of those before it."""
    if counting.tells_apart:
        value: int = getattr(event, counting.tells_apart)
        is_new = value not in known
        known.add(value)
        return int(is_new)
    if not counting.net_of_reversals:
        return counting.amount(event.points, event.money)
    return counting.amount(event.points - event.released_points, event.money - event.released_money)
