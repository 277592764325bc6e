"""What a rule set costs at worst, before it runs: a number for each node, added up. For ``rule_set`` and tests.

A unit is 0.1 µs of compiled code on the machines that this was measured on, so the budget is a millisecond: the worst
rule set that is accepted decides in less (``tests/bench/rule_cost.py`` measures it). The table counts in hundredths of
a unit, and every branch, every line of the longest basket and every fallback of the arithmetic is taken to happen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pointguard_server.rules import checked
from pointguard_server.rules.checked import ArithmeticOperator, Checked, CheckedLet, CheckedRule, CheckedRuleSet
from pointguard_server.rules.functions import FunctionName
from pointguard_server.rules.patterns import packed, sign_count
from pointguard_server.rules.problems import Problem
from pointguard_server.rules.syntax import SourceRange
from pointguard_server.rules.value_types import Vector
from pointguard_server.rules.work_layout import MOST_LINES

BUDGET: Final = 10_000
"""Units that a rule set may cost."""
HUNDREDTHS: Final = 100
LEAF: Final = 1
TEST: Final = 2
SUM: Final = 2
PRODUCT: Final = 10
QUOTIENT: Final = 120
LIST_ENTRY: Final = 1
TABLE: Final = 30
NEW: Final = 20
LINE: Final = 2
LINES: Final = 50
LET: Final = 20
PATTERN_WORD: Final = 100
RULE: Final = 100
CAP: Final = 5

_SHOWN: Final = 5
_LEAST_SHARE: Final = 0.05


@dataclass(frozen=True, slots=True)
class _Priced:
    """A part of the rule set with its price in hundredths."""

    hundredths: int
    source_range: SourceRange
    name: str


def price(rules: CheckedRuleSet, names: Sequence[str]) -> tuple[float, tuple[Problem, ...]]:
    """The cost in units, and problems that name the costliest parts if it is over the budget.

    ``names`` are the rules' in their order.
    """
    lets: list[int] = []
    for let in rules.lets:
        lets.append(_price(let.value, lets, rules.lets))
    shared = [
        _Priced(cost + LET, let.value.source_range, let.name)
        for let, cost in zip(rules.lets, lets, strict=True)
        if not let.per_line
    ]
    own = [
        _Priced(_rule(rule, lets, rules.lets), rule.source_range, name)
        for rule, name in zip(rules.rules, names, strict=True)
    ]
    parts = [*shared, *own, *_patterns(rules)]
    total = sum(part.hundredths for part in parts) / HUNDREDTHS
    if total <= BUDGET:
        return total, ()
    return total, tuple(_problems(total, parts))


def _patterns(rules: CheckedRuleSet) -> Iterable[_Priced]:
    """Patterns over lines are gone through once for each text, before the rules are: those of a field together."""
    words = 0
    for name in {field for field, _ in rules.line_patterns}:
        words += len(packed(sign_count(pattern) for field, pattern in rules.line_patterns if field == name))
    tests = (node for node in checked.nodes(rules) if isinstance(node, checked.BitTest) and node.vector is Vector.LINE)
    if place := min((node.source_range for node in tests), key=lambda where: (where.line, where.column), default=None):
        yield _Priced(MOST_LINES * (PATTERN_WORD * words + TEST * len(rules.line_patterns)), place, "matches")


def _problems(total: float, parts: Sequence[_Priced]) -> Iterable[Problem]:
    costliest = sorted(parts, key=lambda part: -part.hundredths)[:_SHOWN]
    for part in costliest:
        units = part.hundredths / HUNDREDTHS
        if units >= total * _LEAST_SHARE or part is costliest[0]:
            yield Problem(
                part.source_range,
                part.name,
                f"the rule set costs {total:,.0f} units, and `{part.name}` {units:,.0f} of them",
                f"at most {BUDGET:,} for all",
                "a function over lines counts for the longest basket: share it with `let`, or look at fewer things",
            )


def _rule(rule: CheckedRule, lets: Sequence[int], known: Sequence[CheckedLet]) -> int:
    nodes = [node for node in (rule.validity, rule.condition, rule.award) if node is not None]
    return RULE + CAP * len(rule.caps) + sum(_price(node, lets, known) for node in nodes)


def _price(node: Checked, lets: Sequence[int], known: Sequence[CheckedLet]) -> int:
    below = sum(_price(part, lets, known) for part in checked.operands(node))
    match node:
        case checked.LinesCall():
            new = NEW if node.function.name is FunctionName.DISTINCT else 0
            return LINES + MOST_LINES * (LINE + new + below)
        case checked.LetValue():
            return LEAF + (lets[node.index] if known[node.index].per_line else TEST)
        case _:
            return below + _own(node)


def _own(node: Checked) -> int:
    """What a node costs without what is below it."""
    match node:
        case checked.Arithmetic():
            return {ArithmeticOperator.MULTIPLY: PRODUCT, ArithmeticOperator.DIVIDE: QUOTIENT}.get(node.operator, SUM)
        case checked.NumberMembership():
            return TEST + LIST_ENTRY * len(node.values)
        case checked.TextMembership():
            return TEST + LIST_ENTRY * (node.stop - node.start)
        case checked.TableMembership():
            return TABLE
        case checked.ScalarCall():
            rounded = node.function.name in (FunctionName.FLOOR, FunctionName.CEILING)
            return PRODUCT if rounded else TEST * len(node.arguments)
        case checked.Constant() | checked.FieldValue() | checked.TextConstant() | checked.BasePoints():
            return LEAF
        case _:
            return TEST
