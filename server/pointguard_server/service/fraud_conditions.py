"""The conditions of a program's fraud rules: checked together, as one rule set. For those who read or make programs.

See docs/adr/0021-conditions-of-fraud-rules.md.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from pointguard_server.domain.codes import Context
from pointguard_server.rules import checked
from pointguard_server.rules.checked import Checked, CheckedRuleSet
from pointguard_server.rules.conditions import Condition, ConditionProblem, ConditionsError, located
from pointguard_server.rules.fields import FACT_FIELD_COUNT
from pointguard_server.rules.inputs import WindowInput, WindowMeasure
from pointguard_server.rules.problems import Problem
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.rules.value_types import Vector
from pointguard_server.service.checked_table import Problem as ConfigProblem
from pointguard_server.service.checking_messages import Order
from pointguard_server.service.program_config import FraudRuleConfig, ProgramConfig, ProgramConfigError
from pointguard_server.service.rule_availability import field_name, problems_of
from pointguard_server.service.rule_checking import Check, check_here

_NAME: Final = "conditions of fraud rules"
_OF_PURCHASES: Final = frozenset(("order.line_count", "order.tender", "order.coupon_used"))
_OF_REDEMPTIONS: Final = frozenset(("order.redemption_type",))
_ABSENT: Final = {
    Context.REDEMPTION: (_OF_PURCHASES, "a redemption"),
    Context.EARNING: (_OF_REDEMPTIONS, "a purchase"),
    Context.ADJUSTMENT: (_OF_PURCHASES | _OF_REDEMPTIONS | {"order.total"}, "an adjustment"),
    Context.TRANSFER: (_OF_PURCHASES | _OF_REDEMPTIONS | {"order.total"}, "a transfer"),
}
_SIZES: Final = frozenset(("order.total", "order.points"))


def check_conditions(config: ProgramConfig, source_name: str, check: Check = check_here) -> RuleSet | None:
    """The conditions of the fraud rules that are enabled, in their order; None if there are none.

    Those of the others are looked at as well, so that a rule may be enabled without a surprise.

    Raises:
        ProgramConfigError: with every mistake, each with its rule and its place in the condition.
    """
    everything = [rule for rule in config.fraud_rules if rule.when]
    enabled = [rule for rule in everything if rule.enabled]
    try:
        if len(enabled) < len(everything):
            _load(everything, config.currency, check)
        return _load(enabled, config.currency, check) if enabled else None
    except ConditionsError as error:
        places = [number for number, rule in enumerate(config.fraud_rules, 1) if rule.when]
        problems = tuple(
            ConfigProblem(
                f"fraud_rule[{places[each.ordinal]}].when", f"in {everything[each.ordinal].name}, {each.problem}"
            )
            for each in error.problems
        )
        raise ProgramConfigError(source_name, problems) from error


def _load(rules: Sequence[FraudRuleConfig], currency: str, check: Check) -> RuleSet:
    conditions = tuple(Condition(rule.name, rule.when) for rule in rules)
    rule_set = check(Order("", _NAME, currency, {}, conditions=conditions))
    problems = [located(conditions, problem) for problem in problems_of(rule_set.checked)]
    for ordinal, rule in enumerate(rules):
        problems += (located(conditions, problem) for problem in _absent(rule, rule_set.checked, ordinal))
    if problems:
        raise ConditionsError(sorted(problems, key=_place))
    return rule_set


def _place(problem: ConditionProblem) -> tuple[int, int, int]:
    place = problem.problem.source_range
    return problem.ordinal, place.line, place.column


def _window(rules: CheckedRuleSet, node: Checked) -> WindowInput | None:
    """The window that a node reads, if it does."""
    if isinstance(node, checked.FieldValue) and node.vector is Vector.FACTS and node.index >= FACT_FIELD_COUNT:
        wanted = rules.inputs[node.index - FACT_FIELD_COUNT]
        return wanted if isinstance(wanted, WindowInput) else None
    return None


def _absent(rule: FraudRuleConfig, rules: CheckedRuleSet, ordinal: int) -> Iterator[Problem]:
    """What a rule that is its condition alone asks for and what it looks at never has."""
    if rule.measure is not None:
        return
    absent, looked_at = _ABSENT[rule.context]
    for node in _nodes(rules, ordinal):
        name = field_name(node)
        if isinstance(node, checked.LinesCall) and rule.context is not Context.EARNING:
            name = "lines"
        if name == "lines" or name in absent:
            message = f"{looked_at} has no `{name}`, and the rule looks at nothing else"
            yield Problem(node.source_range, name, message, "a field that it has, such as store.id or order.points")


def is_sized(rules: CheckedRuleSet, ordinal: int) -> bool:
    """Whether a condition depends on how many points, or how much money, the transaction is about.

    So do windows of different values for a quote: whether a reservation that has ended meanwhile was the only one in
    its store is known when that is written down.
    """
    for node in _nodes(rules, ordinal):
        if field_name(node) in _SIZES:
            return True
        wanted = _window(rules, node)
        if wanted is not None and wanted.measure is not WindowMeasure.COUNT:
            return True
    return False


def _nodes(rules: CheckedRuleSet, ordinal: int) -> Iterator[Checked]:
    """All nodes of one condition; such a rule set has no names."""
    condition = rules.rules[ordinal].condition
    pending = [condition] if condition is not None else []
    while pending:
        node = pending.pop()
        yield node
        pending.extend(checked.operands(node))
