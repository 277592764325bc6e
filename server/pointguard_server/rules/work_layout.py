"""Where compiled rules put what they find: one vector of the host's, so that nothing is allocated. For the back end.

    each rule's points | each rule's limit | base points | which lets are known | their values | a table of lines' texts

The host gives a vector of at least ``size`` entries, whatever is in it, and reads the first two parts.
"""

from dataclasses import dataclass
from typing import Final

from pointguard_server.rules import checked
from pointguard_server.rules.checked import CheckedRuleSet
from pointguard_server.rules.functions import FunctionName

MOST_LINES: Final = 1_000
"""Lines of a basket that the table has room for: the contract's limit."""
TEXTS: Final = 2_048


@dataclass(frozen=True, slots=True)
class WorkLayout:
    """The index at which each part begins, and the size of all."""

    points: int
    limits: int
    base_points: int
    known: int
    values: int
    texts: int
    size: int


def layout_of(rules: CheckedRuleSet) -> WorkLayout:
    """The layout for a rule set. Only one that counts distinct texts of lines has the table."""
    count = len(rules.rules)
    known = 2 * count + 1
    values = known + len(rules.lets)
    texts = values + len(rules.lets)
    counts_texts = any(
        isinstance(node, checked.LinesCall) and node.function.name is FunctionName.DISTINCT
        for node in checked.nodes(rules)
    )
    return WorkLayout(0, count, 2 * count, known, values, texts, texts + (TEXTS if counts_texts else 0))


def reads_base_points(rules: CheckedRuleSet) -> bool:
    """Whether an award depends on the base points."""
    return any(isinstance(node, checked.BasePoints) for node in checked.nodes(rules))
