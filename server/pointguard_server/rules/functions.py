"""The one table of the language's functions: the checker types calls by it, and each back end covers every row.

A function over lines takes the word ``lines`` first, then an expression that is evaluated for each line.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pointguard_server.rules.value_types import ValueType


class FunctionName(StrEnum):
    """What back ends dispatch on."""

    SUM = "sum"
    COUNT = "count"
    ANY = "any"
    ALL = "all"
    MIN = "min"
    MAX = "max"
    ABS = "abs"


@dataclass(frozen=True, slots=True)
class Function:
    """A function's shape. Argument counts exclude the leading ``lines``; every argument is of ``argument``."""

    name: FunctionName
    over_lines: bool
    argument: ValueType
    result: ValueType
    least_arguments: int
    most_arguments: int
    usage: str


_NUMBER: Final = ValueType.NUMBER
_BOOLEAN: Final = ValueType.BOOLEAN
MOST_ARGUMENTS: Final = 16

FUNCTIONS: Final = {
    function.name.value: function
    for function in (
        Function(FunctionName.SUM, True, _NUMBER, _NUMBER, 1, 1, "sum(lines, number)"),
        Function(FunctionName.COUNT, True, _BOOLEAN, _NUMBER, 0, 1, "count(lines) or count(lines, condition)"),
        Function(FunctionName.ANY, True, _BOOLEAN, _BOOLEAN, 1, 1, "any(lines, condition)"),
        Function(FunctionName.ALL, True, _BOOLEAN, _BOOLEAN, 1, 1, "all(lines, condition)"),
        Function(FunctionName.MIN, False, _NUMBER, _NUMBER, 2, MOST_ARGUMENTS, "min(number, number, …)"),
        Function(FunctionName.MAX, False, _NUMBER, _NUMBER, 2, MOST_ARGUMENTS, "max(number, number, …)"),
        Function(FunctionName.ABS, False, _NUMBER, _NUMBER, 1, 1, "abs(number)"),
    )
}
