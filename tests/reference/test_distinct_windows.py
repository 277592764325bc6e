"""Windows of different stores, cashiers, terminals, cards and devices, beside a recount of sets from the ledger."""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointguard_server.domain.codes import CodeKind, Decision, Kind, Operation, WindowKind
from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.domain.record import Record
from pointguard_server.engine.ask import Ask
from pointguard_server.engine.rows import RequestFields, currency_number
from pointguard_server.velocity.compiling import entry
from pointguard_server.velocity.distinct import _add, _drop, rehash, table_for
from tests.reference.windows import RELEASES, calendar_unit, parts_of, read_records
from tests.support.explaining import explaining
from tests.support.ledger import DAY, HOUR, Ledger, named, open_ledger

EARN = """
let anywhere = distinct(stores of transactions, 1 hour)
let by_whom = distinct(cashiers of purchases, this day)
rule "a" earn base 1 + anywhere + by_whom + count(purchases, 7 days)
rule "b" earn bonus distinct(terminals of redemptions, 7 days) + distinct(stores of purchases, this month)
rule "c" earn bonus distinct(cards of transactions, 1 day)
rule "d" earn bonus distinct(devices of transactions, 7 days)
"""
CHANGED = """
rule "b" earn bonus distinct(stores of transactions, 2 days) + sum(points of purchases, 1 day)
rule "a" earn base distinct(terminals of purchases, this week) + distinct(devices of purchases, this day)
"""
SETTINGS = "points_floor = -100000"  # whatever is spent
ZONE = ZoneInfo("America/Toronto")
RETURNABLE = (Operation.ACCRUE, Operation.AUTHORISE, Operation.CAPTURE)
KINDS = (CodeKind.STORE, CodeKind.CASHIER, CodeKind.TERMINAL)
FIELDS = {16: "store_id", 17: "cashier_id", 18: "terminal_id", 19: "identifier_id", 20: "identifier_id"}
NAMING = {19: IdentifierKind.CARD, 20: IdentifierKind.DEVICE_GUID}
PHONE, CARD, DEVICE = IdentifierKind.PHONE, IdentifierKind.CARD, IdentifierKind.DEVICE_GUID
places = st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2), st.integers(0, 5))
accounts = st.integers(0, 1)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("buy"), st.lists(st.tuples(accounts, places), min_size=1, max_size=4)),
        st.tuples(st.just("hold"), accounts, places),
        st.tuples(st.just("spend"), accounts, places),
        st.tuples(st.sampled_from(("void", "capture", "part")), st.integers(0, 3)),
        st.tuples(st.just("return"), accounts, st.integers(0, 5)),
        st.tuples(st.just("wait"), st.sampled_from([1, HOUR - 1, HOUR, 5 * HOUR, DAY, 8 * DAY, 40 * DAY])),
        st.tuples(st.just("forget")),
        st.tuples(st.just("evict"), accounts),
        st.tuples(st.just("change")),
    ),
    max_size=30,
)


