"""What the files of the checker share while they check one rule set: the problems, and what is known by name.

Everything that the host must provide is collected here, each thing once.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from pointguard_server.rules import syntax
from pointguard_server.rules.checked import CheckedLet, Table
from pointguard_server.rules.fields import FACT_FIELD_COUNT, MOST_BITS
from pointguard_server.rules.inputs import Input, WindowInput
from pointguard_server.rules.problems import Problem
from pointguard_server.rules.set_files import ReadSet
from pointguard_server.rules.syntax import Expression, SourceRange
from pointguard_server.rules.texts import NO_TEXTS, Texts
from pointguard_server.rules.value_types import ValueType

MOST_WINDOWS: Final = 16
MOST_INPUTS: Final = 256
MOST_SET_TEXTS: Final = 400_000
LEAST_TABLE: Final = 16

A: Final = {
    ValueType.BOOLEAN: "a condition",
    ValueType.NUMBER: "a number",
    ValueType.MONEY: "money",
    ValueType.DATE: "a date",
    ValueType.TEXT: "a text",
    ValueType.TEXTS: "several texts",
}
"""The types as messages call them."""


@dataclass(frozen=True, slots=True)
class KnownLet:
    """A ``let`` that may be read from here on. ``type`` is None if its value has a problem of its own."""

    name: str
    index: int
    type: ValueType | None
    per_line: bool


@dataclass(frozen=True, slots=True)
class KnownSet:
    """The entries of a set: texts, or scaled values of one type. None if they have a problem of their own."""

    type: ValueType | None
    texts: Texts = NO_TEXTS
    values: tuple[int, ...] = ()


@dataclass(slots=True)
class Scope:
    """One rule set being checked. ``currency`` is the program's or, if the host names none, the first one written."""

    currency: str = ""
    read_set: ReadSet | None = None
    problems: list[Problem] = field(default_factory=list)
    lets: list[CheckedLet] = field(default_factory=list)
    known_lets: dict[str, KnownLet] = field(default_factory=dict)
    known_sets: dict[str, KnownSet] = field(default_factory=dict)
    later: dict[str, int] = field(default_factory=dict)  # the line of each declared name
    files: dict[str, Texts] = field(default_factory=dict)
    literals: list[tuple[str, str]] = field(default_factory=list)
    members: list[tuple[str, Texts]] = field(default_factory=list)
    inputs: dict[Input, int] = field(default_factory=dict)
    line_patterns: dict[tuple[str, str], int] = field(default_factory=dict)
    named_texts: dict[tuple[str, str], int] = field(default_factory=dict)
    _interned: dict[tuple[str, str], int] = field(default_factory=dict)
    _tables: dict[tuple[str, Texts], Table] = field(default_factory=dict)
    _member_count: int = 0
    _table_end: int = 0

    def report(self, place: SourceRange, text: str, message: str, expected: str, hint: str = "") -> None:
        """Note a problem."""
        self.problems.append(Problem(place, text, message, expected, hint))

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables, in the order of their places."""
        return tuple(self._tables.values())

    def literal(self, domain: str, text: str) -> int:
        """The constant that holds the id of a text."""
        entry = (domain, text)
        if entry not in self._interned:
            self._interned[entry] = len(self.literals)
            self.literals.append(entry)
        return self._interned[entry]

    def run(self, domain: str, texts: Iterable[str]) -> tuple[int, int]:
        """The constants (from, to) of a list of its own, so that compiled code loops over it."""
        start = len(self.literals)
        self.literals.extend((domain, text) for text in texts)
        return start, len(self.literals)

    def table(self, domain: str, texts: Texts) -> Table | None:
        """The table of a set's texts in one domain, or None if there are too many texts by now."""
        key = (domain, texts)
        if key not in self._tables:
            if self._member_count + len(texts) > MOST_SET_TEXTS:
                return None
            size = max(LEAST_TABLE, 1 << (2 * len(texts) - 1).bit_length())
            first = self._member_count
            self.members.append(key)
            self._member_count += len(texts)
            self._tables[key] = Table(first, self._member_count, self._table_end, size)
            self._table_end += size
        return self._tables[key]

    def input(self, wanted: Input, place: SourceRange, text: str) -> int | None:
        """The fact that holds an input, or None if there are too many."""
        if wanted not in self.inputs:
            windows = sum(isinstance(known, WindowInput) for known in self.inputs)
            if isinstance(wanted, WindowInput) and windows == MOST_WINDOWS:
                self.report(place, text, "too many different windows", f"at most {MOST_WINDOWS}")
                return None
            if len(self.inputs) == MOST_INPUTS:
                self.report(place, text, "too many caps, windows and patterns", f"at most {MOST_INPUTS} different ones")
                return None
            self.inputs[wanted] = FACT_FIELD_COUNT + len(self.inputs)
        return self.inputs[wanted]

    def bit(self, bits: dict[tuple[str, str], int], key: tuple[str, str], place: SourceRange, what: str) -> int | None:
        """The bit of a pattern or named text, or None if there are too many."""
        if key not in bits and len(bits) == MOST_BITS:
            self.report(place, key[1], f"too many {what}", f"at most {MOST_BITS} different ones")
            return None
        return bits.setdefault(key, len(bits))


def suggest(word: str, choices: Iterable[str]) -> str:
    """A hint at the choice that is nearest to a word, or nothing."""
    by_lower_case = {choice.lower(): choice for choice in choices}
    close = get_close_matches(word[:_SUGGESTED_TO].lower(), by_lower_case, n=1, cutoff=0.6)
    return f"did you mean `{by_lower_case[close[0]]}`?" if close else ""


_SUGGESTED_TO: Final = 80


def one_of(choices: Iterable[str]) -> str:
    """Choices as messages list them."""
    *others, last = choices
    return " or ".join((", ".join(others), last)) if others else last


def text_of(node: Expression) -> str:  # noqa: C901 - one case for each kind of node
    """What a problem shows of an expression: its outermost word or sign."""
    match node:
        case syntax.NumberLiteral() | syntax.Name() | syntax.DateLiteral():
            return node.text
        case syntax.Quantity():
            return f"{node.text}%" if node.unit.text == "%" else f"{node.text} {node.unit.text}"
        case syntax.TextLiteral():
            return node.value
        case syntax.BooleanLiteral():
            return "true" if node.value else "false"
        case syntax.CalendarPeriod():
            return f"this {node.unit.text}"
        case syntax.FieldAccess():
            return node.name
        case syntax.Call():
            return node.function.text
        case syntax.Filtered():
            return "where"
        case syntax.Measured():
            return f"of {node.source.text}"
        case syntax.Unary() | syntax.Binary():
            return node.operator
        case syntax.Membership() | syntax.NamedMembership():
            return "in"
        case syntax.Match():
            return "matches"
        case syntax.Conditional():
            return "if"
