"""The meaning of the language, told by examples."""

from collections.abc import Mapping

import pytest

from pointguard_server.rules.fields import FACT_FIELD_COUNT, FIELDS, LINE_FIELD_COUNT
from pointguard_server.rules.fixed_point import MOST, SCALE, Status
from pointguard_server.rules.interpreter import interpret
from pointguard_server.rules.rule_set import load_rule_set

Row = Mapping[str, float]


def vector(length: int, values: Row) -> list[int]:
    entries = [0] * length
    for name, value in values.items():
        field = FIELDS[name]
        entries[field.index] = round(value * SCALE) if field.type in ("number", "money", "date") else int(value)
    return entries


def outcome(
    source: str, facts: Row | None = None, lines: tuple[Row, ...] = (), ids: tuple[int, ...] = ()
) -> tuple[int, ...]:
    """The status, then the awards."""
    rule_set = load_rule_set(source, "test")
    rows = [vector(LINE_FIELD_COUNT, line) for line in lines]
    status, awards = interpret(rule_set.checked, vector(FACT_FIELD_COUNT, facts or {}), rows, ids)
    return (status, *awards)


def award(expression: str, facts: Row | None = None, lines: tuple[Row, ...] = (), ids: tuple[int, ...] = ()) -> int:
    status, points = outcome(f'rule "a" earn base {expression}', facts, lines, ids)
    assert status == Status.OK
    return points


def holds(condition: str, facts: Row | None = None, lines: tuple[Row, ...] = (), ids: tuple[int, ...] = ()) -> bool:
    return award(f"1 if {condition} else 0", facts, lines, ids) == 1


BASKET: tuple[Row, ...] = (
    {"line.category": 3, "line.amount": 2.5, "line.quantity": 1},
    {"line.category": 4, "line.amount": 10, "line.quantity": 3},
)


@pytest.mark.parametrize(
    ("expression", "points"),
    [
        ("7 - 2 - 1", 4),
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("7 / 2", 3),
        ("-7 / -2", 3),
        ("1 / 3 * 3 * 1000000", 999_999),
        ("0.1 + 0.2", 0),
        ("(0.1 + 0.2) * 10", 3),
        ("min(3, 1, 2)", 1),
        ("max(3, 1, 2) + abs(-4)", 7),
        ("-5", 0),
        ("1 if 1 < 2 else 2", 1),
        ("1 if false else 2 if false else 3", 3),
    ],
)
def test_numbers_are_computed_as_on_paper(expression: str, points: int) -> None:
    assert award(expression) == points


def test_functions_look_at_each_line() -> None:
    assert award("sum(lines, line.amount * line.quantity)", lines=BASKET) == 32
    assert award("count(lines)", lines=BASKET) == 2
    assert award("count(lines, line.amount > 5)", lines=BASKET) == 1
    assert holds("any(lines, line.quantity == 3)", lines=BASKET)
    assert not holds("all(lines, line.quantity == 3)", lines=BASKET)


def test_an_empty_basket_sums_to_nothing_and_satisfies_all() -> None:
    assert award("sum(lines, 1 / 0.000001) + count(lines)") == 0
    assert not holds("any(lines, true)")
    assert holds("all(lines, false)")


def test_a_line_may_be_compared_with_the_order() -> None:
    assert award("count(lines, line.amount * 2 > order.total)", {"order.total": 12.5}, BASKET) == 1


def test_a_rule_whose_condition_fails_earns_nothing_and_is_not_computed() -> None:
    assert outcome('rule "a" when order.total > 1 earn base 1 / order.line_count rule "b" earn bonus 2') == (0, 0, 2)


def test_a_branch_that_is_not_taken_cannot_fail() -> None:
    assert award("1 if true else 1 / order.line_count") == 1
    assert not holds("false and 1 / order.line_count > 1")
    assert holds("true or 1 / order.line_count > 1")
    assert holds("any(lines, line.amount == 2.5 or 1 / order.line_count > 0)", lines=BASKET)


def test_a_failure_anywhere_takes_every_award() -> None:
    assert outcome('rule "a" earn base 5 rule "b" earn bonus 1 / order.line_count') == (Status.DIVISION_BY_ZERO, 0, 0)
    facts = {"order.total": MOST / SCALE / 2 - 1}
    assert outcome('rule "a" earn base 5 rule "b" earn bonus order.total * 3', facts) == (Status.OVERFLOW, 0, 0)


def test_texts_are_equal_when_their_ids_are() -> None:
    assert holds('member.tier == "GOLD"', {"member.tier": 7}, ids=(7,))
    assert not holds('member.tier != "GOLD"', {"member.tier": 7}, ids=(7,))
    assert holds('"GOLD" != member.tier', {"member.tier": 6}, ids=(7,))
    assert holds('member.tier in ("GOLD", "SILVER")', {"member.tier": 8}, ids=(7, 8))
    assert holds('member.tier not in ("GOLD", "SILVER")', {"member.tier": 9}, ids=(7, 8))
    assert holds("member.province == store.province", {"member.province": 2, "store.province": 2})


def test_an_absent_text_equals_nothing_not_even_another_absent_one() -> None:
    assert not holds("member.province == store.province")
    assert holds("member.province != store.province")
    assert holds('member.tier not in ("GOLD")', ids=(7,))


def test_a_literal_that_the_host_does_not_know_matches_nothing() -> None:
    assert not holds('member.tier == "GOLD"', {"member.tier": 7}, ids=(-1,))
    assert not holds('member.tier in ("GOLD")', {"member.tier": -1}, ids=(-1,))


def test_times_are_compared_as_numbers() -> None:
    saturday_noon = {"time.weekday": 6, "time.hour": 12}
    assert holds("time.weekday in (6, 7) and time.hour >= 12 and time.hour < 13", saturday_noon)


def test_conditions_are_compared_with_conditions() -> None:
    assert holds("order.coupon_used == true", {"order.coupon_used": 1})
    assert holds("order.coupon_used != (1 < 2)")
