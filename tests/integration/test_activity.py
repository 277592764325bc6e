"""Recorded activity: what another system did counts when it happened, moves nothing, and is judged however late."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointguard_server.domain.codes import Decision, Kind, Operation, Outcome, Part, Posture, Reason
from pointguard_server.engine.ask import Verdict
from tests.integration.audit import audit
from tests.support.explaining import explaining
from tests.support.ledger import DAY, HOUR, MINUTE, SECOND, Ledger, Where, open_ledger, sandboxed

NewLedger = Callable[..., Ledger]


@pytest.fixture
def new_ledger(new_ledger: NewLedger) -> NewLedger:
    """Opens ledgers whose earn rules are made in milliseconds."""
    return partial(new_ledger, back_end=sandboxed)


def rule(
    threshold: int = 2, window: str = 'rolling = "1d"', posture: str = "BLOCK", *, name: str = "often",
    measure: str = "COUNT", duration: str = "15d", more: str = "",
) -> str:  # fmt: skip
    """A fraud rule over redemptions."""
    return f"""
[[fraud_rule]]
name = "{name}"
context = "REDEMPTION"
counts = {{ parts = ["REDEEM"], attempts = "APPROVED" }}
measure = "{measure}"
window = {{ {window} }}
threshold = {threshold}
posture = "{posture}"
duration = "{duration}"
{more}
"""


def codes(verdict: Verdict) -> list[Reason]:
    return [Reason(code) for code, _ in verdict.reasons]


def reproduces(ledger: Ledger) -> None:
    """Have every decision so far explained, from the ledger alone."""
    with explaining(ledger) as explainer:
        for explanation in explainer.all_legs():
            assert explanation.reproduced, (explanation.stored.leg["operation"], explanation.differences)
    audit(ledger)


def tallies(ledger: Ledger, account: int) -> list[int]:
    """The account's windows as of now."""
    ledger.quote(account)
    memory = ledger.decider.memory
    return [int(value) for value in memory.tallies[memory.slot_of(account), :, 0]]


def test_what_was_recorded_and_what_was_redeemed_here_trip_a_rule_together(new_ledger: NewLedger) -> None:
    ledger = new_ledger(rules=rule())
    account = ledger.member(100)
    assert ledger.authorise(account, 10).decision == Decision.APPROVED
    below = ledger.record(account, ledger.clock.now(), points=40)
    assert (below.decision, below.reasons, below.advice) == (Decision.APPROVED, (), ())
    assert (below.seq, below.posted, below.entry_count) == (4, 90, 0)
    above = ledger.record(account, ledger.clock.now(), points=40)
    assert above.decision == Decision.APPROVED
    assert (codes(above), ledger.reason_names(above)) == ([Reason.FRAUD_RULE], ["often"])
    (advice,) = above.advice
    assert (advice.measured, advice.threshold, advice.posture) == (3, 2, Posture.BLOCK)
    assert ledger.check(account).advice == (advice,)
    assert codes(ledger.authorise(account, 1)) == [Reason.ADVICE_BLOCK]
    again = ledger.record(account, ledger.clock.now())
    assert codes(again) == [Reason.ADVICE_BLOCK, Reason.FRAUD_RULE]
    assert again.advice == ()
    assert ledger.balance(account).posted == 90
    reproduces(ledger)


def test_a_redemption_here_counts_what_was_recorded_before(new_ledger: NewLedger) -> None:
    ledger = new_ledger(rules=rule(99, measure="POINTS", duration="0s"))
    account = ledger.member(100)
    ledger.record(account, ledger.clock.now() - HOUR, points=90)
    assert ledger.quote(account).points == 9
    assert ledger.authorise(account, 10).decision == Decision.DECLINED
    assert ledger.authorise(account, 9).decision == Decision.APPROVED
    reproduces(ledger)


