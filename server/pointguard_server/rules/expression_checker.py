"""Gives expressions their types and meaning: names, literals, operators. For ``checker`` and its other files.

An expression that has a problem checks as None; whoever contains it stays silent about it, so one mistake is one
problem.
"""

from typing import Final

from pointguard_server.rules import checked, fixed_point, syntax
from pointguard_server.rules.adapting import adapted, adapted_zero
from pointguard_server.rules.call_checker import CallChecker
from pointguard_server.rules.checked import ArithmeticOperator, Checked, ComparisonOperator
from pointguard_server.rules.fields import FIELDS, OBJECTS
from pointguard_server.rules.functions import FUNCTIONS, NUMERIC
from pointguard_server.rules.inputs import SECONDS, WINDOW_SOURCES
from pointguard_server.rules.literals import Written, is_currency, read_literal
from pointguard_server.rules.problems import PROBLEMS_SHOWN_AT_MOST
from pointguard_server.rules.scope import A, Scope, suggest, text_of
from pointguard_server.rules.syntax import Expression
from pointguard_server.rules.text_checker import TextChecker
from pointguard_server.rules.value_types import ValueType, Vector

LINES: Final = "lines"
_ARITHMETIC: Final = frozenset(operator.value for operator in ArithmeticOperator)
_EQUALITIES: Final = frozenset((ComparisonOperator.EQUAL, ComparisonOperator.NOT_EQUAL))
_COMPARISONS: Final = frozenset(operator.value for operator in ComparisonOperator)
_NUMBER, _MONEY, _DATE = ValueType.NUMBER, ValueType.MONEY, ValueType.DATE
_ORDERED: Final = (_NUMBER, _MONEY, _DATE)
_RESULTS: Final = {
    ("+", _NUMBER, _NUMBER): _NUMBER,
    ("-", _NUMBER, _NUMBER): _NUMBER,
    ("*", _NUMBER, _NUMBER): _NUMBER,
    ("/", _NUMBER, _NUMBER): _NUMBER,
    ("+", _MONEY, _MONEY): _MONEY,
    ("-", _MONEY, _MONEY): _MONEY,
    ("*", _MONEY, _NUMBER): _MONEY,
    ("*", _NUMBER, _MONEY): _MONEY,
    ("/", _MONEY, _NUMBER): _MONEY,
    ("/", _MONEY, _MONEY): _NUMBER,
    ("-", _DATE, _DATE): _NUMBER,
}
"""What an operator gives of two types; days, of two dates."""


