"""Backtests of rules that look at what accounts did before: random histories, against the ledger and plain Python."""

import re
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointguard_server.backtest import ledger as ledger_source
from pointguard_server.backtest.run import run
from pointguard_server.domain.calendar import from_microseconds
from pointguard_server.domain.codes import CodeKind, Decision, Kind, Operation, RequestFlag
from pointguard_server.engine.ask import Ask, Verdict
from pointguard_server.engine.rows import RequestFields, currency_number
from pointguard_server.rules.inputs import EarnedInput
from pointguard_server.rules.rule_set import RuleSet, load_rule_set
from pointguard_server.rules.value_types import CapPeriod
from pointguard_server.service.code_matches import GROUP_SEPARATOR
from pointguard_server.service.explanation.explainer import AccountHistory, Explanation, on_history, order_of
from pointguard_server.service.rule_simulation import simulate
from tests.integration.test_backtest import specification
from tests.integration.test_birth_dates import birth_ask
from tests.reference.test_windows import CONTROLS, GUARDS, STARTS, ZONES, Player, Step
from tests.reference.test_windows import steps as plain_steps
from tests.support.explaining import explaining
from tests.support.ledger import DAY, HOUR, MINUTE, TENANT, Ledger, open_ledger

LIVE = """
rule "base" when order.kind == "PURCHASE" earn base order.total * 10 round half_up cap 300 per month
rule "other kinds" when order.kind != "PURCHASE" earn base order.total * 10
rule "welcome" when member.days_since_enrolment < 1 earn bonus 7 cap 20 per day
rule "regular" when count(purchases, 7 days) >= 2 and account.available > 50 earn bonus 5 cap 11 per lifetime
rule "spender" best of "extra" when sum(money of purchases, this month) > 10.00 CAD earn targeted 3 cap 4 per day
rule "home" best of "extra" when store.country == "CA" earn targeted 2 cap 9 per day cap 30 per month
rule "stores" when distinct(stores of purchases, this week) >= 2 earn bonus 13
rule "tills" when distinct(terminals of transactions, 2 weeks) > 1 and distinct(cashiers of purchases, 1 hour) < 2
    earn bonus 14
rule "burner" when sum(points of redemptions, 1 hour) > 10 or count(transactions, this day) > 4 earn bonus 17
rule "people" when "VIP" in member.groups and "STAFF" not in member.groups earn bonus 19
rule "age" when member.age_band in ("18-24", "75+") earn bonus 100 * member.birthday_month
rule "elders" when member.age_band matches "6*" or store.province matches "*QC" earn bonus 23
"""
OTHER = """
rule "regular" when count(purchases, 31 days) >= 1 earn bonus 8 cap 15 per lifetime cap 9 per month
rule "welcome" when count(purchases, this week) < 3 earn base 7 cap 15 per day
rule "new name" when sum(points of transactions, this month) > 20 earn base order.total * 5
    cap 12 per day cap 40 per month
rule "spender" exclusive when sum(money of redemptions, 7 days) >= 0.30 CAD earn targeted 31 cap 40 per day
rule "groups" when "STAFF" in member.groups earn bonus 3
"""
AGO = (0, 0, MINUTE, 5 * HOUR, DAY, 9 * DAY, 40 * DAY)
"""How long before a purchase is accepted its terminal says that it was rung up; 0: it says nothing."""
SHOPS = (("", ""), ("S1", "CA-ON"), ("S2", "CA-QC"), ("S3", "FR-75"))
steps: st.SearchStrategy[Step] = st.one_of(
    plain_steps,
    st.tuples(
        st.just("shop"),
        st.lists(
            st.tuples(st.integers(0, 900), st.integers(0, 3), st.integers(0, 2), st.sampled_from(AGO)),
            min_size=1,
            max_size=3,
        ),
    ),
    st.tuples(st.just("groups"), st.sets(st.sampled_from(("VIP", "STAFF", "OTHER")))),
    st.tuples(st.just("status"), st.sampled_from((False, False, True))),
    st.tuples(st.just("raise")),
    st.tuples(st.just("birth"), st.sampled_from(("", "2003-10-04", "1951-11-01", "1964-02-29", "2008-07-01"))),
)
histories = st.lists(st.tuples(st.integers(0, 1), steps), min_size=10, max_size=60)


