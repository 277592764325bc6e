"""What earn rules ask of numbered texts, answered once for a text: which patterns a store's id or a tender matches.

Shared by all rule sets that may decide: what is asked keeps its bit. For ``rule_plan``, on the writer's thread.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from pointguard_server.domain.codes import CodeKind
from pointguard_server.domain.errors import TooManyPatterns
from pointguard_server.engine.code_words import CodeWords
from pointguard_server.rules.checked import CheckedRuleSet
from pointguard_server.rules.fields import FIELDS, MOST_BITS
from pointguard_server.rules.inputs import MatchInput
from pointguard_server.rules.patterns import compile_pattern

CODE_DOMAINS: Final = {
    "store": CodeKind.STORE,
    "business_unit": CodeKind.BUSINESS_UNIT,
    "province": CodeKind.PROVINCE,
    "tier": CodeKind.TIER,
    "tender": CodeKind.TENDER,
    "redemption_type": CodeKind.REDEMPTION_TYPE,
    "country": CodeKind.COUNTRY,
    "age_band": CodeKind.AGE_BAND,
}
"""The kinds of the texts that have numbers, by the rules' domain."""

GROUP_SEPARATOR: Final = "\n"
"""Between the groups of a set, in their order, as its text has them."""

Question = Callable[[str], bool]
Codes = Callable[[Any, int, CodeKind], Iterable[tuple[str, int]]]


class CodeMatches:
    """The questions about one tenant's texts, by kind and bit; ``words`` are the answers.

    ``codes`` is ``Directory.codes``.
    """

    def __init__(self, codes: Codes) -> None:
        self.words = CodeWords()
        self._codes = codes
        self._tenant_id = 0
        self._asked: dict[CodeKind, list[str | None]] = {}
        self._questions: dict[tuple[CodeKind, str], Question] = {}
        self._kept: dict[str, None] = {}  # groups

    def take(self, connection: Any, tenant_id: int, rule_sets: Iterable[CheckedRuleSet]) -> None:
        """Answer what these rule sets ask, and from now on no others.

        Raises:
            TooManyPatterns: if they ask more of one kind of text than a word has bits.
        """
        self._tenant_id = tenant_id
        wanted: dict[CodeKind, dict[str, None]] = {}
        for rules in rule_sets:
            for kind, pattern in _questions(rules):
                wanted.setdefault(kind, {})[pattern] = None
        if self._kept:
            wanted[CodeKind.GROUP_SET] = wanted.get(CodeKind.GROUP_SET, {}) | self._kept
        for kind in wanted.keys() | self._asked.keys():
            self._ask(connection, kind, wanted.get(kind, {}))

    def keep(self, connection: Any, tenant_id: int, groups: Iterable[str]) -> None:
        """Answer from now on, beside what rule sets ask, which sets have these groups.

        Raises:
            TooManyPatterns: as ``take`` does.
        """
        self._tenant_id = tenant_id
        kept = dict.fromkeys(groups)
        asked = dict.fromkeys(group for group in self._asked.get(CodeKind.GROUP_SET, []) if group is not None)
        if kept.keys() - asked.keys():
            self._ask(connection, CodeKind.GROUP_SET, asked | kept)
        self._kept = kept

    def _ask(self, connection: Any, kind: CodeKind, wanted: dict[str, None]) -> None:
        before = self._asked.get(kind, [])
        asked = [pattern if pattern in wanted else None for pattern in before]
        for pattern in wanted:
            if pattern in asked:
                continue
            if None in asked:
                asked[asked.index(None)] = pattern
            else:
                asked.append(pattern)
        if len(asked) > MOST_BITS:
            raise TooManyPatterns(MOST_BITS)
        if asked == before:
            return
        self._asked[kind] = asked
        self._questions = {key: each for key, each in self._questions.items() if key[0] != kind or key[1] in wanted}
        self._questions |= {(kind, asking): _question(kind, asking) for asking in wanted}
        for text, number in self._codes(connection, self._tenant_id, kind):
            self.note(self._tenant_id, kind, text, number)

    def note(self, tenant_id: int, kind: CodeKind, text: str, number: int) -> None:
        """Answer what is asked of a text that has just got its number."""
        asked = self._asked.get(kind)
        if asked and tenant_id == self._tenant_id:
            bits = (
                1 << bit
                for bit, pattern in enumerate(asked)
                if pattern is not None and self._questions[kind, pattern](text)
            )
            self.words.put(number, sum(bits))

    def group_bit(self, group: str) -> int:
        """Return the bit of a group that is kept."""
        return self.mask(CodeKind.GROUP_SET, group)

    def mask(self, kind: CodeKind, pattern: str) -> int:
        """Return the bit of a question that was taken."""
        return 1 << self._asked[kind].index(pattern)


def _questions(rules: CheckedRuleSet) -> Iterable[tuple[CodeKind, str]]:
    for wanted in rules.inputs:
        if isinstance(wanted, MatchInput) and (domain := FIELDS[wanted.field].domain) in CODE_DOMAINS:
            yield CODE_DOMAINS[domain], wanted.pattern
    for _, group in rules.named_texts:
        yield CodeKind.GROUP_SET, group


def _question(kind: CodeKind, asking: str) -> Question:
    """Return what is asked: of a set of groups whether it has one, of any other text whether it matches a pattern."""
    if kind is CodeKind.GROUP_SET:
        return lambda groups: asking in groups.split(GROUP_SEPARATOR)
    return compile_pattern(asking)
