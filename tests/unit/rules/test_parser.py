"""The parser reads what is written, where it is written, and never raises."""

from typing import Any

import pytest
from antlr4 import CommonTokenStream, InputStream
from antlr4.error.ErrorListener import ErrorListener
from hypothesis import given
from hypothesis import strategies as st

from pointguard_grammar.PointguardRulesLexer import PointguardRulesLexer
from pointguard_grammar.PointguardRulesParser import PointguardRulesParser
from pointguard_server.rules import parser
from pointguard_server.rules.syntax import (
    Binary,
    BooleanLiteral,
    Conditional,
    Earn,
    Expression,
    FieldAccess,
    Membership,
    NumberLiteral,
    RuleSyntax,
    SourceRange,
    TextLiteral,
    children,
    expressions,
)

FRAGMENTS = (
    *(
        "rule",
        '"a"',
        "when",
        "earn",
        "base",
        "round",
        "up",
        "(",
        ")",
        ",",
        ".",
        "+",
        "-",
        "*",
        "/",
        "==",
        "<",
        "in",
        "not",
    ),
    *(
        "and",
        "or",
        "if",
        "else",
        "true",
        "1",
        "1.5",
        "order",
        "total",
        "lines",
        "sum",
        "=",
        "'",
        '"',
        "#",
        "\n",
        "\r",
        "é",
    ),
)


def rule_of(source: str) -> RuleSyntax:
    rule_set, problems = parser.parse(source)
    assert rule_set is not None, problems
    return rule_set.rules[0]


def written(source: str, place: SourceRange) -> str:
    """What stands at a range."""
    lines = source.split("\n")[place.line - 1 : place.end_line]
    lines[-1] = lines[-1][: place.end_column - 1]
    lines[0] = lines[0][place.column - 1 :]
    return "\n".join(lines)


def walk(node: Expression) -> list[Expression]:
    return [node, *(below for child in children(node) for below in walk(child))]


def test_every_node_knows_where_it_was_written() -> None:
    source = 'rule "a"\n  when order.total >=\n    1.50 and "é" == member.tier\n  earn base abs(-2) if true else 3'
    rule = rule_of(source)
    nodes = [node for root in expressions(rule) for node in walk(root)]
    found = {type(node): written(source, node.source_range) for node in reversed(nodes)}
    assert found[Conditional] == "abs(-2) if true else 3"
    assert found[Binary] == 'order.total >=\n    1.50 and "é" == member.tier'
    assert found[FieldAccess] == "order.total"
    assert found[NumberLiteral] == "1.50"
    assert found[TextLiteral] == '"é"'
    assert found[BooleanLiteral] == "true"
    assert written(source, rule.source_range) == source
    assert written(source, rule.name.source_range) == '"a"'


def test_escapes_are_resolved() -> None:
    rule = rule_of(r'rule "a\"b\\" when member.tier in ("\\\"") earn base 1')
    assert rule.name.text == 'a"b\\'
    condition, _ = expressions(rule)
    assert isinstance(condition, Membership)
    assert [item.value for item in condition.items if isinstance(item, TextLiteral)] == ['\\"']


def test_line_ends_of_every_system_separate_words() -> None:
    for end in ("\n", "\r\n", "\r", "\t"):
        (earn,) = rule_of(f'rule "a"{end}earn{end}base{end}1{end}').clauses
        assert isinstance(earn, Earn)
        assert earn.part.text == "base"


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=40).map(" ".join))
def test_no_order_of_words_raises(source: str) -> None:
    rule_set, problems = parser.parse(source)
    assert (rule_set is None) == bool(problems)


@given(st.text(max_size=200))
def test_no_text_raises(source: str) -> None:
    rule_set, problems = parser.parse(f'rule "a" earn base 1 {source}')
    assert (rule_set is None) == bool(problems)
    for problem in problems:
        assert problem.source_range.line >= 1
        assert problem.source_range.column >= 1


class Ambiguities(ErrorListener):  # type: ignore[misc]
    """Fails when ANTLR has to look further than the fast mode can."""

    def reportAmbiguity(self, *details: Any) -> None:  # noqa: N802 - the name is ANTLR's
        raise AssertionError("the grammar is ambiguous")

    def reportAttemptingFullContext(self, *details: Any) -> None:  # noqa: N802
        raise AssertionError("the grammar needs full context")


@pytest.mark.parametrize(
    "expression",
    [
        "1 - -2 * (3) / 4 + -5",
        "abs(1) if not true and 1 < 2 or order.total not in (1, -2) else (1 if true else 2)",
        "sum(lines where line.amount > 5% and not true, 2 CAD) per 1.00 CAD of floor(order.total) cap 5 per day",
        '5 per line where line.sku matches "A*" or line.sku not in s priority 1 best of "x" pending 3 days',
        "sum(points of purchases, this month) + count(purchases, 7 days) exclusive expire at end of year",
        '2026-06-02 - 2026-06-01 expire after 3 days valid from 2026-06-01 until 2026-06-02 in "X"',
        'sum(lines, line.amount) + count(lines) * min(1, 2, 3) - (1 if any(lines, line.sku == "x") else 0)',
    ],
)
def test_the_grammar_needs_no_full_context(expression: str) -> None:
    source = f'set s = ("A", -1 CAD) let a = 1 rule "a" when 1 < 2 earn base {expression} round up'
    source += f' set s from "s.txt" rule "b" multiply base by 2 valid until 2026-06-01 rule "c" earn base {expression}'
    grammar = PointguardRulesParser(CommonTokenStream(PointguardRulesLexer(InputStream(source))))
    grammar.addErrorListener(Ambiguities())
    grammar.ruleSet()
    assert grammar.getNumberOfSyntaxErrors() == 0
