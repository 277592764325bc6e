"""Fraud rules: when they trip, what they do to a transaction, and what then stands against the account."""

from collections import Counter
from collections.abc import Callable

import pytest

from pointguard_server.domain.codes import AdviceEvent, Context, Decision, Kind, Posture, Reason
from pointguard_server.domain.record import decode_record
from pointguard_server.engine.ask import Verdict
from tests.integration.audit import audit
from tests.support.explaining import explaining
from tests.support.ledger import DAY, HOUR, SECOND, Ledger

BURN = """
[[fraud_rule]]
name = "ADVICE_CHECK_ACCOUNT_BURN_WEEK"
window = {{ {window} }}
threshold = {threshold}
posture = "{posture}"
duration = "{duration}"
"""


def burn(window: str = 'rolling = "7d"', threshold: int = 10, posture: str = "BLOCK", duration: str = "15d") -> str:
    """The rule against many redemptions, in a window of one's choice."""
    return BURN.format(window=window, threshold=threshold, posture=posture, duration=duration)


def codes(verdict: Verdict) -> list[Reason]:
    """The reasons' codes."""
    return [Reason(code) for code, _ in verdict.reasons]


def spend(ledger: Ledger, account: int, times: int) -> list[int]:
    """Redeem a point that often, a second apart; return the decisions."""
    decisions = []
    for _ in range(times):
        decisions.append(ledger.authorise(account, 1).decision)
        ledger.clock.moment += SECOND
    return decisions


# ------------------------------------------------------------------------------------------------------------- windows


def test_the_eleventh_redemption_in_seven_days_is_declined(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=burn())
    account = ledger.member(100)
    assert spend(ledger, account, 10) == [Decision.APPROVED] * 10
    declined = ledger.authorise(account, 1)
    assert (declined.decision, codes(declined)) == (Decision.DECLINED, [Reason.FRAUD_RULE])
    assert ledger.reason_names(declined) == ["ADVICE_CHECK_ACCOUNT_BURN_WEEK"]
    assert declined.posted == 90


@pytest.mark.parametrize(("late", "decision"), [(0, Decision.DECLINED), (1, Decision.APPROVED)])
def test_the_first_of_ten_leaves_the_window_exactly_seven_days_after_it_happened(
    new_ledger: Callable[..., Ledger], late: int, decision: Decision
) -> None:
    ledger = new_ledger(rules=burn())
    account = ledger.member(100)
    first = ledger.clock.moment + SECOND
    ledger.clock.moment = first
    spend(ledger, account, 10)
    # The window is (t − 7 days, t]: at seven days to the microsecond the first one is just out of it.
    ledger.clock.moment = first + 7 * DAY - 1 + late
    assert ledger.authorise(account, 1).decision == decision


@pytest.mark.parametrize(
    ("window", "last", "still", "fresh"),
    [
        ('calendar = "DAY"', "2027-06-10T12:00-04:00", "2027-06-10T23:59:59.999999-04:00", "2027-06-11T00:00-04:00"),
        # Spring: the day has 23 hours. Autumn: it has 25, and its first hour after midnight comes before the change.
        ('calendar = "DAY"', "2027-03-14T00:30-05:00", "2027-03-14T23:59:59.999999-04:00", "2027-03-15T00:00-04:00"),
        ('calendar = "DAY"', "2026-11-01T00:30-04:00", "2026-11-01T23:59:59.999999-05:00", "2026-11-02T00:00-05:00"),
        ('calendar = "WEEK"', "2026-10-26T00:00-04:00", "2026-11-01T23:59:59.999999-05:00", "2026-11-02T00:00-05:00"),
        ('calendar = "MONTH"', "2026-11-01T00:00-04:00", "2026-11-30T23:59:59.999999-05:00", "2026-12-01T00:00-05:00"),
        ('calendar = "MONTH"', "2028-02-01T00:00-05:00", "2028-02-29T23:59:59.999999-05:00", "2028-03-01T00:00-05:00"),
        ('calendar = "MONTH"', "2026-12-31T20:00-05:00", "2026-12-31T23:59:59-05:00", "2027-01-01T00:00-05:00"),
    ],
)
def test_a_calendar_window_ends_with_the_programs_local_day_week_or_month(
    new_ledger: Callable[..., Ledger], window: str, last: str, still: str, fresh: str
) -> None:
    ledger = new_ledger(rules=burn(window, 2, duration="0s"))
    account = ledger.member(100)
    ledger.clock.set(last)
    assert [ledger.authorise(account, 1).decision for _ in range(3)] == [1, 1, 2]
    ledger.clock.set(still)
    assert ledger.authorise(account, 1).decision == Decision.DECLINED
    ledger.clock.set(fresh)
    assert [ledger.authorise(account, 1).decision for _ in range(3)] == [1, 1, 2]


