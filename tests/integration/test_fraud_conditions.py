"""Fraud rules with conditions of the rule language: when they trip, what they leave alone, what is recorded."""

from collections.abc import Callable

import pytest

from pointguard_server.domain.codes import Channel, Decision, Kind, Posture, Reason
from pointguard_server.domain.record import decode_record
from pointguard_server.engine.ask import Verdict
from tests.integration.audit import audit
from tests.support.explaining import explaining
from tests.support.ledger import DAY, SECOND, Ledger

RULE = """
[[fraud_rule]]
name = "{name}"
context = "{context}"
when = '''{when}'''
posture = "{posture}"
duration = "{duration}"
{more}
"""
MEASURING = """
counts = { parts = ["REDEEM"], attempts = "APPROVED" }
measure = "COUNT"
window = { rolling = "7d" }
threshold = 2
"""


def rule(
    when: str, *, name: str = "own", context: str = "REDEMPTION", posture: str = "BLOCK", duration: str = "0s",
    more: str = "",
) -> str:  # fmt: skip
    """A fraud rule with a condition."""
    return RULE.format(name=name, context=context, when=when, posture=posture, duration=duration, more=more)


def codes(verdict: Verdict) -> list[Reason]:
    """The reasons' codes."""
    return [Reason(code) for code, _ in verdict.reasons]


def reproduces(ledger: Ledger) -> None:
    """Have every decision so far explained: by the interpreter, from the ledger alone."""
    with explaining(ledger) as explainer:
        for explanation in explainer.all_legs():
            assert explanation.reproduced, explanation.differences
    audit(ledger)


# -------------------------------------------------------------------------------------------------- a condition alone


def test_a_condition_alone_blocks_what_it_holds_for_and_nothing_else(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=rule('order.channel == "ONLINE" and order.redemption_type == "GIFT_CARD"'))
    account = ledger.member(100)
    asked = [
        ledger.authorise(account, 1, channel=channel, redemption_type=redemption_type)
        for channel in (Channel.ONLINE, Channel.IN_STORE, None)
        for redemption_type in ("GIFT_CARD", "CASH", "")
    ]
    assert [verdict.decision for verdict in asked] == [Decision.DECLINED] + [Decision.APPROVED] * 8
    assert (codes(asked[0]), ledger.reason_names(asked[0])) == ([Reason.FRAUD_RULE], ["own"])
    reproduces(ledger)


@pytest.mark.parametrize(("points", "decision"), [(49, 1), (50, 1), (51, 2)])
def test_a_condition_sees_how_much_is_redeemed(new_ledger: Callable[..., Ledger], points: int, decision: int) -> None:
    ledger = new_ledger(rules=rule("order.points > 50 or order.total > 0.50 CAD"))
    assert ledger.authorise(ledger.member(100), points).decision == decision
    reproduces(ledger)


def test_a_window_in_a_condition_counts_the_transaction_itself(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=rule("count(redemptions, 7 days) > 3 and sum(points of redemptions, 7 days) > 12"))
    account = ledger.member(100)
    first = ledger.clock.moment + SECOND
    for _ in range(3):
        ledger.clock.moment += SECOND
        assert ledger.authorise(account, 4).decision == Decision.APPROVED
    assert ledger.authorise(account, 1).decision == Decision.DECLINED
    # At seven days to the microsecond the first of them has just left the window; a declined one was never in it.
    ledger.clock.moment = first + 7 * DAY - 2
    assert ledger.authorise(account, 1).decision == Decision.DECLINED
    ledger.clock.moment = first + 7 * DAY
    assert ledger.authorise(account, 1).decision == Decision.APPROVED
    held = [dict(decode_record(leg["record"]).windows) for leg in ledger.legs(account)[2:]]
    assert held == [{0: 1, 1: 4}, {0: 2, 1: 8}, {0: 3, 1: 12}, {0: 4, 1: 13}, {0: 4, 1: 13}, {0: 3, 1: 9}]
    reproduces(ledger)


def test_a_window_of_different_stores_counts_the_transaction_s_own_if_it_is_another(
    new_ledger: Callable[..., Ledger],
) -> None:
    ledger = new_ledger(rules=rule("distinct(stores of redemptions, 1 day) > 2"))
    account, other = ledger.member(100), ledger.member(100)
    first = ledger.clock.moment + SECOND
    reservation = None
    for province in ("ON", "QC", "ON", "", "QC"):
        ledger.clock.moment += SECOND
        reservation = ledger.authorise(account, 1, province=province, capture=reservation is not None)
        assert reservation.decision == Decision.APPROVED
    assert codes(ledger.authorise(account, 1, province="BC")) == [Reason.FRAUD_RULE]
    # It was declined, so its store is another one still; no store at all never is.
    assert codes(ledger.authorise(account, 1, province="BC")) == [Reason.FRAUD_RULE]
    assert ledger.authorise(account, 1).decision == Decision.APPROVED
    assert ledger.authorise(other, 1, province="BC").decision == Decision.APPROVED
    # A quote does not look at it.
    assert ledger.quote(account, province="BC").points == 94
    # The two in Ontario have left, and one more came meanwhile.
    ledger.clock.moment = first + 1 * DAY + 2 * SECOND
    assert ledger.authorise(account, 1, province="BC").decision == Decision.APPROVED
    assert codes(ledger.authorise(account, 1, province="ON")) == [Reason.FRAUD_RULE]
    reproduces(ledger)


