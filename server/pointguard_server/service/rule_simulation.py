"""What an order would earn by a rule set, without anything being written. For ``rpc``.

The interpreter decides, on the facts that the kernel would gather (``engine/compiled/accruals.py``). Texts stand for
themselves here: they are numbered for one simulation alone, so none has to be known to the ledger.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from pointguard_server.domain.age_bands import age_band_on
from pointguard_server.domain.calendar import EPOCH, local_time
from pointguard_server.domain.codes import Part
from pointguard_server.rules.checked import CheckedRuleSet, FieldValue
from pointguard_server.rules.constants import constants_of
from pointguard_server.rules.fields import FACT_FIELDS, FIELDS, LINE_FIELDS, Field
from pointguard_server.rules.fixed_point import DECIMAL_PLACES, SCALE, Status
from pointguard_server.rules.inputs import EarnedInput, Input, LocalDateInput, MatchInput, WindowInput, window_text
from pointguard_server.rules.interpreter import evaluate, trace
from pointguard_server.rules.patterns import compile_pattern
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.rules.syntax import SourceRange
from pointguard_server.rules.trace import RuleTrace as Traced
from pointguard_server.rules.trace import Trace
from pointguard_server.rules.value_types import Limit, ValueType, Vector
from pointguard_server.service.program_config import LotsConfig
from pointguard_server.service.programs import PARTS, lot_terms_of

POINTS_MAX: Final = 1 << 60
"""As in the kernel: an award, a sum or a balance above it is a failure of the arithmetic."""
MONEY_MAX: Final = 1 << 62
_GROUPS: Final = FIELDS["member.groups"].index
_MINUTE: Final = 60_000_000

Known = dict[str, int | str | bool]


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
    """A purchase and who makes it where, as the rules see it. An empty text is one that is not known.

    Money is in minor units; ``accepted_at`` in microseconds since 1970.
    """

    total: int
    lines: tuple[OrderLine, ...]
    kind: str
    accepted_at: int
    channel: str = ""
    tender: str = ""
    coupon_used: bool = False
    store: str = ""
    business_unit: str = ""
    store_province: str = ""
    store_country: str = ""
    tier: str = ""
    province: str = ""
    days_since_enrolment: int = 0
    posted: int = 0
    reserved: int = 0
    pending: int = 0
    spend: int = 0
    groups: tuple[str, ...] = ()
    birth_date: str = ""  # ISO 8601
    earned: Mapping[EarnedInput, int] = field(default_factory=dict)  # what rules gave before, for their caps
    windows: Mapping[str, int] = field(default_factory=dict)  # by the window's text, scaled; one that is not there is 0


@dataclass(frozen=True, slots=True)
class RuleValue:
    """What something came to: a number or a date as a text, a text, a condition, or nothing."""

    type: ValueType
    value: str | bool | None


@dataclass(frozen=True, slots=True)
class SeenValue:
    """What a part of an expression came to; ``basket_line`` counts from 1, and 0 is none."""

    place: SourceRange
    basket_line: int
    value: RuleValue


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """How a rule came to its outcome; what was not looked at is None, an award that was not computed is empty."""

    valid: bool | None
    held: bool | None
    computed: str
    rounded: int
    capped: int
    seen: tuple[SeenValue, ...]


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What one rule gives, in points, why it is less than its award, and how that came about."""

    rule: str
    part: Part
    points: int
    limit: Limit
    trace: RuleTrace | None


@dataclass(frozen=True, slots=True)
class Simulation:
    """What an order earns, and the facts that the rules name, by field.

    ``failed``: the arithmetic did, and nothing is earned; ``failed_at`` is where, if it was traced.
    """

    outcomes: tuple[RuleOutcome, ...]
    facts: tuple[tuple[str, RuleValue], ...]
    failed: bool
    failed_at: SourceRange | None = None
    is_cut: bool = False

    @property
    def points(self) -> int:
        """The points in all."""
        return sum(outcome.points for outcome in self.outcomes)


