"""Which facts a rule set reads: some of them cost a backtest a look for each order."""

from pointguard_server.rules import checked
from pointguard_server.rules.checked import CheckedRuleSet
from pointguard_server.rules.fields import FACT_FIELD_COUNT, FACT_FIELDS
from pointguard_server.rules.inputs import MatchInput
from pointguard_server.rules.value_types import Vector


def fields_of(rules: CheckedRuleSet) -> frozenset[str]:
    """Return the names of the facts of the language's table that the rules read."""
    read = {
        FACT_FIELDS[node.index].name
        for node in checked.nodes(rules)
        if isinstance(node, checked.FieldValue | checked.BitTest)
        and node.vector is Vector.FACTS
        and node.index < FACT_FIELD_COUNT
    }
    return frozenset(read | {wanted.field for wanted in rules.inputs if isinstance(wanted, MatchInput)})
