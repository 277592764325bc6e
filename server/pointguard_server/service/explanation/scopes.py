"""What others did that a window of a wider scope held: in the same program, store, group …; slow and obvious.

A rolling window of a wider scope begins where one of its buckets does: see ``docs/rules.md``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from pointguard_server.domain.codes import INTERVENTIONS, Decision, Operation, Scope, WindowKind
from pointguard_server.domain.identifiers import card_number
from pointguard_server.service.code_matches import GROUP_SEPARATOR
from pointguard_server.service.directive import Deed
from pointguard_server.service.explanation.checks import Check
from pointguard_server.service.explanation.past import (
    APPROVED,
    BLOCKED,
    ENDS,
    NO_EVENTS,
    STOPPED_FLAG,
    PastEvent,
    counts_at,
    with_return,
)
from pointguard_server.service.explanation.ports import DecisionReader, ScopedLeg
from pointguard_server.service.explanation.windows import Counting

BUCKETS = 64
LATE = 86_400_000_000
"""How long after its end a window judges what is told late, in microseconds; one that rolls, at most its length."""
LEGS_MAX = 1_000_000
"""Where a window reaches back over more legs of the ledger, it is not counted again: what was recorded is shown."""
NAMED_BY = {
    Scope.PROGRAM: ("program_id",),
    Scope.STORE: ("store_id",),
    Scope.CASHIER: ("cashier_id",),
    Scope.TERMINAL: ("store_id", "terminal_id"),
    Scope.BUSINESS_UNIT: ("business_unit_id",),
    Scope.GROUP: ("group_set_id",),
    Scope.AGENT: ("agent_id",),
    Scope.CARD: ("identifier_id",),
}
"""The columns of a leg that say whose it is; the last one is 0 where it names none."""


@dataclass(frozen=True, slots=True)
class ScopedPast:
    """What counted for an entity before a decision, by name; ``events`` of None were too many to go through.

    ``windows`` are those by which it is judged: after which moment each counts, and up to which.
    """

    entity: str
    windows: tuple[tuple[int, int], ...]
    events: tuple[PastEvent, ...] | None


def windows_of(counting: Counting, moment: int, now: int, zone: ZoneInfo) -> tuple[tuple[int, int], ...]:
    """Return the wider windows that judge at ``now`` what happened at a moment, the first that ended first.

    What happens now is judged by the one that ends now.
    """
    if counting.window is not WindowKind.ROLLING:
        start = counting.starts_after(now, zone)
        if moment > start:
            return ((start, now),)
        earlier = counting.starts_after(start, zone)
        return ((earlier, start),) if moment > earlier and now - start - 1 < LATE else ()
    width = counting.length // BUCKETS
    bucket, newest = moment // width, now // width
    late = min(BUCKETS, -(-LATE // width))
    ends = range(max(bucket, newest - late), min(newest, bucket + BUCKETS) + 1)
    return tuple(((end - BUCKETS) * width - 1, min((end + 1) * width - 1, now)) for end in ends)


def read_scope(
    reader: DecisionReader, tenant_id: int, leg: Mapping[str, int], check: Check, zone: ZoneInfo
) -> tuple[ScopedPast, ...]:
    """Return what came before a leg, for each entity of a check's scope that the leg names."""
    names = NAMED_BY[check.scope]
    if not leg[names[-1]] or check.counting is None:
        return ()
    if check.scope is Scope.CARD and not card_number(leg["identifier_kind"], leg["identifier_id"]):
        return ()
    now = leg["accepted_at"]
    windows = windows_of(check.counting, counts_at(leg["event_flags"], now, leg["occurred_at"]), now, zone)
    if not windows:
        return ()
    where = {} if check.scope is Scope.GROUP else {name: leg[name] for name in names}
    # The legs of a transaction are looked at before any of them counts.
    first = leg["position"] - leg["leg_number"]
    legs = reader.scoped_legs(tenant_id, leg["program_id"], where, windows[0][0], first, LEGS_MAX)
    passed = () if check.scope is Scope.AGENT else INTERVENTIONS
    events = None if legs is None else tuple(_events([each for each in legs if each.operation not in passed]))
    if check.scope is Scope.AGENT and events is not None:
        author = reader.texts({leg["agent_id"]})[leg["agent_id"]]
        deeds = reader.deeds(tenant_id, leg["program_id"], author, windows[0][0], now)
        events = tuple(sorted((*events, *map(_deed, deeds)), key=lambda each: each[1].counts_at))
    if check.scope is not Scope.GROUP:
        own = None if events is None else tuple(event for _, event in events)
        return (ScopedPast(_entity(reader, leg, check.scope), windows, own),)
    sets = reader.texts({leg["group_set_id"], *(number for number, _ in events or ())})
    groups = {number: text.split(GROUP_SEPARATOR) for number, text in sets.items()}
    return tuple(
        ScopedPast(
            group,
            windows,
            None if events is None else tuple(event for number, event in events if group in groups[number]),
        )
        for group in groups[leg["group_set_id"]]
    )


