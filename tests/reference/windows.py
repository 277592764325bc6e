"""Windows recounted from the ledger, slowly and obviously: the oracle of ``velocity/windows.py``. For tests.

It knows the words of the domain and the records of the ledger, and nothing of the code that it judges: calendar windows
are compared by local date, reversals are the legs that say so, and every value is counted from the first event on.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pointguard_server.domain.calendar import from_microseconds
from pointguard_server.domain.codes import INTERVENTIONS, Decision, Kind, Operation, Part, Reason, WindowKind
from pointguard_server.domain.codes import Measure as Adds
from pointguard_server.domain.record import Record, decode_record

RELEASES = (Operation.CAPTURE, Operation.VOID, Operation.EXPIRE)
"""What ends a reservation, but for a capture that leaves it open; an EXPIRE that refers to nothing ends lots."""
"""The operations that give back what an earlier authorise counted, and count for nothing themselves."""

FORBID_BEFORE_RULES = {
    Reason.ACCOUNT_SUSPENDED,
    Reason.REDEMPTION_LOCKED,
    Reason.ADVICE_BLOCK,
    Reason.RULE_ARITHMETIC,
    Reason.RULES_STOPPED,
}
"""Reasons that settle a transaction before any fraud rule looks at it."""

STOPPED = {
    Reason.REDEMPTIONS_STOPPED,
    Reason.BUSINESS_UNIT_STOPPED,
    Reason.STORE_STOPPED,
    Reason.TERMINAL_STOPPED,
}
"""Why a redemption was turned away that says nothing about the account: no window counts it, no rule looks at it."""


@dataclass(frozen=True)
class Event:
    """A transaction as windows count it."""

    seq: int
    time: int
    kind: Kind
    parts: frozenset[Part]
    approved: bool
    blocked: bool
    points: int
    money: int


@dataclass(frozen=True)
class Release:
    """What leg ``seq`` gave back of the leg ``of_seq``; several that come to all of it are ``whole`` together."""

    seq: int
    of_seq: int
    points: int
    money: int
    whole: bool


@dataclass(frozen=True)
class History:
    """All that an account's windows follow from."""

    events: Sequence[Event]
    releases: Sequence[Release]


@dataclass(frozen=True)
class Measure:
    """What to count: ``kinds`` and ``parts`` of None are all; ``length`` (µs) is a rolling window's."""

    kinds: frozenset[Kind] | None
    parts: frozenset[Part] | None
    approved_only: bool
    include_blocked: bool
    net_of_reversals: bool
    adds: Adds
    window: WindowKind
    length: int

    def matches(self, kind: Kind, parts: Iterable[Part], *, approved: bool, blocked: bool) -> bool:
        """Whether such a transaction counts at all."""
        return (
            (self.kinds is None or kind in self.kinds)
            and (self.parts is None or any(part in self.parts for part in parts))
            and (approved or not self.approved_only)
            and (self.include_blocked or not blocked)
        )

    def amount(self, points: int, money: int) -> int:
        """What one transaction adds."""
        return {Adds.COUNT: 1, Adds.POINTS: points, Adds.MONEY: money}[self.adds]

    def holds(self, time: int, end: int, zone: ZoneInfo) -> bool:
        """Whether the window that ends at ``end`` holds the moment ``time``."""
        if time > end:
            return False
        if self.window is WindowKind.ROLLING:
            return time > end - self.length
        return calendar_unit(self.window, time, zone) == calendar_unit(self.window, end, zone)

    def value(self, history: History, end: int, zone: ZoneInfo, before_seq: int) -> int:
        """What the window that ends at ``end`` held when the account's next leg was to be ``before_seq``."""
        return sum(
            self._contribution(event, history.releases, before_seq)
            for event in history.events
            if event.seq < before_seq and self.holds(event.time, end, zone)
        )

    def _contribution(self, event: Event, releases: Sequence[Release], before_seq: int) -> int:
        if not self.matches(event.kind, event.parts, approved=event.approved, blocked=event.blocked):
            return 0
        given_back = [release for release in releases if release.of_seq == event.seq and release.seq < before_seq]
        if not self.net_of_reversals or not given_back:
            return self.amount(event.points, event.money)
        points, money = (sum(getattr(release, name) for release in given_back) for name in ("points", "money"))
        is_whole = any(release.whole for release in given_back) or (points, money) == (event.points, event.money)
        return 0 if is_whole else self.amount(event.points - points, event.money - money)


def calendar_unit(window: WindowKind, moment: int, zone: ZoneInfo) -> date | tuple[int, int]:
    """The local day, ISO week or month of a moment."""
    local: datetime = from_microseconds(moment).astimezone(zone)
    if window is WindowKind.DAY:
        return local.date()
    if window is WindowKind.WEEK:
        return local.isocalendar()[:2]
    return local.year, local.month


def measure_of(row: Sequence[int]) -> Measure:
    """The measure that a row of ``Program.measures`` stands for."""
    kinds, parts, approved_only, include_blocked, net, adds, window, length = row
    return Measure(
        kinds=None if kinds == -1 else frozenset(kind for kind in Kind if kinds >> kind & 1),
        parts=None if parts == -1 else parts_of(parts),
        approved_only=bool(approved_only),
        include_blocked=bool(include_blocked),
        net_of_reversals=bool(net),
        adds=Adds(adds),
        window=WindowKind(window),
        length=length,
    )


def parts_of(mask: int) -> frozenset[Part]:
    """The parts that a leg's ``parts`` column stands for."""
    return frozenset(part for part in Part if mask >> part & 1)


