"""Wider windows recounted from the ledger's rows, slowly: the oracle of ``velocity/scopes.py``. For tests.

It knows the words of the domain and the columns of the ledger, and nothing of the code that it judges.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pointguard_server.domain.calendar import from_microseconds
from pointguard_server.domain.codes import INTERVENTIONS, Decision, Kind, Measure, Operation, Part, Scope, WindowKind
from pointguard_server.domain.identifiers import IdentifierKind

Leg = dict[str, Any]
CARDS = (IdentifierKind.CARD, IdentifierKind.LOYALTY_ID)
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
        if self.kinds is not None and leg["kind"] not in self.kinds:
            return False
        if self.parts is not None and not any(leg["parts"] >> part & 1 for part in self.parts):
            return False
        return (approved or not self.approved_only) and (self.include_blocked or not blocked)

    def contribution(self, leg: Leg, end: Leg | None) -> int:
        """What a leg counts for, given what ended it if it was a reservation."""
        if end is not None and self.net_of_reversals:
            if end["operation"] != Operation.CAPTURE:
                return 0
            leg = end
        amounts: dict[Measure, int] = {Measure.COUNT: 1, Measure.POINTS: leg["points"], Measure.MONEY: leg["money"]}
        return amounts[self.adds]

    def spans(self, then: int, now: int, zone: ZoneInfo, *, longer: bool = False) -> bool:
        """Whether a window that ends now holds a moment before, exactly; ``longer``: by all of its bound longer."""
        if self.window is WindowKind.ROLLING:
            return now - self.length * (65 if longer else 64) // 64 < then
        past, here = (from_microseconds(each).astimezone(zone).date() for each in (then, now))
        match self.window:
            case WindowKind.DAY:
                return past == here
            case WindowKind.WEEK:
                return past - timedelta(days=past.weekday()) == here - timedelta(days=here.weekday())
            case _:
                return past.replace(day=1) == here.replace(day=1)

    def in_buckets(self, then: int, now: int, zone: ZoneInfo) -> bool:
        """Whether a window that ends now holds a moment before, one that rolls with the whole bucket it begins in."""
        if self.window is not WindowKind.ROLLING:
            return self.spans(then, now, zone)
        return then >= now - now % (self.length // 64) - self.length


def time_of(leg: Leg) -> int:
    """When a leg counts: what another system did, when it did it."""
    accepted_at: int = leg["accepted_at"]
    if leg["operation"] == Operation.RECORD_ACTIVITY:
        return min(int(leg["occurred_at"]), accepted_at)
    return accepted_at


def events_before(legs: Sequence[Leg], position: int) -> Iterator[tuple[Leg, Leg | None]]:
    """Yield what counts among the legs before a position, each with what had ended it by then."""
    earlier = [leg for leg in legs if leg["position"] < position]
    ended = {
        (leg["account_id"], leg["refers_to_seq"]): leg
        for leg in earlier
        if leg["operation"] in ENDS and leg["refers_to_seq"]
    }
    for leg in earlier:
        if leg["operation"] in ENDS or leg["operation"] == Operation.MATURE:
            continue
        is_reservation = leg["hold_expires_at"] and leg["decision"] == Decision.APPROVED
        yield leg, ended.get((leg["account_id"], leg["seq"])) if is_reservation else None
