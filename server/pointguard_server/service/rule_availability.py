"""What the rule language has and this server does not yet: a rule set that asks for it is refused, never misread.

For whoever loads a rule set that is to decide. Each refusal names the place; what is checked without deciding (a
formatter, a simulation) need not ask.
"""

from collections.abc import Iterator
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pointguard_server.rules import checked
from pointguard_server.rules.checked import Checked, CheckedRule, CheckedRuleSet
from pointguard_server.rules.fields import FACT_FIELD_COUNT, FACT_FIELDS
from pointguard_server.rules.inputs import Input, LocalDateInput
from pointguard_server.rules.problems import Problem, RuleSetError
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.rules.syntax import SourceRange
from pointguard_server.rules.value_types import Vector

UNAVAILABLE_FIELDS: Final = frozenset(("member.age_band", "member.birthday_month"))


def require_available(rule_set: RuleSet) -> RuleSet:
    """The rule set, if this server can decide by it.

    Raises:
        RuleSetError: with every place that asks for something that is not there yet.
    """
    problems = problems_of(rule_set.checked)
    if problems:
        raise RuleSetError(rule_set.name, problems)
    return rule_set


def problems_of(rules: CheckedRuleSet) -> tuple[Problem, ...]:
    """What the rule set asks for in vain, each place once."""
    found: dict[tuple[SourceRange, str], Problem] = {}
    for place, what in _asked(rules):
        found[place, what] = Problem(place, what.strip("`"), f"not available yet: {what}", "a rule set without it")
    return tuple(found.values())


def _asked(rules: CheckedRuleSet) -> Iterator[tuple[SourceRange, str]]:
    pending: list[Checked] = [let.value for let in rules.lets]
    for rule in rules.rules:
        yield from _of_rule(rule)
        pending += [node for node in (rule.validity, rule.condition, rule.award) if node is not None]
    while pending:
        node = pending.pop()
        what = _of_node(rules, node)
        if what:
            yield node.source_range, what
        pending.extend(checked.operands(node))


def _of_rule(rule: CheckedRule) -> Iterator[tuple[SourceRange, str]]:
    if rule.pending_range is not None:
        yield rule.pending_range, "`pending`"
    if rule.expiry is not None:
        yield rule.expiry.source_range, "`expire`"


def _of_node(rules: CheckedRuleSet, node: Checked) -> str:
    match node:
        case checked.FieldValue() if node.vector is Vector.FACTS and node.index >= FACT_FIELD_COUNT:
            return _input(rules.inputs[node.index - FACT_FIELD_COUNT])
        case checked.FieldValue() if node.vector is Vector.FACTS:
            return _field(node.index)
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


def _field(index: int) -> str:
    name = FACT_FIELDS[index].name
    return f"`{name}`" if name in UNAVAILABLE_FIELDS else ""
