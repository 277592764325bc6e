"""Conditions of fraud rules: every back end says the same of each, and whole histories are explained."""

from collections import Counter
from dataclasses import replace
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pointguard_server.rules.checked import (
    NOT_COMPUTED,
    BasePoints,
    Both,
    Checked,
    CheckedRule,
    Comparison,
    ComparisonOperator,
    Constant,
    operands,
)
from pointguard_server.rules.fixed_point import SCALE, Status
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.rules.value_types import Part, ValueType
from tests.reference.test_explanations import Explained, assert_reproduced
from tests.reference.test_windows import CONTROLS, GUARDS, STARTS, ZONES, Step, histories
from tests.support.ledger import open_ledger
from tests.support.rule_backends import (
    compiled_of,
    interpreted,
    isolated_of,
    run_compiled,
    run_isolated,
)
from tests.support.rule_programs import random_inputs, random_rule_set

SLOW_MAKING = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def random_conditions(source: Random) -> RuleSet:
    """Typed conditions that nobody thought of, as fraud rules have them: a point for each that holds."""
    rule_set = random_rule_set(source, rules=4)
    rules = tuple(
        replace(
            rule,
            condition=_with_award(rule),
            award=Constant(ValueType.NUMBER, SCALE, rule.source_range),
            part=Part.BONUS,
            caps=(),
            group=None,
            exclusive=False,
        )
        for rule in rule_set.checked.rules
    )
    return replace(rule_set, checked=replace(rule_set.checked, rules=rules, independent=True))


def _with_award(rule: CheckedRule) -> Checked | None:
    """A rule's condition and that it gives something, which fails more often than most conditions do."""
    nodes = [rule.award]
    while nodes:
        node = nodes.pop()
        if isinstance(node, BasePoints):
            return rule.condition
        nodes += operands(node)
    place = rule.source_range
    gives = Comparison(ComparisonOperator.GREATER, rule.award, Constant(rule.award.type, 0, place), place)
    return gives if rule.condition is None else Both(gives, rule.condition, place)


@settings(max_examples=25, suppress_health_check=SLOW_MAKING)
@given(st.randoms(use_true_random=False), st.integers(0, 2**32))
def test_compiled_conditions_say_what_the_interpreter_says(source: Random, seed: int) -> None:
    conditions = random_conditions(source)
    compiled, isolated = compiled_of(conditions), isolated_of(conditions)
    generator = Random(seed)
    for _ in range(20):
        inputs = random_inputs(conditions, generator)
        expected = interpreted(conditions, inputs)
        assert run_compiled(compiled, inputs) == expected, inputs
        assert run_isolated(isolated, inputs) == expected, inputs


def test_generated_conditions_hold_and_do_not_and_fail_beside_others_that_do_not_fail() -> None:
    seen: Counter[int] = Counter()
    beside = 0
    for seed in range(60):
        conditions = random_conditions(Random(seed))
        for number in range(5):
            status, points, _ = interpreted(conditions, random_inputs(conditions, Random(number)))
            assert status == Status.OK
            seen.update(points)
            beside += NOT_COMPUTED in points and 1 in points
    assert set(seen) == {NOT_COMPUTED, 0, 1}
    assert min(seen.values()) > 30
    assert beside > 10


CONDITIONS = """
[[fraud_rule]]
name = "dear"
context = "REDEMPTION"
when = "order.points > 40 and sum(points of redemptions, 7 days) > 60"
posture = "BLOCK"
duration = "1h"

[[fraud_rule]]
name = "abroad"
context = "REDEMPTION"
when = 'member.province != store.province and store.id matches "*QC"'
counts = { parts = ["REDEEM"], attempts = "ALL" }
measure = "COUNT"
window = { calendar = "DAY" }
threshold = 1
posture = "WARN"
duration = "1d"

[[fraud_rule]]
name = "busy"
context = "EARNING"
when = "count(transactions, 1 hour) > 3 and account.available < 500 and order.total >= 1.00 CAD"
posture = "BLOCK"
duration = "0s"

[[fraud_rule]]
name = "wandering"
context = "REDEMPTION"
when = "distinct(stores of redemptions, 1 day) > 1 and distinct(stores of transactions, 3 days) < 3"
posture = "BLOCK"
duration = "0s"

[[fraud_rule]]
name = "divides"
context = "REDEMPTION"
when = "100 / (sum(points of purchases, this month) - sum(points of redemptions, this month)) > 5"
posture = "BLOCK"
duration = "0s"
extends = true

[[fraud_rule]]
name = "watched"
context = "REDEMPTION"
when = "member.days_since_enrolment < 1 and time.hour >= 12"
mode = "SHADOW"
posture = "BLOCK"
duration = "1d"
"""


@settings(max_examples=8, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(history=histories, zone=st.sampled_from(ZONES), start=st.sampled_from(STARTS))
def test_every_decision_by_conditions_in_a_random_history_is_reproduced(
    history: list[tuple[int, Step]], zone: str, start: str
) -> None:
    with open_ledger(rules=CONDITIONS + GUARDS, controls=CONTROLS, zone=zone) as ledger:
        ledger.clock.set(start)
        player = Explained(ledger)
        for number, step in history:
            player.play(number, step)
        assert_reproduced(ledger)
