"""Every back end gives the interpreter's awards, limits and statuses, bit for bit, on programs nobody thought of.

Programs are generated as source text, so that the parser and the checker take part. ``make differential`` does the same
for longer.
"""

from collections import Counter
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointguard_server.rules.constants import constants_of_ids
from pointguard_server.rules.fields import FACT_FIELD_COUNT, LINE_FIELD_COUNT
from pointguard_server.rules.fixed_point import LEAST, MOST, SCALE, Status
from pointguard_server.rules.formatter import format_source
from pointguard_server.rules.interpreter import trace
from pointguard_server.rules.rule_set import load_rule_set
from pointguard_server.rules.value_types import Limit
from tests.support.rule_backends import (
    compiled_of,
    interpreted,
    isolated_of,
    run_compiled,
    run_isolated,
)
from tests.support.rule_programs import Inputs, random_inputs, random_rule_set, random_source, read_many

SLOW_MAKING = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@settings(max_examples=75, suppress_health_check=SLOW_MAKING)
@given(st.randoms(use_true_random=False), st.integers(0, 2**32))
def test_machine_code_and_webassembly_mean_what_the_interpreter_says(source: Random, seed: int) -> None:
    rule_set = random_rule_set(source, rules=3)
    compiled, isolated = compiled_of(rule_set), isolated_of(rule_set)
    generator = Random(seed)
    for _ in range(15):
        inputs = random_inputs(rule_set, generator)
        expected = interpreted(rule_set, inputs)
        assert run_compiled(compiled, inputs) == expected, inputs
        assert run_isolated(isolated, inputs) == expected, inputs


@settings(max_examples=60, suppress_health_check=SLOW_MAKING)
@given(st.randoms(use_true_random=False))
def test_formatting_keeps_the_meaning_of_any_program(source: Random) -> None:
    text = random_source(source, rules=3)
    formatted = format_source(text, "generated")
    assert format_source(formatted, "generated") == formatted
    before, after = (load_rule_set(one, "x", currency="CAD", read_set=read_many) for one in (text, formatted))
    assert after.digest == before.digest


@settings(max_examples=40, suppress_health_check=SLOW_MAKING)
@given(st.randoms(use_true_random=False), st.integers(0, 2**32))
def test_a_trace_ends_in_the_outcome_that_is_given_without_one(source: Random, seed: int) -> None:
    rule_set = random_rule_set(source)
    inputs = random_inputs(rule_set, Random(seed))
    traced = trace(rule_set.checked, *inputs)
    status, points, limits = interpreted(rule_set, inputs)
    assert traced.outcome.status == status
    assert (traced.failed_at is None) == (status == Status.OK)
    if status == Status.OK:
        assert [rule.award.given if rule.award else 0 for rule in traced.rules] == points
        assert [
            rule.award.limit if rule.award else int(rule.excluded) * Limit.EXCLUDED for rule in traced.rules
        ] == limits


def test_machine_code_and_webassembly_notice_every_overflow() -> None:
    """A compiler that may assume that signed numbers do not overflow would drop the checks of these."""
    awards = (
        "sum(lines, 9223372036854.775807)",
        "order.total + 9223372036854.775807 CAD",
        "-9223372036854.775807 CAD - order.total",
        "abs(order.total - 9223372036854 CAD)",
        "-order.total",
        "order.total * (order.total / 1 CAD)",
        "order.total / 0.000001",
        "floor(order.total)",
        "ceiling(order.total)",
    )
    source = "\n".join(
        f'rule "{award}" when order.line_count == {index} earn base {award}' for index, award in enumerate(awards)
    )
    rule_set = load_rule_set(source, "overflow")
    compiled, isolated = compiled_of(rule_set), isolated_of(rule_set)
    statuses: Counter[int] = Counter()
    for index in range(len(awards)):
        for total in (LEAST, LEAST + 1, -SCALE, -1, 0, 1, SCALE, MOST - 1, MOST):
            facts = [total, index * SCALE] + [0] * (FACT_FIELD_COUNT - 2)
            inputs: Inputs = (facts, [[0] * LINE_FIELD_COUNT] * 2, [])
            result = interpreted(rule_set, inputs)
            assert run_compiled(compiled, inputs) == result, (awards[index], total)
            assert run_isolated(isolated, inputs) == result, (awards[index], total)
            statuses[result[0]] += 1
    assert statuses[Status.OVERFLOW] > len(awards)
    assert statuses[Status.OK] > len(awards)


def test_generated_programs_reach_every_status_and_limit() -> None:
    """The comparisons above would be empty if everything overflowed, or nothing was ever given."""
    seen: Counter[tuple[str, int]] = Counter()
    for seed in range(150):
        rule_set = random_rule_set(Random(seed))
        for number in range(5):
            status, points, limits = interpreted(rule_set, random_inputs(rule_set, Random(number)))
            seen["status", status] += 1
            seen.update(("limit", limit) for limit in limits)
            seen["given", int(any(points))] += 1
    assert all(seen["status", status] > 20 for status in (Status.OK, Status.OVERFLOW, Status.DIVISION_BY_ZERO))
    assert all(seen["limit", limit] for limit in Limit)
    assert seen["given", 1] > 50


def test_a_set_of_many_texts_is_looked_into_in_every_back_end() -> None:
    texts = "\n".join(f"T{number}" for number in range(100_000))
    source = 'set many from "many.txt" rule "a" when any(lines, line.sku in many) and store.id not in many earn base 1'
    rule_set = load_rule_set(source, "many", read_set=lambda _name: texts)
    compiled, isolated = compiled_of(rule_set), isolated_of(rule_set)
    constants = constants_of_ids(rule_set.checked, [3 * number + 1 for number in range(len(rule_set.literals))])
    assert len(constants) == rule_set.checked.constant_count
    for sku in (-1, 0, 1, 2, 4, 299_998, 299_999, 300_001, 2**40):
        inputs: Inputs = ([0] * FACT_FIELD_COUNT, [[sku] + [0] * (LINE_FIELD_COUNT - 1)], constants)
        expected = (Status.OK, [int(sku > 0 and sku % 3 == 1 and sku < 300_000)], [0])
        assert run_compiled(compiled, inputs) == interpreted(rule_set, inputs) == expected
        assert run_isolated(isolated, inputs) == expected
