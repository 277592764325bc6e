"""A purchase told in words becomes the vectors that rules are called with. For tests of rule sets, and to simulate.

Not for the hot path: texts get their ids here, by the rule set alone, and nothing is looked up. What is not told is 0,
absent or false; the order's total and line count follow from the lines, and the parts of the time from ``moment``.

    NamedInputError     something was told that the rule set or the table of fields does not know, or that does not fit
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from pointguard_server.rules import fixed_point
from pointguard_server.rules.constants import constants_of
from pointguard_server.rules.fields import FACT_FIELDS, FIELDS, LINE_FIELD_COUNT, LINE_FIELDS, LINE_MATCHES, Field
from pointguard_server.rules.inputs import EarnedInput, Input, LocalDateInput, MatchInput, WindowInput, window_text
from pointguard_server.rules.patterns import compile_pattern
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.rules.value_types import CapPeriod, ValueType

Value = bool | int | float | Decimal | str | date | Sequence[str]
"""Numbers and money in major units, conditions, texts, dates, and the texts of ``member.groups``."""

_EPOCH: Final = date(1970, 1, 1)


class NamedInputError(ValueError):
    """A value has no place or does not fit its place; the text names it."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase in words.

    ``facts`` and each of ``lines`` are by field; ``windows`` by the text of the window, such as
    ``count(purchases, 7 days)``; ``earned`` by rule and period; ``dates`` by time zone.
    """

    facts: Mapping[str, Value] = field(default_factory=dict)
    lines: Sequence[Mapping[str, Value]] = ()
    windows: Mapping[str, Value] = field(default_factory=dict)
    earned: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    dates: Mapping[str, date] = field(default_factory=dict)
    moment: datetime | None = None


@dataclass(frozen=True, slots=True)
class Inputs:
    """The vectors: see ``interpreter.evaluate``."""

    facts: list[int]
    lines: list[list[int]]
    constants: list[int]


def inputs_of(rule_set: RuleSet, purchase: Purchase) -> Inputs:
    """The vectors of a purchase for a rule set.

    Raises:
        NamedInputError: naming what cannot be used.
    """
    return _Naming(rule_set).inputs(purchase)


class _Naming:
    """Gives texts their ids: the rule set's own and any that are met, in one numbering for each domain."""

    def __init__(self, rule_set: RuleSet) -> None:
        self._rule_set = rule_set
        self._rules = rule_set.checked
        self._ids: dict[tuple[str, str], int] = {}

    def inputs(self, purchase: Purchase) -> Inputs:
        """The vectors."""
        constants = constants_of(self._rules, self._id)
        facts = self._told_and_derived(purchase)
        self._refuse_unknown("field", facts, [field.name for field in FACT_FIELDS])
        self._refuse_unknown("window", purchase.windows, self._windows())
        self._refuse_unknown("rule", purchase.earned, [rule.name for rule in self._rule_set.rules])
        row = [self._entry(field, facts.get(field.name)) for field in FACT_FIELDS]
        row += [self._input(wanted, purchase, facts) for wanted in self._rules.inputs]
        return Inputs(row, [self._line(line) for line in purchase.lines], constants)

    def _id(self, domain: str, text: str) -> int:
        return self._ids.setdefault((domain, text), len(self._ids) + 1)

    @staticmethod
    def _told_and_derived(purchase: Purchase) -> dict[str, Value]:
        amounts = [Decimal(str(line.get("line.amount", 0))) for line in purchase.lines]
        derived: dict[str, Value] = {"order.total": sum(amounts, Decimal(0)), "order.line_count": len(amounts)}
        if purchase.moment is not None:
            moment = purchase.moment
            derived["time.date"], derived["time.weekday"] = moment.date(), moment.isoweekday()
            derived |= {f"time.{part}": getattr(moment, part) for part in ("year", "month", "day", "hour", "minute")}
        return derived | dict(purchase.facts)

    def _windows(self) -> list[str]:
        return [window_text(wanted) for wanted in self._rules.inputs if isinstance(wanted, WindowInput)]

    @staticmethod
    def _refuse_unknown(what: str, told: Mapping[str, object], known: Sequence[str]) -> None:
        for name in told:
            if name not in known:
                raise NamedInputError(f"{name}: there is no such {what}; there are {', '.join(known) or 'none'}")

    def _entry(self, field: Field, value: Value | None) -> int:
        if value is None:
            return 0
        match field.type:
            case ValueType.TEXT if isinstance(value, str):
                return self._id(field.domain or "", value) if value else 0
            case ValueType.TEXTS if isinstance(value, Sequence) and not isinstance(value, str):
                named = self._rules.named_texts
                return sum(
                    1 << bit for bit, (domain, text) in enumerate(named) if domain == field.domain and text in value
                )
            case ValueType.BOOLEAN if isinstance(value, bool):
                return int(value)
            case ValueType.DATE if isinstance(value, date):
                return (value - _EPOCH).days * fixed_point.SCALE
            case ValueType.NUMBER | ValueType.MONEY if isinstance(value, int | float | Decimal):
                return _scaled(field.name, value)
        raise NamedInputError(f"{field.name}: {value!r} is no {field.type}")

    def _line(self, line: Mapping[str, Value]) -> list[int]:
        self._refuse_unknown("field", line, [field.name for field in LINE_FIELDS])
        row = [0] * LINE_FIELD_COUNT
        for known in LINE_FIELDS:
            row[known.index] = self._entry(known, line.get(known.name))
        for bit, (name, pattern) in enumerate(self._rules.line_patterns):
            row[LINE_MATCHES] |= _matches(pattern, line.get(name)) << bit
        return row

    def _input(self, wanted: Input, purchase: Purchase, facts: Mapping[str, Value]) -> int:
        match wanted:
            case WindowInput():
                value = purchase.windows.get(window_text(wanted), 0)
                return _scaled(window_text(wanted), value if isinstance(value, int | float | Decimal) else 0)
            case EarnedInput():
                earned = purchase.earned.get(self._rule_set.rules[wanted.ordinal].name, {})
                self._refuse_unknown("period", earned, [period.value for period in CapPeriod])
                return earned.get(wanted.period.value, 0)
            case MatchInput():
                return _matches(wanted.pattern, facts.get(wanted.field))
            case LocalDateInput():
                told = purchase.dates.get(wanted.zone, facts.get("time.date"))
                return self._entry(FIELDS["time.date"], told)


def _matches(pattern: str, value: Value | None) -> int:
    return int(isinstance(value, str) and bool(value) and compile_pattern(pattern)(value))


def _scaled(name: str, value: float | Decimal) -> int:
    scaled = Decimal(str(value)) * fixed_point.SCALE
    if scaled != scaled.to_integral_value() or not fixed_point.LEAST <= scaled <= fixed_point.MOST:
        raise NamedInputError(f"{name}: {value} has more than {fixed_point.DECIMAL_PLACES} decimals or is too large")
    return int(scaled)