def test_the_same_event_is_recorded_once_and_another_under_its_name_is_refused(new_ledger: NewLedger) -> None:
    ledger = new_ledger(rules=rule(0))
    account, at = ledger.member(), ledger.clock.now()
    first, twin = ledger.decide(*(ledger.record_ask(account, at, key="event 1") for _ in range(2)))
    assert first.advice
    assert twin == first._replace(replayed=True)
    ledger.restart_decider()
    later = ledger.record(account, at, key="event 1")
    names = ("transaction_id", "seq", "reasons", "advice", "decision", "account_id")
    assert [getattr(later, name) for name in names] == [getattr(first, name) for name in names]
    assert ledger.record(account, at, points=2, key="event 1").outcome == Outcome.KEY_REUSED
    assert ledger.record(account, at + 1, key="event 1").outcome == Outcome.KEY_REUSED
    assert len(ledger.legs(account)) == 2


def test_an_unknown_member_is_the_fault_of_one_activity(new_ledger: NewLedger) -> None:
    ledger = new_ledger()
    account, at = ledger.member(), ledger.clock.now()
    outcomes = [
        each.outcome for each in ledger.decide(*(ledger.record_ask(each, at) for each in (account, 4_711, account)))
    ]
    assert outcomes == [Outcome.DONE, Outcome.ACCOUNT_UNKNOWN, Outcome.DONE]


@pytest.mark.parametrize(
    ("late", "trips"), [(0, True), (HOUR, True), (DAY - 1, True), (DAY, False), (DAY + HOUR, False)]
)
def test_a_late_activity_counts_in_the_window_that_it_belongs_to(new_ledger: NewLedger, late: int, trips: bool) -> None:
    ledger = new_ledger(rules=rule(1))
    account = ledger.member()
    ledger.clock.moment += 8 * DAY
    ledger.record(account, ledger.clock.now() - 1)
    told = ledger.record(account, ledger.clock.now() - 1 - late)
    assert bool(told.advice) is trips
    reproduces(ledger)


def test_a_night_upload_trips_the_rule_of_the_day_that_is_over(new_ledger: NewLedger) -> None:
    ledger = new_ledger(rules=rule(2, 'calendar = "DAY"'))
    account = ledger.member(10)
    ledger.clock.set("2026-11-24T02:00-05:00")
    yesterday = ledger.clock.now() - 8 * HOUR
    for minute in (30, 10):
        assert not ledger.record(account, yesterday + minute * MINUTE).advice
    third = ledger.record(account, yesterday)
    (advice,) = third.advice
    assert advice.measured == 3
    ledger.clock.set("2026-11-23T00:00-05:00")
    assert advice.window_starts_after == ledger.clock.now() - 1
    ledger.clock.set("2026-11-24T02:01-05:00")
    assert tallies(ledger, account) == [0]
    assert codes(ledger.authorise(account, 1)) == [Reason.ADVICE_BLOCK]
    reproduces(ledger)


def test_a_window_that_memory_does_not_know_whole_is_not_judged_again(new_ledger: NewLedger) -> None:
    ledger = new_ledger(rules=rule(1))
    account = ledger.member()
    ledger.clock.moment += 30 * DAY
    known, forgotten = ledger.clock.now() - 6 * DAY, ledger.clock.now() - 8 * DAY
    for at, trips in ((forgotten, False), (forgotten, False), (known, False), (known, True)):
        assert bool(ledger.record(account, at).advice) is trips
    reproduces(ledger)


def test_what_another_clock_says_of_the_future_counts_now(new_ledger: NewLedger) -> None:
    ledger = new_ledger(rules=rule(1))
    account = ledger.member()
    told = ledger.record(account, ledger.clock.now() + 2 * DAY)
    assert ledger.legs(account)[-1]["occurred_at"] == ledger.clock.now() + 2 * DAY
    assert ledger.record(account, ledger.clock.now()).advice
    ledger.clock.moment += 2 * DAY
    assert tallies(ledger, account) == [0]
    assert told.advice == ()
    reproduces(ledger)