def _entity(reader: DecisionReader, leg: Mapping[str, int], scope: Scope) -> str:
    """Return the name of who a leg names of a scope: of a card its number, since what is on it is private."""
    if scope is Scope.PROGRAM:
        return ""
    if scope is Scope.CARD:
        return str(leg["identifier_id"])
    texts = reader.texts(leg[name] for name in NAMED_BY[scope])
    return " ".join(texts[leg[name]] for name in NAMED_BY[scope])


def _events(legs: Sequence[ScopedLeg]) -> Iterator[tuple[int, PastEvent]]:
    """Yield the events among legs, oldest first, each with its set of groups and less what was given back of it."""
    ends: dict[tuple[int, int], list[ScopedLeg]] = {}
    for leg in legs:
        if leg.operation in ENDS and leg.refers_to_seq:
            ends.setdefault((leg.account_id, leg.refers_to_seq), []).append(leg)
    captured = {(each.account_id, each.seq): of for of, own in ends.items() for each in own}
    returned: dict[tuple[int, int], list[ScopedLeg]] = {}
    for leg in legs:
        if leg.operation == Operation.RETURN and leg.refers_to_seq:
            original = leg.account_id, leg.refers_to_seq
            returned.setdefault(captured.get(original, original), []).append(leg)
    for leg in legs:
        if leg.operation in NO_EVENTS:
            continue
        if not leg.in_scope or leg.event_flags & STOPPED_FLAG:
            continue
        event = PastEvent(
            seq=leg.seq,
            transaction_id=leg.transaction_id,
            counts_at=counts_at(leg.event_flags, leg.accepted_at, leg.occurred_at),
            kind=leg.kind,
            parts=leg.parts,
            approved=bool(leg.event_flags & APPROVED),
            blocked=bool(leg.event_flags & BLOCKED),
            points=leg.points,
            money=leg.money,
        )
        own = ends.get((leg.account_id, leg.seq), [])
        # The last one has ended it, unless it left the rest open.
        if own and not own[-1].hold_expires_at and leg.hold_expires_at and leg.decision == Decision.APPROVED:
            captures = [each for each in own if each.operation == Operation.CAPTURE]
            points, money = (sum(getattr(each, name) for each in captures) for name in ("points", "money"))
            event = with_return(event, leg.points - points, leg.money - money)
        for each in returned.get((leg.account_id, leg.seq), ()):
            event = with_return(event, each.points + each.released, each.money)
        yield leg.group_set_id, event


def _deed(deed: Deed) -> tuple[int, PastEvent]:
    """Return what an agent did that no transaction says, as an event without one."""
    event = PastEvent(0, b"", deed.moment, int(deed.kind), 0, approved=True, blocked=False, points=0, money=0)
    return 0, event


def most_of(windows: Iterable[int]) -> int:
    """Return the place of the greatest value, the first of equals."""
    values = list(windows)
    return values.index(max(values))
