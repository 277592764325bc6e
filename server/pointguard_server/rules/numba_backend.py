"""The hot back end: writes a checked rule set as a Python module that Numba compiles. For ``compiler`` and tests.

The module has functions for each rule and ``let`` of (facts, lines, line_count, constants, work), and ``earn`` over
them. Its names are v1, v2, … of our own making and its literals are integers; ``checked`` holds nothing else to write.
Expressions become statements, so that a failure returns at once and a branch not taken is not evaluated. No function
allocates; ``work_layout`` says what is where in ``work``.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from pointguard_server.rules.checked import (
    NOT_COMPUTED,
    Arithmetic,
    ArithmeticOperator,
    BasePoints,
    BitTest,
    Both,
    Checked,
    CheckedCap,
    CheckedRuleSet,
    Choice,
    Comparison,
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
from pointguard_server.rules.value_types import CapPeriod, Limit, Part, ValueType, Vector
from pointguard_server.rules.work_layout import MOST_LINES, TEXTS, WorkLayout, layout_of, reads_base_points

_HEADER: Final = '''"""Earn rules as compiled code reads them. Written by pointguard; edits are lost."""

from numba import int64, njit, uint64

from pointguard_server.rules.fixed_point_kernels import (
    ceiling,
    divide,
    floor,
    is_member,
    is_new,
    multiply,
    points_down,
    points_half_even,
    points_half_up,
    points_up,
    refuse,
)

'''
_OVERFLOW: Final = str(Status.OVERFLOW.value)
# ``add`` overflows when both operands differ from the result in sign; ``subtract`` when the operands differ and the
# result differs from the left one.
_SUM_OVERFLOWS: Final = {
    ArithmeticOperator.ADD: "(({left} ^ {result}) & ({right} ^ {result})) < 0",
    ArithmeticOperator.SUBTRACT: "(({left} ^ {right}) & ({left} ^ {result})) < 0",
}
_KERNELS: Final = {ArithmeticOperator.MULTIPLY: "multiply", ArithmeticOperator.DIVIDE: "divide"}


_LIMITS: Final = {
    CapPeriod.TRANSACTION: Limit.CAP_PER_TRANSACTION,
    CapPeriod.DAY: Limit.CAP_PER_DAY,
    CapPeriod.MONTH: Limit.CAP_PER_MONTH,
    CapPeriod.LIFETIME: Limit.CAP_PER_LIFETIME,
}
_INPUTS: Final = "facts, lines, line_count, constants, work"


def write_module(rules: CheckedRuleSet) -> str:
    """The source of a module whose ``earn`` has the signature that ``compiler`` compiles."""
    layout = layout_of(rules)
    functions = [_FunctionWriter(rules, layout).let(number) for number in range(len(rules.lets))]
    for number, rule in enumerate(rules.rules):
        if rule.exclusive:
            functions.append(_FunctionWriter(rules, layout).condition(number))
        functions.append(_FunctionWriter(rules, layout).rule(number))
    return _HEADER + "\n".join((*functions, _EarnWriter(rules, layout).source()))


class _Lines:
    """Lines of code and how far they are indented: one space a level, since Python's own limit is 100 levels."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._indentation = 1

    def _write(self, statement: str) -> None:
        self._lines.append(" " * self._indentation + statement)

    @contextmanager
    def _block(self, opening: str) -> Iterator[None]:
        self._write(opening)
        self._indentation += 1
        yield
        self._indentation -= 1


