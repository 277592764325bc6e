"""What becomes of awards: rates, lines, multipliers, rounding, caps, validity and stacking, told by examples."""

from collections.abc import Mapping

import pytest

from pointguard_server.rules.constants import constants_of_ids
from pointguard_server.rules.fields import FACT_FIELDS, FIELDS, LINE_FIELD_COUNT
from pointguard_server.rules.fixed_point import SCALE, Status
from pointguard_server.rules.inputs import EarnedInput, LocalDateInput, WindowInput
from pointguard_server.rules.interpreter import evaluate, trace
from pointguard_server.rules.outcome import Outcome
from pointguard_server.rules.rule_set import RuleSet, load_rule_set
from pointguard_server.rules.value_types import CapPeriod, ExpiryUnit, Limit, Part

Row = Mapping[str, float]
NONE, GROUP, EXCLUDED = Limit.NONE, Limit.BETTER_IN_GROUP, Limit.EXCLUDED
BASKET: tuple[Row, ...] = (
    {"line.category": 1, "line.amount": 2.5, "line.quantity": 1, "line.sku": 7},
    {"line.category": 2, "line.amount": 10, "line.quantity": 3, "line.sku": 8},
    {"line.category": 1, "line.amount": 4, "line.quantity": 2, "line.sku": 7},
)
JUNE_1_2026 = 20_605


def facts_of(rule_set: RuleSet, facts: Row, earned: int = 0) -> list[int]:
    entries = [0] * len(FACT_FIELDS)
    for name, value in facts.items():
        if name == "input":
            continue
        field = FIELDS[name]
        entries[field.index] = round(value * SCALE) if field.type in ("number", "money", "date") else int(value)
    for wanted in rule_set.checked.inputs:
        entries.append(earned if isinstance(wanted, EarnedInput) else round(facts.get("input", 0) * SCALE))
    return entries


def inputs_of(
    source: str, facts: Row | None, lines: tuple[Row, ...], earned: int
) -> tuple[RuleSet, list[int], list[list[int]], list[int]]:
    rule_set = load_rule_set(source, "test")
    rows = [[0] * LINE_FIELD_COUNT for _ in lines]
    for row, line in zip(rows, lines, strict=True):
        for name, value in line.items():
            field = FIELDS[name]
            row[field.index] = round(value * SCALE) if field.type in ("number", "money") else int(value)
    constants = constants_of_ids(rule_set.checked, range(1, len(rule_set.literals) + 1))
    return rule_set, facts_of(rule_set, facts or {}, earned), rows, constants


def decided(source: str, facts: Row | None = None, lines: tuple[Row, ...] = BASKET, earned: int = 0) -> Outcome:
    rule_set, entries, rows, constants = inputs_of(source, facts, lines, earned)
    return evaluate(rule_set.checked, entries, rows, constants)


def points(source: str, facts: Row | None = None, lines: tuple[Row, ...] = BASKET, earned: int = 0) -> list[int]:
    outcome = decided(source, facts, lines, earned)
    assert outcome.status is Status.OK
    return [award.points for award in outcome.awards]


def limits(source: str, facts: Row | None = None, earned: int = 0) -> list[Limit]:
    return [award.limit for award in decided(source, facts, BASKET, earned).awards]


TOTAL: Row = {"order.total": 19.99, "order.line_count": 3}


@pytest.mark.parametrize(
    ("award", "given"),
    [
        ("earn base 10 per 1.00 CAD", 199),
        ("earn base 10 per 1.00 CAD round up", 200),
        ("earn base 10 per 3.00 CAD", 66),
        ("earn base 10 per 1.00 CAD of floor(order.total)", 190),
        ("earn base 7 per 2 of order.line_count", 10),
        ("earn base 5 per line", 15),
        ("earn base 5 per line where line.amount > 3", 10),
        ('earn base line.quantity * 2 per line where line.sku == "A"', 0),
        ("earn base order.total", 19),
        ("earn base distinct(lines, line.sku)", 2),
        ("earn base count(lines where line.amount > 3)", 2),
        ("earn base sum(lines where line.quantity > 1, line.amount)", 14),
        ("earn base 100 if all(lines where line.quantity > 1, line.amount > 3) else 0", 100),
        ("earn base floor(-1.5) + ceiling(1.2) + 10", 10),
    ],
)
def test_an_award_gives(award: str, given: int) -> None:
    assert points(f'rule "a" {award}', TOTAL) == [given]


