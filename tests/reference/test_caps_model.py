"""Caps over a day, a month and ever hold exactly, whatever memory forgets, beside a model in plain Python."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointguard_server.domain.calendar import from_microseconds
from pointguard_server.domain.codes import CodeKind
from pointguard_server.domain.record import decode_record
from pointguard_server.engine.ask import Verdict
from tests.support.explaining import explaining
from tests.support.ledger import DAY, HOUR, Ledger, open_ledger

EARN = """
rule "base" earn base order.total cap 30 per day cap 70 per month
rule "bonus" best of "extra" earn bonus 7 cap 40 per month cap 90 per lifetime
rule "other" best of "extra" earn bonus 5
"""
CHANGED = """
rule "other" best of "extra" earn bonus 9 cap 60 per lifetime
rule "base" earn base order.total cap 20 per day
rule "bonus" best of "extra" earn bonus 7 cap 95 per lifetime
"""
# Of the day on which the clocks go forward, and so of 23 hours: just before and after both its ends.
MIDNIGHTS = (
    "2027-03-14T04:30:00+00:00",
    "2027-03-14T05:30:00+00:00",
    "2027-03-15T03:59:59+00:00",
    "2027-03-15T04:00:00+00:00",
)
ZONE = ZoneInfo("America/Toronto")
accounts = st.integers(0, 2)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("buy"), st.lists(st.tuples(accounts, st.integers(1, 25)), min_size=1, max_size=4)),
        st.tuples(st.just("wait"), st.sampled_from([1, HOUR, 7 * HOUR, DAY, 9 * DAY, 40 * DAY])),
        st.tuples(st.just("forget"), st.none()),
        st.tuples(st.just("change"), st.none()),
    ),
    max_size=25,
)


class Model:
    """What each rule has given each account, as entries with their moments; caps look at all of them each time."""

    def __init__(self) -> None:
        self.given: list[tuple[int, str, datetime, int]] = []
        self.is_changed = False

    def buy(self, account: int, dollars: int, moment: datetime) -> dict[str, int]:
        before = {
            (rule, period): sum(
                points
                for holder, name, then, points in self.given
                if (holder, name) == (account, rule) and then.strftime(form) == moment.strftime(form)
            )
            for rule in ("base", "bonus", "other")
            for period, form in (("day", "%Y%m%d"), ("month", "%Y%m"), ("lifetime", ""))
        }

        def capped(rule: str, points: int, **caps: int) -> int:
            return min([points, *(max(cap - before[rule, period], 0) for period, cap in caps.items())])

        if self.is_changed:
            base = capped("base", dollars, day=20)
            extra = {"other": capped("other", 9, lifetime=60), "bonus": capped("bonus", 7, lifetime=95)}
        else:
            base = capped("base", dollars, day=30, month=70)
            extra = {"bonus": capped("bonus", 7, month=40, lifetime=90), "other": 5}
        best = max(extra, key=lambda rule: extra[rule])
        found = {rule: points for rule, points in (("base", base), (best, extra[best])) if points}
        self.given += [(account, rule, moment, points) for rule, points in found.items()]
        return found


def awards(ledger: Ledger, verdict: Verdict) -> dict[str, int]:
    texts = {number: text for text, number in ledger.names.codes(ledger.connection, ledger.tenant, CodeKind.RULE)}
    return {texts[entry.rule_id]: entry.signed_points for entry in verdict.entries}


def play(ledger: Ledger, todo: Sequence[tuple[str, Any]]) -> Counter[str]:
    """Do the steps in the ledger and the model; return what happened how often."""
    members = [ledger.one(ledger.enroll_ask(f"m{number}")).account_id for number in range(3)]
    model, happened = Model(), Counter[str]()
    for what, how in todo:
        happened[what] += 1
        if what == "wait":
            ledger.clock.moment += how
        elif what == "forget":
            ledger.restart_decider()
        elif what == "change":
            model.is_changed = not model.is_changed
            ledger.change(earn=CHANGED if model.is_changed else EARN)
        else:
            # All in one batch: what the first takes of a cap, the next has not.
            verdicts = ledger.decide(*(ledger.accrue_ask(members[who], 100 * dollars) for who, dollars in how))
            moment = from_microseconds(ledger.decider.heads.accepted_at).astimezone(ZONE)
            for (who, dollars), verdict in zip(how, verdicts, strict=True):
                expected = model.buy(who, dollars, moment)
                assert awards(ledger, verdict) == expected
                happened["capped"] += expected.get("base", 0) < dollars
    return happened


def explain_all(ledger: Ledger) -> None:
    """Every decision follows again from the ledger alone."""
    with explaining(ledger) as explainer:
        for explanation in explainer.all_legs():
            assert explanation.reproduced, explanation.differences


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(steps)
def test_caps_are_what_the_model_says(todo: Sequence[tuple[str, Any]]) -> None:
    with open_ledger(earn=EARN) as ledger:
        play(ledger, todo)
        explain_all(ledger)


def test_caps_are_the_same_where_the_database_is_behind_the_journal() -> None:
    rounds = [("buy", [(0, 12), (1, 25), (0, 12)]), ("forget", None), ("buy", [(0, 12), (1, 9)]), ("wait", DAY)] * 6
    with open_ledger(earn=EARN, journaled=True) as ledger:
        assert play(ledger, rounds)["capped"] > 6


def test_the_day_of_a_cap_ends_at_midnight_in_the_program_s_zone() -> None:
    with open_ledger(earn=EARN) as ledger:
        account = ledger.member()
        given = []
        for moment in MIDNIGHTS:
            ledger.clock.set(moment)
            given.append(awards(ledger, ledger.one(ledger.accrue_ask(account, 2_000))).get("base", 0))
            ledger.restart_decider()
        # Of the month's cap 20 are left for the day after.
        assert given == [20, 20, 10, 20]


def test_what_a_cap_left_is_on_the_record_of_the_transaction() -> None:
    with open_ledger(earn=EARN) as ledger:
        account = ledger.member()
        for _ in range(2):
            ledger.one(ledger.accrue_ask(account, 2_000))
        (record,) = ledger.connection.execute("SELECT record FROM legs ORDER BY position DESC LIMIT 1").fetchone()
        # In the order in which the rules ask: base by day and month, bonus by month and ever.
        first = len(ledger.programs.programs[0].measures)
        assert decode_record(record).windows == tuple(enumerate((20, 20, 7, 7), first))
