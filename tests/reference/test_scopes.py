"""Windows of wider scopes over whole histories: what each leg recorded against a recount of the ledger's rows."""

from collections.abc import Iterator, Sequence
from itertools import cycle, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointguard_server.domain.codes import CodeKind, Decision, Kind, Measure, Operation, Part, Scope, WindowKind
from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.domain.record import decode_record
from pointguard_server.engine.ask import Ask, Verdict
from tests.reference.scopes import Leg, Wide, events_before, time_of
from tests.reference.test_windows import STARTS, ZONES, without_ids
from tests.support.directives import exempt, release_redemptions, stop_redemptions
from tests.support.explaining import explaining
from tests.support.ledger import DAY, HOUR, MINUTE, SECOND, Ledger, Where, named, open_ledger

SCOPES = tuple(scope for scope in Scope if scope is not Scope.ACCOUNT)
WINDOWS = (
    ('rolling = "64s"', WindowKind.ROLLING, 64 * SECOND),
    ('rolling = "1h"', WindowKind.ROLLING, HOUR),
    ('rolling = "7d"', WindowKind.ROLLING, 7 * DAY),
    ('calendar = "DAY"', WindowKind.DAY, 0),
    ('calendar = "WEEK"', WindowKind.WEEK, 0),
    ('calendar = "MONTH"', WindowKind.MONTH, 0),
)
SOME_KINDS = frozenset({Kind.PURCHASE, Kind.REDEMPTION_LOCK, Kind.OVERRIDE})
COUNTS: tuple[tuple[str, frozenset[Kind] | None, frozenset[Part] | None, bool], ...] = (
    ('{ parts = ["REDEEM"], attempts = "ALL" }', None, frozenset({Part.REDEEM}), False),
    ('{ attempts = "APPROVED" }', None, None, True),
    ('{ kinds = ["PURCHASE", "REDEMPTION_LOCK", "OVERRIDE"], attempts = "ALL" }', SOME_KINDS, None, False),
)
WATCHER = """
[[fraud_rule]]
name = "watch{number}"
context = "{context}"
scope = "{scope}"
counts = {counts}
measure = "{measure}"
window = {{ {window} }}
threshold = 1_000_000_000_000
posture = "LOG"
duration = "0s"
net_of_reversals = {net}
include_blocked = {blocked}
"""
GUARD = """
[[fraud_rule]]
name = "eager"
context = "REDEMPTION"
scope = "CASHIER"
counts = { parts = ["REDEEM"], attempts = "ALL" }
measure = "COUNT"
window = { rolling = "1h" }
threshold = 3
posture = "BLOCK"
duration = "30m"

[[fraud_rule]]
name = "generous"
context = "ADJUSTMENT"
scope = "AGENT"
counts = { parts = ["DISCRETIONARY"], attempts = "APPROVED" }
measure = "POINTS"
window = { rolling = "1h" }
threshold = 60
posture = "BLOCK"
duration = "30m"
"""
CODES = '[program.adjustments]\nreason_codes = ["GOODWILL"]\n'
LIMITS = "agent_daily_max = 100\naccount_monthly_max = 150\n"


def _watchers() -> tuple[str, list[Wide]]:
    """Rules that never trip, for each scope and window one that is net of reversals, and some that are gross.

    And what they count: each of the measures in turn.
    """
    texts, counted = [], []
    measures = cycle(product(COUNTS, Measure))
    net = [(scope, window, True) for scope, window in product(SCOPES, WINDOWS)]
    gross = [(scope, window, False) for scope, window in zip(SCOPES, cycle(WINDOWS), strict=False)]
    for number, (scope, (window, kind, length), is_net) in enumerate([*net, *gross]):
        (counts, kinds, parts, approved), adds = next(measures)
        context = "ADJUSTMENT" if scope is Scope.AGENT else "EARNING"
        texts.append(
            WATCHER.format(
                number=number, context=context, scope=scope.name, counts=counts, measure=adds.name, window=window,
                net=str(is_net).lower(), blocked=str(not is_net).lower(),
            )
        )  # fmt: skip
        counted.append(Wide(scope, kinds, parts, approved, not is_net, is_net, adds, kind, length))
    return "".join(texts), counted