def test_a_multiplier_gives_what_the_base_comes_to_beyond_itself() -> None:
    source = (
        'rule "three" multiply base by 3 rule "half" multiply base by 1.5 rule "b" earn base 5 rule "c" earn base 6.9'
    )
    assert points(source) == [22, 5, 5, 6]
    assert decided(source).awards[0].part is Part.BONUS
    assert points('rule "less" multiply base by 0.5 rule "b" earn base 5') == [0, 5]


def test_a_multiplier_sees_the_base_points_after_caps_and_stacking() -> None:
    source = """
        rule "twice" multiply base by 2
        rule "capped" earn base 100 cap 10 per transaction
        rule "better" best of "base" earn base 4
        rule "worse" best of "base" earn base 3
    """
    assert points(source) == [14, 10, 4, 0]
    assert limits(source) == [NONE, Limit.CAP_PER_TRANSACTION, NONE, GROUP]


@pytest.mark.parametrize(
    ("earned", "given", "limit"),
    [
        (0, 60, NONE),
        (40, 60, NONE),
        (41, 59, Limit.CAP_PER_DAY),
        (100, 0, Limit.CAP_PER_DAY),
        (900, 0, Limit.CAP_PER_DAY),
    ],
)
def test_a_cap_leaves_what_was_not_given_before(earned: int, given: int, limit: Limit) -> None:
    source = 'rule "a" earn base 60.5 cap 100 per day'
    assert points(source, earned=earned) == [given]
    assert limits(source, earned=earned) == [limit]


def test_the_tightest_cap_is_told_and_each_has_its_input() -> None:
    source = 'rule "b" earn base 1 rule "a" earn base 60 cap 30 per lifetime cap 50 per transaction cap 40 per month'
    assert points(source) == [1, 30]
    assert limits(source) == [NONE, Limit.CAP_PER_LIFETIME]
    rule_set = load_rule_set(source, "caps")
    assert set(rule_set.checked.inputs) == {EarnedInput(1, CapPeriod.MONTH), EarnedInput(1, CapPeriod.LIFETIME)}


def test_of_a_group_the_best_gives_its_points_and_priority_breaks_ties() -> None:
    source = """
        rule "a" best of "x" earn bonus 5
        rule "b" best of "x" earn bonus 7 cap 6 per transaction
        rule "c" best of "x" priority 1 earn targeted 6
        rule "d" best of "y" earn bonus 1
        rule "e" earn bonus 2
    """
    assert points(source) == [0, 0, 6, 1, 2]
    assert limits(source) == [GROUP, GROUP, NONE, NONE, NONE]


def test_a_multiplier_may_be_the_best_offer() -> None:
    source = 'rule "b" earn base 30 rule "twice" best of "x" multiply base by 2 rule "fix" best of "x" earn bonus 25'
    assert points(source) == [30, 30, 0]


def test_an_exclusive_rule_that_applies_silences_lower_priorities() -> None:
    source = """
        rule "only" exclusive priority 5 when order.total > 10 earn bonus 50
        rule "base" earn base 10
        rule "same" priority 5 earn base 1
        rule "higher" priority 6 earn base 2
    """
    assert points(source, {"order.total": 11}) == [50, 0, 1, 2]
    assert limits(source, {"order.total": 11}) == [NONE, EXCLUDED, NONE, NONE]
    assert points(source, {"order.total": 10}) == [0, 10, 1, 2]


