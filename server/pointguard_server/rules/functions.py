"""The one table of the language's functions: calls are typed and priced by it, and each back end covers every row.

A function over lines takes the word ``lines`` first, perhaps with a filter (``lines where condition``), then an
expression that is evaluated for each line. A function of values is a row here and its arithmetic, three times:
``fixed_point`` for the interpreter, and under its name in ``native_arithmetic.ll`` and ``wasm_arithmetic.wat``. Tests
and their made-up programs take every row from here.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pointguard_server.rules.value_types import ValueType


class FunctionName(StrEnum):
    """What back ends dispatch on."""

    SUM = "sum"
    COUNT = "count"
    DISTINCT = "distinct"
    ANY = "any"
    ALL = "all"
    MIN = "min"
    MAX = "max"
    ABS = "abs"
    FLOOR = "floor"
    CEILING = "ceiling"


@dataclass(frozen=True, slots=True)
class Function:
    """A function's shape.

    Argument counts exclude the leading ``lines``. Every argument is of one of the types ``takes``, all of the same;
    ``gives`` is the type of the result, None standing for that of the arguments. It costs ``hundredths`` of a unit for
    each argument, or for each line.
    """

    name: FunctionName
    over_lines: bool
    takes: tuple[ValueType, ...]
    gives: ValueType | None
    least_arguments: int
    most_arguments: int
    hundredths: int
    usage: str


NUMERIC: Final = (ValueType.NUMBER, ValueType.MONEY)
_NUMBER: Final = ValueType.NUMBER
_BOOLEAN: Final = ValueType.BOOLEAN
MOST_ARGUMENTS: Final = 16
COMPARED: Final = 2
ROUNDED: Final = 10
LINE: Final = 2
NEW: Final = 20
"""What a line more costs where different texts are told apart."""

FUNCTIONS: Final = {
    function.name.value: function
    for function in (
        Function(FunctionName.SUM, True, NUMERIC, None, 1, 1, LINE, "sum(lines, number)"),
        Function(FunctionName.COUNT, True, (_BOOLEAN,), _NUMBER, 0, 1, LINE, "count(lines) or count(lines, condition)"),
        Function(FunctionName.DISTINCT, True, (ValueType.TEXT,), _NUMBER, 1, 1, LINE + NEW, "distinct(lines, text)"),
        Function(FunctionName.ANY, True, (_BOOLEAN,), _BOOLEAN, 1, 1, LINE, "any(lines, condition)"),
        Function(FunctionName.ALL, True, (_BOOLEAN,), _BOOLEAN, 1, 1, LINE, "all(lines, condition)"),
        Function(FunctionName.MIN, False, NUMERIC, None, 2, MOST_ARGUMENTS, COMPARED, "min(number, number, …)"),
        Function(FunctionName.MAX, False, NUMERIC, None, 2, MOST_ARGUMENTS, COMPARED, "max(number, number, …)"),
        Function(FunctionName.ABS, False, NUMERIC, None, 1, 1, COMPARED, "abs(number)"),
        Function(FunctionName.FLOOR, False, NUMERIC, None, 1, 1, ROUNDED, "floor(number)"),
        Function(FunctionName.CEILING, False, NUMERIC, None, 1, 1, ROUNDED, "ceiling(number)"),
    )
}
