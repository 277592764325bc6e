"""A trace shows how an evaluation came to its outcome."""

from pointguard_server.rules.fields import FACT_FIELD_COUNT, FIELDS, LINE_FIELD_COUNT
from pointguard_server.rules.fixed_point import SCALE, Status
from pointguard_server.rules.interpreter import MOST_SEEN, trace
from pointguard_server.rules.rule_set import load_rule_set
from pointguard_server.rules.syntax import SourceRange
from pointguard_server.rules.trace import AwardTrace, Trace
from pointguard_server.rules.value_types import Limit

SOURCE = """rule "a" when order.total > 10 and order.line_count == 2 earn base order.total * 2 cap 25 per transaction
rule "b" exclusive priority 1 when order.coupon_used earn bonus 3.5
rule "c" valid until 1970-01-01 earn bonus any_line
"""
SOURCE = SOURCE.replace("any_line", "count(lines, line.quantity > 1)")


def traced(source: str, total: int, lines: int = 2, **facts: int) -> Trace:
    rule_set = load_rule_set(source, "trace")
    entries = [0] * FACT_FIELD_COUNT
    for name, value in {"order_total": total * SCALE, "order_line_count": lines * SCALE, **facts}.items():
        entries[FIELDS[name.replace("_", ".", 1)].index] = value
    rows = [[0] * LINE_FIELD_COUNT for _ in range(lines)]
    for number, row in enumerate(rows):
        row[FIELDS["line.quantity"].index] = (number + 1) * SCALE
    return trace(rule_set.checked, entries, rows, [])


def shown(source: str, trace_: Trace, ordinal: int) -> list[tuple[str, int]]:
    """What was seen of one rule, by the text at its place."""
    lines = source.splitlines()
    return [
        (lines[seen.source_range.line - 1][seen.source_range.column - 1 : seen.source_range.end_column - 1], seen.value)
        for seen in trace_.rules[ordinal].seen
    ]


def test_the_values_of_a_condition_are_shown_part_by_part() -> None:
    assert shown(SOURCE, traced(SOURCE, 9), 0) == [
        ("order.total", 9 * SCALE),
        ("order.total > 10", 0),
        ("order.total > 10 and order.line_count == 2", 0),
    ]


def test_an_award_is_shown_before_and_after_rounding_and_caps() -> None:
    first = traced(SOURCE, 20).rules[0]
    assert (first.valid, first.held, first.excluded) == (True, True, False)
    assert first.award == AwardTrace(40 * SCALE, 40, 25, 25, Limit.CAP_PER_TRANSACTION)


def test_what_was_excluded_or_not_valid_is_shown_as_such() -> None:
    result = traced(SOURCE, 20, order_coupon_used=1, time_date=SCALE)
    assert [rule.excluded for rule in result.rules] == [True, False, True]
    assert result.rules[1].award == AwardTrace(3_500_000, 3, 3, 3, Limit.NONE)
    late = traced(SOURCE, 20, time_date=SCALE).rules[2]
    assert (late.valid, late.held, late.award) == (False, None, None)


def test_each_line_is_shown_with_its_index() -> None:
    third = traced(SOURCE, 20).rules[2]
    looked_at = [(seen.line, seen.value) for seen in third.seen if seen.line is not None and seen.type == "number"]
    assert looked_at == [(0, SCALE), (1, 2 * SCALE)]
    assert third.award is not None
    assert third.award.given == 1


def test_the_place_of_a_failure_is_shown() -> None:
    source = 'rule "a" earn base 1 rule "b" earn base 5 + 1 / order.line_count'
    result = traced(source, 0, lines=0)
    assert result.outcome.status is Status.DIVISION_BY_ZERO
    assert result.failed_at == SourceRange(1, 45, 1, 65)
    assert result.rules[0].award is not None
    assert result.rules[1].award is None


def test_a_trace_of_a_long_basket_is_cut() -> None:
    source = 'rule "a" earn base ' + " + ".join(["sum(lines, line.amount * line.quantity * 2)"] * 12)
    result = traced(source, 0, lines=1_000)
    assert result.is_cut
    assert sum(len(rule.seen) for rule in result.rules) == MOST_SEEN