def test_of_two_exclusive_rules_the_higher_silences_the_lower() -> None:
    source = """
        rule "low" exclusive priority 1 earn bonus 1
        rule "high" exclusive priority 2 when order.coupon_used earn bonus 2
    """
    assert points(source, {"order.coupon_used": 1}) == [0, 2]
    assert points(source) == [1, 0]


def test_what_is_excluded_is_not_computed() -> None:
    source = 'rule "only" exclusive priority 1 earn bonus 1 rule "fails" earn base 1 / order.line_count'
    assert points(source, {"order.line_count": 0}) == [1, 0]


@pytest.mark.parametrize(("day", "given"), [(-1, 0), (0, 1), (30, 1), (31, 0)])
def test_both_days_of_a_validity_belong_to_it(day: int, given: int) -> None:
    source = 'rule "june" valid from 2026-06-01 until 2026-07-01 earn base 1'
    assert points(source, {"time.date": JUNE_1_2026 + day}) == [given]


def test_another_time_zone_has_another_date() -> None:
    source = 'rule "june" valid from 2026-06-01 in "Pacific/Auckland" earn base 1'
    assert load_rule_set(source, "zone").checked.inputs == (LocalDateInput("Pacific/Auckland"),)
    assert points(source, {"time.date": JUNE_1_2026 - 1, "input": JUNE_1_2026}) == [1]


def test_a_rule_that_is_not_valid_is_not_looked_at() -> None:
    assert points(
        'rule "a" valid until 2026-06-01 when 1 / order.line_count > 0 earn base 1', {"time.date": 30_000}
    ) == [0]


def test_an_award_tells_when_it_may_be_spent_and_when_it_ends() -> None:
    source = 'rule "a" pending 14 days expire at end of year earn base 1 rule "b" expire after 30 days earn base 1'
    first, second = decided(source).awards
    assert first.expiry
    assert second.expiry
    assert (first.pending_days, first.expiry.unit) == (14, ExpiryUnit.END_OF_YEAR)
    assert (second.pending_days, second.expiry.unit, second.expiry.days) == (0, ExpiryUnit.DAYS, 30)


def test_a_window_is_one_input_however_often_it_is_read() -> None:
    source = """
        rule "a" when count(purchases, 7 days) > 2 and count(purchases, 1 week) < 9
            earn base count(purchases, 168 hours)
        rule "b" earn bonus count(purchases, 8 days)
    """
    first, second = load_rule_set(source, "windows").checked.inputs
    assert isinstance(first, WindowInput)
    assert isinstance(second, WindowInput)
    assert (first.seconds, second.seconds) == (7 * 86_400, 8 * 86_400)
    assert points(source, {"input": 3}) == [3, 3]


def test_a_let_is_computed_on_need_and_once() -> None:
    source = """
        let share = order.total / order.line_count
        let large = share > 5
        rule "a" when order.line_count > 0 and large earn base share + share
        rule "b" when any(lines, line.amount > share) earn bonus 1
    """
    assert points(source, {"order.total": 30, "order.line_count": 3}) == [20, 0]
    assert decided(source, {"order.line_count": 0}).status is Status.DIVISION_BY_ZERO
    assert points(source, {"order.line_count": 0}, lines=()) == [0, 0]
    rule_set, facts, rows, constants = inputs_of(source, {"order.total": 30, "order.line_count": 3}, BASKET, 0)
    seen = [one for rule in trace(rule_set.checked, facts, rows, constants).rules for one in rule.seen]
    division = rule_set.checked.lets[0].value.source_range
    assert sum(one.source_range == division for one in seen) == 1


def test_a_let_that_looks_at_lines_may_be_read_for_a_line() -> None:
    source = """
        let mean = sum(lines, line.amount) / count(lines)
        let dear = line.amount > mean
        rule "a" earn base sum(lines where dear, line.quantity) + count(lines, not dear)
    """
    assert points(source) == [5]
