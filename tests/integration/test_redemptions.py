"""Spending points: what is approved, in whole or in part, and what the answer says of it."""

from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pointguard_server.domain.codes import Context, Decision, EntryType, Kind, Operation, Part, Reason, RequestFlag
from pointguard_server.engine.ask import EntryView, Verdict
from pointguard_server.engine.rows import RequestFields
from tests.support.ledger import DAY, HOUR, SECOND, Ledger, open_ledger

CAP = 'daily_cap = { money_minor = 500, posture = "BLOCK" }'
OUT_OF_PROVINCE = 'out_of_province = { posture = "BLOCK" }'


def codes(verdict: Verdict) -> list[Reason]:
    """The reasons' codes."""
    return [Reason(code) for code, _ in verdict.reasons]


def test_a_one_step_redemption_writes_one_entry(ledger: Ledger) -> None:
    account = ledger.member(100)
    verdict = ledger.authorise(account, 40)
    assert verdict.decision == Decision.APPROVED
    assert verdict.entries == (EntryView(EntryType.REDEEM, Part.REDEEM, -40, 60, 0),)
    assert (verdict.posted, verdict.reserved, verdict.expires_at) == (60, 0, 0)


def test_exactly_the_balance_may_be_spent_and_not_a_point_more(ledger: Ledger) -> None:
    account = ledger.member(100)
    declined = ledger.authorise(account, 101)
    assert (declined.decision, codes(declined)) == (Decision.DECLINED, [Reason.INSUFFICIENT_POINTS])
    assert (declined.points, declined.money, declined.entries) == (0, 0, ())
    assert ledger.authorise(account, 100).decision == Decision.APPROVED
    assert ledger.balance(account).posted == 0


def test_a_declined_attempt_stands_in_the_ledger_with_its_reason_and_what_was_asked(ledger: Ledger) -> None:
    account = ledger.member(100)
    ledger.authorise(account, 101)
    leg = ledger.legs(account)[-1]
    assert (leg["operation"], leg["decision"], leg["reason"], leg["points"], leg["entry_count"]) == (
        Operation.AUTHORISE,
        Decision.DECLINED,
        Reason.INSUFFICIENT_POINTS,
        101,
        0,
    )


