"""The words of the language's type system, and the choices a rule can make. For every file of this package."""

from enum import IntEnum, StrEnum


class ValueType(StrEnum):
    """What an expression can be."""

    BOOLEAN = "boolean"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    TEXT = "text"
    TEXTS = "texts"


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


class CapPeriod(StrEnum):
    """Over what a cap adds up what one rule has given one account, the tightest first."""

    TRANSACTION = "transaction"
    DAY = "day"
    MONTH = "month"
    LIFETIME = "lifetime"

    @property
    def limit(self) -> "Limit":
        """What such a cap is called where it made an award less."""
        return Limit[f"CAP_PER_{self.name}"]


class Limit(IntEnum):
    """Why a rule gave less than its award."""

    NONE = 0
    CAP_PER_TRANSACTION = 1
    CAP_PER_DAY = 2
    CAP_PER_MONTH = 3
    CAP_PER_LIFETIME = 4
    BETTER_IN_GROUP = 5
    EXCLUDED = 6


class ExpiryUnit(StrEnum):
    """When the points of an award expire, if the rule says so."""

    DAYS = "days"
    END_OF_MONTH = "month"
    END_OF_YEAR = "year"
