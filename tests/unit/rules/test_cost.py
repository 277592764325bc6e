"""The cost of a rule set is an upper bound that adds up, and over the budget it is refused by name."""

import pytest

from pointguard_server.rules import cost
from pointguard_server.rules.rule_set import RuleSetError, load_rule_set
from pointguard_server.rules.work_layout import MOST_LINES


def units(source: str) -> float:
    return load_rule_set(source, "cost").cost


def test_each_node_costs_what_the_table_says() -> None:
    rule = cost.RULE / cost.HUNDREDTHS
    assert units('rule "a" earn base 1') == pytest.approx(rule + 0.01)
    assert units('rule "a" earn base 1 * 2 + 3') == pytest.approx(
        rule + (3 * cost.LEAF + cost.PRODUCT + cost.SUM) / 100
    )
    lines = cost.LINES + MOST_LINES * (cost.LINE + cost.LEAF)
    assert units('rule "a" earn base sum(lines, line.amount)') == pytest.approx(rule + lines / 100)


def test_a_let_is_paid_once_and_one_for_lines_each_time() -> None:
    once = units('let a = sum(lines, line.amount) rule "r" earn base a')
    twice = units('let a = sum(lines, line.amount) rule "r" earn base a + a')
    assert twice - once < 0.1
    one = units('let a = line.amount / 3 rule "r" earn base sum(lines, a)')
    two = units('let a = line.amount / 3 rule "r" earn base sum(lines, a + a)')
    assert two - one > MOST_LINES


def test_names_that_double_each_other_are_refused_at_once() -> None:
    doubling = "let a0 = line.amount\n" + "".join(f"let a{n + 1} = a{n} + a{n}\n" for n in range(25))
    with pytest.raises(RuleSetError, match="costs"):
        load_rule_set(doubling + 'rule "r" earn base sum(lines, a25)', "doubling")


def test_over_the_budget_the_costliest_are_named_with_their_places() -> None:
    dear = " + ".join(f"sum(lines, line.amount / (line.quantity + {number}))" for number in range(9))
    source = f'rule "cheap" earn base 1\nrule "dear" earn base {dear}\n'
    with pytest.raises(RuleSetError) as refusal:
        load_rule_set(source, "budget")
    (problem,) = refusal.value.problems
    assert (problem.text, problem.source_range.line) == ("dear", 2)
    assert "at most 10,000 for all" in str(problem)