def test_points_below_zero_may_be_spent_down_to_the_programs_floor(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(settings="points_floor = -50")
    account = ledger.member(100)
    assert ledger.quote(account).points == 150
    assert ledger.authorise(account, 151).decision == Decision.DECLINED
    assert ledger.authorise(account, 150).posted == -50


def test_partial_approval_is_opt_in(ledger: Ledger) -> None:
    account = ledger.member(100)
    assert ledger.authorise(account, 120).decision == Decision.DECLINED
    partial = ledger.authorise(account, 120, partial=True)
    assert (partial.decision, partial.points, partial.money) == (Decision.APPROVED, 100, 100)
    assert codes(partial) == [Reason.INSUFFICIENT_POINTS]


def test_partial_approval_is_cut_down_to_the_daily_cap_and_says_so(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(controls=CAP)
    account = ledger.member(1_000)
    assert ledger.authorise(account, 300).points == 300
    partial = ledger.authorise(account, 300, partial=True)
    assert (partial.points, codes(partial)) == (200, [Reason.DAILY_REDEMPTION_CAP])
    assert ledger.reason_names(partial) == ["DAILY_REDEMPTION_CAP"]


def test_partial_approval_names_the_cap_before_the_balance_where_both_bind(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(controls=CAP)
    partial = ledger.authorise(ledger.member(600), 700, partial=True)
    assert (partial.points, codes(partial)) == (500, [Reason.DAILY_REDEMPTION_CAP, Reason.INSUFFICIENT_POINTS])


def test_where_nothing_is_left_a_partial_request_is_declined_with_each_reason_once(
    new_ledger: Callable[..., Ledger],
) -> None:
    ledger = new_ledger(controls=CAP)
    account = ledger.member(1_000)
    ledger.authorise(account, 500)
    declined = ledger.authorise(account, 10, partial=True)
    assert (declined.decision, codes(declined)) == (Decision.DECLINED, [Reason.DAILY_REDEMPTION_CAP])


def test_money_is_turned_into_points_rounded_up(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rate_points=3, rate_money=2)
    account = ledger.member(100)
    verdict = ledger.authorise(account, 0, money=5)
    assert (verdict.points, verdict.money) == (8, 5)


def test_allowing_a_part_never_gets_less_than_not_allowing_it(new_ledger: Callable[..., Ledger]) -> None:
    # A point is worth 3 cents and the cap is 4 cents: two points cover them, and no more than 4 cents are redeemed.
    ledger = new_ledger(rate_points=1, rate_money=3, controls='daily_cap = { money_minor = 4, posture = "BLOCK" }')
    for partial in (False, True):
        verdict = ledger.authorise(ledger.member(10), 0, money=4, partial=partial)
        assert (verdict.decision, verdict.points, verdict.money, codes(verdict)) == (Decision.APPROVED, 2, 4, [])


def test_a_lock_stops_redemptions_and_nothing_else(ledger: Ledger) -> None:
    account = ledger.member(100)
    reserved = ledger.authorise_reserving(account, 30)
    ledger.lock(account)
    declined = ledger.authorise(account, 10)
    assert (declined.decision, codes(declined)) == (Decision.DECLINED, [Reason.REDEMPTION_LOCKED])
    assert codes(ledger.quote(account)) == [Reason.REDEMPTION_LOCKED]
    assert ledger.quote(account).points == 0
    assert ledger.accrue(account, 100).decision == Decision.APPROVED
    assert ledger.capture(reserved).points == 30
    ledger.lock(account, locked=False)
    assert ledger.authorise(account, 10).decision == Decision.APPROVED


def test_a_lock_in_the_same_batch_holds_from_its_place_on(ledger: Ledger) -> None:
    account = ledger.member(100)
    first, _, second = ledger.decide(
        ledger.authorise_ask(account, 1), ledger.lock_ask(account, locked=True), ledger.authorise_ask(account, 1)
    )
    assert (first.decision, second.decision) == (Decision.APPROVED, Decision.DECLINED)


def test_redemptions_outside_the_members_province_are_stopped(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(controls=OUT_OF_PROVINCE)
    account = ledger.member(100, "CA-ON")
    assert codes(ledger.quote(account, "CA-QC")) == [Reason.OUT_OF_PROVINCE]
    declined = ledger.authorise(account, 10, province="CA-QC")
    assert (declined.decision, codes(declined)) == (Decision.DECLINED, [Reason.OUT_OF_PROVINCE])
    assert ledger.reason_names(declined) == ["OUT_OF_PROVINCE"]
    assert ledger.authorise(account, 10, province="CA-ON").decision == Decision.APPROVED


def test_an_unknown_province_of_member_or_store_stops_nothing(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(controls=OUT_OF_PROVINCE)
    assert ledger.authorise(ledger.member(100, "CA-ON"), 10).decision == Decision.APPROVED
    assert ledger.authorise(ledger.member(100), 10, province="CA-QC").decision == Decision.APPROVED


def test_out_of_province_with_a_duration_stops_the_member_at_home_too_until_it_ends(
    new_ledger: Callable[..., Ledger],
) -> None:
    ledger = new_ledger(controls='out_of_province = { posture = "BLOCK", duration = "1h" }')
    account = ledger.member(100, "CA-ON")
    ledger.authorise(account, 10, province="CA-QC")
    (advice,) = ledger.check(account).advice
    assert (advice.context, advice.measured, advice.threshold) == (Context.REDEMPTION, 1, 0)
    assert codes(ledger.authorise(account, 10, province="CA-ON")) == [Reason.ADVICE_BLOCK]
    ledger.clock.moment = advice.ends_at
    assert ledger.authorise(account, 10, province="CA-ON").decision == Decision.APPROVED


def test_money_in_another_currency_is_refused_and_writes_nothing(ledger: Ledger) -> None:
    account = ledger.member(100)
    before = len(ledger.legs(account))
    ask = ledger.accrue_ask(account, 100)
    ask.currency = int.from_bytes(b"USD", "big")
    assert ledger.one(ask).outcome == 7
    assert len(ledger.legs(account)) == before


@pytest.mark.parametrize(("requests", "points", "approved"), [(50, 10, 10), (7, 100, 1), (200, 1, 100)])
def test_of_many_requests_in_one_batch_exactly_as_many_are_approved_as_the_balance_allows(
    ledger: Ledger, requests: int, points: int, approved: int
) -> None:
    account = ledger.member(100)
    verdicts = ledger.decide(*(ledger.authorise_ask(account, points) for _ in range(requests)))
    assert [verdict.decision for verdict in verdicts] == [Decision.APPROVED] * approved + [Decision.DECLINED] * (
        requests - approved
    )
    assert [verdict.seq for verdict in verdicts] == list(range(3, 3 + requests))
    assert ledger.balance(account).posted == 100 - approved * points


def test_reservations_and_redemptions_of_one_batch_share_one_balance(ledger: Ledger) -> None:
    account = ledger.member(100)
    verdicts = ledger.decide(*(ledger.authorise_ask(account, 30, capture=bool(i % 2)) for i in range(5)))
    assert [verdict.decision for verdict in verdicts] == [1, 1, 1, 2, 2]
    after = ledger.balance(account)
    assert (after.posted, after.reserved) == (70, 60)


RULES = """
[[fraud_rule]]
name = "points-in-an-hour"
context = "REDEMPTION"
counts = { parts = ["REDEEM"], attempts = "APPROVED" }
measure = "POINTS"
window = { rolling = "1h" }
threshold = 90
posture = "BLOCK"
duration = "0s"
net_of_reversals = true

[[fraud_rule]]
name = "ADVICE_CHECK_ACCOUNT_BURN_DAY"
window = { calendar = "DAY" }
threshold = 5
posture = "BLOCK"
duration = "6h"
"""

spends = st.lists(
    st.tuples(st.integers(1, 60), st.booleans(), st.sampled_from((0, SECOND, 20 * 60 * SECOND, HOUR, DAY))), max_size=9
)


@settings(max_examples=40)
@given(spends=spends, points=st.integers(0, 300), rate=st.sampled_from(((1, 1), (3, 2), (1, 3), (100, 7))))
@example(spends=[(60, False, 0), (40, True, DAY)], points=100, rate=(1, 1))
def test_a_quote_is_exactly_what_an_authorise_then_approves(
    spends: list[tuple[int, bool, int]], points: int, rate: tuple[int, int]
) -> None:
    controls = 'daily_cap = { money_minor = 77, posture = "BLOCK" }'
    with open_ledger(rules=RULES, controls=controls, rate_points=rate[0], rate_money=rate[1]) as ledger:
        account = ledger.member(points)
        for amount, capture, wait in spends:
            ledger.authorise(account, amount, capture=capture)
            ledger.clock.moment += wait
            quoted = ledger.quote(account)
            if quoted.points:
                assert ledger.rehearse(ledger.authorise_ask(account, quoted.points))[0].decision == Decision.APPROVED
            above = ledger.rehearse(ledger.authorise_ask(account, quoted.points + 1))[0]
            assert above.decision == Decision.DECLINED
            assert set(quoted.reasons) <= set(above.reasons)


def test_a_suspended_accounts_redemptions_and_accruals_are_declined(ledger: Ledger) -> None:
    account = ledger.member(100)
    slot = ledger.decider.memory.slot_of(account)
    ledger.decider.memory.accounts["flags"][slot] = 2
    assert codes(ledger.authorise(account, 1)) == [Reason.ACCOUNT_SUSPENDED]
    assert codes(ledger.accrue(account, 100)) == [Reason.ACCOUNT_SUSPENDED]
    assert codes(ledger.quote(account)) == [Reason.ACCOUNT_SUSPENDED]


def test_an_accrual_that_would_overflow_the_balance_is_declined_and_recorded(ledger: Ledger) -> None:
    account = ledger.member()
    # So many points take years to earn; memory is told that they are there.
    ledger.decider.memory.accounts["posted"][ledger.decider.memory.slot_of(account)] = 2**60 - 15
    assert ledger.accrue(account, 100).posted == 2**60 - 5
    declined = ledger.accrue(account, 100)
    assert (declined.decision, codes(declined), declined.points) == (Decision.DECLINED, [Reason.RULE_ARITHMETIC], 0)
    assert declined.posted == 2**60 - 5
    assert ledger.legs(account)[-1]["decision"] == Decision.DECLINED


def test_earn_rules_whose_arithmetic_fails_decline_the_accrual(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(earn='rule "huge"\n    earn base order.total * 9000000000\n')
    account = ledger.member()
    assert ledger.accrue(account, 100).posted == 9_000_000_000
    declined = ledger.accrue(account, 1_000_000)
    assert (declined.decision, codes(declined), declined.posted) == (2, [Reason.RULE_ARITHMETIC], 9_000_000_000)


def test_several_earn_rules_give_one_entry_each(new_ledger: Callable[..., Ledger]) -> None:
    earn = (
        'rule "base" earn base order.total * 10\nrule "double" earn bonus order.total * 10\nrule "none" earn bonus 0\n'
    )
    ledger = new_ledger(earn=earn)
    verdict = ledger.accrue(ledger.member(), 1_000)
    assert [
        (entry.entry_type, entry.part, entry.signed_points, entry.running_balance) for entry in verdict.entries
    ] == [
        (EntryType.EARN, Part.BASE, 100, 100),
        (EntryType.BONUS, Part.BONUS, 100, 200),
    ]
    assert verdict.points == 200


def test_a_request_without_a_time_to_live_gets_the_programs(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(settings='reservation_ttl_default = "90s"')
    account = ledger.member(100)
    assert ledger.authorise_reserving(account, 1).expires_at - ledger.decider.heads.accepted_at == 90 * SECOND
    assert ledger.authorise_reserving(account, 1, time_to_live=DAY).expires_at - ledger.decider.heads.accepted_at == DAY


def test_a_redemption_of_kind_purchase_keeps_its_kind(ledger: Ledger) -> None:
    account = ledger.member(10)
    fields = RequestFields(Operation.AUTHORISE, Kind.PURCHASE, account, 1, flags=RequestFlag.CAPTURE)
    assert ledger.one(ledger.ask(None, fields)).decision == Decision.APPROVED
    assert ledger.legs(account)[-1]["kind"] == Kind.PURCHASE
