"""Which of a rule set's inputs stand behind the member's birth date. For what plans, simulates and explains."""

from typing import Final

from pointguard_server.rules.checked import CheckedRuleSet, FieldValue, nodes
from pointguard_server.rules.fields import FIELDS
from pointguard_server.rules.inputs import MatchInput
from pointguard_server.rules.value_types import Vector

BIRTH_FIELDS: Final = ("member.age_band", "member.birthday_month")


def birth_inputs_of(rules: CheckedRuleSet) -> tuple[str, ...]:
    """Return the names of those fields that the rules read."""
    read = {node.index for node in nodes(rules) if isinstance(node, FieldValue) and node.vector is Vector.FACTS}
    matched = {wanted.field for wanted in rules.inputs if isinstance(wanted, MatchInput)}
    return tuple(name for name in BIRTH_FIELDS if FIELDS[name].index in read or name in matched)
