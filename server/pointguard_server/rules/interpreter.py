"""The reference back end: walks the checked tree with Python integers, one obvious line for each meaning.

The engine uses it where compiled code is not ready; tests hold every other back end to its results.
"""

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pointguard_server.rules import fixed_point
from pointguard_server.rules.checked import (
    NOT_COMPUTED,
    Arithmetic,
    ArithmeticOperator,
    BasePoints,
    BitTest,
    Both,
    Checked,
    CheckedRuleSet,
    Choice,
    Comparison,
    ComparisonOperator,
    Constant,
    Either,
    FieldValue,
    LetValue,
    LinesCall,
    Negation,
    Not,
    NumberMembership,
    ScalarCall,
    TableMembership,
    TextConstant,
    TextEquality,
    TextMembership,
    Turn,
)
from pointguard_server.rules.constants import first_slot
from pointguard_server.rules.fixed_point import ArithmeticFailure, Status
from pointguard_server.rules.functions import FunctionName
from pointguard_server.rules.outcome import Outcome, outcome_of
from pointguard_server.rules.syntax import SourceRange
from pointguard_server.rules.trace import AwardTrace, RuleTrace, Seen, Trace
from pointguard_server.rules.value_types import Limit, ValueType, Vector

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

_OF_VALUES: Final[dict[FunctionName, Callable[..., int]]] = {
    FunctionName.MIN: min,
    FunctionName.MAX: max,
    FunctionName.ABS: fixed_point.absolute,
    FunctionName.FLOOR: fixed_point.floor,
    FunctionName.CEILING: fixed_point.ceiling,
}

MOST_SEEN: Final = 20_000
"""Values that a trace keeps."""


def interpret(
    rules: CheckedRuleSet, facts: Sequence[int], lines: Sequence[Sequence[int]], constants: Sequence[int]
) -> tuple[Status, tuple[int, ...]]:
    """The status and one award for each rule, in points; all zero unless the status is OK. See ``evaluate``."""
    outcome = evaluate(rules, facts, lines, constants)
    return outcome.status, tuple(award.points for award in outcome.awards)


def evaluate(
    rules: CheckedRuleSet, facts: Sequence[int], lines: Sequence[Sequence[int]], constants: Sequence[int]
) -> Outcome:
    """What the rules decide.

    Args:
        rules: what ``RuleSet.checked`` holds.
        facts: ``rules.fact_count`` entries, see ``fields`` and ``inputs``.
        lines: one row of LINE_FIELD_COUNT entries for each line of the basket.
        constants: what ``constants.constants_of`` gives.
    """
    return _Evaluation(rules, facts, lines, constants).outcome()


def trace(
    rules: CheckedRuleSet, facts: Sequence[int], lines: Sequence[Sequence[int]], constants: Sequence[int]
) -> Trace:
    """The same, with everything that was seen on the way."""
    evaluation = _Evaluation(rules, facts, lines, constants, is_traced=True)
    outcome = evaluation.outcome()
    return evaluation.trace(outcome)


@dataclass(slots=True)
class _RuleState:
    """What is known of one rule so far."""

    excluded: bool = False
    valid: bool | None = None
    held: bool | None = None
    computed: int | None = None
    rounded: int = 0
    capped: int = 0
    points: int = 0
    limit: Limit = Limit.NONE
    seen: list[Seen] = field(default_factory=list)


