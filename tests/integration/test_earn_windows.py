"""Earn rules that look at windows: exact, this purchase not counted, also when rules or account are read anew."""

from collections.abc import Callable

from pointguard_server.domain.codes import Kind
from tests.support.ledger import DAY, HOUR, Ledger

EVERY_THIRD = """
rule "base" earn base 1 per 1.00 CAD
rule "third in a week" when count(purchases, 7 days) == 2 earn bonus 100
"""
SPENT = 'rule "spent" earn base sum(money of purchases, this day) / 1.00 CAD + sum(points of transactions, 2 days)'


def earned(ledger: Ledger, account: int, cents: int = 1_000, **settings: Kind) -> int:
    return ledger.accrue(account, cents, **settings).points


def test_the_purchase_being_decided_is_not_counted(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(earn=EVERY_THIRD)
    account = ledger.member()
    assert [earned(ledger, account) for _ in range(4)] == [10, 10, 110, 10]


def test_the_window_moves_with_time(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(earn=EVERY_THIRD)
    account = ledger.member()
    earned(ledger, account)
    ledger.clock.moment += 4 * DAY
    earned(ledger, account)
    ledger.clock.moment += 3 * DAY + HOUR
    assert earned(ledger, account) == 10
    assert earned(ledger, account) == 110


def test_other_kinds_are_not_counted(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(earn=EVERY_THIRD)
    account = ledger.member()
    for _ in range(3):
        earned(ledger, account, kind=Kind.ACTIVITY)
    assert [earned(ledger, account) for _ in range(3)] == [10, 10, 110]


def test_what_had_a_part_is_counted_as_a_whole(new_ledger: Callable[..., Ledger]) -> None:
    rules = """
    rule "large" when order.total > 50.00 CAD earn bonus 7
    rule "ours" when order.total > 90.00 CAD earn targeted 9
    rule "seen" earn base 1000 * count(bonus_awards, 7 days) + sum(points of targeted_awards, 7 days)
    """
    ledger = new_ledger(earn=rules)
    account = ledger.member()
    given = [earned(ledger, account, cents) for cents in (10_00, 60_00, 95_00, 10_00)]
    assert given == [0, 7, 1_000 + 16, 2_000 + 1_016]


def test_money_and_points_are_added_up(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(earn=SPENT)
    account = ledger.member()
    assert earned(ledger, account, 550) == 0
    assert earned(ledger, account, 1_000) == 5
    assert earned(ledger, account, 1_000) == 15 + 5


def test_windows_follow_when_the_rules_change(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(earn='rule "base" earn base 1 per 1.00 CAD')
    account = ledger.member()
    earned(ledger, account)
    earned(ledger, account)
    ledger.change(earn=EVERY_THIRD)
    assert earned(ledger, account) == 110
    ledger.change(earn='rule "fourth" when count(purchases, 30 days) == 3 earn bonus 7')
    assert earned(ledger, account) == 7


def test_an_account_that_is_read_again_has_its_windows(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(earn=EVERY_THIRD)
    account = ledger.member()
    earned(ledger, account)
    earned(ledger, account)
    ledger.decider.memory.evict([account])
    assert earned(ledger, account) == 110


def test_a_fraud_rule_and_an_earn_rule_may_look_at_the_same_window(new_ledger: Callable[..., Ledger]) -> None:
    rules = """
[[fraud_rule]]
name = "busy"
context = "EARNING"
counts = {kinds = ["PURCHASE"], attempts = "APPROVED"}
measure = "COUNT"
window = {rolling = "7d"}
threshold = 3
posture = "BLOCK"
duration = "1d"
"""
    ledger = new_ledger(earn=EVERY_THIRD, rules=rules)
    account = ledger.member()
    assert [earned(ledger, account) for _ in range(4)] == [10, 10, 110, 0]


def test_any_length_can_be_asked_for(new_ledger: Callable[..., Ledger]) -> None:
    lengths = ("400 days", "1 minute", "this month")
    ledger = new_ledger(earn="".join(f'rule "{one}" earn base 5 * count(purchases, {one})\n' for one in lengths))
    account = ledger.member()
    assert [earned(ledger, account) for _ in range(3)] == [0, 15, 30]
    ledger.clock.moment += HOUR
    assert earned(ledger, account) == 30


def test_a_rule_is_valid_by_the_dates_of_the_zone_that_it_names(new_ledger: Callable[..., Ledger]) -> None:
    source = """
        rule "here" valid from 2026-12-02 earn base 1
        rule "there" valid from 2026-12-02 until 2026-12-02 in "Pacific/Auckland" earn base 10
    """
    ledger = new_ledger(earn=source)
    account = ledger.member()
    given = []
    for moment in ("2026-12-01T10:59:00+00:00", "2026-12-01T11:00:00+00:00", "2026-12-02T11:00:00+00:00"):
        ledger.clock.set(moment)
        given.append(earned(ledger, account))
    assert given == [0, 10, 1]