def test_a_reservation_that_ends_after_a_late_activity_gives_its_own_back(new_ledger: NewLedger) -> None:
    ledger = new_ledger(rules=rule(1_000, measure="POINTS", more="net_of_reversals = true"))
    account = ledger.member(100)
    ledger.clock.moment += HOUR
    held = ledger.authorise_reserving(account, 30)
    other = ledger.authorise_reserving(account, 5)
    for minutes in range(1, 20):
        ledger.record(account, ledger.clock.now() - minutes * MINUTE, points=100)
    assert tallies(ledger, account) == [1_935]
    ledger.capture(held, 10)
    assert tallies(ledger, account) == [1_915]
    ledger.void(other)
    assert tallies(ledger, account) == [1_910]
    ledger.restart_decider()
    assert tallies(ledger, account) == [1_910]
    reproduces(ledger)


RULES = rule(3, 'rolling = "2h"') + rule(90, 'calendar = "DAY"', name="much", measure="POINTS") + rule(
    2, 'rolling = "1h"', name="cashier", more='scope = "CASHIER"'
)  # fmt: skip


@settings(max_examples=6)
@given(
    told=st.lists(st.tuples(st.integers(0, 30 * 60), st.integers(1, 40)), min_size=2, max_size=12),
    order=st.randoms(use_true_random=False),
)
def test_activities_told_in_any_order_leave_the_windows_that_they_leave_in_order(
    told: list[tuple[int, int]], order: Any
) -> None:
    with open_ledger(rules=RULES, back_end=sandboxed) as ledger:
        accounts = ledger.member(), ledger.member()
        ledger.clock.moment += 2 * DAY
        now = ledger.clock.now()
        shuffled = order.sample(told, len(told))
        for account, ann, events in zip(accounts, ("ann", "bob"), (sorted(told, reverse=True), shuffled), strict=True):
            for ago, points in events:
                ledger.record(account, now - ago * MINUTE, points=points, where=Where(cashier=ann))
        live = [tallies(ledger, account) for account in accounts]
        assert live[0] == live[1]
        rings = rings_of(ledger)
        raised = [
            {row["rule_id"] for row in ledger.rows("advice") if row["account_id"] == account} for account in accounts
        ]
        assert raised[0] == raised[1]
        ledger.restart_decider()
        assert [tallies(ledger, account) for account in accounts] == live
        assert rings_of(ledger) == rings
        reproduces(ledger)


def rings_of(ledger: Ledger) -> dict[int, int]:
    """What each cashier's window holds that ends now."""
    scopes, member = ledger.decider.memory.scopes, ledger.member()
    for cashier in ("ann", "bob"):
        ledger.quote(member, where=Where(cashier=cashier))
    return {int(ring[1]): int(ring[3]) for ring in scopes.arrays.rings[: int(scopes.arrays.counts[0])] if ring[3]}


def test_a_case_is_opened_and_a_suspension_stops_no_record(new_ledger: NewLedger) -> None:
    ledger = new_ledger(rules=rule(0, posture="REVIEW"))
    account = ledger.member()
    ledger.one(ledger.status_ask(account, suspended=True))
    opened = ledger.record(account, ledger.clock.now())
    assert (opened.decision, codes(opened)) == (Decision.APPROVED, [Reason.UNDER_REVIEW])
    assert [advice.posture for advice in ledger.check(account).advice] == [Posture.REVIEW]
    reproduces(ledger)


def test_facts_of_another_system_count_for_rules_over_their_kind(new_ledger: NewLedger) -> None:
    email = """
[[fraud_rule]]
name = "restless"
context = "REDEMPTION"
counts = { kinds = ["EMAIL_UPDATE"], attempts = "APPROVED" }
measure = "COUNT"
window = { rolling = "7d" }
threshold = 1
posture = "BLOCK"
duration = "1d"
"""
    ledger = new_ledger(rules=email)
    account = ledger.member(10)
    for trips in (False, True):
        told = ledger.record(account, ledger.clock.now(), kind=Kind.EMAIL_UPDATE, parts=(), points=0)
        assert (bool(told.advice), told.reasons) == (trips, ())
    assert codes(ledger.authorise(account, 1)) == [Reason.ADVICE_BLOCK]
    reproduces(ledger)


