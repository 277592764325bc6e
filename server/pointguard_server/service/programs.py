"""From a program's configuration and compiled earn rules to what the kernel decides by. For ``bootstrap``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from pointguard_server.domain.calendar import MICROSECOND
from pointguard_server.domain.codes import (
    Channel,
    CodeKind,
    Context,
    EntryType,
    Factor,
    Kind,
    Measure,
    Part,
    Posture,
    Reason,
    Scope,
    WindowKind,
)
from pointguard_server.domain.expiry import Expiry, ExpiryModel
from pointguard_server.engine.constant_tables import fill_table
from pointguard_server.engine.counters import DAY, LIFETIME, MONTH, Counter
from pointguard_server.engine.group_sets import GroupSets
from pointguard_server.engine.lot_terms import LotTerms
from pointguard_server.engine.programs import NO_CONDITIONS, Conditions, Program, ScopedMeasure
from pointguard_server.engine.recount import Measured, ScopeKey
from pointguard_server.engine.rows import currency_number
from pointguard_server.engine.world import CONDITION, EARNED, GIVEN, MATCHED, MATCHED_NUMBER, PROVINCES
from pointguard_server.rules.checked import CheckedRule
from pointguard_server.rules.checked import Expiry as RuleExpiry
from pointguard_server.rules.fields import FACT_FIELD_COUNT, FIELDS
from pointguard_server.rules.fixed_point import MOST, SCALE
from pointguard_server.rules.inputs import EarnedInput, LocalDateInput, MatchInput, WindowInput, WindowMeasure
from pointguard_server.rules.patterns import compile_pattern
from pointguard_server.rules.rule_set import Rule, RuleSet
from pointguard_server.rules.texts import Texts
from pointguard_server.rules.value_types import CapPeriod, ExpiryUnit
from pointguard_server.rules.value_types import Part as RulePart
from pointguard_server.rules.work_layout import layout_of
from pointguard_server.service.code_matches import CODE_DOMAINS, CodeMatches
from pointguard_server.service.fraud_conditions import is_sized
from pointguard_server.service.fraud_settings import FailMode
from pointguard_server.service.line_codes import LINE_DOMAINS, LineCodes
from pointguard_server.service.program_config import (
    RESERVATION_TTL_MAX,
    AdjustmentsConfig,
    ControlConfig,
    FraudRuleConfig,
    LotsConfig,
    ProgramConfig,
    RedemptionConfig,
    RuleMode,
)
from pointguard_server.velocity.windows import (
    DISTINCT_CARDS,
    DISTINCT_CASHIERS,
    DISTINCT_DEVICES,
    DISTINCT_STORES,
    DISTINCT_TERMINALS,
    OWN_APPROVED,
)

DAILY_REDEMPTION_CAP: Final = "DAILY_REDEMPTION_CAP"
OUT_OF_PROVINCE: Final = "OUT_OF_PROVINCE"
"""The names of the controls, where a rule's name is shown. Those of the limits of agents are their reasons'."""

Intern = Callable[[CodeKind, str], int]
IntArray = npt.NDArray[np.int64]

_MONTH_MAX: Final = timedelta(days=31, hours=2)  # a calendar month with a clock change in it
_CALENDAR_LENGTHS: Final = {
    WindowKind.DAY: timedelta(hours=26),
    WindowKind.WEEK: timedelta(days=7, hours=2),
    WindowKind.MONTH: _MONTH_MAX,
}
PARTS: Final = {RulePart.BASE: Part.BASE, RulePart.BONUS: Part.BONUS, RulePart.TARGETED: Part.TARGETED}
CAP_PERIODS: Final = {CapPeriod.DAY: DAY, CapPeriod.MONTH: MONTH, CapPeriod.LIFETIME: LIFETIME}
_EARN_MEASURES: Final = {
    WindowMeasure.COUNT: int(Measure.COUNT),
    WindowMeasure.POINTS: int(Measure.POINTS),
    WindowMeasure.MONEY: int(Measure.MONEY),
    WindowMeasure.DISTINCT_STORES: DISTINCT_STORES,
    WindowMeasure.DISTINCT_CASHIERS: DISTINCT_CASHIERS,
    WindowMeasure.DISTINCT_TERMINALS: DISTINCT_TERMINALS,
    WindowMeasure.DISTINCT_CARDS: DISTINCT_CARDS,
    WindowMeasure.DISTINCT_DEVICES: DISTINCT_DEVICES,
}
_ENUMERATIONS: Final[dict[str, type[Channel | Kind]]] = {"channel": Channel, "kind": Kind}
_UNKNOWN: Final = -1
_NO_CONDITION: Final = -1
_NO_SCOPE: Final = -1
_COUNTS_NOTHING: Final = (0, 0, 0, 0, 0, int(Measure.COUNT), int(WindowKind.DAY), 0)
"""In the place of a wider measure among those of accounts."""


class BoundEarnRules(Protocol):
    """A rule set that can be called; it lives as long as this object."""

    @property
    def address(self) -> int:
        """Where the function starts."""
        ...


class CompiledEarnRules(Protocol):
    """A rule set as a kernel can call it: machine code, a sandbox, or the interpreter until there is either."""

    def bound(self, constants: Sequence[int] | IntArray, /) -> BoundEarnRules:
        """What is called with these constants."""
        ...


class FraudConditions(Protocol):
    """The conditions of the fraud rules that are enabled, checked (``fraud_conditions``) and compiled."""

    @property
    def rule_set(self) -> RuleSet:
        """A rule for each condition."""
        ...

    @property
    def compiled(self) -> CompiledEarnRules:
        """Its machine code."""
        ...


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of a program's source texts."""

    program_id: int
    tenant_id: int
    rule_set: int
    configuration: int