class _Texts:
    """Numbers for the texts of one simulation, by domain, and back."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str | None, str], int] = {}

    def number(self, domain: str | None, text: str) -> int:
        return self._numbers.setdefault((domain, text), len(self._numbers) + 1) if text else 0

    def by_number(self) -> dict[int, str]:
        return {number: text for (_, text), number in self._numbers.items()}


def simulate(
    rule_set: RuleSet, order: Order, money_scale: int, zone: ZoneInfo, *, is_traced: bool = False
) -> Simulation:
    """Return what an order earns; ``money_scale`` makes minor units the rules' numbers. Not for the event loop."""
    known = _facts(order, money_scale, zone)
    texts = _Texts()
    facts = _fact_entries(rule_set.checked, order, known, texts)
    lines = [_line_entries(line, money_scale, texts, rule_set.checked) for line in order.lines]
    constants = constants_of(rule_set.checked, texts.number)
    found: Trace | None = None
    if is_traced:
        found = trace(rule_set.checked, facts, lines, constants)
        outcome = found.outcome
    else:
        outcome = evaluate(rule_set.checked, facts, lines, constants)
    points = [award.points for award in outcome.awards]
    total = sum(points)
    failed = outcome.status is not Status.OK or max((*points, total, order.posted + total)) > POINTS_MAX
    by_number = texts.by_number()
    outcomes = tuple(
        RuleOutcome(
            rule=rule.name,
            part=PARTS[rule.part],
            points=0 if failed else award.points,
            limit=award.limit,
            trace=_traced(found.rules[rule.ordinal], by_number) if found is not None else None,
        )
        for rule, award in zip(rule_set.rules, outcome.awards, strict=True)
    )
    shown = tuple((each.name, _shown(each, known)) for each in _used(rule_set))
    shown += tuple(
        (window, _value(ValueType.NUMBER, order.windows.get(window, 0), {})) for window in windows_of(rule_set)
    )
    if found is None:
        return Simulation(outcomes, shown, failed)
    return Simulation(outcomes, shown, failed, found.failed_at, found.is_cut)


def lot_moments(
    rule_set: RuleSet, lots: LotsConfig, accepted_at: int, zone: ZoneInfo, groups: Collection[str]
) -> dict[str, tuple[int, int]]:
    """Return when the points of each rule's award mature and when they end, 0 for at once and never, by the rule.

    ``lots`` is what the program says where a rule says nothing.
    """
    found = {}
    for rule, checked in zip(rule_set.rules, rule_set.checked.rules, strict=True):
        terms = lot_terms_of(lots, checked)
        if terms.spares_groups and lots.spares(groups):
            expires_at = 0
        elif terms.expires_after:
            expires_at = accepted_at + terms.expires_after
        else:
            expires_at = terms.expires_at(accepted_at - accepted_at % _MINUTE, zone)
        found[rule.name] = (accepted_at + terms.pending if terms.pending else 0), expires_at
    return found


def points_of(rule_set: RuleSet, order: Order, more: Known, money_scale: int, zone: ZoneInfo) -> tuple[int, ...]:
    """Return what each rule gives, as its back ends do, where the rules know ``more`` facts than an order has."""
    known = _facts(order, money_scale, zone) | more
    texts = _Texts()
    facts = _fact_entries(rule_set.checked, order, known, texts)
    lines = [_line_entries(line, money_scale, texts, rule_set.checked) for line in order.lines]
    outcome = evaluate(rule_set.checked, facts, lines, constants_of(rule_set.checked, texts.number))
    return tuple(award.points for award in outcome.awards)


def _fact_entries(rules: CheckedRuleSet, order: Order, known: Known, texts: _Texts) -> list[int]:
    """Return the vector of facts."""
    facts = [_entry(each, known, texts) for each in FACT_FIELDS]
    for bit, (_, group) in enumerate(rules.named_texts):
        facts[_GROUPS] |= (group in order.groups) << bit
    return facts + [_input(wanted, order, known) for wanted in rules.inputs]


def windows_of(rule_set: RuleSet) -> list[str]:
    """Return the windows that a rule set looks at, as texts."""
    return [window_text(wanted) for wanted in rule_set.checked.inputs if isinstance(wanted, WindowInput)]


def _input(wanted: Input, order: Order, known: Known) -> int:
    """Return what a rule set asks for beside the fields of the table."""
    match wanted:
        case WindowInput():
            return order.windows.get(window_text(wanted), 0)
        case LocalDateInput():
            return local_time(order.accepted_at, ZoneInfo(wanted.zone)).date * SCALE
        case EarnedInput():
            return order.earned.get(wanted, 0)
        case MatchInput():
            return _matches(wanted.pattern, known.get(wanted.field))


