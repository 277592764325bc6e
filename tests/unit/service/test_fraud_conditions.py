"""Conditions of fraud rules as a configuration has them: every mistake is told with its rule and its place."""

from contextlib import suppress

import pytest

from pointguard_server.rules.conditions import Condition, ConditionsError, load_conditions
from pointguard_server.service.fraud_conditions import check_conditions, is_sized
from pointguard_server.service.program_config import ProgramConfig, ProgramConfigError, RuleMode, load_program_config

PROGRAM = """
[program]
code = "grocer"
name = "Grocer Rewards"
time_zone = "America/Toronto"
currency = "CAD"
[program.redemption]
points = 1000
money_minor = 1000
[program.earn]
rules = "earn.rules"
"""
RULE = """
[[fraud_rule]]
name = "{name}"
context = "{context}"
when = '''{when}'''
posture = "BLOCK"
duration = "1d"
"""


def config_of(*conditions: str, context: str = "REDEMPTION", more: str = "") -> ProgramConfig:
    rules = [
        RULE.format(name=f"own{number}", context=context, when=when) + more for number, when in enumerate(conditions)
    ]
    return load_program_config(PROGRAM + "".join(rules), "program.toml")


def problems_of(*conditions: str, context: str = "REDEMPTION", more: str = "") -> list[str]:
    with pytest.raises(ProgramConfigError) as refusal:
        check_conditions(config_of(*conditions, context=context, more=more), "program.toml")
    return [str(problem) for problem in refusal.value.problems]


def test_a_rule_with_a_condition_alone_says_neither_measure_nor_window_nor_threshold() -> None:
    (rule,) = config_of('store.id == "401"').fraud_rules
    assert (rule.when, rule.counts, rule.measure, rule.window) == ('store.id == "401"', None, None, None)
    assert (rule.threshold, rule.mode) == (0, RuleMode.ENFORCED)


def test_a_program_without_conditions_has_none_to_compile() -> None:
    assert check_conditions(config_of(), "program.toml") is None
    assert check_conditions(config_of("true", more="enabled = false"), "program.toml") is None


def test_the_conditions_of_rules_that_are_enabled_become_one_rule_set_in_their_order() -> None:
    rule_set = check_conditions(config_of("true", "order.points > 5"), "program.toml")
    assert rule_set is not None
    assert [rule.name for rule in rule_set.rules] == ["own0", "own1"]
    assert rule_set.checked.independent


@pytest.mark.parametrize(
    ("when", "problem"),
    [
        ("order.totl > 5", "1:1: unknown field `order.totl`; expected one of order.total, "),
        (
            "true and\n  count(redemptons, 7 days) > 2",
            "2:9: a window does not count `redemptons`; expected transactions",
        ),
        ("order.points > 5 USD", "1:16: money in USD cannot be used here"),
        ("order.points", "1:1: `when` needs a condition, not a number; expected a condition"),
        ("order.points >", "1:15: the condition ends too early; expected an expression"),
        ("order.points > 5 6", "1:18: unexpected `6`; expected"),
        ("(order.points > 5", "1:18: the condition ends too early; expected `)`"),
        ("true earn base 5", "1:1: there is more than a condition here; expected a condition"),
        ('true earn base 5 rule "x" when true', "1:1: there is more than a condition here; expected a condition"),
        ('store.id == "401', "1:13: the text is not closed"),
        ('order.tender == "CASH"', "1:1: a redemption has no `order.tender`, and the rule looks at nothing else"),
        ("any(lines, line.quantity > 2)", "1:1: a redemption has no `lines`, and the rule looks at nothing else"),
        ('member.age_band == "20"', "1:20: unknown age band `20`"),
    ],
)
def test_a_mistake_is_told_with_its_rule_and_its_place_in_the_condition(when: str, problem: str) -> None:
    found = problems_of("true", when)
    assert len(found) == 1, found
    assert found[0].startswith(f"fraud_rule[2].when: in own1, {problem}"), found


def test_all_mistakes_of_all_conditions_are_told_at_once_each_where_it_is() -> None:
    found = problems_of("order.x > 1 or order.y > 2", "true", "false\nor order.z")
    assert [problem.split("`")[0] for problem in found] == [
        "fraud_rule[1].when: in own0, 1:1: unknown field ",
        "fraud_rule[1].when: in own0, 1:16: unknown field ",
        "fraud_rule[3].when: in own2, 2:4: unknown field ",
    ]


def test_a_redemption_type_is_nothing_that_a_purchase_has() -> None:
    (problem,) = problems_of('order.redemption_type == "CASH"', context="EARNING")
    assert "a purchase has no `order.redemption_type`" in problem


def test_the_condition_of_a_rule_that_is_not_enabled_must_be_right_too() -> None:
    (problem,) = problems_of("order.x > 1", more="enabled = false")
    assert problem.startswith("fraud_rule[1].when: in own0, 1:1: unknown field")


def test_conditions_have_the_budget_of_one_rule_set_together() -> None:
    dear = "any(lines, line.quantity in (" + ", ".join(map(str, range(50))) + "))"
    found = problems_of(*[f"{dear} or order.points == {number}" for number in range(30)], context="EARNING")
    assert all("at most 10,000 for all" in problem for problem in found)


@pytest.mark.parametrize("when", ["(" * 10_000, "x" * 5_000, "1 + " * 2_000 + "1 > 0", "\0", "true # never closed"])
def test_a_hostile_condition_is_refused_or_read_and_never_raises_anything_else(when: str) -> None:
    with suppress(ConditionsError):
        assert load_conditions([Condition("own", when)], "hostile").rules


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ('mode = "SILENT"', 'fraud_rule[1].mode: must be one of "ENFORCED", "ALERT_ONLY", "SHADOW"'),
        ("net_of_reversals = true", "fraud_rule[1].net_of_reversals: is not known here"),
        ("threshold = 3", "fraud_rule[1].measure: is missing"),
        ('when = ""', "the file: is not valid TOML"),
    ],
)
def test_a_rule_with_a_condition_that_says_too_much_or_too_little_is_refused(more: str, problem: str) -> None:
    with pytest.raises(ProgramConfigError) as refusal:
        config_of("true", more=more)
    assert any(str(each).startswith(problem) for each in refusal.value.problems), refusal.value


@pytest.mark.parametrize(
    ("when", "sized"),
    [
        ("order.points > 1", True),
        ("true and not (order.total > 1)", True),
        ("sum(points of redemptions, 1 day) > 1", True),
        ("count(redemptions, 1 day) > 1", False),
        ("account.posted > 1", False),
    ],
)
def test_a_condition_depends_on_the_size_of_a_redemption_if_it_reads_it(when: str, sized: bool) -> None:
    assert is_sized(load_conditions([Condition("own", when)], "test").checked, 0) is sized
