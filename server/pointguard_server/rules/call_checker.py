"""Checks calls: functions of values, functions over lines, and windows. For ``expression_checker``."""

from typing import TYPE_CHECKING, Final

from pointguard_server.rules import checked, syntax
from pointguard_server.rules.adapting import adapted
from pointguard_server.rules.checked import Checked
from pointguard_server.rules.functions import FUNCTIONS, Function, FunctionName
from pointguard_server.rules.inputs import (
    COUNTED,
    LONGEST_WINDOW_DAYS,
    SECONDS,
    SUMMED,
    WINDOW_SOURCES,
    CalendarUnit,
    WindowInput,
    WindowMeasure,
)
from pointguard_server.rules.scope import A, one_of, suggest, text_of
from pointguard_server.rules.syntax import Expression, SourceRange, Word
from pointguard_server.rules.value_types import ValueType, Vector

if TYPE_CHECKING:
    from pointguard_server.rules.expression_checker import ExpressionChecker

_LINES: Final = "lines"
_DAY: Final = 86_400
_WINDOW_USAGES: Final = {
    FunctionName.COUNT: "count(purchases, 7 days)",
    FunctionName.SUM: "sum(points of purchases, 30 days) or sum(money of purchases, this month)",
    FunctionName.DISTINCT: "distinct(stores of purchases, 1 day)",
}