class Shopper(Player):
    """Plays a history, with purchases in stores, and rehearses nothing."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.accounts = [ledger.member(0, province) for province in ("CA-ON", "")]
        self.reservations: list[list[Verdict]] = [[], []]
        for account in self.accounts:
            ledger.accrue(account, 1_000, kind=Kind.ACTIVITY)

    def play(self, number: int, step: Step) -> None:
        name, *rest = step
        account = self.accounts[number]
        if self.has_done(number, name, rest):
            return
        if name == "shop":
            self.ledger.decide(*(self.purchase(account, *each) for each in rest[0]))
        elif name == "groups":
            self.ledger.one(self.change_of_groups(account, rest[0]))
        elif name == "status":
            self.ledger.one(self.ledger.status_ask(account, *rest))
        elif name == "raise":
            self.ledger.one(self.ledger.raise_ask(account, duration=HOUR))
        elif name == "birth":
            self.ledger.one(birth_ask(self.ledger, account, *rest))
        elif (ask := self.ask(number, name, rest)) is not None:
            verdict = self.ledger.one(ask)
            if name == "reserve" and verdict.expires_at:
                self.reservations[number].append(verdict)

    def change_of_groups(self, account: int, groups: set[str]) -> Ask:
        number = self.ledger.code(CodeKind.GROUP_SET, GROUP_SEPARATOR.join(sorted(groups)))
        fields = RequestFields(
            int(Operation.UPDATE_MEMBER), int(Kind.PROFILE_UPDATE), account, flags=int(RequestFlag.CHANGES_GROUPS)
        )
        return self.ledger.ask(None, fields, group_set_id=number)

    def purchase(self, account: int, cents: int, shop: int, till: int, ago: int = 0) -> Ask:
        ledger, (store, province) = self.ledger, SHOPS[shop]
        fields = RequestFields(
            int(Operation.ACCRUE), int(Kind.PURCHASE), account, money=cents,
            store_id=ledger.code(CodeKind.STORE, store),
            terminal_id=ledger.code(CodeKind.TERMINAL, f"till {till}" if till else ""),
            cashier_id=ledger.code(CodeKind.CASHIER, f"cashier {till % 2}" if till else ""),
            occurred_at=ledger.clock.moment - ago if ago else 0,
        )  # fmt: skip
        line = [0, 0, 0, 1_000_000, cents * 10_000, 0]
        return ledger.ask(
            None, fields, currency=currency_number("CAD"), lines=b"".join(each.to_bytes(8, "little") for each in line),
            line_count=1, store_province_id=ledger.code(CodeKind.PROVINCE, province),
        )  # fmt: skip


def add_shops(ledger: Ledger) -> None:
    """Have the stores known from before the first transaction on, where they lie."""
    for store, province in SHOPS[1:]:
        ledger.names.add_store(ledger.connection, TENANT, store, "UNIT", province[:2], province)
    ledger.names.version_stores(ledger.connection, TENANT, ledger.clock.moment)
    codes = {store: ledger.code(CodeKind.STORE, store) for store, _ in SHOPS[1:]}
    ledger.change(
        countries={codes[store]: ledger.code(CodeKind.COUNTRY, province[:2]) for store, province in SHOPS[1:]}
    )


def played(ledger: Ledger, history: list[tuple[int, Step]], start: str) -> None:
    ledger.clock.set(start)
    add_shops(ledger)
    player = Shopper(ledger)
    for number, step in history:
        player.play(number, step)


def backtest(ledger: Ledger, source: str, begin: int, *, by_occurred_at: bool = False) -> dict[str, Any]:
    wanted = specification(
        ledger, source, begin=begin, end=2**62, time_zone=ledger.zone, key_ring=str(ledger.directory / "keyring.json"),
        by_occurred_at=by_occurred_at,
    )  # fmt: skip
    *_, last = run(wanted)
    found: dict[str, Any] = last["result"]
    return found


def begin_of(ledger: Ledger, share: int) -> int:
    """Return a moment with so many tenths of the ledger before it."""
    moments = [leg["accepted_at"] for leg in ledger.rows("legs")]
    return int(moments[len(moments) * share // 10]) if share else 0


class Awards:
    """What rules have given accounts: every cap looks at all of it each time."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._given: list[tuple[int, str, str, int]] = []

    def _day(self, moment: int) -> str:
        return from_microseconds(moment).astimezone(self._zone).strftime("%Y%m%d")

    def add(self, account: int, rule: str, moment: int, points: int) -> None:
        self._given.append((account, rule, self._day(moment), points))

    def earned(self, rule_set: RuleSet, account: int, moment: int) -> dict[EarnedInput, int]:
        length = {CapPeriod.DAY: 8, CapPeriod.MONTH: 6, CapPeriod.LIFETIME: 0}
        today = self._day(moment)
        return {
            wanted: sum(
                points
                for holder, rule, day, points in self._given
                if (holder, rule) == (account, rule_set.rules[wanted.ordinal].name)
                and day[: length[wanted.period]] == today[: length[wanted.period]]
            )
            for wanted in rule_set.checked.inputs
            if isinstance(wanted, EarnedInput)
        }


