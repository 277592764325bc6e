"""Windows of whole histories: what each leg recorded against a recount, and memory against a memory read anew."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointguard_server.domain.codes import Context, Kind, Operation, Part, Posture
from pointguard_server.engine.ask import Ask, Verdict
from tests.integration.audit import audit
from tests.reference.windows import expected_windows, history_of, measure_of, read_records
from tests.support.directives import release_redemptions, stop_redemptions
from tests.support.ledger import DAY, HOUR, MINUTE, SECOND, Ledger, open_ledger

WINDOWS = (
    'rolling = "1s"',
    'rolling = "1h"',
    'rolling = "7d"',
    'calendar = "DAY"',
    'calendar = "WEEK"',
    'calendar = "MONTH"',
)
COUNTS = (
    '{ parts = ["REDEEM"], attempts = "ALL" }',
    '{ kinds = ["PURCHASE", "PROFILE_UPDATE", "REDEMPTION_LOCK"], attempts = "ALL" }',
    '{ attempts = "APPROVED" }',
)
MEASURES = ("COUNT", "POINTS", "MONEY")
WATCHER = """
[[fraud_rule]]
name = "watch{number}"
context = "EARNING"
counts = {counts}
measure = "{measure}"
window = {{ {window} }}
threshold = 1_000_000_000_000
posture = "LOG"
duration = "0s"
net_of_reversals = {net}
include_blocked = {blocked}
"""
WATCHERS = "".join(
    WATCHER.format(number=number, window=window, counts=counts, measure=measure, net=net, blocked=blocked)
    for number, (window, counts, (measure, net, blocked)) in enumerate(
        product(WINDOWS, COUNTS, zip(MEASURES, ("false", "true", "true"), ("true", "false", "true"), strict=True))
    )
)
"""Rules that never trip, so that every window of every leg is recorded: 54 of the combinations."""

GUARDS = """
[[fraud_rule]]
name = "ADVICE_CHECK_ACCOUNT_BURN_DAY"
window = { calendar = "DAY" }
threshold = 4
posture = "BLOCK"
duration = "2h"

[[fraud_rule]]
name = "restless"
context = "EARNING"
counts = { attempts = "ALL" }
measure = "COUNT"
window = { rolling = "1h" }
threshold = 6
posture = "BLOCK"
duration = "0s"

