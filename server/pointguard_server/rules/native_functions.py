"""Writes the functions of rules and lets in LLVM's language. For ``native_backend`` alone.

A written expression is named by its operand. A failure returns at once with its status, and so does whoever called; a
branch not taken is not evaluated.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pointguard_server.rules.checked import (
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
)
from pointguard_server.rules.fields import LINE_FIELD_COUNT
from pointguard_server.rules.fixed_point import LEAST, MOST, SCALE, Status
from pointguard_server.rules.functions import FunctionName
from pointguard_server.rules.native_text import CONDITION, WORD, NativeText
from pointguard_server.rules.value_types import ValueType, Vector
from pointguard_server.rules.work_layout import MOST_LINES, layout_of

RESULT: Final = "%Result"
"""What a function gives: { status, value }."""
INPUTS: Final = (
    ("ptr", "%facts"),
    ("ptr", "%lines"),
    (WORD, "%line_count"),
    ("ptr", "%constants"),
    ("ptr", "%work"),
)
# The vectors do not overlap, and all but ``work`` are only read.
PARAMETERS: Final = (
    "ptr noalias readonly %facts, ptr noalias readonly %lines, i64 %line_count, ptr noalias readonly %constants, "
    "ptr noalias %work"
)
_ROW: Final = "%row"
_OVERFLOW: Final = str(Status.OVERFLOW.value)
_COMPARISONS: Final = {
    ComparisonOperator.EQUAL: "eq",
    ComparisonOperator.NOT_EQUAL: "ne",
    ComparisonOperator.LESS: "slt",
    ComparisonOperator.LESS_EQUAL: "sle",
    ComparisonOperator.GREATER: "sgt",
    ComparisonOperator.GREATER_EQUAL: "sge",
}
_ARITHMETIC: Final = {
    ArithmeticOperator.ADD: "add",
    ArithmeticOperator.SUBTRACT: "subtract",
    ArithmeticOperator.MULTIPLY: "multiply",
    ArithmeticOperator.DIVIDE: "divide",
}
_BETTER: Final = {FunctionName.MIN: "slt", FunctionName.MAX: "sgt"}


class FunctionWriter(NativeText):
    """Writes one function."""

    def __init__(self, rules: CheckedRuleSet) -> None:
        super().__init__()
        self._rules = rules
        self._layout = layout_of(rules)
        self._row = _ROW

    def rule(self, number: int) -> str:
        """The function of a rule's points; of an exclusive one, whose condition is known to hold."""
        rule = self._rules.rules[number]
        if not rule.exclusive:
            self._return_unless_it_applies(number)
        award = self._expression(rule.award)
        self._return(self.call(WORD, f"points_{rule.rounding.value}", [(WORD, award)]))
        return self.function(f"internal {RESULT} @rule_{number}({PARAMETERS})")

    def condition(self, number: int) -> str:
        """The function that says whether an exclusive rule applies, by 0 or 1."""
        self._return_unless_it_applies(number)
        self._return("1")
        return self.function(f"internal {RESULT} @holds_{number}({PARAMETERS})")

    def let(self, number: int) -> str:
        """The function of a let's value; conditions as 0 or 1."""
        let = self._rules.lets[number]
        known, value = self._layout.known + number, self._layout.values + number
        if not let.per_line:
            with self._leaving(self.compare("ne", self.word("%work", known), 0)):
                self._return(self.word("%work", value))
        result = self._expression(let.value)
        if let.value.type is ValueType.BOOLEAN:
            result = self.named(f"zext i1 {result} to i64")
        if not let.per_line:
            self.keep(WORD, "1", self.place("%work", known))
            self.keep(WORD, result, self.place("%work", value))
        self._return(result)
        row = f", ptr noalias readonly {_ROW}" if let.per_line else ""
        return self.function(f"internal {RESULT} @let_{number}({PARAMETERS}{row})")

    def _return_unless_it_applies(self, number: int) -> None:
        rule = self._rules.rules[number]
        for condition in (rule.validity, rule.condition):
            if condition is not None:
                with self._leaving(self._expression(condition), holds=False):
                    self._return("0")

    def _return(self, value: str, status: str = "0") -> None:
        self.write(f"ret {RESULT} {self.call(RESULT, 'result', [(WORD, status), (WORD, value)])}")

    def _fail_if(self, condition: str, status: str = _OVERFLOW) -> None:
        with self._leaving(condition):
            self._return("0", status)

    @contextmanager
    def _leaving(self, condition: str, *, holds: bool = True) -> Iterator[None]:
        """Add instructions that return if a condition holds, or if it does not."""
        inside, behind = self.label(), self.label()
        self.branch(condition, *((inside, behind) if holds else (behind, inside)))
        self.begin(inside)
        yield
        self.begin(behind)

    def _expression(self, node: Checked) -> str:  # noqa: C901 - one case for each kind of node
        match node:
            case Constant():
                return _constant(node)
            case FieldValue():
                return self._field(node)
            case TextConstant():
                return self.word("%constants", node.index)
            case BitTest():
                return self._bit_test(node)
            case LetValue():
                return self._let_value(node)
            case BasePoints():
                return self._base_points()
            case Arithmetic():
                return self._checked_call(_ARITHMETIC[node.operator], node.left, node.right)
            case Negation():
                return self._negated(self._expression(node.operand))
            case Comparison():
                return self._comparison(node)
            case TextEquality():
                return self._text_equality(node)
            case NumberMembership():
                return self._number_membership(node)
            case TextMembership():
                return self._text_membership(node)
            case TableMembership():
                return self._table_membership(node)
            case Not():
                return self._not(self._expression(node.operand))
            case Both():
                return self._lazy(node.left, node.right, evaluated_if=True)
            case Either():
                return self._lazy(node.left, node.right, evaluated_if=False)
            case Choice():
                return self._choice(node)
            case ScalarCall():
                return self._scalar_call(node)
            case LinesCall():
                return self._lines_call(node)

    def _entry(self, vector: Vector, index: int) -> str:
        return self.word(self._row if vector is Vector.LINE else "%facts", index)

    def _field(self, node: FieldValue) -> str:
        entry = self._entry(node.vector, node.index)
        return self.compare("ne", entry, 0) if node.type is ValueType.BOOLEAN else entry

    def _let_value(self, node: LetValue) -> str:
        inputs = (*INPUTS, ("ptr", self._row)) if self._rules.lets[node.index].per_line else INPUTS
        result = self._value_of(self.call(RESULT, f"let_{node.index}", inputs))
        return self.compare("ne", result, 0) if node.type is ValueType.BOOLEAN else result

    def _base_points(self) -> str:
        points = self.word("%work", self._layout.base_points)
        self._fail_if(self.compare("sgt", points, MOST // SCALE))
        return self.named(f"mul i64 {points}, {SCALE}")

    # Numbers

    def _checked_call(self, function: str, *operands: Checked) -> str:
        written = [(WORD, self._expression(operand)) for operand in operands]
        return self._value_of(self.call(RESULT, function, written))

    def _value_of(self, result: str) -> str:
        status = self.named(f"extractvalue {RESULT} {result}, 0")
        self._fail_if(self.compare("ne", status, 0), status)
        return self.named(f"extractvalue {RESULT} {result}, 1")

    def _negated(self, operand: str) -> str:
        self._fail_if(self.compare("eq", operand, LEAST))
        return self.named(f"sub i64 0, {operand}")

    # Conditions

    def _not(self, operand: str) -> str:
        return self.named(f"xor i1 {operand}, true")

    def _comparison(self, node: Comparison) -> str:
        left, right = self._expression(node.left), self._expression(node.right)
        kind = CONDITION if node.left.type is ValueType.BOOLEAN else WORD
        return self.named(f"icmp {_COMPARISONS[node.operator]} {kind} {left}, {right}")

    def _text_equality(self, node: TextEquality) -> str:
        left, right = self._expression(node.left), self._expression(node.right)
        same, present = self.compare("eq", left, right), self.compare("sgt", left, 0)
        return self._unless(node.negated, self.named(f"and i1 {same}, {present}"))

    def _unless(self, negated: bool, condition: str) -> str:
        return self._not(condition) if negated else condition

    def _number_membership(self, node: NumberMembership) -> str:
        operand = self._expression(node.operand)
        # No branches: a long list stays one block for the compiler.
        found = "false"
        for value in node.values:
            found = self.named(f"or i1 {found}, {self.compare('eq', operand, value)}")
        return self._unless(node.negated, found)

    def _bit_test(self, node: BitTest) -> str:
        entry, mask = self._entry(node.vector, node.index), self.word("%constants", self._rules.mask_index(node))
        return self.compare("eq" if node.negated else "ne", self.named(f"and i64 {entry}, {mask}"), 0)

    def _text_membership(self, node: TextMembership) -> str:
        first, end = self.place("%constants", node.start), self.place("%constants", node.stop)
        text = self._expression(node.operand)
        found = self.call(CONDITION, "is_listed", [("ptr", first), ("ptr", end), (WORD, text)])
        return self._unless(node.negated, found)

    def _table_membership(self, node: TableMembership) -> str:
        table = self.place("%constants", self._rules.constant_literals + node.start)
        text = self._expression(node.operand)
        found = self.call(CONDITION, "is_member", [("ptr", table), (WORD, node.size - 1), (WORD, text)])
        return self._unless(node.negated, found)

    def _lazy(self, left: Checked, right: Checked, *, evaluated_if: bool) -> str:
        result = self.variable(CONDITION)
        first = self._expression(left)
        self.keep(CONDITION, first, result)
        with self.when(first, holds=evaluated_if):
            self.keep(CONDITION, self._expression(right), result)
        return self.kept(CONDITION, result)

    def _choice(self, node: Choice) -> str:
        kind = CONDITION if node.type is ValueType.BOOLEAN else WORD
        result = self.variable(kind)
        condition = self._expression(node.condition)
        with self.when(condition):
            self.keep(kind, self._expression(node.value), result)
        with self.when(condition, holds=False):
            self.keep(kind, self._expression(node.otherwise), result)
        return self.kept(kind, result)

    # Functions

    def _scalar_call(self, node: ScalarCall) -> str:
        name = node.function.name
        if name in _BETTER:
            return self._extremum(node, _BETTER[name])
        # The arithmetic has it under the same name.
        return self._checked_call(name.value, *node.arguments)

    def _extremum(self, node: ScalarCall, better: str) -> str:
        result, *others = [self._expression(argument) for argument in node.arguments]
        for value in others:
            result = self.named(f"select i1 {self.compare(better, value, result)}, i64 {value}, i64 {result}")
        return result

    def _lines_call(self, node: LinesCall) -> str:
        match node.function.name:
            case FunctionName.SUM:
                return self._sum(node)
            case FunctionName.COUNT:
                return self._count(node)
            case FunctionName.DISTINCT:
                return self._distinct(node)
            case FunctionName.ANY:
                return self._search(node, found_if=True)
            case FunctionName.ALL:
                return self._search(node, found_if=False)
            case _:
                raise AssertionError(node.function.name)

    @contextmanager
    def _each_line(self, node: LinesCall) -> Iterator[str]:
        """Add instructions that run for each line that counts; gives a block that ends the loop."""
        outside = self._row
        with self.each("%line_count") as (line, behind):
            self._row = self.place("%lines", self.named(f"mul i64 {line}, {LINE_FIELD_COUNT}"))
            if node.only is None:
                yield behind
            else:
                with self.when(self._expression(node.only)):
                    yield behind
        self._row = outside

    def _sum(self, node: LinesCall) -> str:
        total = self.variable(WORD)
        self.keep(WORD, "0", total)
        with self._each_line(node):
            operands = [(WORD, self._expression(_body(node))), (WORD, self.kept(WORD, total))]
            self.keep(WORD, self._value_of(self.call(RESULT, "add", operands)), total)
        return self.kept(WORD, total)

    def _count(self, node: LinesCall) -> str:
        if node.body is None and node.only is None:
            # A basket whose line count does not fit has more lines than there is memory.
            return self.named(f"mul i64 %line_count, {SCALE}")
        total = self.variable(WORD)
        self.keep(WORD, "0", total)
        with self._each_line(node):
            if node.body is None:
                self._one_more(total)
            else:
                with self.when(self._expression(node.body)):
                    self._one_more(total)
        return self.kept(WORD, total)

    def _one_more(self, total: str) -> None:
        self.keep(WORD, self.named(f"add i64 {self.kept(WORD, total)}, {SCALE}"), total)

    def _distinct(self, node: LinesCall) -> str:
        # With more the table would be full, and a search in it would not end.
        self._fail_if(self.compare("sgt", "%line_count", MOST_LINES))
        table, total = self.place("%work", self._layout.texts), self.variable(WORD)
        mask = self.call(WORD, "empty_table", [("ptr", table), (WORD, "%line_count")])
        self.keep(WORD, "0", total)
        with self._each_line(node):
            text = self._expression(_body(node))
            with self.when(self.call(CONDITION, "is_new", [("ptr", table), (WORD, mask), (WORD, text)])):
                self._one_more(total)
        return self.kept(WORD, total)

    def _search(self, node: LinesCall, *, found_if: bool) -> str:
        """Whether a line's body is ``found_if``, or not, at the first line that tells."""
        found = self.variable(CONDITION)
        self.keep(CONDITION, _condition(not found_if), found)
        with self._each_line(node) as behind:
            tells, another = self.label(), self.label()
            body = self._expression(_body(node))
            self.branch(body, *((tells, another) if found_if else (another, tells)))
            self.begin(tells)
            self.keep(CONDITION, _condition(found_if), found)
            self.jump(behind)
            self.begin(another)
        return self.kept(CONDITION, found)


def _constant(node: Constant) -> str:
    return _condition(bool(node.value)) if node.type is ValueType.BOOLEAN else str(int(node.value))


def _condition(holds: bool) -> str:
    return "true" if holds else "false"


def _body(node: LinesCall) -> Checked:
    """The checker lets only ``count`` go without a body."""
    if node.body is None:
        raise AssertionError("a function over lines has no body")
    return node.body