def counted(ledger: Ledger, source: str, begin: int, *, by_occurred_at: bool = False) -> dict[str, int]:
    """Return the points by rule that another version gives, order after order, by plain Python.

    With ``by_occurred_at`` everything has its place in time by what the terminal said, if it said anything.
    """
    moments = {
        (leg["account_id"], leg["seq"]): (by_occurred_at and leg["occurred_at"]) or leg["accepted_at"]
        for leg in ledger.rows("legs")
    }
    rule_set = load_rule_set(source, "test", currency="CAD")
    zone, awards = ZoneInfo(ledger.zone), Awards(ledger.zone)
    found = dict.fromkeys((rule.name for rule in rule_set.rules), 0)
    with explaining(ledger) as explainer:
        for explanation in explainer.all_legs():
            record = explanation.record
            assert record is not None
            leg: dict[str, Any] = dict(record.leg)
            if leg["operation"] != Operation.ACCRUE or leg["decision"] != Decision.APPROVED:
                continue
            moment = moments[leg["account_id"], leg["seq"]]
            if leg["accepted_at"] < begin:
                entries: list[dict[str, Any]] = [*record.entries]
                given = [(explanation.texts[each["rule_id"]], each["signed_points"]) for each in entries]
            else:
                earned = awards.earned(rule_set, leg["account_id"], moment)
                given = points_by(rule_set, at_moments(explanation, moments), earned, zone, moment)
                for rule, points in given:
                    found[rule] += points
            for rule, points in given:
                awards.add(leg["account_id"], rule, moment, points)
    return found


def at_moments(explanation: Explanation, moments: dict[tuple[int, int], int]) -> Explanation:
    """Return an explanation whose account did everything at these moments, by account and place in its sequence."""
    account: Any = explanation.stored.leg["account_id"]
    events = [replace(event, counts_at=moments[account, event.seq]) for event in explanation.past.events]
    return replace(explanation, past=replace(explanation.past, events=tuple(events)))


def points_by(
    rule_set: RuleSet, explanation: Explanation, earned: dict[EarnedInput, int], zone: ZoneInfo, moment: int
) -> list[tuple[str, int]]:
    assert explanation.record is not None
    history = AccountHistory(explanation.past, explanation.awards, explanation.texts)
    order = order_of(explanation, explanation.record)
    days = (moment - min(explanation.past.enrolled_at, moment)) // DAY
    order = on_history(replace(order, accepted_at=moment, days_since_enrolment=days), history, rule_set, 10_000, zone)
    simulation = simulate(rule_set, replace(order, earned=earned), 10_000, zone)
    return [(outcome.rule, outcome.points) for outcome in simulation.outcomes]


@pytest.fixture(scope="module", autouse=True)
def _rules_compiled_once() -> Iterator[None]:
    with open_ledger(earn=LIVE) as ledger:
        backtest(ledger, OTHER, 0)
        yield


@settings(max_examples=20)
@given(
    history=histories, zone=st.sampled_from(ZONES), start=st.sampled_from(STARTS), share=st.sampled_from((0, 3, 6, 9))
)
def test_the_version_that_decided_gives_in_a_backtest_what_was_issued(
    history: list[tuple[int, Step]], zone: str, start: str, share: int
) -> None:
    with open_ledger(earn=LIVE, rules=GUARDS, controls=CONTROLS, zone=zone) as ledger:
        played(ledger, history, start)
        begin = begin_of(ledger, share)
        found = backtest(ledger, LIVE, begin)
        accruals = [leg for leg in ledger.rows("legs") if leg["operation"] == Operation.ACCRUE]
        assert found["orders"] + found["declined"] == sum(leg["accepted_at"] >= begin for leg in accruals)
        assert found["flips"]["orders"] == 0, found["flips"]["examples"]
        assert found["side"]["points"] == found["issued"]
        assert found["guesses"] == []


@pytest.mark.long
@settings(max_examples=12)
@given(
    history=histories, zone=st.sampled_from(ZONES), start=st.sampled_from(STARTS), share=st.sampled_from((0, 3, 6, 9))
)
def test_another_version_gives_what_plain_python_counts(
    history: list[tuple[int, Step]], zone: str, start: str, share: int
) -> None:
    with open_ledger(earn=LIVE, rules=GUARDS, controls=CONTROLS, zone=zone) as ledger:
        played(ledger, history, start)
        begin = begin_of(ledger, share)
        found = backtest(ledger, OTHER, begin)
        assert {row["rule"]: row["points"] for row in found["side"]["rules"]} == counted(ledger, OTHER, begin)