def build_program(
    config: ProgramConfig,
    rule_set: RuleSet,
    compiled: CompiledEarnRules,
    versions: Versions,
    lines: LineCodes,
    intern: Intern,
    matches: CodeMatches,
    store_countries: dict[int, int] | None = None,
    fraud_conditions: FraudConditions | None = None,
    constants: IntArray | None = None,
    group_sets: GroupSets | None = None,
) -> Program:
    """Return the program as the kernel takes it.

    ``lines`` are the rule set's ``line_codes``; ``intern`` gives the tenant's texts their numbers. ``matches`` have
    taken what the rule set asks of texts. ``store_countries`` are numbers of countries by those of stores.
    ``constants`` are ``rule_constants`` made before; ``group_sets`` the tenant's, if something asks for groups.
    """
    group_sets = group_sets or GroupSets()
    measures, scoped, rules = _fraud_rules(config, intern, fraud_conditions)
    fraud_measure_count, conditions = len(measures), NO_CONDITIONS
    if fraud_conditions is not None:
        conditions = _conditions(config, fraud_conditions, len(measures), lines, intern, matches)
        measures += [_condition_measure(window) for window in _windows(fraud_conditions.rule_set)]
    inputs = _earn_inputs(config, rule_set, len(measures), matches)
    measures += [earn_measure(window) for window in _windows(rule_set)]
    constants = _constants(rule_set, lines, intern, matches, constants)
    earn = compiled.bound(constants)
    settings = {
        "epoch": versions.configuration,
        # Tallies are those of the fraud rules and of the earn rules: they are rebuilt when either change.
        "fraud_epoch": versions.configuration << 32 | versions.rule_set,
        "rule_set_version": versions.rule_set,
        "fraud_rules_version": versions.configuration,
        "currency": currency_number(config.currency),
        "points_floor": config.points_floor,
        "rate_points": config.redemption.points,
        "rate_money": config.redemption.money_minor,
        "hold_default": config.reservation_ttl_default // MICROSECOND,
        "hold_max": config.reservation_ttl_max // MICROSECOND,
        **_return_and_credit_settings(config),
        "retention": _retention(config, rule_set, fraud_conditions) // MICROSECOND,
        "fraud_measure_count": fraud_measure_count,
        "looks_back": looks_back(config) // MICROSECOND,
        "earn_address": earn.address,
        "money_scale": SCALE // 10**config.currency_digits,
    }
    return Program(
        program_id=versions.program_id,
        tenant_id=versions.tenant_id,
        zone=ZoneInfo(config.time_zone),
        currency=config.currency,
        settings=settings,
        measures=tuple(measures),
        rules=tuple(rules),
        awards=tuple(_award(rule, intern) for rule in rule_set.rules),
        inputs=tuple(row for row, _ in inputs),
        input_zones=tuple(zone for _, zone in inputs),
        constants=constants,
        fact_count=rule_set.checked.fact_count,
        work_size=layout_of(rule_set.checked).size,
        earn=earn,
        lot_terms=tuple(lot_terms_of(config.lots, rule) for rule in rule_set.checked.rules),
        credit_terms=LotTerms(0, config.lots.expiry, spares_groups=True),
        code_words=matches.words,
        conditions=conditions,
        scoped=tuple(scoped),
        alert_only=_alert_only(config, intern),
        group_sets=group_sets,
        exempt_groups=tuple(map(group_sets.number, config.lots.exempt_groups)),
        counters=_counters(rule_set, intern),
        store_countries=store_countries or {},
        deadline_near_s=config.fraud.deadline_near_ms / 1_000,
    )


