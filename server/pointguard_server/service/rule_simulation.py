"""What an order would earn by a rule set, without anything being written. For ``rpc``.

The interpreter decides, on the facts that the kernel would gather (``engine/compiled/accruals.py``). Texts stand for
themselves here: they are numbered for one simulation alone, so none has to be known to the ledger.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from pointguard_server.domain.calendar import local_time
from pointguard_server.domain.codes import Part
from pointguard_server.rules.checked import FieldValue
from pointguard_server.rules.fields import FACT_FIELDS, LINE_FIELDS, Field
from pointguard_server.rules.fixed_point import DECIMAL_PLACES, SCALE, Status
from pointguard_server.rules.interpreter import interpret
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.rules.value_types import ValueType, Vector
from pointguard_server.service.programs import PARTS

POINTS_MAX: Final = 1 << 60
"""As in the kernel: an award, a sum or a balance above it is a failure of the arithmetic."""

Value = int | str | bool
Known = dict[str, Value]


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line of a basket; money in minor units."""

    sku: str
    category: str
    brand: str
    quantity: int
    amount: int


@dataclass(frozen=True, slots=True)
class Order:
    """A purchase and who makes it where, as the rules see it. An empty text is one that is not known."""

    total: int  # minor units
    lines: tuple[OrderLine, ...]
    kind: str
    accepted_at: int  # microseconds since 1970
    channel: str = ""
    tender: str = ""
    coupon_used: bool = False
    store: str = ""
    business_unit: str = ""
    store_province: str = ""
    tier: str = ""
    province: str = ""
    days_since_enrolment: int = 0
    posted: int = 0


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What one rule gives, in points."""

    rule: str
    part: Part
    points: int


@dataclass(frozen=True, slots=True)
class RuleFact:
    """A field that the rules name, with its value: a number in decimal, a text, a condition, or none."""

    field: str
    value: str | bool | None
    is_number: bool


@dataclass(frozen=True, slots=True)
class Simulation:
    """What an order earns. ``failed``: the arithmetic did, and nothing is earned."""

    outcomes: tuple[RuleOutcome, ...]
    facts: tuple[RuleFact, ...]
    failed: bool

    @property
    def points(self) -> int:
        """The points in all."""
        return sum(outcome.points for outcome in self.outcomes)


class _Texts:
    """Numbers for the texts of one simulation, by domain."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str | None, str], int] = {}

    def number(self, domain: str | None, text: str) -> int:
        return self._numbers.setdefault((domain, text), len(self._numbers) + 1) if text else 0


def simulate(rule_set: RuleSet, order: Order, money_scale: int, zone: ZoneInfo) -> Simulation:
    """Return what an order earns; ``money_scale`` makes minor units the rules' numbers. Not for the event loop."""
    known = _facts(order, money_scale, zone)
    texts = _Texts()
    status, awards = interpret(
        rule_set.checked,
        [_entry(field, known, texts) for field in FACT_FIELDS],
        [[_entry(field, _line(line, money_scale), texts) for field in LINE_FIELDS] for line in order.lines],
        [texts.number(domain, text) for domain, text in rule_set.literals],
    )
    total = sum(awards)
    failed = status is not Status.OK or max((*awards, total, order.posted + total)) > POINTS_MAX
    outcomes = tuple(
        RuleOutcome(rule.name, PARTS[rule.part], 0 if failed else points)
        for rule, points in zip(rule_set.rules, awards, strict=True)
    )
    return Simulation(outcomes, tuple(_shown(field, known) for field in _used(rule_set)), failed)


def _facts(order: Order, money_scale: int, zone: ZoneInfo) -> Known:
    """Return the facts by name: numbers are the rules' own, scaled. A fact that is not here reads as absent."""
    local = local_time(order.accepted_at, zone)
    parts = {name: getattr(local, name) for name in ("year", "month", "day", "hour", "minute", "weekday")}
    return {
        "order.total": order.total * money_scale,
        "order.line_count": len(order.lines) * SCALE,
        "order.channel": order.channel,
        "order.tender": order.tender,
        "order.coupon_used": order.coupon_used,
        "order.kind": order.kind,
        "store.id": order.store,
        "store.business_unit": order.business_unit,
        "store.province": order.store_province,
        "member.tier": order.tier,
        "member.province": order.province,
        "member.days_since_enrolment": order.days_since_enrolment * SCALE,
        "account.posted": min(order.posted, POINTS_MAX // SCALE) * SCALE,
        **{f"time.{name}": value * SCALE for name, value in parts.items()},
    }


def _line(line: OrderLine, money_scale: int) -> Known:
    return {
        "line.sku": line.sku,
        "line.category": line.category,
        "line.brand": line.brand,
        "line.quantity": line.quantity * SCALE,
        "line.amount": line.amount * money_scale,
    }


def _entry(field: Field, known: Known, texts: _Texts) -> int:
    """Return a field's entry in its vector."""
    value = known.get(field.name, 0)
    return texts.number(field.domain, value) if isinstance(value, str) else int(value)


def _used(rule_set: RuleSet) -> list[Field]:
    """Return the facts that the rules name, in the order of the language's table."""
    indexes = {node.index for node in _fields_in(rule_set.checked) if node.vector is Vector.FACTS}
    return [field for field in FACT_FIELDS if field.index in indexes]


def _fields_in(node: Any) -> Iterator[FieldValue]:
    """Yield the fields anywhere below a node of the checked tree, whatever kinds of nodes there are."""
    if isinstance(node, FieldValue):
        yield node
    elif isinstance(node, tuple):
        for part in node:
            yield from _fields_in(part)
    elif is_dataclass(node):
        for part in fields(node):
            yield from _fields_in(getattr(node, part.name))


def _shown(field: Field, known: Known) -> RuleFact:
    value = known.get(field.name)
    if field.type is ValueType.NUMBER:
        return RuleFact(field.name, _decimal(int(value or 0)), is_number=True)
    if field.type is ValueType.BOOLEAN:
        return RuleFact(field.name, bool(value), is_number=False)
    return RuleFact(field.name, str(value) if value else None, is_number=False)


def _decimal(scaled: int) -> str:
    """Return a number of the rules as it is written, without zeros at the end of its fraction."""
    whole, fraction = divmod(abs(scaled), SCALE)
    digits = f"{fraction:0{DECIMAL_PLACES}}".rstrip("0")
    return ("-" if scaled < 0 else "") + str(whole) + (f".{digits}" if digits else "")