def test_a_condition_raises_advice_that_stands_and_is_shown(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=rule("order.points >= 50", duration="1d"))
    account = ledger.member(100)
    declined = ledger.authorise(account, 50)
    (advice,) = ledger.check(account).advice
    assert (advice.measured, advice.threshold, advice.window_starts_after) == (1, 0, 0)
    assert advice.advice_id[:14] == declined.transaction_id[:14]
    assert codes(ledger.authorise(account, 1)) == [Reason.ADVICE_BLOCK]
    assert ledger.check(account).advice == (advice,)
    assert len(ledger.rows("advice")) == 1
    reproduces(ledger)


def test_attempts_under_a_standing_block_are_no_matter_of_conditions_unless_they_extend(
    new_ledger: Callable[..., Ledger],
) -> None:
    rules = rule("order.points == 50", duration="1d") + rule("order.points == 7", name="other", duration="2d")
    ledger = new_ledger(rules=rules + rule("order.points == 9", name="longer", duration="3d", more="extends = true"))
    account = ledger.member(100)
    ledger.authorise(account, 50)
    assert codes(ledger.authorise(account, 7)) == [Reason.ADVICE_BLOCK]
    assert ledger.reason_names(ledger.authorise(account, 9)) == ["own", "longer"]
    assert len(ledger.rows("advice")) == 2
    reproduces(ledger)


PURCHASES = rule(
    'any(lines, line.quantity >= 1) and order.kind == "PURCHASE" and order.points > 100', context="EARNING"
)


def test_a_condition_of_purchases_sees_lines_and_what_they_would_earn(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=PURCHASES)
    account = ledger.member(100)
    assert [ledger.accrue(account, cents).decision for cents in (1_000, 1_010)] == [1, 2]
    assert ledger.accrue(account, 1_010, kind=Kind.ACTIVITY).decision == Decision.APPROVED
    assert ledger.authorise(account, 110).decision == Decision.APPROVED
    audit(ledger)


def test_patterns_and_dates_of_another_zone_decide_too(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=rule('store.id matches "*CA-QC" and order.kind matches "ADHOC*" and time.hour >= 0'))
    account = ledger.member(100)
    assert ledger.authorise(account, 1, province="CA-QC").decision == Decision.DECLINED
    assert ledger.authorise(account, 1, province="CA-ON").decision == Decision.APPROVED
    reproduces(ledger)


# ------------------------------------------------------------------------------------------- a condition and a measure


def test_a_rule_with_a_measure_trips_only_where_its_condition_holds(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=rule('order.channel == "ONLINE"', more=MEASURING))
    account = ledger.member(100)
    channels = [Channel.IN_STORE, Channel.IN_STORE, Channel.IN_STORE, Channel.ONLINE, Channel.IN_STORE]
    verdicts = [ledger.authorise(account, 1, channel=channel) for channel in channels]
    assert [verdict.decision for verdict in verdicts] == [1, 1, 1, 2, 1]
    # What the window held is evidence, whatever the condition says of the one transaction.
    held = [dict(decode_record(leg["record"]).windows) for leg in ledger.legs(account)[2:]]
    assert held == [{0: 1}, {0: 2}, {0: 3}, {0: 4}, {0: 4}]
    (row,) = ledger.rows("advice")
    assert (row["measured"], row["threshold"]) == (4, 2)
    reproduces(ledger)


def test_a_rule_may_count_one_kind_of_business_and_bear_on_another(new_ledger: Callable[..., Ledger]) -> None:
    rules = rule(
        "order.points > 50", duration="1d", more=MEASURING.replace('parts = ["REDEEM"]', 'kinds = ["ACTIVITY"]')
    )
    ledger = new_ledger(rules=rules.replace("threshold = 2", "threshold = 0"))
    account = ledger.member(10)
    assert ledger.accrue(account, 500, kind=Kind.ACTIVITY).decision == Decision.APPROVED
    assert ledger.authorise(account, 1).decision == Decision.APPROVED
    assert ledger.accrue(account, 510, kind=Kind.ACTIVITY).decision == Decision.APPROVED
    assert codes(ledger.authorise(account, 1)) == [Reason.ADVICE_BLOCK]
    reproduces(ledger)


# --------------------------------------------------------------------------------------------------------------- modes