def _award(rule: Rule, intern: Intern) -> tuple[int, int, int]:
    """Return the first fields of a row of ``world.AWARD``."""
    kind = EntryType.EARN if rule.part is RulePart.BASE else EntryType.BONUS
    return intern(CodeKind.RULE, rule.name), int(PARTS[rule.part]), int(kind)


def _alert_only(config: ProgramConfig, intern: Intern) -> frozenset[int]:
    """Return the numbers of the fraud rules that may only alert."""
    alerting = (rule for rule in config.fraud_rules if rule.enabled and rule.mode is RuleMode.ALERT_ONLY)
    return frozenset(intern(CodeKind.RULE, rule.name) for rule in alerting)


def _return_and_credit_settings(config: ProgramConfig) -> dict[str, int]:
    """Return what is said of returns, and of what agents give."""
    returns = config.returns
    unreceipted = returns.without_receipt
    return {
        "return_window": returns.window // MICROSECOND,
        "return_grace": returns.grace // MICROSECOND,
        "forgives": int(not returns.negative_balance),
        "unreceipted_points": unreceipted.points if unreceipted else 0,
        "unreceipted_money": unreceipted.money_minor if unreceipted else 1,
        "credit_max": config.adjustments.credit_max,
    }


def rule_constants(rule_set: RuleSet, lines: LineCodes, intern: Intern) -> IntArray:
    """Return the constants that a rule set is called with, up to its masks.

    The same as ``rules.constants`` makes, by kernels that hold no other thread up: a set may have 100,000 texts.
    """
    rules = rule_set.checked
    numbers = np.concatenate([np.zeros(0, np.int64), *(_numbers(run, lines, intern) for run in rule_set.literals.runs)])
    constants = np.zeros(rules.first_mask, np.int64)
    constants[: rules.constant_literals] = numbers[: rules.constant_literals]
    members, tables = numbers[rules.constant_literals :], constants[rules.constant_literals :]
    for table in rules.tables:
        fill_table(members[table.first : table.stop], tables[table.start : table.start + table.size])
    return constants


def _numbers(run: tuple[str, Texts], lines: LineCodes, intern: Intern) -> IntArray:
    """Return the numbers that texts of one domain stand for."""
    domain, texts = run
    if domain in LINE_DOMAINS:
        return lines.numbers_of(domain, texts)
    return np.array([_number(domain, text, intern) for text in texts], np.int64)


def tenant_texts(rule_set: RuleSet) -> set[tuple[CodeKind, str]]:
    """Return the texts of a rule set whose numbers the tenant's ledger keeps."""
    return {
        (CODE_DOMAINS[domain], text)
        for domain, texts in rule_set.literals.runs
        if domain in CODE_DOMAINS
        for text in texts
    }