def test_conditions_of_fraud_rules_see_it_and_earn_rules_do_not(new_ledger: NewLedger) -> None:
    condition = """
[[fraud_rule]]
name = "own"
context = "EARNING"
when = 'count(purchases, 1 days) > 2 and order.total > 5.00 CAD'
posture = "WARN"
duration = "0s"
"""
    ledger = new_ledger(rules=condition, earn='rule "third" when count(purchases, 1 days) == 2 earn base 100\n')
    account = ledger.member()

    def buy(hours_ago: int) -> Verdict:
        at = ledger.clock.now() - hours_ago * HOUR
        return ledger.record(account, at, kind=Kind.PURCHASE, parts=(Part.BASE,), points=0, money=900)

    ledger.clock.moment += 2 * DAY
    # The last one is too old for the day that ends now, and of its own it is the second.
    assert [len(buy(hours).advice) for hours in (30, 3, 2, 1, 25)] == [0, 0, 0, 1, 0]
    assert [ledger.accrue(account, 900).points for _ in range(3)] == [0, 0, 100]
    reproduces(ledger)


def test_different_stores_are_told_apart_however_late_they_are_told(new_ledger: NewLedger) -> None:
    stores = """
[[fraud_rule]]
name = "roaming"
context = "REDEMPTION"
when = 'distinct(stores of redemptions, 1 days) > 2'
posture = "WARN"
duration = "0s"
"""
    ledger = new_ledger(rules=stores)
    account = ledger.member(10)
    ledger.clock.moment += 2 * DAY
    ledger.authorise(account, 1, where=Where(store="north"))
    for store, hours, trips in (("south", 2, False), ("south", 1, False), ("west", 30, False), ("east", 3, True)):
        told = ledger.record(account, ledger.clock.now() - hours * HOUR, where=Where(store=store))
        assert bool(told.advice) is trips
    live = tallies(ledger, account)
    assert live == [3]
    ledger.restart_decider()
    assert tallies(ledger, account) == live
    ledger.clock.moment += 22 * HOUR
    assert tallies(ledger, account) == [2]
    reproduces(ledger)


@pytest.mark.parametrize(("ago", "trips"), [(0, True), (59, True), (70, False)])
def test_wider_windows_count_it_in_their_own_time(new_ledger: NewLedger, ago: int, trips: bool) -> None:
    ledger = new_ledger(rules=rule(1, 'rolling = "1h"', more='scope = "CASHIER"'))
    ann = Where(cashier="ann")
    ledger.authorise(ledger.member(1), 1, where=ann)
    told = ledger.record(ledger.member(), ledger.clock.now() - ago * MINUTE, where=ann)
    assert bool(told.advice) is trips
    ledger.restart_decider()
    third = ledger.authorise(ledger.member(1), 1, where=ann)
    assert third.decision == Decision.DECLINED
    held = 3 if trips else 2
    assert [row["measured"] for row in ledger.rows("advice")][-1] == held
    reproduces(ledger)


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(("told_at", "trips"), [("2026-11-24T23:59", True), ("2026-11-25T00:00", False)])
def test_a_wider_window_of_the_calendar_judges_what_is_told_for_a_day_after_its_end(
    new_ledger: NewLedger, restarts: bool, told_at: str, trips: bool
) -> None:
    ledger = new_ledger(rules=rule(2, 'calendar = "DAY"', more='scope = "CASHIER"'))
    ann, members = Where(cashier="ann"), [ledger.member(10) for _ in range(3)]
    ledger.clock.set("2026-11-23T10:00-05:00")
    ledger.authorise(members[0], 1, where=ann)
    happened = ledger.clock.now()
    ledger.clock.set(f"{told_at}-05:00")
    ledger.record(members[1], happened + HOUR, where=ann)
    if restarts:
        ledger.restart_decider()
    told = ledger.record(members[2], happened + 2 * HOUR, where=ann)
    assert [advice.measured for advice in told.advice] == ([3] if trips else [])
    if trips:
        ledger.clock.set("2026-11-23T00:00-05:00")
        assert told.advice[0].window_starts_after == ledger.clock.now() - 1
        ledger.clock.set(f"{told_at}-05:00")
    # The day that has begun holds none of them.
    assert ledger.authorise(ledger.member(1), 1, where=ann).decision == Decision.APPROVED
    reproduces(ledger)


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(
    ("before", "late", "trips"),
    [(0, 127, True), (0, 128, True), (0, 129, False), (64, 64, True), (64, 65, False), (65, 1, False)],
)
def test_a_rolling_wider_window_judges_what_is_told_for_its_own_length_after_its_end(
    new_ledger: NewLedger, restarts: bool, before: int, late: int, trips: bool
) -> None:
    """Two events, so many seconds after one another, the second one told so late: by a bucket of a second."""
    ledger = new_ledger(rules=rule(1, 'rolling = "64s"', more='scope = "CASHIER"'))
    ann, members = Where(cashier="ann"), [ledger.member(10), ledger.member()]
    ledger.clock.moment += SECOND - ledger.clock.moment % SECOND
    ledger.authorise(members[0], 1, where=ann)
    happened = ledger.clock.now() + before * SECOND
    ledger.clock.moment = happened + late * SECOND
    if restarts:
        ledger.restart_decider()
    told = ledger.record(members[1], happened, where=ann)
    assert [advice.measured for advice in told.advice] == ([2] if trips else [])
    reproduces(ledger)