class _EarnWriter(_Lines):
    """Writes ``earn``: exclusive rules, then base awards, then the others; each turn ends with its groups' best."""

    def __init__(self, rules: CheckedRuleSet, layout: WorkLayout) -> None:
        super().__init__()
        self._rules = rules
        self._layout = layout

    def source(self) -> str:
        """The whole function."""
        self._lines = ["", f"def earn({_INPUTS}):"]
        for number, let in enumerate(self._rules.lets):
            if not let.per_line:
                self._write(f"work[{self._layout.known + number}] = 0")
        self._exclude()
        base = [number for number in self._rules.order if self._rules.rules[number].part is Part.BASE]
        others = [number for number in self._rules.order if self._rules.rules[number].part is not Part.BASE]
        self._turn(base)
        if reads_base_points(self._rules):
            total = " + ".join(f"work[{number}]" for number in base) or "int64(0)"
            self._write(f"work[{self._layout.base_points}] = {total}")
        self._turn(others)
        self._write("return 0")
        return "\n".join([*self._lines, ""])

    def _call(self, function: str, result: str) -> None:
        self._write(f"status, {result} = {function}({_INPUTS})")
        with self._block("if status != 0:"):
            self._write(f"return refuse(work, {_integer(2 * len(self._rules.rules))}, int64(status))")

    def _exclude(self) -> None:
        exclusive = self._rules.exclusive_order
        if exclusive:
            self._write("least = int64(0)")
        for number in exclusive:
            priority = self._rules.rules[number].priority
            self._write(f"held_{number} = False")
            with self._block(f"if least <= {_integer(priority)}:"):
                self._call(f"holds_{number}", f"held_{number}")
                with self._block(f"if held_{number}:"):
                    self._write(f"least = {_integer(priority)}")

    def _turn(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            self._rule(number)
        groups: dict[int, list[int]] = {}
        for number in numbers:
            group = self._rules.rules[number].group
            if group is not None:
                groups.setdefault(group, []).append(number)
        for members in groups.values():
            self._choose_best(members)

    def _rule(self, number: int) -> None:
        rule = self._rules.rules[number]
        self._write(f"work[{number}] = 0")
        self._write(f"work[{self._layout.limits + number}] = 0")
        if not self._rules.exclusive_order:
            self._award(number)
            return
        with self._block(f"if least > {_integer(rule.priority)}:"):
            self._write(f"work[{self._layout.limits + number}] = {Limit.EXCLUDED.value}")
        with self._block(f"elif held_{number}:" if rule.exclusive else "else:"):
            self._award(number)

    def _award(self, number: int) -> None:
        if self._rules.independent:
            self._award_by_itself(number)
            return
        self._call(f"rule_{number}", "points")
        for cap in self._rules.rules[number].caps:
            self._cap(number, cap)
        self._write(f"work[{number}] = points")

    def _award_by_itself(self, number: int) -> None:
        self._write(f"status, points = rule_{number}({_INPUTS})")
        self._write(f"work[{number}] = points")
        with self._block("if status != 0:"):
            self._write(f"work[{number}] = {NOT_COMPUTED}")

    def _cap(self, number: int, cap: CheckedCap) -> None:
        rest = _integer(cap.points)
        if cap.earned is not None:
            # Less than nothing was never earned, and the difference could overflow.
            self._write(f"rest = {rest} - max(int64(0), min({rest}, facts[{cap.earned}]))")
            rest = "rest"
        with self._block(f"if points > {rest}:"):
            self._write(f"points = {rest}")
            self._write(f"work[{self._layout.limits + number}] = {_LIMITS[cap.period].value}")

    def _choose_best(self, members: Sequence[int]) -> None:
        self._write(f"best = int64({members[0]})")
        for number in members[1:]:
            with self._block(f"if work[{number}] > work[best]:"):
                self._write(f"best = int64({number})")
        for number in members:
            with self._block(f"if best != {number} and work[{number}] > 0:"):
                self._write(f"work[{number}] = 0")
                self._write(f"work[{self._layout.limits + number}] = {Limit.BETTER_IN_GROUP.value}")


class _FunctionWriter(_Lines):
    """Writes one function. A written expression is named by its operand: a variable, or an integer or boolean."""

    def __init__(self, rules: CheckedRuleSet, layout: WorkLayout) -> None:
        super().__init__()
        self._rules = rules
        self._layout = layout
        self._variables = 0
        self._failure = "0"

    def rule(self, number: int) -> str:
        """The function (status, points) of a rule; of an exclusive one, whose condition is known to hold."""
        rule = self._rules.rules[number]
        self._open(f"rule_{number}", _INPUTS)
        for condition in () if rule.exclusive else (rule.validity, rule.condition):
            if condition is not None:
                with self._block(f"if not {self._expression(condition)}:"):
                    self._write("return 0, 0")
        award = self._expression(rule.award)
        self._write(f"return 0, points_{rule.rounding.value}({award})")
        return "\n".join([*self._lines, ""])

    def condition(self, number: int) -> str:
        """The function (status, whether it applies) of an exclusive rule."""
        rule = self._rules.rules[number]
        self._failure = "False"
        self._open(f"holds_{number}", _INPUTS)
        for condition in (rule.validity, rule.condition):
            if condition is not None:
                with self._block(f"if not {self._expression(condition)}:"):
                    self._write("return 0, False")
        self._write("return 0, True")
        return "\n".join([*self._lines, ""])

    def let(self, number: int) -> str:
        """The function (status, value) of a let; conditions as 0 or 1."""
        let = self._rules.lets[number]
        known, value = self._layout.known + number, self._layout.values + number
        self._open(f"let_{number}", f"{_INPUTS}, row" if let.per_line else _INPUTS)
        if not let.per_line:
            with self._block(f"if work[{known}] != 0:"):
                self._write(f"return 0, work[{value}]")
        result = self._assign(f"int64({self._expression(let.value)})")
        if not let.per_line:
            self._write(f"work[{known}] = 1")
            self._write(f"work[{value}] = {result}")
        self._write(f"return 0, {result}")
        return "\n".join([*self._lines, ""])

    def _open(self, name: str, parameters: str) -> None:
        self._lines = ["", '@njit(error_model="numpy")', f"def {name}({parameters}):"]

    def _new(self) -> str:
        self._variables += 1
        return f"v{self._variables}"

    def _assign(self, expression: str) -> str:
        variable = self._new()
        self._write(f"{variable} = {expression}")
        return variable

    def _fail_if(self, condition: str, status: str = _OVERFLOW) -> None:
        with self._block(f"if {condition}:"):
            self._write(f"return {status}, {self._failure}")

    def _expression(self, node: Checked) -> str:  # noqa: C901 - one case for each kind of node
        match node:
            case Constant():
                return str(bool(node.value)) if node.type is ValueType.BOOLEAN else _integer(node.value)
            case FieldValue():
                return self._field(node)
            case TextConstant():
                return self._assign(f"constants[{int(node.index)}]")
            case BitTest():
                return self._bit_test(node)
            case LetValue():
                return self._let_value(node)
            case BasePoints():
                return self._base_points()
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
            case TableMembership():
                return self._table_membership(node)
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
        entry = _entry(node.vector, node.index)
        return self._assign(f"{entry} != 0" if node.type is ValueType.BOOLEAN else entry)

    def _let_value(self, node: LetValue) -> str:
        status, result = self._new(), self._new()
        inputs = f"{_INPUTS}, row" if self._rules.lets[node.index].per_line else _INPUTS
        self._write(f"{status}, {result} = let_{int(node.index)}({inputs})")
        self._fail_if(f"{status} != 0", status)
        return self._assign(f"{result} != 0") if node.type is ValueType.BOOLEAN else result

    def _base_points(self) -> str:
        points = self._assign(f"work[{self._layout.base_points}]")
        self._fail_if(f"{points} > {_integer(MOST // SCALE)}")
        return self._assign(f"{points} * {SCALE}")

    # Numbers

    def _arithmetic(self, node: Arithmetic) -> str:
        left, right = self._expression(node.left), self._expression(node.right)
        if node.operator in _KERNELS:
            return self._kernel(_KERNELS[node.operator], left, right)
        return self._sum_or_difference(node.operator, left, right)

    def _kernel(self, kernel: str, *operands: str) -> str:
        status, result = self._new(), self._new()
        self._write(f"{status}, {result} = {kernel}({', '.join(operands)})")
        self._fail_if(f"{status} != 0", status)
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

    def _bit_test(self, node: BitTest) -> str:
        entry = _entry(node.vector, node.index)
        word = "==" if node.negated else "!="
        mask = f"constants[{self._rules.mask_index(node)}]"
        return self._assign(f"{entry} & {mask} {word} 0")

    def _table_membership(self, node: TableMembership) -> str:
        operand = self._expression(node.operand)
        start = self._rules.constant_literals + node.start
        found = self._assign(f"is_member(constants, {_integer(start)}, {_integer(node.size)}, {operand})")
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
            case FunctionName.FLOOR | FunctionName.CEILING:
                return self._kernel(node.function.name.value, values[0])
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
                return self._sum(node)
            case FunctionName.COUNT:
                return self._count(node)
            case FunctionName.DISTINCT:
                return self._distinct(node)
            case FunctionName.ANY:
                return self._search(node, "False", "if {}:", "True")
            case FunctionName.ALL:
                return self._search(node, "True", "if not {}:", "False")
            case _:
                raise AssertionError(node.function.name)

    @contextmanager
    def _each_line(self, node: LinesCall) -> Iterator[None]:
        with self._block("for line in range(line_count):"):
            self._write(f"row = line * {LINE_FIELD_COUNT}")
            if node.only is None:
                yield
                return
            with self._block(f"if {self._expression(node.only)}:"):
                yield

    def _sum(self, node: LinesCall) -> str:
        total = self._assign("0")
        with self._each_line(node):
            value = self._expression(_body(node))
            self._write(f"{total} = {self._sum_or_difference(ArithmeticOperator.ADD, total, value)}")
        return total

    def _count(self, node: LinesCall) -> str:
        if node.body is None and node.only is None:
            # A basket whose line count does not fit has more lines than there is memory.
            return self._assign(f"line_count * {SCALE}")
        total = self._assign("0")
        with self._each_line(node):
            if node.body is None:
                self._write(f"{total} += {SCALE}")
                return total
            with self._block(f"if {self._expression(node.body)}:"):
                self._write(f"{total} += {SCALE}")
        return total

    def _distinct(self, node: LinesCall) -> str:
        start, size = self._layout.texts, self._new()
        # With more the table would be full, and a search in it would not end.
        self._fail_if(f"line_count > {MOST_LINES}")
        total = self._assign("0")
        # No larger than the lines need, so that a small basket clears little.
        self._write(f"{size} = 16")
        with self._block(f"while {size} < 2 * line_count and {size} < {TEXTS}:"):
            self._write(f"{size} *= 2")
        with self._block(f"for slot in range({size}):"):
            self._write(f"work[{start} + slot] = 0")
        with self._each_line(node):
            text = self._expression(_body(node))
            with self._block(f"if {text} > 0 and is_new(work, {_integer(start)}, {size}, {text}):"):
                self._write(f"{total} += {SCALE}")
        return total

    def _search(self, node: LinesCall, start: str, opening: str, end: str) -> str:
        found = self._assign(start)
        with self._each_line(node), self._block(opening.format(self._expression(_body(node)))):
            self._write(f"{found} = {end}")
            self._write("break")
        return found


def _entry(vector: Vector, index: int) -> str:
    return f"lines[row + {int(index)}]" if vector is Vector.LINE else f"facts[{int(index)}]"


def _integer(value: int) -> str:
    # A bare literal has a type of its own: Numba would compile every kernel again for each number in the rules.
    return f"int64({int(value)})"


def _body(node: LinesCall) -> Checked:
    """The checker lets only ``count`` go without a body."""
    if node.body is None:
        raise AssertionError("a function over lines has no body")
    return node.body