def test_a_rolling_week_does_not_care_for_the_clock_change(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=burn(threshold=1, duration="0s"))
    account = ledger.member(100)
    ledger.clock.set("2026-10-28T12:00-04:00")
    ledger.authorise(account, 1)
    ledger.clock.set("2026-11-04T10:59:59-05:00")  # 168 hours later, less a second
    assert ledger.authorise(account, 1).decision == Decision.DECLINED


def test_a_voided_redemption_still_counts_where_a_rule_counts_gross(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=burn(threshold=3))
    account = ledger.member(100)
    for _ in range(3):
        ledger.void(ledger.authorise_reserving(account, 5))
    assert codes(ledger.authorise(account, 1)) == [Reason.FRAUD_RULE]


def test_a_voided_redemption_no_longer_counts_where_a_rule_counts_net(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=burn(threshold=3) + "net_of_reversals = true\n")
    account = ledger.member(100)
    for _ in range(5):
        ledger.void(ledger.authorise_reserving(account, 5))
    assert spend(ledger, account, 4) == [1, 1, 1, 2]


def test_declined_attempts_count_where_a_rule_counts_all(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=burn(threshold=3))
    account = ledger.member(10)
    for _ in range(3):
        assert codes(ledger.authorise(account, 1_000)) == [Reason.INSUFFICIENT_POINTS]
    declined = ledger.authorise(account, 1)
    assert codes(declined) == [Reason.FRAUD_RULE]


def test_captures_quotes_replays_and_refused_requests_are_no_attempts(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=burn(threshold=2))
    account = ledger.member(100)
    ask = ledger.authorise_ask(account, 5, key="once", capture=False)
    reserved = ledger.one(ask)
    for _ in range(5):
        ledger.one(ask)
        ledger.quote(account)
        ledger.capture(reserved, 99)
    ledger.capture(reserved)
    assert spend(ledger, account, 2) == [1, 2]


def test_requests_of_one_batch_see_each_other_in_the_windows(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=burn())
    account = ledger.member(100)
    verdicts = ledger.decide(*(ledger.authorise_ask(account, 1) for _ in range(15)))
    assert [verdict.decision for verdict in verdicts] == [1] * 10 + [2] * 5
    assert [codes(verdict) for verdict in verdicts[10:]] == [[Reason.FRAUD_RULE]] + [[Reason.ADVICE_BLOCK]] * 4


# -------------------------------------------------------------------------------------------------------------- advice


def test_a_rule_that_trips_raises_advice_with_its_evidence(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=burn())
    account = ledger.member(100)
    spend(ledger, account, 10)
    declined = ledger.authorise(account, 1)
    now = ledger.decider.heads.accepted_at
    (advice,) = ledger.check(account).advice
    assert (advice.context, advice.posture) == (Context.REDEMPTION, Posture.BLOCK)
    assert (advice.starts_at, advice.ends_at) == (now, now + 15 * DAY)
    assert (advice.measured, advice.threshold, advice.window_starts_after) == (11, 10, now - 7 * DAY)
    assert advice.advice_id[:14] == declined.transaction_id[:14]
    (row,) = ledger.rows("advice")
    assert (row["event"], row["seq"], row["advice_id"]) == (AdviceEvent.RAISED, declined.seq, advice.advice_id)
    audit(ledger)


def test_standing_advice_stops_redemptions_until_the_microsecond_it_ends(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=burn('rolling = "1h"', 2, duration="2d"))
    account = ledger.member(100)
    spend(ledger, account, 3)
    (advice,) = ledger.check(account).advice
    ledger.clock.moment = advice.ends_at - 1
    assert (ledger.quote(account).points, codes(ledger.quote(account))) == (0, [Reason.ADVICE_BLOCK])
    blocked = ledger.authorise(account, 1)
    assert (blocked.decision, codes(blocked)) == (Decision.DECLINED, [Reason.ADVICE_BLOCK])
    ledger.clock.moment = advice.ends_at
    assert ledger.check(account).advice == ()
    assert ledger.authorise(account, 1).decision == Decision.APPROVED


