"""Sources that stand in no file of their own, for they are long or no text: each is over one limit of the language."""

from collections.abc import Mapping
from typing import Final

from pointguard_server.rules.fields import MOST_BITS
from pointguard_server.rules.parser import DEEPEST_TREE
from pointguard_server.rules.rule_checker import LONGEST_NAME
from pointguard_server.rules.scope import MOST_INPUTS, MOST_WINDOWS
from pointguard_server.rules.set_files import MOST_ENTRIES
from pointguard_server.rules.source_limits import (
    DEEPEST_NESTING,
    LONGEST_WORD,
    MOST_NAMES,
    MOST_RULES,
    MOST_SOURCE_BYTES,
    MOST_TOKENS,
)
from pointguard_server.rules.text_checker import MOST_NUMBERS_IN_LIST

OF_FIVE_KINDS: Final = ("store.id", "member.tier", "member.province", "order.tender", "order.channel")


def _rule(award: str, when: str = "true") -> str:
    return f'rule "a" when {when} earn base {award}\n'


def _joined(separator: str, form: str, count: int) -> str:
    return separator.join(form.format(number) for number in range(1, count + 1))


def _rules(condition: str, count: int) -> str:
    return "".join(f'rule "{number}" when {condition.format(number)} earn base 1\n' for number in range(count))


def _capped(count: int) -> str:
    caps = "cap 1 per day cap 1 per month cap 1 per lifetime"
    return "".join(f'rule "{number}" earn base 1 {caps}\n' for number in range(count))


MADE: Final[Mapping[str, str]] = {
    "limit_bytes": "#" * (MOST_SOURCE_BYTES + 1),
    "limit_words": "1 " * (MOST_TOKENS + 1),
    "limit_word": _rule("x" * (LONGEST_WORD + 1)),
    "limit_unicode": 'rule "\ud800" earn base 1',
    "limit_nesting": _rule("(" * (DEEPEST_NESTING + 1)),
    "limit_rules": 'rule "a" earn base 1\n' * (MOST_RULES + 1),
    "limit_names": "let a = 1\n" * (MOST_NAMES + 1),
    "limit_name": f"let {'x' * (LONGEST_NAME + 1)} = 1\n" + _rule("1"),
    "limit_chain": _rule("+".join(["1"] * (DEEPEST_TREE + 1))),
    "limit_depth": f"let a = {'+'.join(['1'] * (DEEPEST_TREE - 1))}\nlet b = a + 1\n" + _rule("b"),
    "limit_numbers": _rule("1", f"order.line_count in ({_joined(', ', '{}', MOST_NUMBERS_IN_LIST + 1)})"),
    "limit_windows": _rule(_joined(" + ", "count(purchases, {} days)", MOST_WINDOWS + 1)),
    "limit_inputs": _capped(MOST_INPUTS // 3 + 1),
    "limit_patterns": _rules('any(lines, line.sku matches "{}*")', MOST_BITS + 1),
    "limit_groups": _rules('"{}" in member.groups', MOST_BITS + 1),
    "limit_texts": 'set many from "many.txt"\n'
    + _rule("1", " or ".join(f"{field} in many" for field in OF_FIVE_KINDS)),
}


def read_made(_name: str) -> str:
    """The file of a set: as many texts as one may have."""
    return "\n".join(map(str, range(MOST_ENTRIES)))
