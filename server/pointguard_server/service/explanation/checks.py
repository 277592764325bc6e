"""The fraud rules and controls of a configuration, in the order in which a decision looks at them."""

import itertools
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pointguard_server.domain.calendar import MICROSECOND
from pointguard_server.domain.codes import Context, Factor, Measure, Part, Posture, Reason, Scope, WindowKind
from pointguard_server.rules.inputs import WindowInput, WindowMeasure
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.service.explanation.windows import Counting
from pointguard_server.service.program_config import ControlConfig, FraudRuleConfig, ProgramConfig, RuleMode
from pointguard_server.service.programs import DAILY_REDEMPTION_CAP, OUT_OF_PROVINCE, places_of, reason_of

_EARN_MEASURES = {
    WindowMeasure.COUNT: Measure.COUNT,
    WindowMeasure.POINTS: Measure.POINTS,
    WindowMeasure.MONEY: Measure.MONEY,
}
_TOLD_APART = {
    WindowMeasure.DISTINCT_STORES: "store_id",
    WindowMeasure.DISTINCT_CASHIERS: "cashier_id",
    WindowMeasure.DISTINCT_TERMINALS: "terminal_id",
    WindowMeasure.DISTINCT_CARDS: "card_id",
    WindowMeasure.DISTINCT_DEVICES: "device_id",
}
_REDEEMED = frozenset((Part.REDEEM, Part.HOUSEHOLD_REDEEM))


@dataclass(frozen=True, slots=True)
class Check:
    """A fraud rule or control. ``counting`` of None compares the store's province with the member's.

    ``condition`` is the place of its condition among those of the rules that are enabled, None for none;
    ``is_condition``: it is that alone, and compares nothing.
    ``measure`` is its window's number in the record of a leg, -1 for none; rules that count alike share one. Of groups
    the number behind says which it was. ``scope``: whose transactions it counts.
    ``duration`` is in microseconds. ``step_up`` is the factor that a STEP_UP asks for, ``four_eyes`` has its cases
    resolved by two. ``is_limit``: a redemption may be cut down to fit under it.
    """

    name: str
    counting: Counting | None
    measure: int
    threshold: int
    posture: Posture
    context: Context
    duration: int
    reason: Reason
    extends: bool = False
    is_limit: bool = False
    condition: int | None = None
    is_condition: bool = False
    is_shadow: bool = False
    scope: Scope = Scope.ACCOUNT
    step_up: Factor | None = None
    four_eyes: bool = False


def checks_of(config: ProgramConfig) -> tuple[Check, ...]:
    """Return the checks: the controls first, then the fraud rules that are enabled, as they are written."""
    found: list[Check] = []
    numbers: dict[tuple[Scope, Counting], int] = {}

    def add(
        name: str, counting: Counting | None, action: ControlConfig, context: Context, reason: Reason,
        scope: Scope = Scope.ACCOUNT, **more: Any,
    ) -> None:  # fmt: skip
        measure = -1
        if counting is not None:
            measure = numbers.setdefault((scope, counting), sum(places_of(each) for each, _ in numbers))
        duration = action.duration // MICROSECOND
        more |= {"scope": scope}
        found.append(
            Check(
                name, counting, measure, action.threshold, action.posture, context, duration,
                reason_of(action.posture, action.step_up, reason),
                step_up=action.step_up, four_eyes=action.four_eyes, **more,
            )
        )  # fmt: skip

    redemption = config.redemption
    if redemption.out_of_province:
        add(OUT_OF_PROVINCE, None, redemption.out_of_province, Context.REDEMPTION, Reason.OUT_OF_PROVINCE)
    if redemption.daily_cap:
        spent = Counting(None, _REDEEMED, True, False, True, Measure.MONEY, WindowKind.DAY, 0)
        reason = Reason.DAILY_REDEMPTION_CAP
        add(DAILY_REDEMPTION_CAP, spent, redemption.daily_cap, Context.REDEMPTION, reason, is_limit=True)
    limits = config.adjustments
    for scope, window, most, reason in (
        (Scope.AGENT, WindowKind.DAY, limits.agent_daily_max, Reason.AGENT_DAILY_LIMIT),
        (Scope.AGENT, WindowKind.MONTH, limits.agent_monthly_max, Reason.AGENT_MONTHLY_LIMIT),
        (Scope.ACCOUNT, WindowKind.MONTH, limits.account_monthly_max, Reason.ACCOUNT_MONTHLY_LIMIT),
    ):
        if most:
            given = Counting(None, frozenset((Part.DISCRETIONARY,)), True, False, False, Measure.POINTS, window, 0)
            action = ControlConfig(most, Posture.BLOCK, timedelta(0))
            add(reason.name, given, action, Context.ADJUSTMENT, reason, scope)
    conditions = itertools.count()
    for rule in config.fraud_rules:
        if rule.enabled:
            posture = Posture.LOG if rule.mode is RuleMode.ALERT_ONLY else rule.posture
            counting = _counting(rule)
            add(
                rule.name, counting,
                ControlConfig(rule.threshold, posture, rule.duration, rule.step_up, rule.four_eyes), rule.context,
                Reason.FRAUD_RULE, extends=rule.extends, condition=next(conditions) if rule.when else None,
                is_condition=counting is None, is_shadow=rule.mode is RuleMode.SHADOW, scope=rule.scope,
            )  # fmt: skip
    return tuple(found)


def measure_count(checks: tuple[Check, ...]) -> int:
    """Return how many numbers the checks' windows take; those of conditions, then of earn rules, have those behind."""
    return max((check.measure + places_of(check.scope) for check in checks if check.measure >= 0), default=0)


def rule_windows(rule_set: RuleSet) -> list[tuple[WindowInput, Counting]]:
    """Return the windows that rules or conditions look at: approved transactions, less what was reversed."""
    return [(wanted, _earn_counting(wanted)) for wanted in rule_set.checked.inputs if isinstance(wanted, WindowInput)]


def _counting(rule: FraudRuleConfig) -> Counting | None:
    if rule.counts is None or rule.measure is None or rule.window is None:
        return None
    return Counting(
        kinds=None if rule.counts.kinds is None else frozenset(rule.counts.kinds),
        parts=None if rule.counts.parts is None else frozenset(rule.counts.parts),
        approved_only=rule.counts.approved_only,
        include_blocked=rule.include_blocked,
        net_of_reversals=rule.net_of_reversals,
        adds=rule.measure,
        window=rule.window.kind,
        length=rule.window.length // MICROSECOND,
    )


def _earn_counting(window: WindowInput) -> Counting:
    return Counting(
        kinds=None if window.kinds is None else frozenset(window.kinds),
        parts=None if window.parts is None else frozenset(window.parts),
        approved_only=True,
        include_blocked=False,
        net_of_reversals=True,
        adds=_EARN_MEASURES.get(window.measure, Measure.COUNT),
        window=WindowKind.ROLLING if window.calendar is None else WindowKind[window.calendar.name],
        length=0 if window.calendar else timedelta(seconds=window.seconds) // MICROSECOND,
        tells_apart=_TOLD_APART.get(window.measure, ""),
    )