def test_standing_advice_against_redemptions_stops_nothing_else(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=burn(threshold=1))
    account = ledger.member(100)
    reserved = ledger.authorise_reserving(account, 10)
    spend(ledger, account, 2)
    assert ledger.accrue(account, 100).decision == Decision.APPROVED
    assert ledger.capture(reserved).points == 10


def test_attempts_under_a_standing_block_are_recorded_and_extend_nothing(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=burn('rolling = "7d"', 2, duration="1d"))
    account = ledger.member(100)
    spend(ledger, account, 3)
    (advice,) = ledger.check(account).advice
    legs = len(ledger.legs(account))
    for _ in range(5):
        ledger.clock.moment += HOUR
        assert codes(ledger.authorise(account, 1)) == [Reason.ADVICE_BLOCK]
    assert len(ledger.legs(account)) == legs + 5
    assert ledger.check(account).advice == (advice,)
    assert len(ledger.rows("advice")) == 1
    # Nor do they count: only the three before the block are in the window when it has ended.
    ledger.clock.moment = advice.ends_at
    (record,) = [decode_record(leg["record"]) for leg in [ledger.legs(account)[-1]]]
    assert record.windows == ()
    assert codes(ledger.authorise(account, 1)) == [Reason.FRAUD_RULE]
    assert dict(decode_record(ledger.legs(account)[-1]["record"]).windows) == {0: 4}


def test_attempts_under_a_standing_block_prolong_it_where_the_rule_says_so(new_ledger: Callable[..., Ledger]) -> None:
    rule = burn('rolling = "7d"', 2, duration="1d") + "include_blocked = true\nextends = true\n"
    ledger = new_ledger(rules=rule)
    account = ledger.member(100)
    spend(ledger, account, 3)
    ledger.clock.moment += HOUR
    blocked = ledger.authorise(account, 1)
    assert Reason.ADVICE_BLOCK in codes(blocked)
    assert max(advice.ends_at for advice in ledger.check(account).advice) == ledger.decider.heads.accepted_at + DAY


def test_advice_without_a_duration_stops_that_transaction_alone(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=burn('rolling = "1h"', 2, duration="0s"))
    account = ledger.member(100)
    assert spend(ledger, account, 3) == [1, 1, 2]
    assert ledger.check(account).advice == ()
    ledger.clock.moment += 2 * HOUR
    assert ledger.authorise(account, 1).decision == Decision.APPROVED
    assert len(ledger.rows("advice")) == 1


def test_a_warning_tells_and_lets_pass(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=burn(threshold=1, posture="WARN", duration="1d"))
    account = ledger.member(100)
    assert ledger.authorise(account, 1).reasons == ()
    for _ in range(2):
        warned = ledger.authorise(account, 1)
        assert (warned.decision, codes(warned)) == (Decision.APPROVED, [Reason.FRAUD_WARNING])
    assert [advice.posture for advice in ledger.check(account).advice] == [Posture.WARN]
    assert ledger.quote(account).points == 97


def test_a_log_rule_records_and_says_nothing_to_the_till(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=burn(threshold=1, posture="LOG", duration="1d"))
    account = ledger.member(100)
    assert spend(ledger, account, 3) == [1, 1, 1]
    logged = ledger.authorise(account, 1)
    assert (logged.decision, logged.reasons) == (Decision.APPROVED, ())
    assert [row["posture"] for row in ledger.rows("advice")] == [Posture.LOG]


def test_every_attempt_records_what_each_window_held(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=burn())
    account = ledger.member(100)
    spend(ledger, account, 12)
    records = [decode_record(leg["record"]) for leg in ledger.legs(account)]
    held = [dict(record.windows) for record in records]
    assert held == [{}, {}] + [{0: count} for count in range(1, 12)] + [{}]


PURCHASES = """
[[fraud_rule]]
name = "ADVICE_CHECK_ACCOUNT_PURCHASE_TRANSACTION_COUNT_DAY"
window = { calendar = "DAY" }
threshold = 2
posture = "BLOCK"
duration = "1d"
"""