def _facts(order: Order, money_scale: int, zone: ZoneInfo) -> Known:
    """Return the facts by name: numbers are the rules' own, scaled. A fact that is not here reads as absent."""
    local = local_time(order.accepted_at, zone)
    parts = {name: getattr(local, name) for name in ("year", "month", "day", "hour", "minute", "weekday", "date")}
    born = date.fromisoformat(order.birth_date) if order.birth_date else None
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
        "store.country": order.store_country,
        "member.groups": ", ".join(order.groups),
        "member.age_band": age_band_on(born, date(local.year, local.month, local.day)) if born else "",
        "member.birthday_month": born.month * SCALE if born else 0,
        "member.tier": order.tier,
        "member.province": order.province,
        "member.days_since_enrolment": order.days_since_enrolment * SCALE,
        "account.posted": min(order.posted, POINTS_MAX // SCALE) * SCALE,
        "account.available": min(order.posted - order.pending - order.reserved, POINTS_MAX // SCALE) * SCALE,
        "account.spend": max(min(order.spend, MONEY_MAX // money_scale), 0) * money_scale,
        **{f"time.{name}": value * SCALE for name, value in parts.items()},
    }


def _matches(pattern: str, value: int | str | bool | None) -> int:
    return int(isinstance(value, str) and bool(value) and compile_pattern(pattern)(value))


def _line_entries(line: OrderLine, money_scale: int, texts: _Texts, rules: CheckedRuleSet) -> list[int]:
    known: Known = {
        "line.sku": line.sku,
        "line.category": line.category,
        "line.brand": line.brand,
        "line.quantity": line.quantity * SCALE,
        "line.amount": line.amount * money_scale,
    }
    entries = [_entry(each, known, texts) for each in LINE_FIELDS]
    matched = (_matches(pattern, known[name]) << bit for bit, (name, pattern) in enumerate(rules.line_patterns))
    return [*entries, sum(matched)]


def _entry(entry: Field, known: Known, texts: _Texts) -> int:
    """Return a field's entry in its vector."""
    value = known.get(entry.name, 0) if entry.type is not ValueType.TEXTS else 0
    return texts.number(entry.domain, value) if isinstance(value, str) else int(value)


def _used(rule_set: RuleSet) -> list[Field]:
    """Return the facts that the rules name, in the order of the language's table."""
    indexes = {node.index for node in _fields_in(rule_set.checked) if node.vector is Vector.FACTS}
    indexes |= {_GROUPS} if rule_set.checked.named_texts else set()
    return [each for each in FACT_FIELDS if each.index in indexes]


def _fields_in(node: Any) -> Iterator[FieldValue]:
    """Yield the fields anywhere below a node of the checked tree, whatever kinds of nodes there are."""
    if isinstance(node, FieldValue):
        yield node
    elif isinstance(node, tuple):
        for part in node:
            yield from _fields_in(part)
    elif is_dataclass(node):
        for each in fields(node):
            yield from _fields_in(getattr(node, each.name))


def _shown(fact: Field, known: Known) -> RuleValue:
    value = known.get(fact.name)
    if isinstance(value, str):
        return RuleValue(fact.type, value or None)
    if value is None and fact.type in (ValueType.TEXT, ValueType.TEXTS):
        return RuleValue(fact.type, None)
    return _value(fact.type, int(value or 0), {})


def _traced(rule: Traced, texts: dict[int, str]) -> RuleTrace:
    award = rule.award
    seen = (
        SeenValue(each.source_range, 0 if each.line is None else each.line + 1, _value(each.type, each.value, texts))
        for each in rule.seen
    )
    return RuleTrace(
        valid=rule.valid,
        held=rule.held,
        computed="" if award is None else _decimal(award.computed),
        rounded=0 if award is None else award.rounded,
        capped=0 if award is None else award.capped,
        seen=tuple(seen),
    )


def _value(kind: ValueType, scaled: int, texts: dict[int, str]) -> RuleValue:
    """Return a value of the rules as it is written."""
    match kind:
        case ValueType.BOOLEAN:
            return RuleValue(kind, bool(scaled))
        case ValueType.TEXT:
            return RuleValue(kind, texts.get(scaled))
        case ValueType.TEXTS:
            return RuleValue(kind, None)
        case ValueType.DATE:
            return RuleValue(kind, (EPOCH + timedelta(days=scaled // SCALE)).date().isoformat())
        case ValueType.NUMBER | ValueType.MONEY:
            return RuleValue(kind, _decimal(scaled))


def _decimal(scaled: int) -> str:
    """Return a number of the rules as it is written, without zeros at the end of its fraction."""
    whole, fraction = divmod(abs(scaled), SCALE)
    digits = f"{fraction:0{DECIMAL_PLACES}}".rstrip("0")
    return ("-" if scaled < 0 else "") + str(whole) + (f".{digits}" if digits else "")
