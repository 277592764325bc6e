"""What a rule set costs at worst, before it runs: a number for each node, added up. For ``budget`` and tests.

A unit is 0.1 µs of compiled code on the machines that this was measured on, so the budget is a millisecond: the worst
rule set that is accepted decides in less (``tests/bench/rule_cost.py`` measures it). The table counts in hundredths of
a unit, and so does that of ``functions``; every branch, every line of the longest basket and every fallback of the
arithmetic is taken to happen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pointguard_server.rules import checked
from pointguard_server.rules.checked import ArithmeticOperator, Checked, CheckedLet, CheckedRule, CheckedRuleSet
from pointguard_server.rules.patterns import packed, sign_count
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
LINES: Final = 50
LET: Final = 20
PATTERN_WORD: Final = 100
RULE: Final = 100
CAP: Final = 5


@dataclass(frozen=True, slots=True)
class Priced:
    """A part of the rule set: a rule, a name or the patterns over lines, with its price in hundredths.

    ``costliest`` is the expression in it that costs most, ``costliest_hundredths`` its share of the price.
    """

    hundredths: int
    name: str
    costliest: SourceRange
    costliest_hundredths: int


@dataclass(frozen=True, slots=True)
class Price:
    """What a rule set costs in units, and its parts, the costliest first."""

    units: float
    parts: tuple[Priced, ...]


def price(rules: CheckedRuleSet, names: Sequence[str]) -> Price:
    """The cost of a rule set; ``names`` are the rules' in their order."""
    lets: list[int] = []
    for let in rules.lets:
        lets.append(_price(let.value, lets, rules.lets))
    shared = [
        Priced(cost + LET, f"let {let.name}", *_costliest((let.value,), lets, rules.lets))
        for let, cost in zip(rules.lets, lets, strict=True)
        if not let.per_line
    ]
    own = [
        Priced(_rule(rule, lets, rules.lets), f'rule "{name}"', *_costliest(_roots(rule), lets, rules.lets))
        for rule, name in zip(rules.rules, names, strict=True)
    ]
    parts = sorted([*shared, *own, *_patterns(rules)], key=lambda part: -part.hundredths)
    return Price(sum(part.hundredths for part in parts) / HUNDREDTHS, tuple(parts))


def _costliest(nodes: Sequence[Checked], lets: Sequence[int], known: Sequence[CheckedLet]) -> tuple[SourceRange, int]:
    """The place and the price of the expression that costs most.

    That is a function over lines, or what is dearer by itself than the dearest that it is made of.
    """

    def price_of(node: Checked) -> int:
        return _price(node, lets, known)

    node = max(nodes, key=price_of)
    while not isinstance(node, checked.LinesCall):
        below = max(checked.operands(node), key=price_of, default=None)
        if below is None or price_of(below) <= _own(node):
            break
        node = below
    return node.source_range, price_of(node)


def _patterns(rules: CheckedRuleSet) -> Iterable[Priced]:
    """Patterns over lines are gone through once for each text, before the rules are: those of a field together."""
    words = 0
    for name in {field for field, _ in rules.line_patterns}:
        words += len(packed(sign_count(pattern) for field, pattern in rules.line_patterns if field == name))
    tests = (node for node in checked.nodes(rules) if isinstance(node, checked.BitTest) and node.vector is Vector.LINE)
    if place := min((node.source_range for node in tests), key=lambda where: (where.line, where.column), default=None):
        cost = MOST_LINES * (PATTERN_WORD * words + TEST * len(rules.line_patterns))
        yield Priced(cost, "matches over lines", place, cost)


def _roots(rule: CheckedRule) -> tuple[Checked, ...]:
    return tuple(node for node in (rule.validity, rule.condition, rule.award) if node is not None)


def _rule(rule: CheckedRule, lets: Sequence[int], known: Sequence[CheckedLet]) -> int:
    return RULE + CAP * len(rule.caps) + sum(_price(node, lets, known) for node in _roots(rule))


def _price(node: Checked, lets: Sequence[int], known: Sequence[CheckedLet]) -> int:
    below = sum(_price(part, lets, known) for part in checked.operands(node))
    match node:
        case checked.LinesCall():
            return LINES + MOST_LINES * (node.function.hundredths + below)
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
            return node.function.hundredths * len(node.arguments)
        case checked.Constant() | checked.FieldValue() | checked.TextConstant() | checked.BasePoints():
            return LEAF
        case _:
            return TEST