@pytest.mark.parametrize(("in_order", "trips"), [(True, True), (False, False)])
def test_conditions_see_the_window_that_ends_with_what_is_told_at_night(
    new_ledger: NewLedger, in_order: bool, trips: bool
) -> None:
    stores = """
[[fraud_rule]]
name = "roaming"
context = "REDEMPTION"
when = 'distinct(stores of redemptions, 1 hour) > 2 and count(redemptions, 1 hour) > 2'
posture = "WARN"
duration = "0s"
"""
    ledger = new_ledger(rules=stores)
    account = ledger.member(10)
    ledger.clock.moment += 2 * DAY
    places = [(minutes, Where(store=f"s{minutes}")) for minutes in (10, 20, 30)]
    raised = [
        len(ledger.record(account, ledger.clock.now() - 8 * HOUR + minutes * MINUTE, where=where).advice)
        for minutes, where in (places if in_order else places[::-1])
    ]
    assert raised == [0, 0, int(trips)]
    assert not ledger.decider.memory.distinct[:, 1].any(), "what was counted for a moment was forgotten"
    reproduces(ledger)


def test_purchases_elsewhere_open_redemptions_that_ask_for_spend_and_returns_there_close_them(
    new_ledger: NewLedger,
) -> None:
    ledger = new_ledger(controls='spend_access = { money_minor = 5_000, posture = "BLOCK" }\n')
    account = ledger.member(100)
    bought, redeemed = (Kind.PURCHASE, (Part.BASE,)), (Kind.PURCHASE, (Part.REDEEM,))
    returned: tuple[Kind, tuple[Part, ...]] = Kind.RETURN, ()
    allowed = []
    for (kind, parts), cents in ((bought, 3_999), (redeemed, 100), (bought, 1), (returned, 1)):
        ledger.record(account, ledger.clock.now() - 40 * DAY, kind=kind, parts=parts, points=0, money=cents)
        allowed += [ledger.authorise(account, 1).decision == Decision.APPROVED]
        ledger.restart_decider()
        allowed += [ledger.authorise(account, 1).decision == Decision.APPROVED]
    assert allowed == [False] * 4 + [True] * 2 + [False] * 2
    reproduces(ledger)


def test_it_is_a_transaction_that_says_what_was_told(new_ledger: NewLedger) -> None:
    ledger = new_ledger()
    account, at = ledger.member(), ledger.clock.now() - 3 * SECOND
    ledger.record(account, at, kind=Kind.POINTS_TRANSFER, parts=(), points=500, money=7, where=Where(store="north"))
    leg = ledger.legs(account)[-1]
    names = ("operation", "kind", "parts", "points", "money", "occurred_at", "entry_count", "event_flags", "posted")
    told = (Operation.RECORD_ACTIVITY, Kind.POINTS_TRANSFER, 0, 500, 7, at, 0, 9, 0)
    assert tuple(leg[name] for name in names) == told
    assert leg["store_id"]
    reproduces(ledger)