[[fraud_rule]]
name = "lucky"
context = "REDEMPTION"
counts = { kinds = ["ACTIVITY"], attempts = "APPROVED" }
measure = "POINTS"
window = { rolling = "7d" }
threshold = 150
posture = "WARN"
duration = "1d"
extends = true
"""
"""Rules that do trip, and the advice that follows."""

CONTROLS = (
    'daily_cap = { money_minor = 120, posture = "BLOCK" }\nout_of_province = { posture = "BLOCK", duration = "1h" }\n'
)
PROVINCES = ("", "CA-ON", "CA-QC")
ZONES = ("America/Toronto", "Europe/Lisbon", "Australia/Lord_Howe", "Pacific/Chatham", "Asia/Kolkata", "Africa/Cairo")
# The eve of a clock change somewhere, the end of a month, of February in a leap year, of a year; a Sunday night.
STARTS = (
    "2026-03-07T22:00-05:00",
    "2026-10-31T22:00-04:00",
    "2028-02-28T20:00Z",
    "2026-12-31T18:30Z",
    "2026-10-03T14:20Z",
    "2026-04-23T21:30Z",
    "2026-03-28T23:30Z",
)
WAITS = (
    1,
    SECOND - 1,
    SECOND,
    15 * MINUTE,
    HOUR - 1,
    HOUR,
    3 * HOUR,
    23 * HOUR,
    DAY,
    DAY + 1,
    7 * DAY,
    7 * DAY + 1,
    31 * DAY,
)

LATENESS = (-HOUR, 0, *WAITS)
"""How long ago something happened in another system, as it says: its clock may be fast."""
RECORDED = (
    (Kind.ADHOC_REDEEM, (Part.REDEEM,)),
    (Kind.PURCHASE, (Part.BASE, Part.REDEEM)),
    (Kind.PROFILE_UPDATE, ()),
)

RETURNABLE = (Operation.ACCRUE, Operation.AUTHORISE, Operation.CAPTURE)

Step = tuple[Any, ...]
points = st.integers(1, 80)
which = st.integers(0, 7)
steps: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from(WAITS)),
    st.tuples(st.just("accrue"), st.integers(0, 900), st.sampled_from((Kind.PURCHASE, Kind.ACTIVITY))),
    st.tuples(st.just("spend"), points, st.booleans(), st.sampled_from(PROVINCES)),
    st.tuples(st.just("reserve"), points, st.booleans(), st.sampled_from((SECOND, HOUR, 7 * DAY))),
    st.tuples(st.just("capture"), which, st.integers(0, 40), st.booleans()),
    st.tuples(st.just("extend"), which, st.sampled_from((HOUR, 6 * DAY))),
    st.tuples(st.just("void"), which),
    st.tuples(st.just("return"), which, st.sampled_from((0, 0, 5, 30, 200))),
    st.tuples(st.just("record"), st.sampled_from(LATENESS), st.sampled_from(RECORDED), points, st.integers(0, 40)),
    st.tuples(st.just("lock"), st.booleans()),
    st.tuples(st.just("suspend"), st.booleans()),
    st.tuples(st.just("raise"), st.sampled_from(Context), st.sampled_from((Posture.WARN, Posture.BLOCK))),
    st.tuples(st.sampled_from(("override", "remove")), st.integers(0, 3)),
    st.tuples(st.just("quote"), st.sampled_from(PROVINCES)),
    st.tuples(st.sampled_from(("stop", "release"))),
    st.just(("forget",)),
)
histories = st.lists(st.tuples(st.integers(0, 1), steps), min_size=5, max_size=45)


class Player:
    """Plays a history on a few accounts, each step first rehearsed by a decider that has only the ledger to go by."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.accounts = [ledger.member(100, province) for province in ("CA-ON", "")]
        self.reservations: list[list[Verdict]] = [[], []]

    def play(self, number: int, step: Step) -> None:
        name, *rest = step
        if self.has_done(number, name, rest):
            return
        ask = self.ask(number, name, rest)
        if ask is None:
            return
        # The other account is read first, so that what is read next takes the place of nothing.
        others = (self.ledger.read_ask(Operation.QUOTE, account) for account in self.accounts[::-1])
        expected = self.ledger.rehearse(*others, ask)[-1]
        verdict = self.ledger.one(ask)
        assert without_ids(verdict) == without_ids(expected)
        if name == "reserve" and verdict.expires_at:
            self.reservations[number].append(verdict)

    def has_done(self, number: int, name: str, rest: list[Any]) -> bool:
        """Do a step that asks for nothing; return whether it was such a one."""
        match name:
            case "wait":
                self.ledger.clock.moment += rest[0]
            case "forget":
                self.ledger.decider.memory.evict([self.accounts[number]])
            case "stop":
                stop_redemptions(self.ledger)
            case "release":
                release_redemptions(self.ledger)
            case _:
                return False
        return True

    def ask(self, number: int, name: str, rest: list[Any]) -> Ask | None:
        ledger, account = self.ledger, self.accounts[number]
        if name in ("capture", "void", "extend"):
            open_ones = self.reservations[number]
            if not open_ones:
                return None
            reservation = open_ones[rest[0] % len(open_ones)].transaction_id
            if name == "extend":
                return ledger.end_ask(Operation.EXTEND, reservation, time_to_live=rest[1])
            points, keep_open = rest[1:] or (0, False)
            return ledger.end_ask(Operation[name.upper()], reservation, points, keep_open=keep_open)
        if name == "return":
            legs = [leg for leg in ledger.legs(account) if leg["operation"] in RETURNABLE]
            if not legs:
                return None
            original = legs[-1 - rest[0] % len(legs)]
            amount = "money" if original["operation"] == Operation.ACCRUE else "points"
            return ledger.return_ask(original["transaction_id"], **{amount: rest[1]})
        if name in ("override", "remove"):
            steps = [row["advice_id"] for row in ledger.rows("advice") if row["account_id"] == account]
            if not steps:
                return None
            operation = Operation.OVERRIDE_ADVICE if name == "override" else Operation.REMOVE_ADVICE
            return ledger.settle_ask(operation, account, steps[-1 - rest[0] % len(steps)])
        makers: dict[str, Callable[[], Ask]] = {
            "suspend": lambda: ledger.status_ask(account, *rest),
            "raise": lambda: ledger.raise_ask(account, context=rest[0], posture=rest[1]),
            "accrue": lambda: ledger.accrue_ask(account, rest[0], kind=rest[1]),
            "spend": lambda: ledger.authorise_ask(
                account, rest[0], partial=rest[1], province=rest[2], kind=Kind.PURCHASE
            ),
            "reserve": lambda: ledger.authorise_ask(
                account, rest[0], partial=rest[1], time_to_live=rest[2], capture=False
            ),
            "record": lambda: ledger.record_ask(
                account, ledger.clock.now() - rest[0], kind=rest[1][0], parts=rest[1][1], points=rest[2], money=rest[3]
            ),
            "lock": lambda: ledger.lock_ask(account, *rest),
            "quote": lambda: ledger.read_ask(Operation.QUOTE, account, *rest),
        }
        return makers[name]()