def _conditions(
    config: ProgramConfig,
    given: FraudConditions,
    first_measure: int,
    lines: LineCodes,
    intern: Intern,
    matches: CodeMatches,
) -> Conditions:
    """Return the conditions of fraud rules; their windows have the measures from ``first_measure`` on."""
    rules = given.rule_set.checked
    inputs = _earn_inputs(config, given.rule_set, first_measure, matches)
    constants = _constants(given.rule_set, lines, intern, matches)
    code = given.compiled.bound(constants)
    return Conditions(
        count=len(rules.rules),
        address=code.address,
        inputs=tuple(row for row, _ in inputs),
        input_zones=tuple(zone for _, zone in inputs),
        constants=tuple(constants.tolist()),
        fact_count=rules.fact_count,
        work_size=layout_of(rules).size,
        code=code,
    )


def _constants(
    rule_set: RuleSet, lines: LineCodes, intern: Intern, matches: CodeMatches, made: IntArray | None = None
) -> IntArray:
    """Return all constants of a rule set: those ``made`` before, if there are any, and the masks."""
    groups = (matches.mask(CodeKind.GROUP_SET, group) for _, group in rule_set.checked.named_texts)
    masks = np.array([*lines.masks(rule_set.checked), *groups], np.int64)
    return np.concatenate([rule_constants(rule_set, lines, intern) if made is None else made, masks])