WATCHERS, WATCHED = _watchers()
PLACES = (
    Where(),
    Where("north", "ann", "1", "grocer"),
    Where("north", "bob", "1", "grocer"),
    Where("south", "ann", "1", "baker"),
    Where("south", "", "2", "baker"),
)
AGENTS = ("", "cyd", "dan")
GROUPS = (("staff",), ("staff", "vip"), (), ("vip",))
WAITS = (1, SECOND - 1, SECOND, MINUTE, 61 * MINUTE, HOUR, 23 * HOUR, DAY, 7 * DAY - 1, 7 * DAY, 31 * DAY)
Step = tuple[Any, ...]
Who = tuple[int, IdentifierKind | None]
RETURNED_BY = {"accrue": "money", "spend": "points", "capture": "points"}
NAMES = (None, IdentifierKind.LOYALTY_ID, IdentifierKind.CARD, IdentifierKind.PHONE)
place = st.sampled_from(PLACES)
steps: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from(WAITS)),
    st.tuples(st.just("accrue"), place, st.integers(0, 900)),
    st.tuples(st.just("spend"), place, st.integers(1, 60)),
    st.tuples(st.just("reserve"), place, st.integers(1, 60), st.sampled_from((SECOND, HOUR, 7 * DAY))),
    st.tuples(st.just("capture"), st.integers(0, 7), st.integers(0, 40), st.booleans()),
    st.tuples(st.just("extend"), st.integers(0, 7), st.sampled_from((HOUR, 6 * DAY))),
    st.tuples(st.just("void"), st.integers(0, 7)),
    st.tuples(st.just("return"), st.integers(0, 7), st.sampled_from((0, 0, 5, 200))),
    st.tuples(st.just("lock"), st.booleans(), st.sampled_from(AGENTS)),
    st.tuples(st.just("adjust"), st.sampled_from(AGENTS[1:]), st.integers(-20, 50).filter(bool)),
    st.tuples(st.just("suspend"), st.booleans()),
    st.tuples(st.just("record"), place, st.sampled_from((-HOUR, 0, *WAITS)), st.integers(0, 40)),
    st.tuples(st.just("quote"), place),
    st.tuples(st.just("stop"), place, st.sampled_from(AGENTS[1:])),
    st.tuples(st.just("exempt"), st.sampled_from(AGENTS[1:])),
    st.just(("release",)),
)
members = st.tuples(st.integers(0, len(GROUPS) - 1), st.sampled_from(NAMES))
histories = st.lists(st.tuples(members, steps), min_size=5, max_size=40)


@pytest.fixture(scope="module", autouse=True)
def _rules_compiled_once() -> Iterator[None]:
    with open_ledger():
        yield


def name_of(number: int) -> str:
    """An identifier of a member: a telephone number, which any kind may be."""
    return f"+1416555010{number}"


