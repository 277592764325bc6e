"""The reference back end: walks the checked tree with Python integers, one obvious line for each meaning.

The engine uses it where compiled code is not ready; tests hold every other back end to its results.
"""

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from pointguard_server.rules import fixed_point
from pointguard_server.rules.checked import (
    Arithmetic,
    ArithmeticOperator,
    Both,
    Checked,
    CheckedRule,
    CheckedRuleSet,
    Choice,
    Comparison,
    ComparisonOperator,
    Constant,
    Either,
    FieldValue,
    LinesCall,
    Negation,
    Not,
    NumberMembership,
    ScalarCall,
    TextConstant,
    TextEquality,
    TextMembership,
)
from pointguard_server.rules.fixed_point import ArithmeticFailure, Status
from pointguard_server.rules.functions import FunctionName
from pointguard_server.rules.value_types import ValueType, Vector

_ARITHMETIC: Final[dict[ArithmeticOperator, Callable[[int, int], int]]] = {
    ArithmeticOperator.ADD: fixed_point.add,
    ArithmeticOperator.SUBTRACT: fixed_point.subtract,
    ArithmeticOperator.MULTIPLY: fixed_point.multiply,
    ArithmeticOperator.DIVIDE: fixed_point.divide,
}
_COMPARISON: Final[dict[ComparisonOperator, Callable[[int, int], bool]]] = {
    ComparisonOperator.EQUAL: operator.eq,
    ComparisonOperator.NOT_EQUAL: operator.ne,
    ComparisonOperator.LESS: operator.lt,
    ComparisonOperator.LESS_EQUAL: operator.le,
    ComparisonOperator.GREATER: operator.gt,
    ComparisonOperator.GREATER_EQUAL: operator.ge,
}


def interpret(
    rules: CheckedRuleSet, facts: Sequence[int], lines: Sequence[Sequence[int]], constants: Sequence[int]
) -> tuple[Status, tuple[int, ...]]:
    """The status and one award for each rule, in points; all zero unless the status is OK.

    Args:
        rules: what ``RuleSet.checked`` holds.
        facts: FACT_FIELD_COUNT entries, see ``fields``.
        lines: one row of LINE_FIELD_COUNT entries for each line of the basket.
        constants: the id of each of the rule set's literals, -1 for one that the host does not know.
    """
    evaluation = _Evaluation(facts, lines, constants)
    try:
        return Status.OK, tuple(evaluation.award(rule) for rule in rules.rules)
    except ArithmeticFailure as failure:
        return failure.status, (0,) * len(rules.rules)


class _Evaluation:
    """One transaction's inputs, and the line that is being looked at."""

    def __init__(self, facts: Sequence[int], lines: Sequence[Sequence[int]], constants: Sequence[int]) -> None:
        self._facts = facts
        self._lines = lines
        self._constants = constants
        self._line: Sequence[int] = ()

    def award(self, rule: CheckedRule) -> int:
        if rule.condition is not None and not self._value(rule.condition):
            return 0
        return fixed_point.whole_points(self._value(rule.award), rule.rounding)

    def _value(self, node: Checked) -> int:  # noqa: C901 - one case for each kind of node
        """A number scaled, a boolean as 0 or 1, a text as its id."""
        match node:
            case Constant():
                return node.value
            case FieldValue():
                return self._field(node)
            case TextConstant():
                return self._constants[node.index]
            case Arithmetic():
                return _ARITHMETIC[node.operator](self._value(node.left), self._value(node.right))
            case Negation():
                return fixed_point.negate(self._value(node.operand))
            case Comparison():
                return int(_COMPARISON[node.operator](self._value(node.left), self._value(node.right)))
            case TextEquality():
                same = _is_same_text(self._value(node.left), self._value(node.right))
                return int(same != node.negated)
            case NumberMembership():
                return int((self._value(node.operand) in node.values) != node.negated)
            case TextMembership():
                return self._text_membership(node)
            case Not():
                return int(not self._value(node.operand))
            case Both():
                return int(bool(self._value(node.left)) and bool(self._value(node.right)))
            case Either():
                return int(bool(self._value(node.left)) or bool(self._value(node.right)))
            case Choice():
                return self._value(node.value if self._value(node.condition) else node.otherwise)
            case ScalarCall():
                return self._scalar_call(node)
            case LinesCall():
                return self._lines_call(node)

    def _field(self, node: FieldValue) -> int:
        entry = (self._line if node.vector is Vector.LINE else self._facts)[node.index]
        return int(entry != 0) if node.type is ValueType.BOOLEAN else int(entry)

    def _text_membership(self, node: TextMembership) -> int:
        text = self._value(node.operand)
        found = any(_is_same_text(text, self._constants[index]) for index in range(node.start, node.stop))
        return int(found != node.negated)

    def _scalar_call(self, node: ScalarCall) -> int:
        values = [self._value(argument) for argument in node.arguments]
        match node.function.name:
            case FunctionName.MIN:
                return min(values)
            case FunctionName.MAX:
                return max(values)
            case FunctionName.ABS:
                return fixed_point.absolute(values[0])
            case _:
                raise AssertionError(node.function.name)

    def _lines_call(self, node: LinesCall) -> int:
        match node.function.name:
            case FunctionName.SUM:
                return self._sum(node.body)
            case FunctionName.COUNT:
                return fixed_point.in_range(fixed_point.SCALE * sum(self._on_each_line(node.body)))
            case FunctionName.ANY:
                return int(any(self._on_each_line(node.body)))
            case FunctionName.ALL:
                return int(all(self._on_each_line(node.body)))
            case _:
                raise AssertionError(node.function.name)

    def _sum(self, body: Checked | None) -> int:
        total = 0
        for value in self._on_each_line(body):
            total = fixed_point.add(total, value)
        return total

    def _on_each_line(self, body: Checked | None) -> Iterator[int]:
        """The body's value for each line, in order and on demand; 1 where there is no body."""
        for line in self._lines:
            self._line = line
            yield 1 if body is None else self._value(body)


def _is_same_text(left: int, right: int) -> bool:
    # Ids start at 1: 0 is absent and -1 unknown, and neither equals anything.
    return left == right and left > 0
