"""The constants of a rule set: the ids of its texts, its sets as hash tables of ids, and masks. For the host and tests.

The masks are one bit for each of ``line_patterns``, then for each of ``named_texts``: the bit of a line's matches, or
of the member's groups, that stands for it. Unless the host says otherwise they are numbered as the rule set does.

A table is a power of two of entries, at least twice its members; an id stands at its hash, or in the first free entry
behind it, around the end. 0 is free.
"""

from collections.abc import Callable, Sequence
from typing import Final

from pointguard_server.rules.checked import CheckedRuleSet

HASH_FACTOR: Final = 0x9E3779B97F4A7C15
HASH_SHIFT: Final = 32
_WORD: Final = 1 << 64


def constants_of(
    rules: CheckedRuleSet, id_of: Callable[[str, str], int], masks: Sequence[int] | None = None
) -> list[int]:
    """The constants that ``rules`` are called with.

    ``id_of`` gives the id, 1 or more, of a (domain, text), or -1 for one that cannot occur.
    """
    ids = [id_of(domain, text) for domain, text in rules.literals]
    return constants_of_ids(rules, ids, masks)


def constants_of_ids(rules: CheckedRuleSet, ids: Sequence[int], masks: Sequence[int] | None = None) -> list[int]:
    """The same, by the ids of all literals in their order."""
    constants = list(ids[: rules.constant_literals])
    members = ids[rules.constant_literals :]
    for table in rules.tables:
        constants += hash_table(members[table.first : table.stop], table.size)
    return constants + list(own_masks(rules) if masks is None else masks)


def own_masks(rules: CheckedRuleSet) -> tuple[int, ...]:
    """The masks where lines and groups have the rule set's own bits."""
    counts = (len(rules.line_patterns), len(rules.named_texts))
    return tuple(1 << bit for count in counts for bit in range(count))


def hash_table(ids: Sequence[int], size: int) -> list[int]:
    """A table of the ids that are above 0."""
    table = [0] * size
    for text in ids:
        slot = first_slot(text, size)
        while text > 0 and table[slot] not in (0, text):
            slot = (slot + 1) % size
        if text > 0:
            table[slot] = text
    return table


def first_slot(text: int, size: int) -> int:
    """Where an id stands unless another one stands there."""
    return (text * HASH_FACTOR % _WORD >> HASH_SHIFT) % size