@pytest.mark.parametrize("measuring", ["", MEASURING.replace("threshold = 2", "threshold = 0")])
def test_a_shadow_rule_is_counted_and_changes_nothing(new_ledger: Callable[..., Ledger], measuring: str) -> None:
    ledger = new_ledger(rules=rule("order.points > 5", duration="1d", more='mode = "SHADOW"' + measuring))
    account = ledger.member(100)
    verdicts = [ledger.authorise(account, points) for points in (5, 6, 7)]
    assert [(verdict.decision, verdict.reasons) for verdict in verdicts] == [(Decision.APPROVED, ())] * 3
    assert ledger.rows("advice") == []
    assert ledger.quote(account).points == 82
    assert list(ledger.decider.totals.tripped.values()) == [2]
    reproduces(ledger)


def test_a_rule_that_may_only_alert_raises_advice_and_blocks_nothing(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=rule("order.points > 5", duration="1d", more='mode = "ALERT_ONLY"'))
    account = ledger.member(100)
    assert [ledger.authorise(account, points).reasons for points in (6, 7)] == [(), ()]
    assert [row["posture"] for row in ledger.rows("advice")] == [Posture.LOG]
    reproduces(ledger)


# ------------------------------------------------------------------------------------------------------------ failures

FAILING = "order.points / (order.points - 5) > 1"


def test_a_condition_that_cannot_be_computed_forbids_this_transaction_alone(
    new_ledger: Callable[..., Ledger],
) -> None:
    rules = rule(FAILING, duration="1d") + rule("order.points == 5", name="sound", posture="LOG")
    ledger = new_ledger(rules=rules)
    account = ledger.member(100)
    declined = ledger.authorise(account, 5)
    assert (declined.decision, codes(declined)) == (Decision.DECLINED, [Reason.RULE_ARITHMETIC])
    assert ledger.reason_names(declined) == ["own"]
    # The other rule was looked at all the same, and nothing of the failure stands.
    assert [row["posture"] for row in ledger.rows("advice")] == [Posture.LOG]
    assert ledger.authorise(account, 4).decision == Decision.APPROVED
    reproduces(ledger)


@pytest.mark.parametrize("more", ['mode = "SHADOW"', 'mode = "ALERT_ONLY"', "enabled = false"])
def test_a_condition_that_cannot_be_computed_does_no_more_than_its_rule_may(
    new_ledger: Callable[..., Ledger], more: str
) -> None:
    ledger = new_ledger(rules=rule(FAILING, more=more))
    verdict = ledger.authorise(ledger.member(100), 5)
    assert (verdict.decision, verdict.reasons) == (Decision.APPROVED, ())
    reproduces(ledger)


# -------------------------------------------------------------------------------------------------------------- quotes


def test_a_quote_says_what_a_condition_that_holds_leaves(new_ledger: Callable[..., Ledger]) -> None:
    rules = rule('store.province == "CA-QC"') + rule('order.redemption_type == "CASH"', name="few", more=MEASURING)
    ledger = new_ledger(rules=rules.replace('measure = "COUNT"', 'measure = "POINTS"').replace("= 2", "= 40"))
    account = ledger.member(100)
    assert (ledger.quote(account).points, codes(ledger.quote(account))) == (100, [Reason.INSUFFICIENT_POINTS])
    away = ledger.quote(account, province="CA-QC")
    assert (away.points, codes(away)) == (0, [Reason.FRAUD_RULE])
    assert ledger.quote(account, redemption_type="CASH").points == 40
    assert ledger.authorise(account, 40, redemption_type="CASH").decision == Decision.APPROVED
    assert ledger.quote(account, redemption_type="CASH").points == 0


def test_a_quote_counts_the_redemption_that_it_is_about(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=rule("count(redemptions, 7 days) > 2"))
    account = ledger.member(100)
    for left in (100, 99):
        assert ledger.quote(account).points == left
        ledger.authorise(account, 1)
    assert ledger.quote(account).points == 0


def test_a_condition_on_the_size_of_a_redemption_does_not_bind_a_quote(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=rule("order.points > 50") + rule("sum(money of redemptions, 1 day) > 0", name="sum"))
    assert ledger.quote(ledger.member(100)).points == 100


# --------------------------------------------------------------------------------------------------- time and restarts


def test_windows_of_conditions_survive_a_restart_and_a_change_of_rules(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=rule("count(redemptions, 1 day) > 3"))
    account = ledger.member(100)
    for _ in range(3):
        ledger.authorise(account, 1)
    ledger.restart_decider()
    assert ledger.authorise(account, 1).decision == Decision.DECLINED
    ledger.change(rules=rule("count(redemptions, 30 days) > 4"))
    assert [ledger.authorise(account, 1).decision for _ in range(2)] == [1, 2]
    ledger.change(rules="")
    assert ledger.authorise(account, 1).decision == Decision.APPROVED
    reproduces(ledger)


def test_requests_of_one_batch_see_each_other_in_conditions(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=rule("count(redemptions, 1 day) > 3"))
    account = ledger.member(100)
    verdicts = ledger.decide(*(ledger.authorise_ask(account, 1) for _ in range(5)))
    assert [verdict.decision for verdict in verdicts] == [1, 1, 1, 2, 2]
    reproduces(ledger)
