"""What the rule language has and this server does not yet: a rule set that asks for it is refused, never misread.

For whoever loads a rule set that is to decide. Each refusal names the place; what is checked without deciding (a
formatter, a simulation) need not ask.
"""

from collections.abc import Iterator
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pointguard_server.domain.age_bands import AGE_BANDS
from pointguard_server.rules import checked
from pointguard_server.rules.checked import Checked, CheckedRuleSet
from pointguard_server.rules.fields import FACT_FIELD_COUNT, FACT_FIELDS, FIELDS, LINE_FIELDS
from pointguard_server.rules.inputs import Input, LocalDateInput
from pointguard_server.rules.problems import Problem, RuleSetError
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.rules.syntax import SourceRange
from pointguard_server.rules.value_types import Vector

_BAND: Final = "age_band"

FRAUD_FIELDS: Final = frozenset(("order.points", "order.redemption_type"))
"""What only conditions of fraud rules see: an earn rule decides what these would be."""


def require_available(rule_set: RuleSet) -> RuleSet:
    """The rule set, if this server can decide by it.

    Raises:
        RuleSetError: with every place that asks for something that is not there yet.
    """
    problems = (*problems_of(rule_set.checked), *_for_fraud_rules(rule_set.checked))
    if problems:
        raise RuleSetError(rule_set.name, problems)
    return rule_set


def _for_fraud_rules(rules: CheckedRuleSet) -> Iterator[Problem]:
    for node in checked.nodes(rules):
        if (name := field_name(node)) in FRAUD_FIELDS:
            message = f"`{name}` is for the conditions of fraud rules"
            yield Problem(node.source_range, name, message, "a field of the purchase, such as order.total")


def field_name(node: Checked) -> str:
    """The name of the field of the facts or of a line that a node reads; empty if it reads none."""
    match node:
        case checked.FieldValue(vector=Vector.FACTS, index=index) | checked.BitTest(vector=Vector.FACTS, index=index):
            return FACT_FIELDS[index].name if index < FACT_FIELD_COUNT else ""
        case checked.FieldValue(index=index) | checked.BitTest(index=index):
            return LINE_FIELDS[index].name if index < len(LINE_FIELDS) else ""
        case _:
            return ""


def problems_of(rules: CheckedRuleSet) -> tuple[Problem, ...]:
    """What the rule set asks for in vain, each place once."""
    found: dict[tuple[SourceRange, str], Problem] = {}
    for place, what in _asked(rules):
        found[place, what] = Problem(place, what.strip("`"), f"not available yet: {what}", "a rule set without it")
    for place, text in _unknown_bands(rules):
        found[place, text] = Problem(place, text, f"unknown age band `{text}`", f"one of {', '.join(AGE_BANDS)}")
    return tuple(found.values())


def _unknown_bands(rules: CheckedRuleSet) -> Iterator[tuple[SourceRange, str]]:
    """Yield what is compared with the member's age band and never is one, where it is compared."""
    unknown = {
        index: text for index, (domain, text) in enumerate(rules.literals) if domain == _BAND and text not in AGE_BANDS
    }
    for node in checked.nodes(rules) if unknown else ():
        match node:
            case checked.TextConstant():
                compared = range(node.index, node.index + 1)
            case checked.TextMembership():
                compared = range(node.start, node.stop)
            case checked.TableMembership() if node.operand.index == FIELDS["member.age_band"].index:
                compared = range(rules.constant_literals, len(rules.literals))
            case _:
                continue
        yield from ((node.source_range, unknown[index]) for index in compared if index in unknown)


def _asked(rules: CheckedRuleSet) -> Iterator[tuple[SourceRange, str]]:
    pending: list[Checked] = [let.value for let in rules.lets]
    for rule in rules.rules:
        pending += [node for node in (rule.validity, rule.condition, rule.award) if node is not None]
    while pending:
        node = pending.pop()
        what = _of_node(rules, node)
        if what:
            yield node.source_range, what
        pending.extend(checked.operands(node))


def _of_node(rules: CheckedRuleSet, node: Checked) -> str:
    match node:
        case checked.FieldValue() if node.vector is Vector.FACTS and node.index >= FACT_FIELD_COUNT:
            return _input(rules.inputs[node.index - FACT_FIELD_COUNT])
        case _:
            return ""


def _input(wanted: Input) -> str:
    match wanted:
        case LocalDateInput():
            return "" if _is_zone(wanted.zone) else f"the time zone {wanted.zone}"
        case _:
            return ""


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    # ValueError: not the form of a key; OSError: a folder of the database, such as "America".
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