def lot_terms_of(lots: LotsConfig, rule: CheckedRule) -> LotTerms:
    """Return what becomes of a rule's points: as it says itself, or else as its program says."""
    pending = lots.pending if rule.pending_range is None else timedelta(days=rule.pending_days)
    if rule.expiry is None:
        return LotTerms(pending // MICROSECOND, lots.expiry, spares_groups=True)
    return LotTerms(pending // MICROSECOND, expiry_of(rule.expiry))


def expiry_of(written: RuleExpiry) -> Expiry:
    """Return what a rule says of the end of its points."""
    match written.unit:
        case ExpiryUnit.DAYS:
            return Expiry(ExpiryModel.ROLLING, timedelta(days=written.days) // MICROSECOND)
        case ExpiryUnit.END_OF_MONTH:
            return Expiry(ExpiryModel.END_OF_MONTH)
        case ExpiryUnit.END_OF_YEAR:
            return Expiry(ExpiryModel.ANNUAL)


def _number(domain: str, text: str, intern: Intern) -> int:
    """Return the number that a literal of no line's domain stands for; what cannot occur matches nothing."""
    if domain in CODE_DOMAINS:
        return intern(CODE_DOMAINS[domain], text)
    known = _ENUMERATIONS[domain]
    return int(known[text]) if text in known.__members__ else _UNKNOWN


def _counters(rule_set: RuleSet, intern: Intern) -> tuple[Counter, ...]:
    """Return what caps ask for, each where the rule set's inputs ask for it."""
    return tuple(
        Counter(intern(CodeKind.RULE, rule_set.rules[wanted.ordinal].name), CAP_PERIODS[wanted.period])
        for wanted in rule_set.checked.inputs
        if isinstance(wanted, EarnedInput)
    )


def _windows(rule_set: RuleSet) -> list[WindowInput]:
    return [wanted for wanted in rule_set.checked.inputs if isinstance(wanted, WindowInput)]


def _earn_inputs(
    config: ProgramConfig, rule_set: RuleSet, first_measure: int, matches: CodeMatches
) -> list[tuple[tuple[int, ...], ZoneInfo | None]]:
    """Return rows of ``world.INPUT``, each with the zone if it is a date.

    The windows of the earn rules have measures of their own behind the others, and on a leg the counters of caps have
    places behind those.
    """
    behind = first_measure + len(_windows(rule_set))
    caps = count()
    money_scale: int = SCALE // 10**config.currency_digits
    measures = count(first_measure)
    rows: list[tuple[tuple[int, ...], ZoneInfo | None]] = []
    for fact, wanted in enumerate(rule_set.checked.inputs, FACT_FIELD_COUNT):
        match wanted:
            case WindowInput():
                scale = money_scale if wanted.measure is WindowMeasure.MONEY else SCALE
                rows.append(((fact, next(measures), scale, MOST // scale, 0), None))
            case LocalDateInput():
                rows.append(((fact, GIVEN, SCALE, 0, 0), ZoneInfo(wanted.zone)))
            case EarnedInput():
                place = next(caps)
                rows.append(((fact, EARNED, 1, behind + place, place), None))
            case MatchInput():
                rows.append((_match(fact, wanted, matches), None))
            case _:
                raise ValueError(f"not available yet: {wanted}")
    return rows


def _match(fact: int, wanted: MatchInput, matches: CodeMatches) -> tuple[int, ...]:
    """Return a row of ``world.INPUT`` for a pattern over a field of the facts."""
    asked = FIELDS[wanted.field]
    domain = asked.domain or ""
    if domain in CODE_DOMAINS:
        return fact, MATCHED, 1, matches.mask(CODE_DOMAINS[domain], wanted.pattern), asked.index
    matched = compile_pattern(wanted.pattern)
    numbers = (1 << member for name, member in _ENUMERATIONS[domain].__members__.items() if matched(name))
    return fact, MATCHED_NUMBER, 1, sum(numbers), asked.index


def earn_measure(window: WindowInput) -> tuple[int, ...]:
    """Return a row of ``velocity.windows.MEASURE``: approved transactions of our own, less what was reversed."""
    kind = WindowKind.ROLLING if window.calendar is None else WindowKind[window.calendar.name]
    length = timedelta(seconds=window.seconds) // MICROSECOND
    measure = _EARN_MEASURES[window.measure]
    return (_mask(window.kinds), _mask(window.parts), OWN_APPROVED, 0, 1, measure, int(kind), length)


def _condition_measure(window: WindowInput) -> tuple[int, ...]:
    """Return the same for a condition of fraud rules, which counts recorded activity too."""
    kinds, parts, _, *rest = earn_measure(window)
    return (kinds, parts, 1, *rest)


def _earn_length(window: WindowInput) -> timedelta:
    if window.calendar is None:
        return timedelta(seconds=window.seconds)
    return _CALENDAR_LENGTHS[WindowKind[window.calendar.name]]


def _retention(config: ProgramConfig, rule_set: RuleSet, fraud_conditions: FraudConditions | None) -> timedelta:
    """Return how long memory keeps events.

    Past every window, and past the end of any reservation that may release one, under whatever limit it was made.
    """
    lengths = [looks_back(config)]
    rule_sets = [rule_set] if fraud_conditions is None else [rule_set, fraud_conditions.rule_set]
    lengths += [_earn_length(window) for each in rule_sets for window in _windows(each)]
    # What an account earned is read back from the legs that memory reads, but for what it earned ever.
    lengths += [
        _MONTH_MAX
        for wanted in rule_set.checked.inputs
        if isinstance(wanted, EarnedInput) and wanted.period is not CapPeriod.LIFETIME
    ]
    return max(lengths)


def looks_back(config: ProgramConfig) -> timedelta:
    """Return how far windows reach back by which recorded activity is judged; memory keeps at least that much."""
    windows = [
        rule.window
        for rule in config.fraud_rules
        if rule.enabled and rule.window is not None and rule.scope is Scope.ACCOUNT
    ]
    lengths = [window.length or _CALENDAR_LENGTHS[window.kind] for window in windows]
    if config.adjustments.account_monthly_max:
        lengths.append(_MONTH_MAX)
    return max([*lengths, RESERVATION_TTL_MAX + timedelta(days=1), _CALENDAR_LENGTHS[WindowKind.DAY]])


def _mask(codes: tuple[Kind, ...] | tuple[Part, ...] | None) -> int:
    return -1 if codes is None else sum(1 << code for code in set(codes))


def _fraud_rules(
    config: ProgramConfig, intern: Intern, conditions: FraudConditions | None
) -> tuple[list[tuple[int, ...]], list[ScopedMeasure], list[tuple[int, ...]]]:
    """Return the measures, each once, the wider ones, and the rules: the controls first, as their reasons come first.

    A wider measure has a place among all of them, where legs note what it held; that of groups has the next one, too,
    for which group it was.
    """
    measures: dict[tuple[int, ...], int] = {}
    scoped: dict[tuple[int, Measured], ScopedMeasure] = {}
    rules = _controls(config.redemption, measures, intern)
    for limit in limits_of(config.adjustments):
        rules.append(
            _rule(
                intern(CodeKind.RULE, limit.reason.name),
                *_places(measures, scoped, limit.scope, limit.counted),
                ControlConfig(limit.most, Posture.BLOCK, timedelta(0)),
                Context.ADJUSTMENT,
                limit.reason,
                fails_closed=config.fraud.fail[Context.ADJUSTMENT] is FailMode.CLOSED,
                of_agent=limit.scope is Scope.AGENT,
            )
        )
    ordinals = count()
    for rule in config.fraud_rules:
        if not rule.enabled:
            continue
        counted = measure_of(rule)
        condition, sized = _NO_CONDITION, False
        if rule.when:
            if conditions is None:
                raise ValueError("the fraud rules have conditions, and those were not made ready")
            condition = next(ordinals)
            sized = is_sized(conditions.rule_set.checked, condition)
        rules.append(
            _rule(
                intern(CodeKind.RULE, rule.name),
                *((CONDITION, _NO_SCOPE) if counted is None else _places(measures, scoped, rule.scope, counted)),
                ControlConfig(rule.threshold, posture_of(rule), rule.duration, rule.step_up, rule.four_eyes),
                rule.context,
                Reason.FRAUD_RULE,
                extends=rule.extends,
                condition=condition,
                is_sized=sized,
                is_shadow=rule.mode is RuleMode.SHADOW,
                fails_closed=config.fraud.fail[rule.context] is FailMode.CLOSED,
                of_agent=rule.scope is Scope.AGENT,
            )
        )
    return [row if isinstance(row, Measured) else _COUNTS_NOTHING for row in measures], list(scoped.values()), rules


def scope_keys_of(config: ProgramConfig, program_id: int) -> tuple[ScopeKey, ...]:
    """Return the counters that a configuration's rules of wider scopes need."""
    keys = [
        ScopeKey(program_id, int(limit.scope), limit.counted)
        for limit in limits_of(config.adjustments)
        if limit.scope is not Scope.ACCOUNT
    ]
    keys += (
        ScopeKey(program_id, int(rule.scope), measured)
        for rule in config.fraud_rules
        if rule.enabled and rule.scope is not Scope.ACCOUNT and (measured := measure_of(rule)) is not None
    )
    return tuple(dict.fromkeys(keys))


class CreditLimit(NamedTuple):
    """A limit of what agents give in a stretch of the calendar: whose, what it counts, the most points, its reason."""

    scope: Scope
    counted: Measured
    most: int
    reason: Reason


def limits_of(adjustments: AdjustmentsConfig) -> list[CreditLimit]:
    """Return the limits that a program sets to what agents give; that of one credit is none of a window."""
    limits = (
        (Scope.AGENT, WindowKind.DAY, adjustments.agent_daily_max, Reason.AGENT_DAILY_LIMIT),
        (Scope.AGENT, WindowKind.MONTH, adjustments.agent_monthly_max, Reason.AGENT_MONTHLY_LIMIT),
        (Scope.ACCOUNT, WindowKind.MONTH, adjustments.account_monthly_max, Reason.ACCOUNT_MONTHLY_LIMIT),
    )
    given = _mask((Part.DISCRETIONARY,))
    return [
        CreditLimit(scope, Measured(-1, given, 1, 0, 0, int(Measure.POINTS), int(window), 0), most, reason)
        for scope, window, most, reason in limits
        if most
    ]


def places_of(scope: Scope) -> int:
    """Return how many numbers a measure of a scope takes: what a window held, and of groups, which."""
    return 2 if scope is Scope.GROUP else 1


def _places(
    measures: dict[tuple[int, ...], int],
    scoped: dict[tuple[int, Measured], ScopedMeasure],
    scope: Scope,
    counted: Measured,
) -> tuple[int, int]:
    """Return a measure's place among all and among the wider ones, made if need be."""
    if scope is Scope.ACCOUNT:
        return measures.setdefault(counted, len(measures)), _NO_SCOPE
    wide = scoped.setdefault((scope, counted), ScopedMeasure(len(measures), int(scope), counted))
    if wide.place == len(measures):
        measures.update({(wide.place, each): wide.place + each for each in range(places_of(scope))})
    return wide.place, list(scoped.values()).index(wide)


def posture_of(rule: FraudRuleConfig) -> Posture:
    """Return what a rule does that trips: one that may only alert does what LOG does."""
    return Posture.LOG if rule.mode is RuleMode.ALERT_ONLY else rule.posture


def reason_of(posture: Posture, factor: Factor | None, reason: Reason) -> Reason:
    """Return what a transaction is told that a rule declines; ``reason`` is what one that blocks gives."""
    match posture:
        case Posture.SUSPEND:
            return Reason.ACCOUNT_SUSPENDED
        case Posture.LOCK:
            return Reason.REDEMPTION_LOCKED
        case Posture.STEP_UP:
            return Reason(Reason.STEP_UP + (factor or 0))
        case _:
            return reason


def _controls(
    redemption: RedemptionConfig, measures: dict[tuple[int, ...], int], intern: Intern
) -> list[tuple[int, ...]]:
    rules = []
    if redemption.out_of_province:
        name = intern(CodeKind.RULE, OUT_OF_PROVINCE)
        rules.append(
            _rule(name, PROVINCES, _NO_SCOPE, redemption.out_of_province, Context.REDEMPTION, Reason.OUT_OF_PROVINCE)
        )
    if redemption.daily_cap:
        # What a calendar day's approved redemptions come to in money; what was voided or not captured is free again.
        parts = _mask((Part.REDEEM, Part.HOUSEHOLD_REDEEM))
        spent = Measured(-1, parts, 1, 0, 1, int(Measure.MONEY), int(WindowKind.DAY), 0)
        measure = measures.setdefault(spent, len(measures))
        name = intern(CodeKind.RULE, DAILY_REDEMPTION_CAP)
        reason = Reason.DAILY_REDEMPTION_CAP
        rules.append(_rule(name, measure, _NO_SCOPE, redemption.daily_cap, Context.REDEMPTION, reason, is_limit=True))
    return rules


def measure_of(rule: FraudRuleConfig) -> Measured | None:
    """Return a row of ``velocity.windows.MEASURE``; None if the rule is its condition alone."""
    if rule.counts is None or rule.measure is None or rule.window is None:
        return None
    return Measured(
        _mask(rule.counts.kinds),
        _mask(rule.counts.parts),
        int(rule.counts.approved_only),
        int(rule.include_blocked),
        int(rule.net_of_reversals),
        int(rule.measure),
        int(rule.window.kind),
        rule.window.length // MICROSECOND,
    )


def _rule(
    rule_id: int,
    measure: int,
    scoped: int,
    action: ControlConfig,
    context: Context,
    reason: Reason,
    *,
    extends: bool = False,
    is_limit: bool = False,
    condition: int = _NO_CONDITION,
    is_sized: bool = False,
    is_shadow: bool = False,
    fails_closed: bool = False,
    of_agent: bool = False,
) -> tuple[int, ...]:
    """Return a row of ``world.RULE``."""
    posture: Posture = action.posture
    factor = action.step_up or 0
    return (
        rule_id,
        measure,
        scoped,
        condition,
        int(is_sized),
        int(is_shadow),
        action.threshold,
        int(posture),
        int(context),
        action.duration // MICROSECOND,
        int(extends),
        int(factor),
        int(action.four_eyes),
        int(reason_of(posture, action.step_up, reason)),
        int(is_limit),
        int(fails_closed),
        int(of_agent),
        0,
        0,
    )
