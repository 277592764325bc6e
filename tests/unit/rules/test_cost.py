"""The cost of a rule set is an upper bound that adds up, and over the budget it is refused by name."""

import pytest

from pointguard_server.rules import cost, functions
from pointguard_server.rules.budget import text_at
from pointguard_server.rules.problems import Problem
from pointguard_server.rules.rule_set import RuleSetError, load_rule_set
from pointguard_server.rules.syntax import SourceRange
from pointguard_server.rules.work_layout import MOST_LINES


def units(source: str) -> float:
    return load_rule_set(source, "cost").cost


def test_each_node_costs_what_the_table_says() -> None:
    rule = cost.RULE / cost.HUNDREDTHS
    assert units('rule "a" earn base 1') == pytest.approx(rule + 0.01)
    assert units('rule "a" earn base 1 * 2 + 3') == pytest.approx(
        rule + (3 * cost.LEAF + cost.PRODUCT + cost.SUM) / 100
    )
    lines = cost.LINES + MOST_LINES * (functions.LINE + cost.LEAF)
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


def test_over_the_budget_the_costliest_are_named_with_the_expression_inside_costliest_first() -> None:
    def sums(count: int) -> str:
        return " + ".join(f"sum(lines, line.amount / (line.quantity + {number}))" for number in range(count))

    source = f"""let shared = 3 * sum(lines, 2 * line.amount / 7)
rule "cheap" earn base 1
rule "dear" when shared > 5 CAD earn base {sums(2)}
rule "dearest"
    earn base 4 CAD + count(lines) * ({sums(5)})
"""
    with pytest.raises(RuleSetError) as refusal:
        load_rule_set(source, "budget", currency="CAD")
    problems = refusal.value.problems
    text = "sum(lines, line.amount / (line.quantity + 0))"
    assert [(problem.text, problem.source_range.line) for problem in problems] == [
        (text, 5),
        (text, 3),
        ("sum(lines, 2 * line.amount / 7)", 1),
    ]
    assert all(problem.source_range.column == written(source, problem) for problem in problems)
    assert str(problems[0]) == (
        '5:39: the rule set costs 10,268 units, of which `rule "dearest"` costs 6,374, most of all by'
        f" `{text}`, 1,270; expected at most 10,000 for all; a function over lines counts for the longest basket:"
        " share it with `let`, or look at fewer things"
    )


def written(source: str, problem: Problem) -> int:
    """The column in which a problem's text begins."""
    return source.split("\n")[problem.source_range.line - 1].index(problem.text) + 1


def test_an_expression_is_named_by_what_is_dear_in_it_and_not_by_what_holds_it() -> None:
    source = 'rule "a" when order.total > 5 earn base 1 + time.day * (2 + time.hour / (3 + time.minute))'
    rules = load_rule_set(source, "one")
    (part,) = cost.price(rules.checked, ["a"]).parts
    assert text_at(source, part.costliest) == "time.hour / (3 + time.minute)"
    assert part.costliest_hundredths == cost.QUOTIENT + cost.SUM + 3 * cost.LEAF


def test_what_is_quoted_is_one_line_of_eighty_characters_at_most() -> None:
    source = "a +\n   " + " + ".join(["b"] * 50)
    assert text_at(source, SourceRange(1, 1, 2, 200)) == ("a + " + " + ".join(["b"] * 50))[:79] + "…"
    assert text_at(source, SourceRange(1, 3, 2, 5)) == "+ b"


def test_what_is_quoted_has_the_parentheses_of_its_operands() -> None:
    source = "max( ((a + b) / c), d / (e + (f)) )"
    assert text_at(source, SourceRange(1, 8, 1, 18)) == "(a + b) / c"
    assert text_at(source, SourceRange(1, 21, 1, 32)) == "d / (e + (f))"