@settings(max_examples=4)
@given(history=histories, zone=st.sampled_from(ZONES), start=st.sampled_from(STARTS), share=st.sampled_from((0, 3, 6)))
def test_windows_caps_and_dates_go_by_what_terminals_said_where_that_is_asked_for(
    history: list[tuple[int, Step]], zone: str, start: str, share: int
) -> None:
    with open_ledger(earn=LIVE, rules=GUARDS, controls=CONTROLS, zone=zone) as ledger:
        played(ledger, history, start)
        begin = begin_of(ledger, share)
        for source in (LIVE, OTHER):
            found = backtest(ledger, source, begin, by_occurred_at=True)
            given = {row["rule"]: row["points"] for row in found["side"]["rules"]}
            assert given == counted(ledger, source, begin, by_occurred_at=True)


def test_a_cap_goes_by_what_terminals_said_also_out_of_order_and_before_the_range(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledger_source, "_POSITIONS_A_QUERY", 1)  # what a stretch forgets, the next one lacks
    rules = 'rule "capped" when order.kind == "PURCHASE" earn base 6 cap 10 per day'
    with open_ledger(earn=rules) as ledger:
        ledger.clock.set("2026-03-07T12:00-05:00")
        add_shops(ledger)
        player = Shopper(ledger)
        for ago in (3 * DAY, 3 * DAY, 2 * DAY, 3 * DAY):
            ledger.clock.moment += MINUTE
            ledger.one(player.purchase(player.accounts[0], 100, 1, 0, ago))
        purchases = [leg["accepted_at"] for leg in ledger.rows("legs") if leg["kind"] == Kind.PURCHASE]
        found = [backtest(ledger, rules, begin, by_occurred_at=True)["side"]["points"] for begin in (0, purchases[1])]
        assert found == [6 + 4 + 6 + 0, 4 + 6 + 0]
        assert backtest(ledger, rules, 0)["side"]["points"] == 6 + 4


def test_every_rule_of_the_random_histories_gives_points_and_every_cap_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = Random(9)
    with open_ledger(earn=LIVE, rules=GUARDS, controls=CONTROLS) as ledger:
        ledger.clock.set("2026-03-07T22:00-05:00")
        add_shops(ledger)
        player = Shopper(ledger)
        for number, born in enumerate(("2003-10-04", "1964-02-29")):
            player.play(number, ("birth", born))
        for step in range(300):
            number = draw.randrange(2)
            if step % 50 == 0:
                player.play(number, ("groups", draw.choice([{"VIP"}, {"STAFF"}])))
            player.play(number, ("shop", [(draw.randint(0, 900), draw.randrange(4), draw.randrange(3))]))
            player.play(number, ("spend", draw.randint(1, 80), True, ""))
            player.play(number, ("status", False))
            player.play(number, ("wait", draw.choice((MINUTE, HOUR, 3 * HOUR, 23 * HOUR))))
        whole = {source: backtest(ledger, source, 0) for source in (LIVE, OTHER)}
        assert whole[LIVE]["flips"]["orders"] == 0
        for source, found in whole.items():
            idle = {row["rule"] for row in found["side"]["rules"] if not row["points"]}
            assert not idle
            uncapped = backtest(ledger, re.sub(r" cap \d+ per (day|month|lifetime)", "", source), 0)
            assert uncapped["side"]["points"] > found["side"]["points"]
        # It does not depend on how the ledger is cut into stretches.
        monkeypatch.setattr(ledger_source, "_POSITIONS_A_QUERY", 7)
        assert {source: backtest(ledger, source, 0) for source in (LIVE, OTHER)} == whole


def test_a_birth_date_that_cannot_be_read_counts_as_not_known_and_is_told() -> None:
    with open_ledger(earn=LIVE) as ledger:
        ledger.clock.set("2026-03-07T22:00-05:00")
        add_shops(ledger)
        player = Shopper(ledger)
        player.play(0, ("birth", "2003-10-04"))
        player.play(0, ("shop", [(100, 1, 0)]))
        found = backtest(ledger, LIVE, 0)
        without = specification(ledger, LIVE, end=2**62, time_zone=ledger.zone)
        *_, last = run(without)
        assert last["result"]["guesses"] == ["birth_dates"]
        assert last["result"]["side"]["points"] == found["side"]["points"] - 1_000