def read_records(connection: sqlite3.Connection, tenant_id: int, account_id: int) -> list[Record]:
    """An account's records in order."""
    rows = connection.execute(
        "SELECT record FROM legs WHERE tenant_id = ? AND account_id = ? ORDER BY seq", (tenant_id, account_id)
    )
    return [decode_record(record) for (record,) in rows]


def is_of_lots(leg: dict[str, Any]) -> bool:
    """Whether a leg only says what time has done to lots: no window counts it."""
    return leg["operation"] == Operation.MATURE or (leg["operation"] == Operation.EXPIRE and not leg["refers_to_seq"])


def history_of(records: Iterable[Record]) -> History:
    """What an account's windows follow from, read off its records."""
    events: dict[int, Event] = {}
    captured: dict[int, int] = {}  # by a capture's seq, that of the authorise which counts for it
    spent: dict[int, int] = {}  # by an authorise's seq, the money of its captures
    releases = []
    for record in records:
        leg: dict[str, Any] = record.leg
        if is_of_lots(leg) or leg["operation"] in INTERVENTIONS or was_stopped(record):
            continue
        if leg["operation"] == Operation.EXTEND:
            continue
        if leg["operation"] in RELEASES:
            authorised = events[leg["refers_to_seq"]]
            if leg["operation"] == Operation.CAPTURE:
                spent[authorised.seq] = spent.get(authorised.seq, 0) + leg["money"]
            captured[leg["seq"]] = authorised.seq
            if not leg["hold_expires_at"]:
                rest = authorised.money - spent.get(authorised.seq, 0)
                is_whole = leg["released"] == authorised.points
                releases.append(Release(leg["seq"], authorised.seq, leg["released"], rest, whole=is_whole))
            continue
        if leg["operation"] == Operation.RETURN and leg["refers_to_seq"]:
            original = captured.get(leg["refers_to_seq"], leg["refers_to_seq"])
            points = leg["points"] + leg["released"]
            releases.append(Release(leg["seq"], original, points, leg["money"], whole=False))
        events[leg["seq"]] = Event(
            seq=leg["seq"],
            time=time_of(leg),
            kind=Kind(leg["kind"]),
            parts=parts_of(leg["parts"]),
            approved=leg["decision"] == Decision.APPROVED,
            blocked=is_blocked(record),
            points=leg["points"],
            money=leg["money"],
        )
    return History(list(events.values()), releases)


def time_of(leg: dict[str, Any]) -> int:
    """When a leg counts: what another system did, when it did it."""
    if leg["operation"] == Operation.RECORD_ACTIVITY:
        return min(int(leg["occurred_at"]), int(leg["accepted_at"]))
    return int(leg["accepted_at"])


def was_stopped(record: Record) -> bool:
    """Whether a leg was declined since redemptions were stopped; a quote for one says so, and is no leg."""
    return any(code in STOPPED for code, _ in record.reasons)


def is_blocked(record: Record) -> bool:
    """Whether a leg was declined under a standing block: what another system did was not."""
    recorded = record.leg["operation"] == Operation.RECORD_ACTIVITY
    return not recorded and any(code == Reason.ADVICE_BLOCK for code, _ in record.reasons)


def fullest(
    measure: Measure, history: History, leg: dict[str, Any], zone: ZoneInfo, looks_back: int, before_seq: int
) -> int | None:
    """The most that any window held which holds the moment of a recorded leg, without it; None: there is none.

    Windows that have passed count if they begin less than ``looks_back`` ago.
    """
    then, now = time_of(leg), int(leg["accepted_at"])
    ends = {then, *(event.time for event in history.events if event.seq < before_seq and event.time >= then)}
    oldest = now - looks_back
    known = [
        end for end in ends if end > oldest and measure.holds(then, end, zone) and not measure.holds(oldest, end, zone)
    ]
    if measure.holds(then, now, zone):
        known.append(now)
    return max((measure.value(history, end, zone, before_seq) for end in known), default=None)


def expected_windows(
    record: Record, history: History, measures: Sequence[Measure], zone: ZoneInfo, looks_back: int = 0
) -> dict[int, int]:
    """What the record of a leg must say of each measure's window: the transaction counted, as if no rule had tripped.

    A measure that would not count the transaction is left out, and so is every measure of a leg that is no attempt.
    """
    leg: dict[str, Any] = record.leg
    if leg["operation"] in (*RELEASES, Operation.EXTEND, *INTERVENTIONS) or is_of_lots(leg) or was_stopped(record):
        return {}
    kind, parts = Kind(leg["kind"]), parts_of(leg["parts"])
    if leg["operation"] == Operation.RECORD_ACTIVITY:
        held = {
            index: fullest(measure, history, leg, zone, looks_back, leg["seq"])
            for index, measure in enumerate(measures)
            if measure.matches(kind, parts, approved=True, blocked=False)
        }
        return {
            index: before + measures[index].amount(leg["points"], leg["money"])
            for index, before in held.items()
            if before is not None
        }
    would_pass, blocked = would_be_approved(record), is_blocked(record)
    return {
        index: measure.value(history, leg["accepted_at"], zone, leg["seq"])
        + measure.amount(leg["points"], leg["money"])
        for index, measure in enumerate(measures)
        if measure.matches(kind, parts, approved=would_pass, blocked=blocked)
    }


def would_be_approved(record: Record) -> bool:
    """Whether the leg would have been approved had no fraud rule tripped."""
    assert record.request is not None
    if record.leg["decision"] == Decision.APPROVED:
        return True
    reasons = {Reason(code) for code, _ in record.reasons}
    cut_down = record.leg["operation"] == Operation.AUTHORISE and record.leg["points"] != record.request["points"]
    return not reasons & FORBID_BEFORE_RULES and (Reason.INSUFFICIENT_POINTS not in reasons or cut_down)