class Player:
    """Plays a history on members of different groups."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.accounts = [ledger.member(200, groups=groups) for groups in GROUPS]
        for number, account in enumerate(self.accounts):
            for kind in NAMES[1:]:
                ledger.one(ledger.link_ask(account, kind, name_of(number)))
        self.reservations: list[Verdict] = []
        self.originals: list[tuple[Verdict, str]] = []  # what may be returned, and in what parts of it are

    def play(self, history: Sequence[tuple[Who, Step]], *, is_rehearsed: bool) -> None:
        for (number, kind), (name, *rest) in history:
            if name == "wait":
                self.ledger.clock.moment += rest[0]
            elif name == "stop":
                stop_redemptions(self.ledger, Where(store=rest[0].store), rest[1])
            elif name == "exempt":
                exempt(self.ledger, rest[0])
            elif name == "release":
                release_redemptions(self.ledger)
            elif (ask := self.ask(self.accounts[number], name, rest)) is not None:
                if kind is not None and ask.account_id:
                    ask = named(ask, kind, name_of(number))
                expected = self.ledger.rehearse(ask)[0] if is_rehearsed else None
                verdict = self.ledger.one(ask)
                assert expected is None or without_ids(verdict) == without_ids(expected)
                if name == "reserve" and verdict.expires_at:
                    self.reservations.append(verdict)
                if name in RETURNED_BY and verdict.decision == Decision.APPROVED:
                    self.originals.append((verdict, RETURNED_BY[name]))

    def ask(self, account: int, name: str, rest: list[Any]) -> Ask | None:
        ledger = self.ledger
        match name:
            case "accrue":
                return ledger.accrue_ask(account, rest[1], where=rest[0])
            case "spend":
                return ledger.authorise_ask(account, rest[1], where=rest[0])
            case "reserve":
                return ledger.authorise_ask(account, rest[1], where=rest[0], time_to_live=rest[2], capture=False)
            case "record":
                return ledger.record_ask(account, ledger.clock.now() - rest[1], points=rest[2], where=rest[0])
            case "lock":
                return ledger.lock_ask(account, rest[0], agent=rest[1])
            case "adjust":
                return ledger.adjust_ask(account, rest[1], agent=rest[0], kind=Kind.ADJUSTMENT)
            case "suspend":
                return ledger.status_ask(account, rest[0])
            case "quote":
                return ledger.read_ask(Operation.QUOTE, account, where=rest[0])
            case "return":
                if not self.originals:
                    return None
                original, unit = self.originals[-1 - rest[0] % len(self.originals)]
                return ledger.return_ask(original.transaction_id, **{unit: rest[1]})
            case _ if self.reservations:
                reservation = self.reservations[rest[0] % len(self.reservations)].transaction_id
                return end_ask(ledger, name, reservation, *rest[1:])
            case _:
                return None


def end_ask(ledger: Ledger, name: str, reservation: bytes, *how: Any) -> Ask:
    """What is asked about a reservation: to void it, to capture points and perhaps keep the rest, to extend it."""
    if name == "extend":
        return ledger.end_ask(Operation.EXTEND, reservation, time_to_live=how[0])
    points, keep_open = how or (0, False)
    return ledger.end_ask(Operation[name.upper()], reservation, points, keep_open=keep_open)


def groups_of(ledger: Ledger) -> dict[int, Sequence[str]]:
    """The groups of each set."""
    sets = ledger.names.codes(ledger.connection, 1, CodeKind.GROUP_SET)
    return {0: (), **{number: text.split("\n") for text, number in sets}}


def deeds_of(ledger: Ledger) -> list[Leg]:
    """Who put directives in force or ended them, as legs that are interventions."""
    deeds = []
    for table, moment, kind in (
        ("exemptions", "starts_at", Kind.OVERRIDE),
        ("exemption_ends", "ended_at", Kind.INTERVENTION),
        ("redemption_stops", "starts_at", Kind.INTERVENTION),
        ("redemption_stop_ends", "ended_at", Kind.INTERVENTION),
    ):
        for row in ledger.rows(table):
            agent = ledger.names.code(1, CodeKind.AUTHOR, row["author"])
            deed = dict.fromkeys(("parts", "points", "money"), 0)
            deed |= {"operation": Operation.SET_ACCOUNT_STATUS, "kind": kind, "event_flags": 1}
            deeds.append(deed | {"accepted_at": row[moment], "agent_id": agent})
    return deeds


def check_recorded(ledger: Ledger) -> int:
    """Compare what each leg recorded with a recount; return how many values there were."""
    deeds = deeds_of(ledger)
    legs, groups, zone = ledger.rows("legs"), groups_of(ledger), ledger.programs.programs[0].zone
    scoped = ledger.programs.programs[0].scoped
    checked = 0
    for leg in legs:
        record = decode_record(leg["record"])
        recorded = dict(record.windows)
        events = list(events_before(legs, leg["position"]))
        events += [(deed, ()) for deed in deeds if deed["accepted_at"] <= leg["accepted_at"]]
        for wide, measure in zip(WATCHED, scoped, strict=True):
            found = expected(wide, leg, events, groups, zone)
            if measure.place in recorded:
                checked += 1
                assert found is not None, (wide, leg)
                assert recorded[measure.place] == found[0], (wide, leg)
                assert wide.scope is not Scope.GROUP or recorded[measure.place + 1] == found[1]
            elif leg["operation"] == Operation.RECORD_ACTIVITY:
                assert found is None or not wide.counts(leg), (wide, leg)
    return checked


def expected(
    wide: Wide, leg: Leg, events: list[tuple[Leg, Sequence[Leg]]], groups: Any, zone: Any
) -> tuple[int, int] | None:
    """What the fullest window held with the leg itself, and of which of its entities; None: no window judges it."""
    windows = wide.windows(leg, zone)
    values = []
    for entity in wide.entities(leg, groups):
        of_entity = [
            (time_of(then), wide.contribution(then, undone))
            for then, undone in events
            if wide.counts(then) and entity in wide.entities(then, groups)
        ]
        held = (sum(amount for then, amount in of_entity if first <= then <= last) for first, last in windows)
        values.append(max(held, default=-1))
    if not values or not windows:
        return None
    # What an agent has put in force is judged with his next leg, whether that counts or not.
    own = wide.contribution(leg, ()) if wide.scope is not Scope.AGENT or wide.counts(leg) else 0
    return max(values) + own, values.index(max(values)) + 1


@settings(max_examples=25)
@given(history=histories, zone=st.sampled_from(ZONES), start=st.sampled_from(STARTS))
def test_what_a_leg_recorded_of_every_scope_equals_a_recount_and_lies_within_the_bound(
    history: list[tuple[Who, Step]], zone: str, start: str
) -> None:
    with open_ledger(rules=WATCHERS, zone=zone, adjustments=CODES) as ledger:
        ledger.clock.set(start)
        Player(ledger).play(history, is_rehearsed=False)
        assert check_recorded(ledger) > 0


@settings(max_examples=8)
@given(history=histories, start=st.sampled_from(STARTS))
def test_a_restarted_server_counts_the_same_for_every_scope_and_every_decision_is_explained(
    history: list[tuple[Who, Step]], start: str
) -> None:
    with open_ledger(rules=WATCHERS + GUARD, adjustments=CODES + LIMITS) as ledger:
        ledger.clock.set(start)
        Player(ledger).play(history, is_rehearsed=True)
        with explaining(ledger) as explainer:
            for explanation in explainer.all_legs():
                assert explanation.reproduced, (explanation.differences, explanation.stored.leg)
