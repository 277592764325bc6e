"""Wider windows recounted from the ledger's rows, slowly: the oracle of ``velocity/scopes.py``. For tests.

It knows the words of the domain and the columns of the ledger, and nothing of the code that it judges.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pointguard_server.domain.calendar import from_microseconds, start_of
from pointguard_server.domain.codes import INTERVENTIONS, Kind, Measure, Operation, Part, Scope, WindowKind
from pointguard_server.domain.identifiers import IdentifierKind

Leg = dict[str, Any]
CARDS = (IdentifierKind.CARD, IdentifierKind.LOYALTY_ID)
DAY = 86_400_000_000
STOPPED = 16
"""The flag of what was declined while redemptions were stopped: no window counts it, no rule looks at it."""
ENDS = (Operation.CAPTURE, Operation.VOID, Operation.EXPIRE)


@dataclass(frozen=True)
class Wide:
    """What a wider window counts; ``length`` (µs) is a rolling one's."""

    scope: Scope
    kinds: frozenset[Kind] | None
    parts: frozenset[Part] | None
    approved_only: bool
    include_blocked: bool
    net_of_reversals: bool
    adds: Measure
    window: WindowKind
    length: int

    def entities(self, leg: Leg, groups: dict[int, Sequence[str]]) -> list[object]:
        """Whose of the scope a leg is; ``groups`` are those of each set."""
        match self.scope:
            case Scope.PROGRAM:
                return [leg["program_id"]]
            case Scope.TERMINAL:
                return [(leg["store_id"], leg["terminal_id"])] if leg["terminal_id"] else []
            case Scope.GROUP:
                return list(groups[leg["group_set_id"]])
            case Scope.CARD:
                return [leg["identifier_id"]] if leg["identifier_kind"] in CARDS else []
            case _:
                named = leg[f"{self.scope.name.lower()}_id"]
                return [named] if named else []

    def counts(self, leg: Leg) -> bool:
        """Whether it counts a leg at all, as that was decided."""
        approved, blocked = bool(leg["event_flags"] & 1), bool(leg["event_flags"] & 2)
        if leg["operation"] in INTERVENTIONS and self.scope is not Scope.AGENT:
            return False
        if leg["event_flags"] & STOPPED:
            return False
        if self.kinds is not None and leg["kind"] not in self.kinds:
            return False
        if self.parts is not None and not any(leg["parts"] >> part & 1 for part in self.parts):
            return False
        return (approved or not self.approved_only) and (self.include_blocked or not blocked)

    def contribution(self, leg: Leg, undone: Sequence[Leg]) -> int:
        """What a leg counts for, given what ended it if it was a reservation, and what was returned of it."""
        points, money = leg["points"], leg["money"]
        captured = 0
        for each in undone if self.net_of_reversals else ():
            if each["operation"] == Operation.CAPTURE:
                captured += each["money"]
            if each["operation"] == Operation.RETURN:
                points, money = points - each["points"] - each["released"], money - each["money"]
            elif not each["hold_expires_at"]:
                points, money = points - each["released"], money - (leg["money"] - captured)
            if (points, money) == (0, 0):
                return 0
        amounts: dict[Measure, int] = {Measure.COUNT: 1, Measure.POINTS: points, Measure.MONEY: money}
        return amounts[self.adds]

    def windows(self, leg: Leg, zone: ZoneInfo) -> list[tuple[int, int]]:
        """The first and the last moment of each window by which a leg is judged, the first window first.

        It is the one that ends now. What is told late is judged by each that holds it and ended at most a day ago, and
        its own length ago if it rolls.
        """
        then, now = time_of(leg), int(leg["accepted_at"])
        if self.window is not WindowKind.ROLLING:
            start = self._start(now, zone)
            earlier = self._start(start - 1, zone)
            if then >= start:
                return [(start, now)]
            return [(earlier, start - 1)] if then >= earlier and now - start < DAY else []
        width = self.length // 64
        judging = []
        for bucket in range(now // width - 64, now // width + 1):
            first, last = (bucket - 64) * width, min((bucket + 1) * width - 1, now)
            is_past = (now // width - bucket - 1) * width >= min(DAY, self.length)
            if first <= then <= last and not is_past:
                assert last - self.length * 65 // 64 < first <= last - self.length + 1, "the bound"
                judging.append((first, last))
        return judging

    def _start(self, moment: int, zone: ZoneInfo) -> int:
        """When the day, week or month of a moment began."""
        day: date = from_microseconds(moment).astimezone(zone).date()
        match self.window:
            case WindowKind.WEEK:
                day -= timedelta(days=day.weekday())
            case WindowKind.MONTH:
                day = day.replace(day=1)
        return start_of(day, zone)


def time_of(leg: Leg) -> int:
    """When a leg counts: what another system did, when it did it."""
    accepted_at: int = leg["accepted_at"]
    if leg["operation"] == Operation.RECORD_ACTIVITY:
        return min(int(leg["occurred_at"]), accepted_at)
    return accepted_at


def events_before(legs: Sequence[Leg], position: int) -> Iterator[tuple[Leg, Sequence[Leg]]]:
    """Yield what counts among the legs before a position, each with what had undone some of it by then, in order."""
    earlier = [leg for leg in legs if leg["position"] < position]
    reserved = {}  # by what captured it
    undone = defaultdict(list)
    for leg in earlier:
        original = leg["account_id"], leg["refers_to_seq"]
        if leg["refers_to_seq"] and leg["operation"] in ENDS:
            reserved[leg["account_id"], leg["seq"]] = original
            undone[original].append(leg)
        elif leg["refers_to_seq"] and leg["operation"] == Operation.RETURN:
            undone[reserved.get(original, original)].append(leg)
    for leg in earlier:
        if leg["operation"] not in (*ENDS, Operation.EXTEND, Operation.MATURE):
            yield leg, undone[leg["account_id"], leg["seq"]]
