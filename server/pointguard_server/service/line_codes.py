"""What reading a basket must know of the earn rules: numbers of texts, patterns, and what is to be told apart.

Shared by all rule sets that may decide: what is known keeps its number, so that a line that was read before a change of
rules means the same after it. For those who read requests, and for ``programs``, which tells rule sets of the numbers.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pointguard_server.domain.errors import TooManyPatterns
from pointguard_server.rules import checked
from pointguard_server.rules.checked import CheckedRuleSet
from pointguard_server.rules.fields import LINE_FIELDS, MOST_BITS
from pointguard_server.rules.functions import FunctionName
from pointguard_server.rules.patterns import compile_pattern
from pointguard_server.rules.rule_set import RuleSet

LINE_DOMAINS: Final = ("sku", "category", "brand")
FIRST_UNKNOWN: Final = 1 << 40
"""Where texts are told apart, one that no rule names gets this number and that of the first line that has it."""

Matcher = Callable[[str], bool]


class LinePattern(NamedTuple):
    """A pattern over a field of lines, such as ``line.sku``."""

    field: str
    pattern: str


@dataclass(frozen=True, slots=True)
class LineCodes:
    """How the texts of lines become numbers.

    ``numbers`` are of the texts that rules name, by domain; every other text is 0. ``patterns`` are by bit, None where
    a bit is free. The domains of ``told_apart`` are those whose other texts rules count as well.
    """

    numbers: Mapping[str, dict[str, int]] = field(default_factory=lambda: {domain: {} for domain in LINE_DOMAINS})
    patterns: tuple[LinePattern | None, ...] = ()
    told_apart: frozenset[str] = frozenset()
    matchers: Mapping[str, tuple[tuple[int, Matcher], ...]] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        matchers = {
            domain: tuple(
                (1 << bit, compile_pattern(known.pattern))
                for bit, known in enumerate(self.patterns)
                if known is not None and known.field == f"line.{domain}"
            )
            for domain in LINE_DOMAINS
        }
        object.__setattr__(self, "matchers", matchers)

    def keeping(self, rule_sets: Iterable[RuleSet]) -> "LineCodes":
        """Return these without the patterns that none of the rule sets has: their bits are free."""
        wanted = {LinePattern(*pattern) for rule_set in rule_sets for pattern in rule_set.checked.line_patterns}
        return LineCodes(self.numbers, tuple(known if known in wanted else None for known in self.patterns))

    def masks(self, rules: CheckedRuleSet) -> tuple[int, ...]:
        """Return the bit of each of a rule set's patterns; there must be one."""
        return tuple(1 << self.patterns.index(LinePattern(*pattern)) for pattern in rules.line_patterns)

    def matches(self, sku: str, category: str, brand: str) -> int:
        """Return the bits of the patterns that a line's texts match; an absent text matches none."""
        matched = 0
        for domain, text in zip(LINE_DOMAINS, (sku, category, brand), strict=True):
            for bit, is_match in self.matchers[domain]:
                if text and is_match(text):
                    matched |= bit
        return matched


def line_codes(rule_set: RuleSet, known: LineCodes | None = None) -> LineCodes:
    """Return what reading must know for a rule set as well as for what is ``known``.

    A basket's articles are not numbered in the ledger: only what a rule compares with matters to it.

    Raises:
        TooManyPatterns: if there are more than a line has bits.
    """
    known = known or LineCodes()
    numbers = dict(known.numbers)
    for domain, text in rule_set.literals:
        if domain in numbers and text not in numbers[domain]:
            if numbers[domain] is known.numbers[domain]:
                # A set may have 100,000 texts: what has nothing new is shared, and nobody changes it.
                numbers[domain] = dict(known.numbers[domain])
            numbers[domain][text] = len(numbers[domain]) + 1
    patterns = list(known.patterns)
    for each in map(LinePattern._make, rule_set.checked.line_patterns):
        if each in patterns:
            continue
        if None in patterns:
            patterns[patterns.index(None)] = each
        else:
            patterns.append(each)
    if len(patterns) > MOST_BITS:
        raise TooManyPatterns(MOST_BITS)
    return LineCodes(numbers, tuple(patterns), known.told_apart | _counted(rule_set.checked))


def _counted(rules: CheckedRuleSet) -> frozenset[str]:
    """Return the domains of the texts of lines that a rule set counts."""
    return frozenset(
        LINE_FIELDS[node.body.index].domain or ""
        for node in checked.nodes(rules)
        if isinstance(node, checked.LinesCall)
        and node.function.name is FunctionName.DISTINCT
        and isinstance(node.body, checked.FieldValue)
    )
