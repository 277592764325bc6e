"""What numbers, money, percentages and dates as written stand for. For the checker and ``tree_text``."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from pointguard_server.rules import fixed_point, syntax
from pointguard_server.rules.fixed_point import DECIMAL_PLACES, SCALE
from pointguard_server.rules.value_types import ValueType

_DIGITS_AT_MOST: Final = len(str(fixed_point.MOST)) - DECIMAL_PLACES
_CURRENCY: Final = re.compile("[A-Z]{3}")
_EPOCH: Final = date(1970, 1, 1)
_PERCENT_PLACES: Final = 2


@dataclass(frozen=True, slots=True)
class Written:
    """The scaled value of a literal, its type, and of money the currency."""

    type: ValueType
    value: int
    currency: str = ""


def scale(text: str, places: int = DECIMAL_PLACES) -> int | None:
    """The scaled value of decimal digits, or None if it has no exact one in range.

    ``places`` are the decimals that the scale has room for: with fewer than six, the digits count for less.
    """
    digits, _, decimals = text.removeprefix("-").partition(".")
    decimals = decimals.rstrip("0")
    # The check of the length comes first: Python refuses to convert very long digits.
    if len(decimals) > places or len(digits.lstrip("0")) > _DIGITS_AT_MOST + DECIMAL_PLACES - places:
        return None
    magnitude = int("0" + digits.lstrip("0") + decimals.ljust(places, "0"))
    value = -magnitude if text.startswith("-") else magnitude
    return value if fixed_point.LEAST <= value <= fixed_point.MOST else None


def is_currency(unit: str) -> bool:
    """Whether a unit has the form of a currency's code."""
    return _CURRENCY.fullmatch(unit) is not None


def read_literal(node: syntax.NumberLiteral | syntax.Quantity | syntax.DateLiteral) -> Written | None:
    """What a literal stands for, or None if its value does not fit, its date does not exist or its unit is none."""
    match node:
        case syntax.NumberLiteral():
            return _written(ValueType.NUMBER, scale(node.text))
        case syntax.DateLiteral():
            return _written(ValueType.DATE, _days(node.text))
        case syntax.Quantity() if node.unit.text == "%":
            return _written(ValueType.NUMBER, scale(node.text, DECIMAL_PLACES - _PERCENT_PLACES))
        case syntax.Quantity() if is_currency(node.unit.text):
            return _written(ValueType.MONEY, scale(node.text), node.unit.text)
        case _:
            return None


def _written(kind: ValueType, value: int | None, currency: str = "") -> Written | None:
    return None if value is None else Written(kind, value, currency)


def _days(text: str) -> int | None:
    try:
        return (date.fromisoformat(text) - _EPOCH).days * SCALE
    except ValueError:
        return None
