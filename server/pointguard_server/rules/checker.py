"""Gives the syntax tree its meaning, or says everything that is wrong with it. For ``rule_set`` and tests.

An expression that has a problem checks as None; whoever contains it stays silent about it, so one mistake is one
problem.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from pointguard_server.rules import checked, fixed_point, syntax
from pointguard_server.rules.checked import ArithmeticOperator, Checked, CheckedRule, CheckedRuleSet, ComparisonOperator
from pointguard_server.rules.fields import FACT_FIELDS, FIELDS, LINE_FIELDS, OBJECTS, Field
from pointguard_server.rules.functions import FUNCTIONS, Function
from pointguard_server.rules.problems import Problem
from pointguard_server.rules.syntax import Expression, RuleSetSyntax, RuleSyntax, SourceRange, TextLiteral, Word
from pointguard_server.rules.value_types import Part, Rounding, ValueType, Vector

MOST_RULES: Final = 200
MOST_NUMBERS_IN_LIST: Final = 100
LONGEST_NAME: Final = 80
LONGEST_TEXT: Final = 128
_DIGITS_AT_MOST: Final = len(str(fixed_point.MOST)) - fixed_point.DECIMAL_PLACES

_LINES: Final = "lines"
_START: Final = SourceRange(1, 1, 1, 1)
_ARITHMETIC: Final = frozenset(operator.value for operator in ArithmeticOperator)
_EQUALITIES: Final = frozenset((ComparisonOperator.EQUAL, ComparisonOperator.NOT_EQUAL))
_COMPARISONS: Final = frozenset(operator.value for operator in ComparisonOperator)
_A: Final = {ValueType.BOOLEAN: "a condition", ValueType.NUMBER: "a number", ValueType.TEXT: "a text"}


def check(rule_set: RuleSetSyntax) -> tuple[CheckedRuleSet | None, tuple[Problem, ...]]:
    """The checked rule set, or None and every problem of meaning."""
    checker = _Checker()
    rules = [checker.rule(rule) for rule in rule_set.rules]
    checker.check_names(rule_set.rules)
    if checker.problems:
        return None, tuple(checker.problems)
    complete = tuple(rule for rule in rules if rule is not None)
    return CheckedRuleSet(complete, tuple(checker.literals)), ()


def scale(text: str) -> int | None:
    """The scaled value of decimal digits, or None if it has no exact one in range."""
    digits, _, decimals = text.removeprefix("-").partition(".")
    decimals = decimals.rstrip("0")
    # The check of the length comes first: Python refuses to convert very long digits.
    if len(decimals) > fixed_point.DECIMAL_PLACES or len(digits.lstrip("0")) > _DIGITS_AT_MOST:
        return None
    magnitude = int(digits.lstrip("0") + decimals.ljust(fixed_point.DECIMAL_PLACES, "0"))
    value = -magnitude if text.startswith("-") else magnitude
    return value if fixed_point.LEAST <= value <= fixed_point.MOST else None


class _Checker:
    """Collects problems and literals over one rule set. ``_in_lines``: the current line exists."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.literals: list[tuple[str, str]] = []
        self._interned: dict[tuple[str, str], int] = {}
        self._in_lines = False

    # Rules

    def check_names(self, rules: tuple[RuleSyntax, ...]) -> None:
        """The set has some rules, not too many, each with a name of its own."""
        if not rules:
            self._report(_START, "", "the rule set has no rule", 'rule "name" earn base …')
        for rule in rules[MOST_RULES : MOST_RULES + 1]:
            self._report(rule.name.source_range, rule.name.text, "too many rules", f"at most {MOST_RULES} rules")
        seen: dict[str, SourceRange] = {}
        for rule in rules:
            self._check_rule_name(rule.name, seen)

    def _check_rule_name(self, name: Word, seen: dict[str, SourceRange]) -> None:
        if not name.text.strip() or len(name.text) > LONGEST_NAME:
            expected = f"1 to {LONGEST_NAME} characters"
            self._report(name.source_range, name.text, "the rule's name is empty or too long", expected)
        first = seen.setdefault(name.text, name.source_range)
        if first is not name.source_range:
            message = f'a rule named "{name.text}" is at line {first.line} already'
            self._report(name.source_range, name.text, message, "a name of its own for each rule")

    def rule(self, rule: RuleSyntax) -> CheckedRule | None:
        """The checked rule, or None."""
        condition = self._of_type(rule.condition, ValueType.BOOLEAN, "`when`") if rule.condition else None
        part = self._choice_of(rule.part, [part.value for part in Part], "part")
        award = self._of_type(rule.award, ValueType.NUMBER, "`earn`")
        modes = [rounding.value for rounding in Rounding]
        rounding = self._choice_of(rule.rounding, modes, "rounding") if rule.rounding else Rounding.DOWN.value
        if award is None or part is None or rounding is None or (rule.condition is not None and condition is None):
            return None
        return CheckedRule(condition, award, Part(part), Rounding(rounding))

    def _choice_of(self, word: Word, choices: list[str], kind: str) -> str | None:
        if word.text in choices:
            return word.text
        expected = " or ".join((", ".join(choices[:-1]), choices[-1]))
        self._report(
            word.source_range, word.text, f"unknown {kind} `{word.text}`", expected, _suggest(word.text, choices)
        )
        return None

    # Expressions

    def _of_type(self, node: Expression, wanted: ValueType, place: str) -> Checked | None:
        result = self._expression(node)
        if result is None or result.type is wanted:
            return result
        self._report(node.source_range, _text(node), f"{place} needs {_A[wanted]}, not {_A[result.type]}", _A[wanted])
        return None

    def _expression(self, node: Expression) -> Checked | None:
        match node:
            case syntax.NumberLiteral():
                return self._number(node)
            case syntax.BooleanLiteral():
                return checked.Constant(ValueType.BOOLEAN, int(node.value), node.source_range)
            case syntax.TextLiteral():
                self._report(node.source_range, node.value, "a text can only be compared", "`==`, `!=` or `in`")
                return None
            case syntax.Name():
                self._report_name(node)
                return None
            case syntax.FieldAccess():
                return self._field(node)
            case syntax.Call():
                return self._call(node)
            case syntax.Unary():
                return self._unary(node)
            case syntax.Membership():
                return self._membership(node)
            case syntax.Conditional():
                return self._conditional(node)
            case syntax.Binary():
                return self._binary(node)

    def _number(self, node: syntax.NumberLiteral) -> checked.Constant | None:
        value = scale(node.text)
        if value is None:
            expected = f"at most {fixed_point.DECIMAL_PLACES} decimals, below 9,223,372,036,854"
            self._report(node.source_range, node.text, "the number is too large or too fine", expected)
            return None
        return checked.Constant(ValueType.NUMBER, value, node.source_range)

    def _report_name(self, node: syntax.Name) -> None:
        if node.text == _LINES:
            usages = ", ".join(function.usage for function in FUNCTIONS.values() if function.over_lines)
            self._report(node.source_range, node.text, "`lines` is only the first argument of a function", usages)
            return
        known = [*FIELDS, *FUNCTIONS, _LINES]
        endings = [name for name in FIELDS if name.endswith(f".{node.text}")]
        hint = f"did you mean `{endings[0]}`?" if endings else _suggest(node.text, known)
        self._report(node.source_range, node.text, f"unknown name `{node.text}`", "a field such as order.total", hint)

    def _field(self, node: syntax.FieldAccess) -> checked.FieldValue | None:
        field = FIELDS.get(node.name)
        if field is None:
            self._unknown_field(node)
            return None
        if field.vector is Vector.LINE and not self._in_lines:
            expected = "line fields inside sum, count, any or all over lines"
            self._report(node.source_range, node.name, f"there is no line here to read `{node.name}` of", expected)
            return None
        return checked.FieldValue(field.type, field.vector, field.index, node.source_range)

    def _unknown_field(self, node: syntax.FieldAccess) -> None:
        siblings = [name for name in FIELDS if name.startswith(f"{node.object.text}.")]
        hint = _suggest(node.name, siblings) or _suggest(node.name, FIELDS)
        expected = "one of " + ", ".join(siblings or OBJECTS)
        self._report(node.source_range, node.name, f"unknown field `{node.name}`", expected, hint)

    def _unary(self, node: syntax.Unary) -> Checked | None:
        if node.operator == "not":
            operand = self._of_type(node.operand, ValueType.BOOLEAN, "`not`")
            return None if operand is None else checked.Not(operand, node.source_range)
        operand = self._of_type(node.operand, ValueType.NUMBER, "`-`")
        return None if operand is None else checked.Negation(operand, node.source_range)

    def _conditional(self, node: syntax.Conditional) -> Checked | None:
        value = self._expression(node.value)
        condition = self._of_type(node.condition, ValueType.BOOLEAN, "`if`")
        otherwise = self._expression(node.otherwise)
        for branch, written in ((value, node.value), (otherwise, node.otherwise)):
            if branch is not None and branch.type is ValueType.TEXT:
                self._report(
                    written.source_range, _text(written), "a text can only be compared", "a number or a condition"
                )
                return None
        if value is None or condition is None or otherwise is None:
            return None
        if value.type is not otherwise.type:
            message = f"one branch is {_A[value.type]}, the other {_A[otherwise.type]}"
            self._report(node.otherwise.source_range, _text(node.otherwise), message, _A[value.type])
            return None
        return checked.Choice(value.type, value, condition, otherwise, node.source_range)

    # Operators

    def _binary(self, node: syntax.Binary) -> Checked | None:
        if node.operator in _ARITHMETIC:
            return self._arithmetic(node)
        if node.operator in _COMPARISONS:
            return self._comparison(node)
        left = self._of_type(node.left, ValueType.BOOLEAN, f"`{node.operator}`")
        right = self._of_type(node.right, ValueType.BOOLEAN, f"`{node.operator}`")
        if left is None or right is None:
            return None
        kind = checked.Both if node.operator == "and" else checked.Either
        return kind(left, right, node.source_range)

    def _arithmetic(self, node: syntax.Binary) -> Checked | None:
        left = self._of_type(node.left, ValueType.NUMBER, f"`{node.operator}`")
        right = self._of_type(node.right, ValueType.NUMBER, f"`{node.operator}`")
        if left is None or right is None:
            return None
        operator = ArithmeticOperator(node.operator)
        if operator is ArithmeticOperator.DIVIDE and isinstance(right, checked.Constant) and right.value == 0:
            self._report(node.right.source_range, _text(node.right), "division by zero", "a number that is not 0")
            return None
        return checked.Arithmetic(operator, left, right, node.source_range)

    def _comparison(self, node: syntax.Binary) -> Checked | None:
        operator = ComparisonOperator(node.operator)
        if isinstance(node.left, TextLiteral) or isinstance(node.right, TextLiteral):
            return self._literal_comparison(node, operator)
        left, right = self._expression(node.left), self._expression(node.right)
        if left is None or right is None:
            return None
        return self._typed_comparison(node, operator, left, right)

    def _typed_comparison(
        self, node: syntax.Binary, operator: ComparisonOperator, left: Checked, right: Checked
    ) -> Checked | None:
        if left.type is not right.type:
            message = f"`{operator}` compares {_A[left.type]} with {_A[right.type]}"
            self._report(node.right.source_range, _text(node.right), message, _A[left.type])
            return None
        if left.type is not ValueType.NUMBER and operator not in _EQUALITIES:
            message = f"`{operator}` compares numbers, not {_A[left.type].removeprefix('a ')}s"
            self._report(node.source_range, operator.value, message, "`==` or `!=`")
            return None
        if (
            isinstance(left, checked.FieldValue)
            and isinstance(right, checked.FieldValue)
            and left.type is ValueType.TEXT
        ):
            return self._text_fields(node, operator, left, right)
        return checked.Comparison(operator, left, right, node.source_range)

    # Texts

    def _text_fields(
        self, node: syntax.Binary, operator: ComparisonOperator, left: checked.FieldValue, right: checked.FieldValue
    ) -> Checked | None:
        domains = [_field_of(side).domain for side in (left, right)]
        if domains[0] != domains[1]:
            message = f"a {domains[0]} never equals a {domains[1]}"
            self._report(node.right.source_range, _text(node.right), message, f"a text of the domain {domains[0]}")
            return None
        negated = operator is ComparisonOperator.NOT_EQUAL
        return checked.TextEquality(left, right, negated, node.source_range)

    def _literal_comparison(self, node: syntax.Binary, operator: ComparisonOperator) -> Checked | None:
        literal, other = (node.right, node.left) if isinstance(node.right, TextLiteral) else (node.left, node.right)
        if isinstance(other, TextLiteral):
            self._report(
                node.source_range, other.value, "two texts as written are compared", "a text field on one side"
            )
            return None
        field = self._text_field(other, f"`{operator}`")
        if field is None or not isinstance(literal, TextLiteral) or not self._is_usable(literal):
            return None
        if operator not in _EQUALITIES:
            self._report(node.source_range, operator.value, f"`{operator}` compares numbers, not texts", "`==` or `!=`")
            return None
        constant = checked.TextConstant(self._intern(field, literal), literal.source_range)
        return checked.TextEquality(field, constant, operator is ComparisonOperator.NOT_EQUAL, node.source_range)

    def _text_field(self, node: Expression, place: str) -> checked.FieldValue | None:
        result = self._of_type(node, ValueType.TEXT, place)
        return result if isinstance(result, checked.FieldValue) else None

    def _is_usable(self, literal: TextLiteral) -> bool:
        if 1 <= len(literal.value) <= LONGEST_TEXT:
            return True
        expected = f"1 to {LONGEST_TEXT} characters"
        self._report(literal.source_range, literal.value[:LONGEST_TEXT], "the text is empty or too long", expected)
        return False

    def _intern(self, field: checked.FieldValue, literal: TextLiteral) -> int:
        entry = (_domain(field), literal.value)
        if entry not in self._interned:
            self._interned[entry] = len(self.literals)
            self.literals.append(entry)
        return self._interned[entry]

    def _membership(self, node: syntax.Membership) -> Checked | None:
        operand = self._expression(node.operand)
        if operand is None:
            return None
        if operand.type is ValueType.BOOLEAN:
            self._report(
                node.operand.source_range, _text(node.operand), "`in` needs a number or a text", "a number or a text"
            )
            return None
        wanted = TextLiteral if operand.type is ValueType.TEXT else syntax.NumberLiteral
        strangers = [item for item in node.items if not isinstance(item, wanted)]
        for item in strangers:
            message = f"the list is compared with {_A[operand.type]}"
            self._report(item.source_range, _text(item), message, _A[operand.type])
        if strangers:
            return None
        if isinstance(operand, checked.FieldValue) and operand.type is ValueType.TEXT:
            return self._text_membership(node, operand)
        return self._number_membership(node, operand)

    def _text_membership(self, node: syntax.Membership, operand: checked.FieldValue) -> Checked | None:
        items = [item for item in node.items if isinstance(item, TextLiteral)]
        usable = [self._is_usable(item) for item in items]
        if not all(usable):
            return None
        # A list has a run of its own, so that compiled code loops over it instead of growing with it.
        start = len(self.literals)
        self.literals.extend((_domain(operand), text) for text in dict.fromkeys(item.value for item in items))
        return checked.TextMembership(operand, start, len(self.literals), node.negated, node.source_range)

    def _number_membership(self, node: syntax.Membership, operand: Checked) -> Checked | None:
        values = [self._number(item) for item in node.items if isinstance(item, syntax.NumberLiteral)]
        if len(values) > MOST_NUMBERS_IN_LIST:
            expected = f"at most {MOST_NUMBERS_IN_LIST} numbers"
            self._report(node.source_range, _text(node.operand), "the list has too many numbers", expected)
            return None
        if any(value is None for value in values):
            return None
        numbers = tuple(dict.fromkeys(value.value for value in values if value is not None))
        return checked.NumberMembership(operand, numbers, node.negated, node.source_range)

    # Functions

    def _call(self, node: syntax.Call) -> Checked | None:
        function = FUNCTIONS.get(node.function.text)
        if function is None:
            name = node.function
            expected = "one of " + ", ".join(FUNCTIONS)
            self._report(
                name.source_range,
                name.text,
                f"unknown function `{name.text}`",
                expected,
                _suggest(name.text, FUNCTIONS),
            )
            return None
        return self._lines_call(node, function) if function.over_lines else self._scalar_call(node, function)

    def _scalar_call(self, node: syntax.Call, function: Function) -> Checked | None:
        if not self._has_arguments(node, function, len(node.arguments)):
            return None
        place = f"`{function.name}`"
        arguments = [self._of_type(argument, function.argument, place) for argument in node.arguments]
        present = tuple(argument for argument in arguments if argument is not None)
        return checked.ScalarCall(function, present, node.source_range) if len(present) == len(arguments) else None

    def _lines_call(self, node: syntax.Call, function: Function) -> Checked | None:
        if self._in_lines:
            message = f"`{function.name}` over lines stands inside another function over lines"
            self._report(node.source_range, node.function.text, message, "an expression of the one line")
            return None
        first = node.arguments[0] if node.arguments else None
        if not (isinstance(first, syntax.Name) and first.text == _LINES):
            place = first.source_range if first else node.source_range
            text = _text(first) if first else node.function.text
            self._report(place, text, f"the first argument of `{function.name}` is `lines`", function.usage)
            return None
        if not self._has_arguments(node, function, len(node.arguments) - 1):
            return None
        return self._lines_body(node, function)

    def _lines_body(self, node: syntax.Call, function: Function) -> Checked | None:
        if len(node.arguments) == 1:
            return checked.LinesCall(function, None, node.source_range)
        self._in_lines = True
        body = self._of_type(node.arguments[1], function.argument, f"`{function.name}`")
        self._in_lines = False
        return None if body is None else checked.LinesCall(function, body, node.source_range)

    def _has_arguments(self, node: syntax.Call, function: Function, count: int) -> bool:
        if function.least_arguments <= count <= function.most_arguments:
            return True
        message = f"`{function.name}` has too {'few' if count < function.least_arguments else 'many'} arguments"
        self._report(node.source_range, node.function.text, message, function.usage)
        return False

    def _report(self, place: SourceRange, text: str, message: str, expected: str, hint: str = "") -> None:
        self.problems.append(Problem(place, text, message, expected, hint))


def _suggest(word: str, choices: Iterable[str]) -> str:
    by_lower_case = {choice.lower(): choice for choice in choices}
    close = get_close_matches(word.lower(), by_lower_case, n=1, cutoff=0.6)
    return f"did you mean `{by_lower_case[close[0]]}`?" if close else ""


def _field_of(value: checked.FieldValue) -> Field:
    fields = LINE_FIELDS if value.vector is Vector.LINE else FACT_FIELDS
    return fields[value.index]


def _domain(value: checked.FieldValue) -> str:
    return _field_of(value).domain or ""


def _text(node: Expression) -> str:
    match node:
        case syntax.NumberLiteral() | syntax.Name():
            return node.text
        case syntax.TextLiteral():
            return node.value
        case syntax.BooleanLiteral():
            return "true" if node.value else "false"
        case syntax.FieldAccess():
            return node.name
        case syntax.Call():
            return node.function.text
        case syntax.Unary() | syntax.Binary():
            return node.operator
        case syntax.Membership():
            return "in"
        case syntax.Conditional():
            return "if"