class CallChecker:
    """The part of the checker of expressions that knows functions."""

    def __init__(self, expressions: "ExpressionChecker") -> None:
        self._expressions = expressions
        self._scope = expressions.scope

    def call(self, node: syntax.Call) -> Checked | None:
        """A call of any kind."""
        function = FUNCTIONS.get(node.function.text)
        if function is None:
            name = node.function
            expected = "one of " + ", ".join(FUNCTIONS)
            hint = suggest(name.text, FUNCTIONS)
            self._scope.report(name.source_range, name.text, f"unknown function `{name.text}`", expected, hint)
            return None
        if not function.over_lines:
            return self._scalar_call(node, function)
        return self._window(node, function) if self._is_window(node, function) else self._lines_call(node, function)

    # Values

    def _scalar_call(self, node: syntax.Call, function: Function) -> Checked | None:
        if not self._has_arguments(node, function, len(node.arguments)):
            return None
        place = f"`{function.name}`"
        arguments = [self._expressions.of_types(argument, function.takes, place) for argument in node.arguments]
        present = [argument for argument in arguments if argument is not None]
        if len(present) < len(arguments):
            return None
        return self._of_one_type(node, function, present)

    def _of_one_type(self, node: syntax.Call, function: Function, arguments: list[Checked]) -> Checked | None:
        money = next((argument for argument in arguments if argument.type is ValueType.MONEY), arguments[0])
        alike = [adapted(written, value, money) for written, value in zip(node.arguments, arguments, strict=True)]
        for written, value in zip(node.arguments, alike, strict=True):
            if value.type is not money.type:
                message = f"`{function.name}` cannot take {A[money.type]} and {A[value.type]}"
                self._scope.report(written.source_range, text_of(written), message, A[money.type])
                return None
        return checked.ScalarCall(function, tuple(alike), function.gives or money.type, node.source_range)

    # Lines

    def _lines_call(self, node: syntax.Call, function: Function) -> Checked | None:
        if self._expressions.in_lines:
            message = f"`{function.name}` over lines stands inside another function over lines"
            self._scope.report(node.source_range, node.function.text, message, "an expression of the one line")
            return None
        first = node.arguments[0] if node.arguments else None
        source = first.source if isinstance(first, syntax.Filtered) else first
        if not (isinstance(source, syntax.Name) and source.text == _LINES):
            place = first.source_range if first else node.source_range
            text = text_of(first) if first else node.function.text
            message = f"the first argument of `{function.name}` is `lines`"
            self._scope.report(place, text, message, self._usage(function))
            return None
        if not self._has_arguments(node, function, len(node.arguments) - 1):
            return None
        self._expressions.calls_lines = True
        return self._on_lines(node, function, first.condition if isinstance(first, syntax.Filtered) else None)

    def _on_lines(self, node: syntax.Call, function: Function, filtered: Expression | None) -> Checked | None:
        body = node.arguments[1] if len(node.arguments) > 1 else None
        return self.over_lines(function, filtered, body, node.source_range)

    def over_lines(
        self, function: Function, filtered: Expression | None, body: Expression | None, place: SourceRange
    ) -> Checked | None:
        """A function over the lines for which ``filtered`` holds."""
        self._expressions.in_lines = True
        only = self._expressions.of_type(filtered, ValueType.BOOLEAN, "`where`") if filtered else None
        value = self._expressions.of_types(body, function.takes, f"`{function.name}`") if body else None
        self._expressions.in_lines = False
        if (filtered is not None and only is None) or (body is not None and value is None):
            return None
        kind = function.gives or (value.type if value else ValueType.NUMBER)
        return checked.LinesCall(function, only, value, kind, place)

    def _has_arguments(self, node: syntax.Call, function: Function, count: int) -> bool:
        if function.least_arguments <= count <= function.most_arguments:
            return True
        message = f"`{function.name}` has too {'few' if count < function.least_arguments else 'many'} arguments"
        self._scope.report(node.source_range, node.function.text, message, self._usage(function))
        return False

    @staticmethod
    def _usage(function: Function) -> str:
        window = _WINDOW_USAGES.get(function.name)
        return f"{function.usage}, or a window: {window}" if window else function.usage

    # Windows

    @staticmethod
    def _is_window(node: syntax.Call, function: Function) -> bool:
        if function.name not in _WINDOW_USAGES or not node.arguments:
            return False
        first = node.arguments[0]
        is_source = isinstance(first, syntax.Name) and first.text in WINDOW_SOURCES
        is_measured = isinstance(first, syntax.Measured)
        return is_source or is_measured or (len(node.arguments) == 2 and _is_period(node.arguments[1]))

    def _window(self, node: syntax.Call, function: Function) -> Checked | None:
        usage = _WINDOW_USAGES[function.name]
        if len(node.arguments) != 2:
            message = f"a window of `{function.name}` has two arguments"
            self._scope.report(node.source_range, node.function.text, message, usage)
            return None
        measured = self._measured(node.arguments[0], function, usage)
        length = self._length(node.arguments[1])
        if measured is None or length is None:
            return None
        measure, word = measured
        source = WINDOW_SOURCES[word]
        wanted = WindowInput(measure, source.kinds, source.parts, *length)
        index = self._scope.input(wanted, node.source_range, node.function.text)
        if index is None:
            return None
        kind = ValueType.MONEY if measure is WindowMeasure.MONEY else ValueType.NUMBER
        return checked.FieldValue(kind, Vector.FACTS, index, node.source_range)

    def _measured(self, node: Expression, function: Function, usage: str) -> tuple[WindowMeasure, str] | None:
        """What a window measures, and the word for what it counts."""
        if function.name is FunctionName.COUNT and isinstance(node, syntax.Name):
            return (WindowMeasure.COUNT, node.text) if self._is_source(Word(node.text, node.source_range)) else None
        choices = {FunctionName.SUM: SUMMED, FunctionName.DISTINCT: COUNTED}.get(function.name, {})
        if not isinstance(node, syntax.Measured) or not choices:
            message = f"this is not what a window of `{function.name}` measures"
            self._scope.report(node.source_range, text_of(node), message, usage)
            return None
        if not isinstance(node.measure, syntax.Name) or node.measure.text not in choices:
            word = text_of(node.measure)
            verb = "count" if function.name is FunctionName.DISTINCT else "add up"
            message, expected = f"`{function.name}` does not {verb} `{word}`", one_of(choices)
            self._scope.report(node.measure.source_range, word, message, expected, suggest(word, choices))
            return None
        return (choices[node.measure.text], node.source.text) if self._is_source(node.source) else None

    def _is_source(self, word: Word) -> bool:
        if word.text in WINDOW_SOURCES:
            return True
        message = f"a window does not count `{word.text}`"
        hint = suggest(word.text, WINDOW_SOURCES)
        self._scope.report(word.source_range, word.text, message, one_of(WINDOW_SOURCES), hint)
        return False

    def _length(self, node: Expression) -> tuple[int, CalendarUnit | None] | None:
        """The seconds of a rolling window, or a calendar's stretch."""
        if isinstance(node, syntax.CalendarPeriod):
            return self._calendar(node.unit)
        if not isinstance(node, syntax.Quantity):
            expected = "a duration such as 7 days, or this month"
            self._scope.report(node.source_range, text_of(node), "this is not the length of a window", expected)
            return None
        unit = f"{node.unit.text.removesuffix('s')}s"
        if unit not in SECONDS:
            expected, hint = one_of(SECONDS), suggest(node.unit.text, SECONDS)
            self._scope.report(
                node.unit.source_range, node.unit.text, f"`{node.unit.text}` is no unit of time", expected, hint
            )
            return None
        # Longer digits could not be a window, and Python refuses to convert very long ones.
        seconds = int(node.text) * SECONDS[unit] if node.text.isdigit() and len(node.text) < len("1000000") else 0
        if not 0 < seconds <= LONGEST_WINDOW_DAYS * _DAY:
            expected = f"a whole number, and at most {LONGEST_WINDOW_DAYS} days"
            self._scope.report(node.source_range, text_of(node), "the window has no such length", expected)
            return None
        return seconds, None

    def _calendar(self, unit: Word) -> tuple[int, CalendarUnit | None] | None:
        choices = [choice.value for choice in CalendarUnit]
        if unit.text not in choices:
            message = f"a window does not cover `this {unit.text}`"
            self._scope.report(unit.source_range, unit.text, message, one_of(choices), suggest(unit.text, choices))
            return None
        return 0, CalendarUnit(unit.text)


def _is_period(node: Expression) -> bool:
    if isinstance(node, syntax.Quantity):
        return f"{node.unit.text.removesuffix('s')}s" in SECONDS
    return isinstance(node, syntax.CalendarPeriod)