class _Evaluation:
    """One transaction's inputs, and the line that is being looked at."""

    def __init__(
        self,
        rules: CheckedRuleSet,
        facts: Sequence[int],
        lines: Sequence[Sequence[int]],
        constants: Sequence[int],
        *,
        is_traced: bool = False,
    ) -> None:
        self._rules = rules
        self._facts = facts
        self._lines = lines
        self._constants = constants
        self._line: Sequence[int] = ()
        self._line_index: int | None = None
        self._lets: dict[int, int] = {}
        self._states = [_RuleState() for _ in rules.rules]
        self._base_points = 0
        self._is_traced = is_traced
        self._seen: list[Seen] = []
        self._seen_count = 0
        self._failed_at: SourceRange | None = None

    def outcome(self) -> Outcome:
        """Decide: exclusive rules, then base awards, then the others, each group's best at the end of its turn."""
        try:
            self._exclude()
            base, others = self._rules.turns
            self._award_all(base)
            self._base_points = sum(self._states[number].points for number in base.rules)
            self._award_all(others)
        except ArithmeticFailure as failure:
            nothing = (0,) * len(self._states)
            return outcome_of(self._rules, failure.status, nothing, nothing)
        points, limits = [state.points for state in self._states], [state.limit for state in self._states]
        return outcome_of(self._rules, Status.OK, points, limits)

    def trace(self, outcome: Outcome) -> Trace:
        """What was seen."""
        rules = tuple(
            RuleTrace(
                ordinal,
                state.excluded,
                state.valid,
                state.held,
                None
                if state.computed is None
                else AwardTrace(state.computed, state.rounded, state.capped, state.points, state.limit),
                tuple(state.seen),
            )
            for ordinal, state in enumerate(self._states)
        )
        return Trace(outcome, rules, self._base_points, self._failed_at, self._seen_count > MOST_SEEN)

    # Rules

    def _exclude(self) -> None:
        """Rules below the highest priority at which an exclusive rule applies give nothing."""
        floor = 0
        for number in self._rules.exclusive_order:
            if self._rules.rules[number].priority >= floor and self._applies(number):
                floor = self._rules.rules[number].priority
        for state, rule in zip(self._states, self._rules.rules, strict=True):
            if rule.priority < floor:
                state.excluded, state.limit = True, Limit.EXCLUDED

    def _applies(self, number: int) -> bool:
        """Whether a rule is valid and its condition holds; looked at once."""
        state, rule = self._states[number], self._rules.rules[number]
        self._seen = state.seen
        if state.valid is None:
            state.valid = rule.validity is None or bool(self._value(rule.validity))
        if state.valid and state.held is None:
            state.held = rule.condition is None or bool(self._value(rule.condition))
        return bool(state.held)

    def _award_all(self, turn: Turn) -> None:
        for number in turn.rules:
            if self._rules.independent:
                self._award_by_itself(number)
            elif not self._states[number].excluded and self._applies(number):
                self._award(number)
        for members in turn.groups:
            self._choose_best(members)

    def _award_by_itself(self, number: int) -> None:
        try:
            if self._applies(number):
                self._award(number)
        except ArithmeticFailure:
            self._states[number].points = NOT_COMPUTED

    def _award(self, number: int) -> None:
        state, rule = self._states[number], self._rules.rules[number]
        state.computed = self._value(rule.award)
        state.points = state.rounded = fixed_point.whole_points(state.computed, rule.rounding)
        for cap in rule.caps:
            earned = 0 if cap.earned is None else max(int(self._facts[cap.earned]), 0)
            rest = max(cap.points - earned, 0)
            if state.points > rest:
                state.points, state.limit = rest, cap.period.limit
        state.capped = state.points

    def _choose_best(self, members: Sequence[int]) -> None:
        best = max(members, key=lambda number: self._states[number].points)  # of equals the first
        for number in members:
            state = self._states[number]
            if number != best and state.points > 0:
                state.points, state.limit = 0, Limit.BETTER_IN_GROUP

    # Values

    def _value(self, node: Checked) -> int:
        """A number, money or date scaled, a boolean as 0 or 1, a text as its id."""
        if not self._is_traced:
            return self._computed(node)
        seen, line = self._seen, self._line_index
        try:
            result = self._computed(node)
        except ArithmeticFailure:
            self._failed_at = self._failed_at or node.source_range
            raise
        if not isinstance(node, Constant):
            self._seen_count += 1
            if self._seen_count <= MOST_SEEN:
                seen.append(Seen(node.source_range, node.type, result, line))
        return result

    def _computed(self, node: Checked) -> int:  # noqa: C901 - one case for each kind of node
        match node:
            case Constant():
                return node.value
            case FieldValue():
                return self._field(node)
            case TextConstant():
                return self._constants[node.index]
            case BitTest():
                return self._bit_test(node)
            case LetValue():
                return self._let(node)
            case BasePoints():
                return fixed_point.in_range(self._base_points * fixed_point.SCALE)
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
            case TableMembership():
                return self._table_membership(node)
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

    def _bit_test(self, node: BitTest) -> int:
        entry = (self._line if node.vector is Vector.LINE else self._facts)[node.index]
        mask = int(self._constants[self._rules.mask_index(node)])
        return int(bool(int(entry) & mask) != node.negated)

    def _let(self, node: LetValue) -> int:
        let = self._rules.lets[node.index]
        if let.per_line:
            return self._value(let.value)
        if node.index not in self._lets:
            # It may look at all lines itself, while a line is being looked at.
            line, line_index = self._line, self._line_index
            self._line_index = None
            self._lets[node.index] = self._value(let.value)
            self._line, self._line_index = line, line_index
        return self._lets[node.index]

    def _table_membership(self, node: TableMembership) -> int:
        text = self._value(node.operand)
        start = self._rules.constant_literals + node.start
        slot = first_slot(text, node.size)
        while text > 0 and self._constants[start + slot] not in (0, text):
            slot = (slot + 1) % node.size
        return int((text > 0 and self._constants[start + slot] == text) != node.negated)

    def _text_membership(self, node: TextMembership) -> int:
        text = self._value(node.operand)
        found = any(_is_same_text(text, self._constants[index]) for index in range(node.start, node.stop))
        return int(found != node.negated)

    def _scalar_call(self, node: ScalarCall) -> int:
        return _OF_VALUES[node.function.name](*(self._value(argument) for argument in node.arguments))

    def _lines_call(self, node: LinesCall) -> int:
        result = self._over_lines(node)
        self._line_index = None
        return result

    def _over_lines(self, node: LinesCall) -> int:
        values = self._on_each_line(node)
        match node.function.name:
            case FunctionName.SUM:
                return self._sum(values)
            case FunctionName.COUNT:
                return fixed_point.in_range(fixed_point.SCALE * sum(values))
            case FunctionName.DISTINCT:
                return fixed_point.SCALE * len({text for text in values if text > 0})
            case FunctionName.ANY:
                return int(any(values))
            case FunctionName.ALL:
                return int(all(values))
            case _:
                raise AssertionError(node.function.name)

    @staticmethod
    def _sum(values: Iterator[int]) -> int:
        total = 0
        for value in values:
            total = fixed_point.add(total, value)
        return total

    def _on_each_line(self, node: LinesCall) -> Iterator[int]:
        """The body's value for each line that the filter lets through, on demand; 1 where there is no body."""
        for index, line in enumerate(self._lines):
            self._line, self._line_index = line, index
            if node.only is None or self._value(node.only):
                yield 1 if node.body is None else self._value(node.body)


def _is_same_text(left: int, right: int) -> bool:
    # Ids start at 1: 0 is absent and -1 unknown, and neither equals anything.
    return left == right and left > 0
