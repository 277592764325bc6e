"""What reading a basket must know of the earn rules: numbers of texts, patterns, and what is to be told apart.

Shared by all rule sets that may decide: what is known keeps its number, so that a line that was read before a change of
rules means the same after it. For those who read requests, and for ``programs``, which tells rule sets of the numbers.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pointguard_server.domain.errors import TooManyPatterns
from pointguard_server.engine.lexicon import IntArray, TextNumbers
from pointguard_server.rules import checked
from pointguard_server.rules.checked import CheckedRuleSet
from pointguard_server.rules.fields import LINE_FIELDS, MOST_BITS
from pointguard_server.rules.functions import FunctionName
from pointguard_server.rules.patterns import compile_pattern
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.rules.texts import Texts

LINE_DOMAINS: Final = ("sku", "category", "brand")
FIRST_UNKNOWN: Final = 1 << 40
"""Where texts are told apart, one that no rule names gets this number and that of the first line that has it."""

NO_NUMBERS: Final = TextNumbers(len(LINE_DOMAINS))
Matcher = Callable[[str], bool]


class LinePattern(NamedTuple):
    """A pattern over a field of lines, such as ``line.sku``."""

    field: str
    pattern: str


@dataclass(frozen=True, slots=True)
class LineCodes:
    """How the texts of lines become numbers.

    ``numbers`` are of the texts that rules name, by the domain's place in LINE_DOMAINS; every other text is 0.
    ``patterns`` are by bit, None where a bit is free. The domains of ``told_apart`` are those whose other texts rules
    count as well.
    """

    numbers: TextNumbers = field(default_factory=lambda: NO_NUMBERS)
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

    def number(self, domain: str, text: str) -> int:
        """Return the number of a text that rules name; that of every other is 0."""
        return self.numbers.number(LINE_DOMAINS.index(domain), text)

    def numbers_of(self, domain: str, texts: Texts) -> IntArray:
        """Return the numbers of texts that rules name."""
        return self.numbers.numbers(LINE_DOMAINS.index(domain), texts.lines, len(texts))

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
    numbers = known.numbers.including(
        (LINE_DOMAINS.index(domain), texts.lines) for domain, texts in rule_set.literals.runs if domain in LINE_DOMAINS
    )
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