class Player:
    """Does steps in a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.members = [ledger.member() for _ in range(2)]
        self.names = [
            (
                None,
                (PHONE, f"+1416555010{who}"),
                *((CARD, f"{name}{who}") for name in "ab"),
                *((DEVICE, f"0000000{name}-0000-4000-8000-00000000000{who}") for name in "ab"),
            )
            for who in (0, 1)
        ]
        for account, names in zip(self.members, self.names, strict=True):
            for name in names[1:]:
                assert name is not None
                ledger.one(ledger.link_ask(account, *name))
        self.held: list[bytes] = []
        self.codes = [[0, *(ledger.code(kind, f"{kind} {number}") for number in range(3))] for kind in KINDS]
        self.is_changed = False
        self.measures: dict[int, tuple[tuple[int, ...], ...]] = {}

    def do(self, what: str, *how: Any) -> None:
        ledger = self.ledger
        program = ledger.programs.programs[0]
        self.measures[program.settings["rule_set_version"]] = program.measures
        match what:
            case "buy":
                ledger.decide(*(self._ask(Operation.ACCRUE, *each) for each in how[0]))
            case "hold":
                verdict = ledger.one(self._ask(Operation.AUTHORISE, *how))
                self.held.append(verdict.transaction_id)
            case "spend":
                ledger.one(self._ask(Operation.AUTHORISE, how[0], how[1], flags=1))
            case "void" | "capture" | "part" if self.held:
                held = self.held[how[0] % len(self.held)]
                operation = Operation.VOID if what == "void" else Operation.CAPTURE
                points = int(operation is Operation.CAPTURE)
                ledger.one(ledger.end_ask(operation, held, points=points, keep_open=what == "part"))
            case "return":
                legs = [leg for leg in ledger.legs(self.members[how[0]]) if leg["operation"] in RETURNABLE]
                if legs:
                    ledger.one(ledger.return_ask(legs[-1 - how[1] % len(legs)]["transaction_id"]))
            case "wait":
                ledger.clock.moment += how[0]
            case "forget":
                ledger.restart_decider()
            case "evict":
                ledger.decider.memory.evict([self.members[how[0]]])
            case "change":
                self.is_changed = not self.is_changed
                ledger.change(earn=CHANGED if self.is_changed else EARN)

    def _ask(self, operation: Operation, who: int, where: Sequence[int], flags: int = 0) -> Ask:
        *places, card = where
        store, cashier, terminal = (codes[place] for codes, place in zip(self.codes, places, strict=True))
        kind = Kind.PURCHASE if operation is Operation.ACCRUE else Kind.ADHOC_REDEEM
        fields = RequestFields(
            int(operation), int(kind), self.members[who], points=2 * int(operation is Operation.AUTHORISE), money=0,
            flags=flags, store_id=store, cashier_id=cashier, terminal_id=terminal,
        )  # fmt: skip
        ask = self.ledger.ask(None, fields, currency=currency_number("CAD"))
        name = self.names[who][card]
        return ask if name is None else named(ask, *name)


def expected(records: Sequence[Record], leg: dict[str, Any], row: Sequence[int]) -> int:
    """How many different values a window held before a leg."""
    kinds, parts, _, _, _, adds, window, length = row
    before: list[dict[str, Any]] = [record.leg for record in records if record.leg["seq"] < leg["seq"]]
    captured = {each["seq"]: each["refers_to_seq"] for each in before if each["operation"] == Operation.CAPTURE}
    given_back = Counter[int]()
    for each in before:
        if each["operation"] in (*RELEASES, Operation.RETURN):
            points = each["points"] if each["operation"] == Operation.RETURN else 0
            given_back[captured.get(each["refers_to_seq"], each["refers_to_seq"])] += points + each["released"]
    returned = {each["refers_to_seq"] for each in before if each["operation"] == Operation.RETURN}
    # Of purchases, each return is of all.
    whole = {
        each["seq"]
        for each in before
        if given_back[each["seq"]] == each["points"] > 0
        or (each["operation"] == Operation.ACCRUE and each["seq"] in returned)
    }
    values = set()
    for record in records:
        other: dict[str, Any] = record.leg
        if other["seq"] >= leg["seq"] or other["operation"] in RELEASES or other["decision"] != Decision.APPROVED:
            continue
        if kinds != -1 and not kinds >> other["kind"] & 1:
            continue
        if parts != -1 and not parts_of(parts) & parts_of(other["parts"]):
            continue
        if window == WindowKind.ROLLING:
            inside = other["accepted_at"] > leg["accepted_at"] - length
        else:
            units = (calendar_unit(WindowKind(window), each["accepted_at"], ZONE) for each in (leg, other))
            inside = len(set(units)) == 1
        is_named = adds not in NAMING or other["identifier_kind"] == NAMING[adds]
        if inside and other["seq"] not in whole and is_named:
            values.add(other[FIELDS[adds]])
    return len(values - {0})


def check(connection: sqlite3.Connection, ledger: Ledger, player: Player) -> int:
    """Compare every window of every accrual; return how many held more than one value."""
    several = 0
    for account in player.members:
        records = read_records(connection, ledger.tenant, account)
        for record in records:
            leg: dict[str, Any] = record.leg
            measures = player.measures.get(leg["rule_set_version"], ())
            if leg["operation"] == Operation.ACCRUE and leg["kind"] == Kind.PURCHASE:
                seen = dict(record.windows)
                for index, row in enumerate(measures):
                    if row[5] in FIELDS:
                        assert seen[index] == expected(records, leg, row), (leg["seq"], index)
                        several += seen[index] > 1
    return several


@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(steps)
def test_windows_hold_as_many_values_as_a_set_of_them(todo: list[tuple[Any, ...]]) -> None:
    with open_ledger(earn=EARN, settings=SETTINGS) as ledger:
        player = Player(ledger)
        for step in todo:
            player.do(*step)
        check(ledger.connection, ledger, player)
        with explaining(ledger) as explainer:
            for explanation in explainer.all_legs():
                assert explanation.reproduced, explanation.differences
        for account in player.members:
            ledger.decider.memory.evict([account])
        assert not ledger.decider.memory.distinct[:, 1].any(), "who is gone has left something behind"


def test_windows_of_distinct_values_grow_past_their_first_table() -> None:
    with open_ledger(earn=EARN, settings=SETTINGS, accounts_max=20) as ledger:
        player = Player(ledger)
        player.codes = [[ledger.code(kind, f"{kind} {n}") for n in range(60)] for kind in KINDS]
        size = len(ledger.decider.memory.distinct)
        for number in range(120):
            player.do("buy", [(who, (number % 60, number * 7 % 60, number * 11 % 60, number % 6)) for who in (0, 1)])
            player.do("wait", HOUR // 40)
        assert len(ledger.decider.memory.distinct) > size
        assert check(ledger.connection, ledger, player) > 600


@entry
def add(table, key):  # type: ignore[no-untyped-def]
    return _add(table, key)


@entry
def drop(table, key):  # type: ignore[no-untyped-def]
    return _drop(table, key)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 40)), max_size=120))
def test_the_table_counts_as_a_dictionary_does(todo: list[tuple[bool, int]]) -> None:
    table, counts = table_for(40), dict[int, int]()
    for adds, key in todo:
        if adds:
            assert add(table, key) == (counts.setdefault(key, 0) == 0)
            counts[key] += 1
        else:
            assert drop(table, key) == (counts.get(key, 0) == 1)
            counts[key] = max(counts.get(key, 0) - 1, 0)
    larger = table_for(400)
    rehash(table, larger)
    for found in (table, larger):
        used = found[found[:, 1] != 0]
        assert dict(used.tolist()) == {key: count for key, count in counts.items() if count}
        assert np.unique(used[:, 0]).size == len(used)