def test_too_many_purchases_stop_earning_and_not_spending(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=PURCHASES)
    account = ledger.member(100)
    assert [ledger.accrue(account, 100).decision for _ in range(2)] == [1, 1]
    declined = ledger.accrue(account, 100)
    assert (declined.decision, codes(declined), declined.points) == (Decision.DECLINED, [Reason.FRAUD_RULE], 0)
    assert codes(ledger.accrue(account, 100, kind=Kind.ACTIVITY)) == [Reason.ADVICE_BLOCK]
    assert ledger.authorise(account, 120).decision == Decision.APPROVED
    audit(ledger)


FROM_EARNING_TO_REDEMPTION = """
[[fraud_rule]]
name = "too-lucky"
context = "REDEMPTION"
counts = { kinds = ["ACTIVITY"], attempts = "APPROVED" }
measure = "POINTS"
window = { rolling = "1d" }
threshold = 500
posture = "BLOCK"
duration = "3d"
"""


def test_earning_too_much_lets_the_accrual_pass_and_stops_redemptions(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=FROM_EARNING_TO_REDEMPTION)
    account = ledger.member(400)
    earned = ledger.accrue(account, 2_000, kind=Kind.ACTIVITY)
    assert (earned.decision, earned.reasons) == (Decision.APPROVED, ())
    assert codes(ledger.authorise(account, 1)) == [Reason.ADVICE_BLOCK]


COUNTED_FACTS = """
[[fraud_rule]]
name = "lock-fiddling"
context = "REDEMPTION"
counts = { kinds = ["REDEMPTION_LOCK"], attempts = "ALL" }
measure = "COUNT"
window = { rolling = "1d" }
threshold = 2
posture = "BLOCK"
duration = "1d"
"""


def test_account_facts_count_and_trip_rules_too(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=COUNTED_FACTS)
    account = ledger.member(100)
    for locked in (True, False):
        ledger.lock(account, locked)
    assert ledger.authorise(account, 1).decision == Decision.APPROVED
    ledger.lock(account, locked=False)
    assert codes(ledger.authorise(account, 1)) == [Reason.ADVICE_BLOCK]


def test_advice_and_windows_survive_a_restart(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=burn(threshold=3, duration="1d"))
    blocked, near = ledger.member(100), ledger.member(100)
    spend(ledger, blocked, 4)
    spend(ledger, near, 3)
    ledger.restart_decider()
    assert codes(ledger.authorise(blocked, 1)) == [Reason.ADVICE_BLOCK]
    assert codes(ledger.authorise(near, 1)) == [Reason.FRAUD_RULE]


def test_one_accounts_redemptions_count_for_no_other(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=burn(threshold=3))
    first, second = ledger.member(100), ledger.member(100)
    spend(ledger, first, 5)
    assert spend(ledger, second, 4) == [1, 1, 1, 2]


def test_an_answer_carries_every_reason_however_many_there_are(new_ledger: Callable[..., Ledger]) -> None:
    rules = "".join(
        burn(threshold=0, duration="0s").replace("ADVICE_CHECK_ACCOUNT_BURN_WEEK", f"rule{number}")
        + 'context = "REDEMPTION"\ncounts = { parts = ["REDEEM"], attempts = "ALL" }\nmeasure = "COUNT"\n'
        for number in range(150)
    )
    ledger = new_ledger(rules=rules.replace('duration = "0s"', 'duration = "1d"'))
    account = ledger.member()
    declined, again = ledger.authorise(account, 1), ledger.authorise(account, 1)
    names = {f"rule{number}" for number in range(150)}
    assert Counter(codes(declined)) == {Reason.INSUFFICIENT_POINTS: 1, Reason.FRAUD_RULE: 150}
    assert set(ledger.reason_names(declined)) == {"", *names}
    assert Counter(codes(again)) == {Reason.INSUFFICIENT_POINTS: 1, Reason.ADVICE_BLOCK: 150}
    assert set(ledger.reason_names(again)) == {"", *names}
    assert len([row for row in ledger.rows("advice") if row["seq"] == declined.seq]) == 150
    audit(ledger)
    with explaining(ledger) as explainer:
        assert all(each.reproduced for each in explainer.all_legs())
