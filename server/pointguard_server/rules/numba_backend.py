"""The hot back end: writes a checked rule set as a Python module that Numba compiles. For ``compiler`` and tests.

The module has one function for each rule, (facts, lines, line_count, constants) → (status, points), and ``earn`` over
them. Its names are v1, v2, … of our own making and its literals are integers; ``checked`` holds nothing else to
write. Expressions become statements, so that a failure returns at once and a branch not taken is not evaluated. No
function allocates.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pointguard_server.rules.checked import (
    Arithmetic,
    ArithmeticOperator,
    Both,
    Checked,
    CheckedRule,
    CheckedRuleSet,
    Choice,
    Comparison,
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
from pointguard_server.rules.fields import LINE_FIELD_COUNT
from pointguard_server.rules.fixed_point import LEAST, SCALE, Status
from pointguard_server.rules.functions import FunctionName
from pointguard_server.rules.value_types import ValueType, Vector

_HEADER: Final = '''"""Earn rules as compiled code reads them. Written by pointguard; edits are lost."""

from numba import int64, njit, uint64

from pointguard_server.rules.fixed_point_kernels import (
    divide,
    multiply,
    points_down,
    points_half_even,
    points_half_up,
    points_up,
    refuse,
)

'''
_OVERFLOW: Final = f"return {Status.OVERFLOW.value}, 0"
# ``add`` overflows when both operands differ from the result in sign; ``subtract`` when the operands differ and the
# result differs from the left one.
_SUM_OVERFLOWS: Final = {
    ArithmeticOperator.ADD: "(({left} ^ {result}) & ({right} ^ {result})) < 0",
    ArithmeticOperator.SUBTRACT: "(({left} ^ {right}) & ({left} ^ {result})) < 0",
}
_KERNELS: Final = {ArithmeticOperator.MULTIPLY: "multiply", ArithmeticOperator.DIVIDE: "divide"}


def write_module(rules: CheckedRuleSet) -> str:
    """The source of a module whose ``earn`` has the signature that ``compiler`` compiles."""
    functions = [_RuleWriter(f"rule_{number}", rule).source() for number, rule in enumerate(rules.rules)]
    return _HEADER + "\n".join((*functions, _earn(len(rules.rules))))


def _earn(rule_count: int) -> str:
    lines = ["", "def earn(facts, lines, line_count, constants, awards):"]
    for number in range(rule_count):
        lines += [
            f" status, points = rule_{number}(facts, lines, line_count, constants)",
            " if status != 0:",
            f"  return refuse(awards, {_integer(rule_count)}, int64(status))",
            f" awards[{number}] = points",
        ]
    return "\n".join([*lines, " return 0", ""])


class _RuleWriter:
    """Writes one rule. A written expression is named by its operand: a variable, or an integer or boolean literal."""

    def __init__(self, name: str, rule: CheckedRule) -> None:
        self._name = name
        self._rule = rule
        self._lines: list[str] = []
        # One space a level: Python's own limit is 100 levels, and the checker's trees stay well below it.
        self._indentation = 1
        self._variables = 0

    def source(self) -> str:
        """The whole function."""
        self._lines = ["", '@njit(error_model="numpy")', f"def {self._name}(facts, lines, line_count, constants):"]
        if self._rule.condition is not None:
            condition = self._expression(self._rule.condition)
            with self._block(f"if not {condition}:"):
                self._write("return 0, 0")
        award = self._expression(self._rule.award)
        self._write(f"return 0, points_{self._rule.rounding.value}({award})")
        return "\n".join([*self._lines, ""])

    def _write(self, statement: str) -> None:
        self._lines.append(" " * self._indentation + statement)

    @contextmanager
    def _block(self, opening: str) -> Iterator[None]:
        self._write(opening)
        self._indentation += 1
        yield
        self._indentation -= 1

    def _new(self) -> str:
        self._variables += 1
        return f"v{self._variables}"

    def _assign(self, expression: str) -> str:
        variable = self._new()
        self._write(f"{variable} = {expression}")
        return variable

    def _fail_if(self, condition: str, failure: str = _OVERFLOW) -> None:
        with self._block(f"if {condition}:"):
            self._write(failure)

    def _expression(self, node: Checked) -> str:  # noqa: C901 - one case for each kind of node
        match node:
            case Constant():
                return str(bool(node.value)) if node.type is ValueType.BOOLEAN else _integer(node.value)
            case FieldValue():
                return self._field(node)
            case TextConstant():
                return self._assign(f"constants[{int(node.index)}]")
            case Arithmetic():
                return self._arithmetic(node)
            case Negation():
                return self._negation(node)
            case Comparison():
                left, right = self._expression(node.left), self._expression(node.right)
                return self._assign(f"{left} {node.operator.value} {right}")
            case TextEquality():
                return self._text_equality(node)
            case NumberMembership():
                return self._number_membership(node)
            case TextMembership():
                return self._text_membership(node)
            case Not():
                return self._assign(f"not {self._expression(node.operand)}")
            case Both():
                return self._lazy(node.left, node.right, "if {}:")
            case Either():
                return self._lazy(node.left, node.right, "if not {}:")
            case Choice():
                return self._choice(node)
            case ScalarCall():
                return self._scalar_call(node)
            case LinesCall():
                return self._lines_call(node)

    def _field(self, node: FieldValue) -> str:
        entry = f"lines[row + {int(node.index)}]" if node.vector is Vector.LINE else f"facts[{int(node.index)}]"
        return self._assign(f"{entry} != 0" if node.type is ValueType.BOOLEAN else entry)

    # Numbers

    def _arithmetic(self, node: Arithmetic) -> str:
        left, right = self._expression(node.left), self._expression(node.right)
        if node.operator in _KERNELS:
            return self._kernel(_KERNELS[node.operator], left, right)
        return self._sum_or_difference(node.operator, left, right)

    def _kernel(self, kernel: str, left: str, right: str) -> str:
        status, result = self._new(), self._new()
        self._write(f"{status}, {result} = {kernel}({left}, {right})")
        self._fail_if(f"{status} != 0", f"return {status}, 0")
        return result

    def _sum_or_difference(self, operator: ArithmeticOperator, left: str, right: str) -> str:
        # Numba tells LLVM that signed arithmetic never overflows, and LLVM would drop the check. Unsigned words wrap.
        result = self._assign(f"int64(uint64({left}) {operator.value} uint64({right}))")
        self._fail_if(_SUM_OVERFLOWS[operator].format(left=left, right=right, result=result))
        return result

    def _negation(self, node: Negation) -> str:
        operand = self._expression(node.operand)
        self._fail_if(f"{operand} == {LEAST}")
        return self._assign(f"-{operand}")

    # Booleans

    def _text_equality(self, node: TextEquality) -> str:
        left, right = self._expression(node.left), self._expression(node.right)
        same = self._assign(f"({left} == {right}) & ({left} > 0)")
        return self._assign(f"not {same}") if node.negated else same

    def _number_membership(self, node: NumberMembership) -> str:
        operand = self._expression(node.operand)
        # Without `or` there is no branch: a long list stays one block for the compiler.
        found = self._assign(" | ".join(f"({operand} == {int(value)})" for value in node.values))
        return self._assign(f"not {found}") if node.negated else found

    def _text_membership(self, node: TextMembership) -> str:
        operand = self._expression(node.operand)
        found = self._assign("False")
        with (
            self._block(f"if {operand} > 0:"),
            self._block(f"for index in range({int(node.start)}, {int(node.stop)}):"),
            self._block(f"if constants[index] == {operand}:"),
        ):
            self._write(f"{found} = True")
            self._write("break")
        return self._assign(f"not {found}") if node.negated else found

    def _lazy(self, left: Checked, right: Checked, opening: str) -> str:
        result = self._assign(self._expression(left))
        with self._block(opening.format(result)):
            self._write(f"{result} = {self._expression(right)}")
        return result

    def _choice(self, node: Choice) -> str:
        result = self._new()
        with self._block(f"if {self._expression(node.condition)}:"):
            self._write(f"{result} = {self._expression(node.value)}")
        with self._block("else:"):
            self._write(f"{result} = {self._expression(node.otherwise)}")
        return result

    # Functions

    def _scalar_call(self, node: ScalarCall) -> str:
        values = [self._expression(argument) for argument in node.arguments]
        match node.function.name:
            case FunctionName.MIN:
                return self._extremum(values, "<")
            case FunctionName.MAX:
                return self._extremum(values, ">")
            case FunctionName.ABS:
                self._fail_if(f"{values[0]} == {LEAST}")
                return self._assign(f"-{values[0]} if {values[0]} < 0 else {values[0]}")
            case _:
                raise AssertionError(node.function.name)

    def _extremum(self, values: list[str], better: str) -> str:
        result = self._assign(values[0])
        for value in values[1:]:
            with self._block(f"if {value} {better} {result}:"):
                self._write(f"{result} = {value}")
        return result

    def _lines_call(self, node: LinesCall) -> str:
        match node.function.name:
            case FunctionName.SUM:
                return self._sum(node.body)
            case FunctionName.COUNT:
                return self._count(node.body)
            case FunctionName.ANY:
                return self._search(node.body, "False", "if {}:", "True")
            case FunctionName.ALL:
                return self._search(node.body, "True", "if not {}:", "False")
            case _:
                raise AssertionError(node.function.name)

    @contextmanager
    def _each_line(self) -> Iterator[None]:
        with self._block("for line in range(line_count):"):
            self._write(f"row = line * {LINE_FIELD_COUNT}")
            yield

    def _sum(self, body: Checked | None) -> str:
        total = self._assign("0")
        with self._each_line():
            value = self._expression(_present(body))
            self._write(f"{total} = {self._sum_or_difference(ArithmeticOperator.ADD, total, value)}")
        return total

    def _count(self, body: Checked | None) -> str:
        if body is None:
            # A basket whose line count does not fit has more lines than there is memory.
            return self._assign(f"line_count * {SCALE}")
        total = self._assign("0")
        with self._each_line(), self._block(f"if {self._expression(body)}:"):
            self._write(f"{total} += {SCALE}")
        return total

    def _search(self, body: Checked | None, start: str, opening: str, end: str) -> str:
        found = self._assign(start)
        with self._each_line(), self._block(opening.format(self._expression(_present(body)))):
            self._write(f"{found} = {end}")
            self._write("break")
        return found


def _integer(value: int) -> str:
    # A bare literal has a type of its own: Numba would compile every kernel again for each number in the rules.
    return f"int64({int(value)})"


def _present(body: Checked | None) -> Checked:
    """The checker lets only ``count`` go without a body."""
    if body is None:
        raise AssertionError("a function over lines has no body")
    return body