def without_ids(verdict: Verdict) -> Verdict:
    """A verdict less its random ids; an advice's rule and times say which it is."""
    advice = tuple(each._replace(advice_id=b"") for each in verdict.advice)
    return verdict._replace(transaction_id=b"", advice=advice)


def tallies(ledger: Ledger, account: int) -> list[int]:
    """The values of an account's windows as memory holds them."""
    memory = ledger.decider.memory
    return [int(value) for value in memory.tallies[memory.slot_of(account), :, 0]]


@pytest.fixture(scope="module", autouse=True)
def _rules_compiled_once() -> Iterator[None]:
    with open_ledger():
        yield


@settings(max_examples=100)
@given(history=histories, zone=st.sampled_from(ZONES), start=st.sampled_from(STARTS))
def test_recorded_windows_equal_a_recount_of_the_ledger_and_every_answer_equals_a_restarted_servers(
    history: list[tuple[int, Step]], zone: str, start: str
) -> None:
    with open_ledger(rules=WATCHERS + GUARDS, controls=CONTROLS, zone=zone) as ledger:
        ledger.clock.set(start)
        player = Player(ledger)
        for number, step in history:
            player.play(number, step)
        audit(ledger)
        for account in player.accounts:
            check_recorded_windows(ledger, account)
            check_memory_against_the_ledger(ledger, account)


def check_recorded_windows(ledger: Ledger, account: int) -> None:
    program = ledger.programs.programs[0]
    measures = [measure_of(row) for row in program.measures]
    records = read_records(ledger.connection, 1, account)
    history = history_of(records)
    for record in records:
        expected = expected_windows(record, history, measures, program.zone, program.settings["looks_back"])
        assert dict(record.windows) == expected, record.leg


def check_memory_against_the_ledger(ledger: Ledger, account: int) -> None:
    """What memory holds after a quote equals what a memory holds that read the ledger just now, and a recount."""
    quoted, checked = ledger.quote(account), ledger.check(account)
    live = tallies(ledger, account)
    kept = ledger.decider
    ledger.restart_decider()
    assert ledger.quote(account) == quoted
    assert ledger.check(account) == checked
    assert tallies(ledger, account) == live
    ledger.decider = kept
    zone: ZoneInfo = ledger.programs.programs[0].zone
    history = history_of(read_records(ledger.connection, 1, account))
    now = max(ledger.clock.now(), ledger.decider.heads.accepted_at + 1)
    recounted = [
        measure_of(row).value(history, now, zone, before_seq=quoted.seq + 1)
        for row in ledger.programs.programs[0].measures
    ]
    assert live == recounted
