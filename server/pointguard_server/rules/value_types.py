"""The words of the language's type system, and the choices a rule can make. For every file of this package."""

from enum import StrEnum


class ValueType(StrEnum):
    """What an expression can be."""

    BOOLEAN = "boolean"
    NUMBER = "number"
    TEXT = "text"


class Vector(StrEnum):
    """Which of the two inputs a field is read from: the facts of the transaction, or the row of a basket line."""

    FACTS = "facts"
    LINE = "line"


class Part(StrEnum):
    """Which part of the transaction an award is booked as."""

    BASE = "base"
    BONUS = "bonus"
    TARGETED = "targeted"


class Rounding(StrEnum):
    """How an award becomes whole points. Awards are never negative, so ``down`` is towards zero."""

    DOWN = "down"
    UP = "up"
    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