class ExpressionChecker:
    """Checks the expressions of one rule set.

    ``in_lines``: the current line exists. ``in_let``: it may, if the ``let`` is then read inside a function over lines;
    ``reads_line`` and ``calls_lines`` say what was found there.
    """

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.in_lines = False
        self.in_let = False
        self.reads_line = False
        self.calls_lines = False
        self.texts = TextChecker(self)
        self.calls = CallChecker(self)

    def of_type(self, node: Expression, wanted: ValueType, place: str) -> Checked | None:
        """The checked expression if it has that type."""
        return self.of_types(node, (wanted,), place)

    def of_types(self, node: Expression, wanted: tuple[ValueType, ...], place: str) -> Checked | None:
        """The checked expression if it has one of the types."""
        result = self.expression(node)
        if result is None or result.type in wanted:
            return result
        names = " or ".join(A[kind] for kind in wanted)
        self.scope.report(node.source_range, text_of(node), f"{place} needs {names}, not {A[result.type]}", names)
        return None

    def expression(self, node: Expression) -> Checked | None:  # noqa: C901 - one case for each kind of node
        """The checked expression; None without a look once there are more problems than are shown."""
        if len(self.scope.problems) > PROBLEMS_SHOWN_AT_MOST:
            return None
        match node:
            case syntax.NumberLiteral() | syntax.Quantity() | syntax.DateLiteral():
                written = self.written(node)
                return None if written is None else checked.Constant(written.type, written.value, node.source_range)
            case syntax.BooleanLiteral():
                return checked.Constant(ValueType.BOOLEAN, int(node.value), node.source_range)
            case syntax.TextLiteral():
                self.scope.report(node.source_range, node.value, "a text can only be compared", "`==`, `!=` or `in`")
                return None
            case syntax.Name():
                return self._name(node)
            case syntax.FieldAccess():
                return self._field(node)
            case syntax.Call():
                return self.calls.call(node)
            case syntax.Unary():
                return self._unary(node)
            case syntax.Membership():
                return self.texts.membership(node)
            case syntax.NamedMembership():
                return self.texts.named_membership(node)
            case syntax.Match():
                return self.texts.match(node)
            case syntax.Conditional():
                return self._conditional(node)
            case syntax.Binary():
                return self._binary(node)
            case syntax.CalendarPeriod() | syntax.Filtered() | syntax.Measured():
                self.scope.report(
                    node.source_range,
                    text_of(node),
                    f"`{text_of(node)}` stands only in a function",
                    "such as sum(lines where condition, number) or count(purchases, this month)",
                )
                return None

    # Literals and names

    def written(self, node: syntax.NumberLiteral | syntax.Quantity | syntax.DateLiteral) -> Written | None:
        """What a literal stands for; a problem if it cannot be used."""
        written = read_literal(node)
        if written is None:
            self._unusable(node)
            return None
        if written.currency:
            self.scope.currency = self.scope.currency or written.currency
            if written.currency != self.scope.currency:
                expected = f"{self.scope.currency}, the program's currency"
                message = f"money in {written.currency} cannot be used here"
                self.scope.report(node.source_range, text_of(node), message, expected)
                return None
        return written

    def _unusable(self, node: syntax.NumberLiteral | syntax.Quantity | syntax.DateLiteral) -> None:
        if isinstance(node, syntax.DateLiteral):
            self.scope.report(node.source_range, node.text, "there is no such date", "a date such as 2026-12-31")
            return
        if isinstance(node, syntax.Quantity) and node.unit.text != "%" and not is_currency(node.unit.text):
            self._strange_unit(node)
            return
        expected = f"at most {fixed_point.DECIMAL_PLACES} decimals, below 9,223,372,036,854"
        self.scope.report(node.source_range, text_of(node), "the number is too large or too fine", expected)

    def _strange_unit(self, node: syntax.Quantity) -> None:
        unit = node.unit
        if f"{unit.text.removesuffix('s')}s" in SECONDS:
            message, hint = f"`{text_of(node)}` stands only in a window", "count(purchases, 7 days)"
            self.scope.report(node.source_range, text_of(node), message, "a number or money", hint)
            return
        hint = f"did you mean `{unit.text.upper()}`?" if is_currency(unit.text.upper()) else ""
        self.scope.report(unit.source_range, unit.text, f"unknown unit `{unit.text}`", "a currency such as CAD", hint)

    def _name(self, node: syntax.Name) -> Checked | None:
        known = self.scope.known_lets.get(node.text)
        if known is None:
            self._report_name(node)
            return None
        if known.per_line and not self._may_read_line(node, node.text):
            return None
        return None if known.type is None else checked.LetValue(known.type, known.index, node.source_range)

    def _may_read_line(self, node: Expression, name: str) -> bool:
        if self.in_lines:
            return True
        self.reads_line = True
        if self.in_let:
            return True
        expected = "line fields inside sum, count, distinct, any or all over lines"
        self.scope.report(node.source_range, name, f"there is no line here to read `{name}` of", expected)
        return False

    def _report_name(self, node: syntax.Name) -> None:
        scope, name = self.scope, node.text
        report = scope.report
        if name == LINES:
            usages = ", ".join(function.usage for function in FUNCTIONS.values() if function.over_lines)
            report(node.source_range, name, "`lines` is only the first argument of a function", usages)
        elif name in scope.known_sets:
            report(node.source_range, name, f"the set `{name}` can only be looked into", f"… in {name}")
        elif name in scope.later:
            message = f"`{name}` is only known from line {scope.later[name]} on"
            report(node.source_range, name, message, "a name that is defined further up")
        elif name in WINDOW_SOURCES:
            report(node.source_range, name, f"`{name}` are counted by a window", f"count({name}, 7 days)")
        else:
            known = [*FIELDS, *FUNCTIONS, *scope.known_lets, LINES]
            endings = [field for field in FIELDS if field.endswith(f".{name}")]
            hint = f"did you mean `{endings[0]}`?" if endings else suggest(name, known)
            report(node.source_range, name, f"unknown name `{name}`", "a field such as order.total", hint)

    def _field(self, node: syntax.FieldAccess) -> checked.FieldValue | None:
        field = FIELDS.get(node.name)
        if field is None:
            self._unknown_field(node)
            return None
        if field.vector is Vector.LINE and not self._may_read_line(node, node.name):
            return None
        return checked.FieldValue(field.type, field.vector, field.index, node.source_range)

    def _unknown_field(self, node: syntax.FieldAccess) -> None:
        siblings = [name for name in FIELDS if name.startswith(f"{node.object.text}.")]
        hint = suggest(node.name, siblings) or suggest(node.name, FIELDS)
        expected = "one of " + ", ".join(siblings or OBJECTS)
        self.scope.report(node.source_range, node.name, f"unknown field `{node.name}`", expected, hint)

    # Operators

    def _unary(self, node: syntax.Unary) -> Checked | None:
        if node.operator == "not":
            operand = self.of_type(node.operand, ValueType.BOOLEAN, "`not`")
            return None if operand is None else checked.Not(operand, node.source_range)
        operand = self.of_types(node.operand, NUMERIC, "`-`")
        return None if operand is None else checked.Negation(operand, node.source_range, operand.type)

    def _conditional(self, node: syntax.Conditional) -> Checked | None:
        value = self.expression(node.value)
        condition = self.of_type(node.condition, ValueType.BOOLEAN, "`if`")
        otherwise = self.expression(node.otherwise)
        for branch, written in ((value, node.value), (otherwise, node.otherwise)):
            if branch is not None and branch.type in (ValueType.TEXT, ValueType.TEXTS):
                expected = "a number or a condition"
                self.scope.report(written.source_range, text_of(written), "a text can only be compared", expected)
                return None
        if value is None or condition is None or otherwise is None:
            return None
        value, otherwise = adapted(node.value, value, otherwise), adapted(node.otherwise, otherwise, value)
        if value.type is not otherwise.type:
            message = f"one branch is {A[value.type]}, the other {A[otherwise.type]}"
            self.scope.report(node.otherwise.source_range, text_of(node.otherwise), message, A[value.type])
            return None
        return checked.Choice(value.type, value, condition, otherwise, node.source_range)

    def _binary(self, node: syntax.Binary) -> Checked | None:
        if node.operator in _ARITHMETIC:
            return self._arithmetic(node)
        if node.operator in _COMPARISONS:
            return self._comparison(node)
        left = self.of_type(node.left, ValueType.BOOLEAN, f"`{node.operator}`")
        right = self.of_type(node.right, ValueType.BOOLEAN, f"`{node.operator}`")
        if left is None or right is None:
            return None
        kind = checked.Both if node.operator == "and" else checked.Either
        return kind(left, right, node.source_range)

    def _arithmetic(self, node: syntax.Binary) -> Checked | None:
        dates = _ORDERED if node.operator == "-" else NUMERIC
        left = self.of_types(node.left, dates, f"`{node.operator}`")
        right = self.of_types(node.right, dates, f"`{node.operator}`")
        if left is None or right is None:
            return None
        if node.operator in "+-":
            left, right = adapted_zero(left, right), adapted_zero(right, left)
        operator = ArithmeticOperator(node.operator)
        kind = _RESULTS.get((node.operator, left.type, right.type))
        if kind is None:
            self._report_arithmetic(node, left.type, right.type)
            return None
        if operator is ArithmeticOperator.DIVIDE and isinstance(right, checked.Constant) and right.value == 0:
            place = node.right.source_range
            self.scope.report(place, text_of(node.right), "division by zero", "a number that is not 0")
            return None
        return checked.Arithmetic(operator, left, right, node.source_range, kind)

    def _report_arithmetic(self, node: syntax.Binary, left: ValueType, right: ValueType) -> None:
        message = f"`{node.operator}` cannot take {A[left]} and {A[right]}"
        places = [kind for operator, first, kind in _RESULTS if operator == node.operator and first is left]
        expected = " or ".join(A[kind] for kind in places) or "other types"
        hint = ""
        other = node.right if right is ValueType.NUMBER else node.left
        if node.operator in "+-" and {left, right} == set(NUMERIC):
            written = other.text if isinstance(other, syntax.NumberLiteral) else "5.00"
            hint = f"money is written with its currency: {written} {self.scope.currency or 'CAD'}"
        elif node.operator == "*":
            hint = f"money becomes a number by a division: / 1.00 {self.scope.currency or 'CAD'}"
        self.scope.report(node.right.source_range, text_of(node.right), message, expected, hint)

    def _comparison(self, node: syntax.Binary) -> Checked | None:
        operator = ComparisonOperator(node.operator)
        if isinstance(node.left, syntax.TextLiteral) or isinstance(node.right, syntax.TextLiteral):
            return self.texts.literal_comparison(node, operator)
        left, right = self.expression(node.left), self.expression(node.right)
        if left is None or right is None:
            return None
        return self._typed_comparison(node, operator, adapted(node.left, left, right), adapted(node.right, right, left))

    def _typed_comparison(
        self, node: syntax.Binary, operator: ComparisonOperator, left: Checked, right: Checked
    ) -> Checked | None:
        report = self.scope.report
        if left.type is not right.type:
            message = f"`{operator}` compares {A[left.type]} with {A[right.type]}"
            hint = ""
            if {left.type, right.type} == set(NUMERIC):
                hint = f"money is written with its currency: 5.00 {self.scope.currency or 'CAD'}"
            report(node.right.source_range, text_of(node.right), message, A[left.type], hint)
            return None
        if left.type is ValueType.TEXTS:
            report(node.source_range, operator.value, "several texts can only be looked into", '"VIP" in member.groups')
            return None
        if left.type not in _ORDERED and operator not in _EQUALITIES:
            message = f"`{operator}` compares numbers, not {A[left.type].removeprefix('a ')}s"
            report(node.source_range, operator.value, message, "`==` or `!=`")
            return None
        if left.type is ValueType.TEXT:
            return self.texts.field_comparison(node, operator, left, right)
        return checked.Comparison(operator, left, right, node.source_range)
