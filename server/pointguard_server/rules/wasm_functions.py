"""Writes the functions of rules and lets as WebAssembly. For ``wasm_backend`` alone.

An expression leaves one value on the stack: a condition as i32, all else as i64. A failure sets the global $status and
leaves the function by its outermost block, and so does whoever called it. A branch not taken is not evaluated.
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
from pointguard_server.rules.fixed_point import LEAST, MOST, SCALE, Status
from pointguard_server.rules.functions import FunctionName
from pointguard_server.rules.value_types import ValueType, Vector
from pointguard_server.rules.wasm_layout import ROW, WORD, memory_layout_of
from pointguard_server.rules.wasm_text import WasmText
from pointguard_server.rules.work_layout import MOST_LINES, TEXTS, layout_of

FAILED: Final = "$failed"
"""The block that a failure leaves."""

_COMPARISON: Final = {
    ComparisonOperator.EQUAL: "eq",
    ComparisonOperator.NOT_EQUAL: "ne",
    ComparisonOperator.LESS: "lt_s",
    ComparisonOperator.LESS_EQUAL: "le_s",
    ComparisonOperator.GREATER: "gt_s",
    ComparisonOperator.GREATER_EQUAL: "ge_s",
}
_CALLS: Final = {ArithmeticOperator.MULTIPLY: "$multiply", ArithmeticOperator.DIVIDE: "$divide"}
_SUMS: Final = {ArithmeticOperator.ADD: "i64.add", ArithmeticOperator.SUBTRACT: "i64.sub"}
_BETTER: Final = {FunctionName.MIN: "i64.lt_s", FunctionName.MAX: "i64.gt_s"}


class FunctionWriter(WasmText):
    """Writes one function."""

    def __init__(self, rules: CheckedRuleSet) -> None:
        super().__init__()
        self._rules = rules
        self._work = layout_of(rules)
        self._memory = memory_layout_of(rules)
        self._row = "$row"
        self._labels = 0

    def rule(self, number: int) -> str:
        """The function of a rule's points; of an exclusive one, whose condition is known to hold."""
        rule = self._rules.rules[number]
        with self.block(f"block {FAILED}"):
            for condition in () if rule.exclusive else (rule.validity, rule.condition):
                if condition is not None:
                    self._expression(condition)
                    self.write("i32.eqz")
                    with self.block("if"):
                        self.write("i64.const 0", "return")
            self._expression(rule.award)
            self.write(f"call $points_{rule.rounding.value}", "return")
        self.write("i64.const 0")
        return self.function(f"$rule_{number} (result i64)")

    def condition(self, number: int) -> str:
        """The function that says whether an exclusive rule applies."""
        rule = self._rules.rules[number]
        with self.block(f"block {FAILED}"):
            for condition in (rule.validity, rule.condition):
                if condition is not None:
                    self._expression(condition)
                    self.write("i32.eqz", f"br_if {FAILED}")
            self.write("i32.const 1", "return")
        self.write("i32.const 0")
        return self.function(f"$holds_{number} (result i32)")

    def let(self, number: int) -> str:
        """The function of a let's value; conditions as 0 or 1."""
        let = self._rules.lets[number]
        known, value = self._work_place(self._work.known + number), self._work_place(self._work.values + number)
        if not let.per_line:
            self.write("i32.const 0", f"i64.load offset={known}", "i64.const 0", "i64.ne")
            with self.block("if"):
                self.write("i32.const 0", f"i64.load offset={value}", "return")
        with self.block(f"block {FAILED}"):
            self._expression(let.value)
            if let.value.type is ValueType.BOOLEAN:
                self.write("i64.extend_i32_u")
            if not let.per_line:
                result = self.keep("i64")
                self.write("i32.const 0", "i64.const 1", f"i64.store offset={known}")
                self.write("i32.const 0", f"local.get {result}", f"i64.store offset={value}", f"local.get {result}")
            self.write("return")
        self.write("i64.const 0")
        return self.function(f"$let_{number}{' (param $row i32)' if let.per_line else ''} (result i64)")

    # Small things

    def _work_place(self, index: int) -> int:
        return self._memory.work + index * WORD

    def _constant_place(self, index: int) -> int:
        return self._memory.constants + index * WORD

    def _constant(self, index: int) -> None:
        self.write("i32.const 0", f"i64.load offset={self._constant_place(index)}")

    def _number(self, value: int) -> None:
        self.write(f"i64.const {int(value)}")

    def _label(self) -> str:
        self._labels += 1
        return f"$l{self._labels}"

    def _fail_if(self) -> None:
        """Fail with an overflow if the condition on the stack holds."""
        with self.block("if"):
            self.write(f"i32.const {Status.OVERFLOW.value}", "global.set $status", f"br {FAILED}")

    def _call(self, function: str) -> None:
        """Call a function that may fail."""
        self.write(f"call {function}", "global.get $status", f"br_if {FAILED}")

    def _entry(self, vector: Vector, index: int) -> None:
        if vector is Vector.LINE:
            self.write(f"local.get {self._row}", f"i64.load offset={self._memory.lines + index * WORD}")
        else:
            self.write("i32.const 0", f"i64.load offset={self._memory.facts + index * WORD}")

    def _negate_if(self, *, negated: bool) -> None:
        if negated:
            self.write("i32.eqz")

    def _as_condition(self, kind: ValueType) -> None:
        """Make the word on the stack a condition, if it stands for one."""
        if kind is ValueType.BOOLEAN:
            self.write("i64.const 0", "i64.ne")

    # Expressions

    def _expression(self, node: Checked) -> None:  # noqa: C901 - one case for each kind of node
        match node:
            case Constant():
                self.write(f"i32.const {int(bool(node.value))}") if node.type is ValueType.BOOLEAN else self._number(
                    node.value
                )
            case FieldValue():
                self._entry(node.vector, node.index)
                self._as_condition(node.type)
            case TextConstant():
                self._constant(node.index)
            case BitTest():
                self._entry(node.vector, node.index)
                self._constant(self._rules.mask_index(node))
                self.write("i64.and", "i64.const 0")
                self.write("i64.eq" if node.negated else "i64.ne")
            case LetValue():
                if self._rules.lets[node.index].per_line:
                    self.write(f"local.get {self._row}")
                self._call(f"$let_{node.index}")
                self._as_condition(node.type)
            case BasePoints():
                self._base_points()
            case Arithmetic():
                self._arithmetic(node)
            case Negation():
                self._negation(node)
            case Comparison():
                self._expression(node.left)
                self._expression(node.right)
                word = "i32" if node.left.type is ValueType.BOOLEAN else "i64"
                self.write(f"{word}.{_COMPARISON[node.operator]}")
            case TextEquality():
                self._text_equality(node)
            case NumberMembership():
                self._number_membership(node)
            case TextMembership():
                self._text_membership(node)
            case TableMembership():
                self._table_membership(node)
            case Not():
                self._expression(node.operand)
                self.write("i32.eqz")
            case Both() | Either():
                self._lazy(node)
            case Choice():
                self._choice(node)
            case ScalarCall():
                self._scalar_call(node)
            case LinesCall():
                self._lines_call(node)

    # Numbers

    def _base_points(self) -> None:
        self.write("i32.const 0", f"i64.load offset={self._work_place(self._work.base_points)}")
        points = self.keep("i64")
        self.write(f"local.get {points}", f"i64.const {MOST // SCALE}", "i64.gt_s")
        self._fail_if()
        self.write(f"local.get {points}", f"i64.const {SCALE}", "i64.mul")

    def _arithmetic(self, node: Arithmetic) -> None:
        self._expression(node.left)
        self._expression(node.right)
        if node.operator in _CALLS:
            self._call(_CALLS[node.operator])
        else:
            self._sum_or_difference(node.operator)

    def _sum_or_difference(self, operator: ArithmeticOperator) -> None:
        """Add or subtract what is on the stack.

        A sum overflows when it differs from both operands in sign; a difference when the operands differ, and it from
        the left one.
        """
        right = self.keep("i64")
        left = self.keep("i64")
        self.write(f"local.get {left}", f"local.get {right}", _SUMS[operator])
        result = self.keep("i64")
        other = result if operator is ArithmeticOperator.ADD else left
        self.write(f"local.get {left}", f"local.get {result}", "i64.xor")
        self.write(f"local.get {right}", f"local.get {other}", "i64.xor")
        self.write("i64.and", "i64.const 0", "i64.lt_s")
        self._fail_if()
        self.write(f"local.get {result}")

    def _negation(self, node: Negation) -> None:
        self._expression(node.operand)
        operand = self.keep("i64")
        self.write(f"local.get {operand}", f"i64.const {LEAST}", "i64.eq")
        self._fail_if()
        self.write("i64.const 0", f"local.get {operand}", "i64.sub")

    # Conditions

    def _text_equality(self, node: TextEquality) -> None:
        self._expression(node.left)
        left = self.keep("i64")
        self._expression(node.right)
        self.write(f"local.get {left}", "i64.eq", f"local.get {left}", "i64.const 0", "i64.gt_s", "i32.and")
        self._negate_if(negated=node.negated)

    def _number_membership(self, node: NumberMembership) -> None:
        self._expression(node.operand)
        operand = self.keep("i64")
        self.write("i32.const 0")
        for value in node.values:
            self.write(f"local.get {operand}", f"i64.const {int(value)}", "i64.eq", "i32.or")
        self._negate_if(negated=node.negated)

    def _text_membership(self, node: TextMembership) -> None:
        self._expression(node.operand)
        text = self.keep("i64")
        start, stop = self._constant_place(node.start), self._constant_place(node.stop)
        self.write(f"i32.const {start}", f"i32.const {stop}", f"local.get {text}", "call $is_listed")
        self._negate_if(negated=node.negated)

    def _table_membership(self, node: TableMembership) -> None:
        self._expression(node.operand)
        text = self.keep("i64")
        start = self._constant_place(self._rules.constant_literals + node.start)
        self.write(f"i32.const {start}", f"i64.const {node.size - 1}", f"local.get {text}", "call $is_member")
        self._negate_if(negated=node.negated)

    def _lazy(self, node: Both | Either) -> None:
        self._expression(node.left)
        with self.block("if (result i32)"):
            if isinstance(node, Both):
                self._expression(node.right)
                self.write("else", "i32.const 0")
            else:
                self.write("i32.const 1", "else")
                self._expression(node.right)

    def _choice(self, node: Choice) -> None:
        self._expression(node.condition)
        with self.block(f"if (result {'i32' if node.type is ValueType.BOOLEAN else 'i64'})"):
            self._expression(node.value)
            self.write("else")
            self._expression(node.otherwise)

    # Functions

    def _scalar_call(self, node: ScalarCall) -> None:
        name = node.function.name
        if name in _BETTER:
            self._extremum(node, _BETTER[name])
            return
        for argument in node.arguments:
            self._expression(argument)
        # The arithmetic has it under the same name.
        self._call(f"${name.value}")

    def _extremum(self, node: ScalarCall, better: str) -> None:
        self._expression(node.arguments[0])
        result = self.keep("i64")
        for argument in node.arguments[1:]:
            self._expression(argument)
            value = self.keep("i64")
            self.write(f"local.get {value}", f"local.get {result}")
            self.write(f"local.get {value}", f"local.get {result}", better, "select", f"local.set {result}")
        self.write(f"local.get {result}")

    def _lines_call(self, node: LinesCall) -> None:
        match node.function.name:
            case FunctionName.SUM:
                self._sum(node)
            case FunctionName.COUNT:
                self._count(node)
            case FunctionName.DISTINCT:
                self._distinct(node)
            case FunctionName.ANY:
                self._search(node, is_any=True)
            case FunctionName.ALL:
                self._search(node, is_any=False)
            case _:
                raise AssertionError(node.function.name)

    @contextmanager
    def _each_line(self, node: LinesCall) -> Iterator[str]:
        """What is written inside runs for each line that the filter lets through; the label given ends it all."""
        done, again, skipped = self._label(), self._label(), self._label()
        outside, self._row = self._row, self.new("i32")
        self.write("global.get $line_count", "i32.wrap_i64", f"i32.const {ROW}", "i32.mul")
        end = self.keep("i32")
        self.write("i32.const 0", f"local.set {self._row}")
        with self.block(f"block {done}"), self.block(f"loop {again}"):
            self.write(f"local.get {self._row}", f"local.get {end}", "i32.ge_u", f"br_if {done}")
            with self.block(f"block {skipped}"):
                if node.only is not None:
                    self._expression(node.only)
                    self.write("i32.eqz", f"br_if {skipped}")
                yield done
            self.write(f"local.get {self._row}", f"i32.const {ROW}", "i32.add", f"local.set {self._row}", f"br {again}")
        self._row = outside

    def _start(self, kind: str, value: int) -> str:
        self.write(f"{kind}.const {value}")
        return self.keep(kind)

    def _sum(self, node: LinesCall) -> None:
        total = self._start("i64", 0)
        with self._each_line(node):
            self.write(f"local.get {total}")
            self._expression(_body(node))
            self._sum_or_difference(ArithmeticOperator.ADD)
            self.write(f"local.set {total}")
        self.write(f"local.get {total}")

    def _count(self, node: LinesCall) -> None:
        if node.body is None and node.only is None:
            self.write("global.get $line_count", f"i64.const {SCALE}", "i64.mul")
            return
        total = self._start("i64", 0)
        with self._each_line(node):
            if node.body is None:
                self.write("i32.const 1")
            else:
                self._expression(node.body)
            self._count_if(total)
        self.write(f"local.get {total}")

    def _count_if(self, total: str) -> None:
        """Count one if the condition on the stack holds."""
        self.write("i64.extend_i32_u", f"i64.const {SCALE}", "i64.mul", f"local.get {total}", "i64.add")
        self.write(f"local.set {total}")

    def _distinct(self, node: LinesCall) -> None:
        start = self._work_place(self._work.texts)
        # With more the table would be full, and a search in it would not end.
        self.write("global.get $line_count", f"i64.const {MOST_LINES}", "i64.gt_s")
        self._fail_if()
        total, size = self._start("i64", 0), self._start("i64", 16)
        self._size_of_table(size)
        self.write(f"i32.const {start}", "i32.const 0", f"local.get {size}", "i32.wrap_i64", f"i32.const {WORD}")
        self.write("i32.mul", "memory.fill")
        with self._each_line(node):
            self._expression(_body(node))
            text = self.keep("i64")
            self.write(f"local.get {text}", "i64.const 0", "i64.gt_s")
            with self.block("if"):
                self.write(f"i32.const {start}", f"local.get {size}", "i64.const 1", "i64.sub", f"local.get {text}")
                self.write("call $is_new")
                self._count_if(total)
        self.write(f"local.get {total}")

    def _size_of_table(self, size: str) -> None:
        """Double a size until it is twice the lines, so that a small basket clears little."""
        done, again = self._label(), self._label()
        with self.block(f"block {done}"), self.block(f"loop {again}"):
            self.write(f"local.get {size}", "global.get $line_count", "i64.const 1", "i64.shl", "i64.ge_s")
            self.write(f"local.get {size}", f"i64.const {TEXTS}", "i64.ge_s", "i32.or", f"br_if {done}")
            self.write(f"local.get {size}", "i64.const 1", "i64.shl", f"local.set {size}", f"br {again}")

    def _search(self, node: LinesCall, *, is_any: bool) -> None:
        found = self._start("i32", int(not is_any))
        with self._each_line(node) as done:
            self._expression(_body(node))
            self._negate_if(negated=not is_any)
            with self.block("if"):
                self.write(f"i32.const {int(is_any)}", f"local.set {found}", f"br {done}")
        self.write(f"local.get {found}")


def _body(node: LinesCall) -> Checked:
    """The checker lets only ``count`` go without a body."""
    if node.body is None:
        raise AssertionError("a function over lines has no body")
    return node.body
