"""What wider windows hold, counted from the ledger's legs by NumPy: for a start, and for a rule that is new.

Shares nothing with the kernel's counting but the bounds of buckets. May run on any thread, and go on on another.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, cast
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from pointguard_server.domain.calendar import local_time
from pointguard_server.domain.codes import INTERVENTIONS, Decision, Measure, Operation, Scope, WindowKind
from pointguard_server.domain.identifiers import CARDS
from pointguard_server.engine.originals import ReadLeg
from pointguard_server.engine.ports import RowArray
from pointguard_server.velocity.scopes import BUCKETS, LATE, NOT_NOW, TERMINAL_BITS
from pointguard_server.velocity.windows import APPROVED, BLOCKED, RECORDED, STOPPED

IntArray = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_ENDS = [int(each) for each in (Operation.CAPTURE, Operation.VOID, Operation.EXPIRE)]
_NO_EVENTS = [*_ENDS, int(Operation.MATURE), int(Operation.EXTEND)]
_BY_STAFF = [int(each) for each in INTERVENTIONS]
_HOUR = 3_600_000_000
_UNSUMMED_MAX = 65_536
# Past the end of any such stretch, and not past the next one's.
INTO_THE_NEXT = {WindowKind.DAY: 30 * _HOUR, WindowKind.WEEK: 8 * 24 * _HOUR, WindowKind.MONTH: 33 * 24 * _HOUR}
_COLUMNS = {
    Scope.PROGRAM: "program_id",
    Scope.STORE: "store_id",
    Scope.CASHIER: "cashier_id",
    Scope.BUSINESS_UNIT: "business_unit_id",
    Scope.GROUP: "group_set_id",
    Scope.AGENT: "agent_id",
}


class Measured(NamedTuple):
    """What a window counts: the fields of ``velocity.windows.MEASURE``, as numbers."""

    kinds: int
    parts: int
    approved_only: int
    include_blocked: int
    net_of_reversals: int
    measure: int
    window: int
    length: int

    @property
    def width(self) -> int:
        """How long a rolling window's bucket is, in microseconds."""
        return self.length // BUCKETS

    @property
    def buckets(self) -> int:
        """How many of those judge something, beside the one under way: see ``velocity.scopes.late_buckets``."""
        return BUCKETS + min(BUCKETS, -(-LATE // self.width))


class ScopeKey(NamedTuple):
    """Whose rings are one counter's: two rules of a program that count alike share it."""

    program_id: int
    scope: int
    measured: Measured


class Counts(NamedTuple):
    """What windows of one counter hold: of an entity (a set of groups, where those are counted) in a bucket."""

    entities: IntArray
    buckets: IntArray
    values: IntArray


class Recount:
    """Counts the legs of a ledger, in order; ``position`` is that of the last one seen.

    Legs up to ``since`` are in no window that judges anything at ``now`` or later.
    """

    def __init__(self, keys: Sequence[ScopeKey], zones: Mapping[int, ZoneInfo], now: int) -> None:
        self.keys = tuple(keys)
        self.is_net = any(key.measured.net_of_reversals for key in self.keys)  # whether what is undone leaves windows
        self.position = 0
        self._is_recalling = False
        self._calendars = [
            None if key.measured.window == WindowKind.ROLLING
            else _Calendar(WindowKind(key.measured.window), zones[key.program_id], now)
            for key in self.keys
        ]  # fmt: skip
        self._firsts = [
            now // key.measured.width - key.measured.buckets if calendar is None else calendar.first
            for key, calendar in zip(self.keys, self._calendars, strict=True)
        ]
        self._counts = [[Counts(*(np.zeros(0, np.int64),) * 3)] for _ in self.keys]  # to be summed up
        self._open: RowArray | None = None  # reservations that nothing has ended yet
        # By account and seq of reservations that a capture has left open: what was captured so, and what given back.
        self._captured: dict[tuple[int, int], tuple[int, int]] = {}
        self._given_back: dict[tuple[int, int], tuple[int, int]] = {}
        self._returned: dict[tuple[int, int], tuple[RowArray, int, int]] = {}  # by account and seq of the original:
        # the leg that windows counted, and the points and the money of all of its returns
        self.since = min(
            (
                first * key.measured.width - 1 if calendar is None else first - 1
                for key, first, calendar in zip(self.keys, self._firsts, self._calendars, strict=True)
            ),
            default=now,
        )

    def recall(self, legs: RowArray, read_leg: ReadLeg) -> None:
        """Know of legs that follow those before, and count nothing of them: the ones that they are undone by follow."""
        self._is_recalling = True
        self.add(legs, read_leg)
        self._is_recalling = False

    def add(self, legs: RowArray, read_leg: ReadLeg) -> None:
        """Count legs (``engine.rows.LEG``) that follow those before; ``read_leg`` reads others of the same ledger."""
        if not legs.size:
            return
        self.position = int(legs["position"][-1])
        deeds = legs[~np.isin(legs["operation"], _NO_EVENTS)]
        events = deeds[~np.isin(deeds["operation"], _BY_STAFF)]  # an intervention counts for its agent alone
        held = events[(events["hold_expires_at"] != 0) & (events["decision"] == Decision.APPROVED)]
        opened = held if self._open is None else np.concatenate((self._open, held))
        about = legs[np.isin(legs["operation"], _ENDS) & (legs["refers_to_seq"] > 0)]
        left_open = about["hold_expires_at"] != 0
        self._capture(about[left_open])
        ends = about[~left_open]
        ended, by = _pairs(opened, ends)
        originals, ends = opened[ended], ends[by]
        self._open = np.delete(opened, ended)
        captured = ends["operation"] == Operation.CAPTURE
        left_points, left_money = ends["points"] * captured, ends["money"] * captured
        left = (left_points > 0).astype(np.int64)  # whether the authorise counts on
        for place in self._captured_before(originals):
            points, money, is_left = self._end(originals[place], int(left_points[place]), int(left_money[place]))
            left_points[place], left_money[place], left[place] = points, money, is_left
        for index, key in enumerate(self.keys):
            counted = deeds if key.scope == Scope.AGENT else events
            self._count(index, counted, _amounts(key, counted["points"], counted["money"]))
            if key.measured.net_of_reversals:
                stays = _amounts(key, left_points, left_money, left)
                self._count(index, originals, stays - _amounts(key, originals["points"], originals["money"]))
        returns = legs[(legs["operation"] == Operation.RETURN) & (legs["refers_to_seq"] > 0)]
        if returns.size and self.is_net:
            self._give_back(returns, read_leg)

    def _capture(self, captures: RowArray) -> None:
        """Note what captures have spent of reservations that they left open."""
        for leg in captures:
            name = int(leg["account_id"]), int(leg["refers_to_seq"])
            points, money = self._captured.get(name, (0, 0))
            self._captured[name] = points + int(leg["points"]), money + int(leg["money"])

    def _captured_before(self, originals: RowArray) -> list[int]:
        """Return the places of those reservations of which something was captured before they ended."""
        if not self._captured:
            return []
        names = zip(originals["account_id"].tolist(), originals["seq"].tolist(), strict=True)
        return [place for place, name in enumerate(names) if name in self._captured]

    def _end(self, original: np.void, points: int, money: int) -> tuple[int, int, int]:
        """Return what is left of a reservation in several parts, the last of which was captured by its end, if any.

        The points and the money of all captures, and whether it counts on: unless all of them were returned before.
        """
        name = int(original["account_id"]), int(original["seq"])
        captured = self._captured[name]
        points, money = captured[0] + points, captured[1] + money
        released = int(original["points"]) - points, int(original["money"]) - money
        return points, money, int(not self._is_whole(name, original, *released))

    def _is_whole(self, name: tuple[int, int], original: np.void, points: int, money: int) -> bool:
        """Note what is given back of a reservation in several parts; return whether nothing is left of it now."""
        before = self._given_back.get(name, (0, 0))
        self._given_back[name] = now = before[0] + points, before[1] + money
        return now == (int(original["points"]), int(original["money"]))

    def _give_back(self, returns: RowArray, read_leg: ReadLeg) -> None:
        """Take what was returned out of the windows of its original's time."""
        originals: list[RowArray] = []
        changes: list[tuple[int, int, int]] = []  # of the count, the points, the money
        for leg in returns:
            tenant_id, account_id, seq = (int(leg[name]) for name in ("tenant_id", "account_id", "refers_to_seq"))
            original = cast("RowArray", read_leg(tenant_id, account_id, seq))
            counted, points, money = self._returned.get((account_id, seq), (original, 0, 0))
            if original["operation"][0] == Operation.CAPTURE and counted is original:
                counted = cast("RowArray", read_leg(tenant_id, account_id, int(original["refers_to_seq"][0])))
            now_points, now_money = int(leg["points"] + leg["released"]), int(leg["money"])
            points, money = points + now_points, money + now_money
            self._returned[account_id, seq] = counted, points, money
            is_whole = (points, money) == (original["points"][0], original["money"][0])
            name = account_id, int(original["refers_to_seq"][0])
            if original["operation"][0] == Operation.CAPTURE and name in self._captured:
                is_whole = self._is_whole(name, counted[0], now_points, now_money)
            originals.append(counted)
            changes.append((-int(is_whole), -now_points, -now_money))
        events = np.concatenate(originals)
        counts, points, money = np.array(changes, np.int64).T
        for index, key in enumerate(self.keys):
            if key.measured.net_of_reversals:
                self._count(index, events, _amounts(key, points, money, counts))

    def _count(self, index: int, events: RowArray, values: IntArray) -> None:
        if self._is_recalling:
            return
        key, calendar = self.keys[index], self._calendars[index]
        times = _counts_at(events)
        buckets = times // key.measured.width if calendar is None else calendar.starts_of(times)
        entities = _entities(key, events)
        counted = _matching(key, events) & (buckets >= self._firsts[index]) & (entities != 0) & (values != 0)
        parts = self._counts[index]
        parts.append(Counts(entities[counted], buckets[counted], values[counted]))
        if sum(len(part.values) for part in parts[1:]) > max(len(parts[0].values), _UNSUMMED_MAX):
            parts[:] = [_summed(parts)]

    def counts(self) -> Iterator[tuple[ScopeKey, Counts]]:
        """Yield what each counter came to, in order of entity and bucket."""
        yield from zip(self.keys, map(_summed, self._counts), strict=True)


class _Calendar:
    """The starts of days, weeks or months, as far as legs ask for them.

    From the present one on, or from the one before if that judges what is told late.
    """

    def __init__(self, kind: WindowKind, zone: ZoneInfo, now: int) -> None:
        self._kind, self._zone = kind, zone
        present = self._start(now)
        self.first = self._start(present - 1) if now - present < LATE else present
        self._starts = [self.first]
        self._next = self._start(self.first + INTO_THE_NEXT[kind])

    def _start(self, moment: int) -> int:
        local = local_time(moment, self._zone)
        match self._kind:
            case WindowKind.DAY:
                return local.day_start
            case WindowKind.WEEK:
                return local.week_start
            case _:
                return local.month_start

    def starts_of(self, times: IntArray) -> IntArray:
        """Return when the stretch of each moment began; NOT_NOW for what is before the first."""
        while times.size and int(times.max()) >= self._next:
            self._starts.append(self._next)
            self._next = self._start(self._next + INTO_THE_NEXT[self._kind])
        known = np.array([NOT_NOW, *self._starts], np.int64)
        return known[np.searchsorted(known[1:], times, side="right")]


def _matching(key: ScopeKey, events: RowArray) -> Mask:
    """Return which events a counter counts, as ``velocity.windows.matches`` says."""
    measured = key.measured
    counted: Mask = (events["program_id"] == key.program_id) & ((events["event_flags"] & STOPPED) == 0)
    if measured.kinds != -1:
        counted &= (measured.kinds >> events["kind"] & 1) != 0
    if measured.parts != -1:
        counted &= (measured.parts & events["parts"]) != 0
    if measured.approved_only:
        counted &= (events["event_flags"] & APPROVED) != 0
    if not measured.include_blocked:
        counted &= (events["event_flags"] & BLOCKED) == 0
    return counted


def _counts_at(events: RowArray) -> IntArray:
    """Return when each counts: recorded activity when it happened, which is never after it was taken down."""
    told = ((events["event_flags"] & RECORDED) != 0) & (events["occurred_at"] != 0)
    return np.where(told, np.minimum(events["occurred_at"], events["accepted_at"]), events["accepted_at"])


def _amounts(key: ScopeKey, points: IntArray, money: IntArray, counts: IntArray | None = None) -> IntArray:
    match key.measured.measure:
        case Measure.COUNT:
            return np.ones(len(points), np.int64) if counts is None else counts
        case Measure.POINTS:
            return points
        case _:
            return money


def _entities(key: ScopeKey, events: RowArray) -> IntArray:
    if key.scope == Scope.TERMINAL:
        named = events["terminal_id"] != 0
        pairs: IntArray = (events["store_id"] << TERMINAL_BITS | events["terminal_id"]) * named
        return pairs
    if key.scope == Scope.CARD:
        cards: IntArray = events["identifier_id"] * np.isin(events["identifier_kind"], sorted(CARDS))
        return cards
    entities: IntArray = events[_COLUMNS[Scope(key.scope)]]
    return entities


def _pairs(opened: RowArray, ends: RowArray) -> tuple[IntArray, IntArray]:
    """Return the places of the reservations that are ended, and those of what ends them."""
    accounts = np.concatenate((opened["account_id"], ends["account_id"]))
    seqs = np.concatenate((opened["seq"], ends["refers_to_seq"]))
    # A reservation comes just before what ends it.
    order = np.lexsort((np.arange(len(seqs)), seqs, accounts))
    same = (accounts[order[:-1]] == accounts[order[1:]]) & (seqs[order[:-1]] == seqs[order[1:]])
    same &= (order[:-1] < len(opened)) & (order[1:] >= len(opened))
    return order[:-1][same], order[1:][same] - len(opened)


def _summed(parts: Sequence[Counts]) -> Counts:
    """Return what each bucket of an entity comes to."""
    entities, buckets, values = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.lexsort((buckets, entities))
    entities, buckets, values = entities[order], buckets[order], values[order]
    begins = np.ones(len(values), np.bool_)
    begins[1:] = (entities[1:] != entities[:-1]) | (buckets[1:] != buckets[:-1])
    first = begins.nonzero()[0]
    sums = np.add.reduceat(values, first) if first.size else values
    return Counts(entities[first], buckets[first], sums)
