"""Exact decimal arithmetic on scaled 64-bit integers: the reference. For the checker and the interpreter.

A number is an int64 that counts millionths (``SCALE``). Every operation is computed exactly; ``*`` and ``/`` are then
rounded half to even at the sixth place. A result outside int64, or a division by zero, raises ``ArithmeticFailure``
with the status that compiled code returns in the same case.
"""

from enum import IntEnum
from typing import Final

from pointguard_server.rules.value_types import Rounding

SCALE: Final = 1_000_000
DECIMAL_PLACES: Final = 6
LEAST: Final = -(2**63)
MOST: Final = 2**63 - 1


class Status(IntEnum):
    """What an evaluation returns. Anything but OK means: no award was decided.

    The last two are a sandbox's own: it was stopped because its fuel was used up, or for a defect of the back end.
    """

    OK = 0
    OVERFLOW = 1
    DIVISION_BY_ZERO = 2
    OUT_OF_FUEL = 3
    TRAPPED = 4


class ArithmeticFailure(ArithmeticError):
    """An operation has no exact result in range; ``status`` says why."""

    def __init__(self, status: Status) -> None:
        self.status = status
        super().__init__(status.name)


def in_range(value: int) -> int:
    """``value``, if it fits int64."""
    if LEAST <= value <= MOST:
        return value
    raise ArithmeticFailure(Status.OVERFLOW)


def divide_half_even(numerator: int, denominator: int) -> int:
    """The quotient of two integers rounded to the nearest, ties to the even one. ``denominator`` is not zero."""
    magnitude, remainder = divmod(abs(numerator), abs(denominator))
    twice = 2 * remainder
    if twice > abs(denominator) or (twice == abs(denominator) and magnitude % 2 == 1):
        magnitude += 1
    return magnitude if (numerator < 0) == (denominator < 0) else -magnitude


def add(left: int, right: int) -> int:
    """``left + right``, exact."""
    return in_range(left + right)


def subtract(left: int, right: int) -> int:
    """``left − right``, exact."""
    return in_range(left - right)


def multiply(left: int, right: int) -> int:
    """``left × right``, rounded half to even at the sixth place."""
    return in_range(divide_half_even(left * right, SCALE))


def divide(left: int, right: int) -> int:
    """``left ÷ right``, rounded half to even at the sixth place."""
    if right == 0:
        raise ArithmeticFailure(Status.DIVISION_BY_ZERO)
    return in_range(divide_half_even(left * SCALE, right))


def negate(value: int) -> int:
    """``−value``; the least int64 has no counterpart."""
    return in_range(-value)


def absolute(value: int) -> int:
    """``|value|``; the least int64 has no counterpart."""
    return in_range(abs(value))


def floor(value: int) -> int:
    """The largest whole number that is not above ``value``."""
    return in_range(value // SCALE * SCALE)


def ceiling(value: int) -> int:
    """The least whole number that is not below ``value``."""
    return in_range(-(-value // SCALE) * SCALE)


def whole_points(value: int, rounding: Rounding) -> int:
    """An award as whole points: 0 if negative, else rounded as the rule says."""
    if value <= 0:
        return 0
    match rounding:
        case Rounding.DOWN:
            return value // SCALE
        case Rounding.UP:
            return -(-value // SCALE)
        case Rounding.HALF_UP:
            return (2 * value + SCALE) // (2 * SCALE)
        case Rounding.HALF_EVEN:
            return divide_half_even(value, SCALE)
