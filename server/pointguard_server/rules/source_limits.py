"""Refuses a source that is too long or nests too deep, before a parser that has no such limits sees it.

For ``parser``, and whoever would have to send the text elsewhere. One linear pass over the text with a pattern that
splits it as the grammar's lexer does.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from pointguard_server.rules.problems import Problem
from pointguard_server.rules.syntax import SourceRange

MOST_SOURCE_BYTES: Final = 64 * 1024
MOST_TOKENS: Final = 16_384
DEEPEST_NESTING: Final = 32
LONGEST_WORD: Final = 1_000
MOST_RULES: Final = 200
MOST_NAMES: Final = 200

_START: Final = SourceRange(1, 1, 1, 1)
_TOKEN: Final = re.compile(
    r"""
      (?P<skipped> [\ \t\r\n]+ | \#[^\r\n]* )
    | (?P<text> "(?:[^"\\\x00-\x1f\x7f]|\\["\\])*"? )
    | (?P<date> [0-9]{4}-[0-9]{2}-[0-9]{2} )
    | (?P<number> [0-9]+(?:\.[0-9]+)? )
    | (?P<name> [A-Za-z_][A-Za-z_0-9]* )
    | (?P<symbol> [=!<>]= | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_CLAUSES: Final = frozenset(
    (
        *("rule", "let", "set", "when", "valid", "priority", "best", "exclusive"),
        *("earn", "multiply", "cap", "round", "pending", "expire"),
    )
)
# Between two expressions of one clause or argument.
_SEPARATORS: Final = frozenset((",", "per", "of", "where", "by", "="))
_WORD_OPERATORS: Final = frozenset(("if", "else", "and", "or", "not", "in", "matches"))


@dataclass(slots=True)
class _Nesting:
    """How deep a recursive parser would stand: open parentheses, ``else`` branches and prefix operators."""

    else_counts: list[int] = field(default_factory=lambda: [0])
    prefix_counts: list[int] = field(default_factory=lambda: [0])
    after_operand: bool = False
    depth: int = 0

    def take(self, token: str) -> None:
        """Account for one token."""
        if token == "(":
            self._open()
        elif token == ")":
            self._close()
        elif token in _SEPARATORS:
            self._start_expression()
        elif token in _CLAUSES:
            self._start_clause()
        elif token == "else":
            self.else_counts[-1] += 1
            self.depth += 1
            self.after_operand = False
        elif token == "not" or (token == "-" and not self.after_operand):
            self.prefix_counts[-1] += 1
            self.depth += 1
            self.after_operand = False
        else:
            self._take_operand_or_operator(token)

    def _open(self) -> None:
        self.else_counts.append(0)
        self.prefix_counts.append(0)
        self.depth += 1
        self.after_operand = False

    def _close(self) -> None:
        if len(self.else_counts) > 1:
            self.depth -= 1 + self.else_counts.pop() + self.prefix_counts.pop()
        self._finish_operand()

    def _finish_operand(self) -> None:
        self.depth -= self.prefix_counts[-1]
        self.prefix_counts[-1] = 0
        self.after_operand = True

    def _start_expression(self) -> None:
        self.depth -= self.else_counts[-1] + self.prefix_counts[-1]
        self.else_counts[-1] = self.prefix_counts[-1] = 0
        self.after_operand = False

    def _start_clause(self) -> None:
        self.else_counts, self.prefix_counts = [0], [0]
        self.depth = 0
        self.after_operand = False

    def _take_operand_or_operator(self, token: str) -> None:
        if (token[0].isalnum() or token[0] in '_"') and token not in _WORD_OPERATORS:
            self._finish_operand()
        else:
            self.after_operand = False


def find_excess(source: str) -> Problem | None:
    """The first limit that ``source`` exceeds, or None. Its time is bounded by the limits, not by the source."""
    return _too_long(source) or _unencodable(source) or _too_many_or_too_deep(source)


def _too_long(source: str) -> Problem | None:
    # A character is at least one byte: a huge source is refused without encoding it.
    if len(source) <= MOST_SOURCE_BYTES and len(source.encode("utf-8", "surrogatepass")) <= MOST_SOURCE_BYTES:
        return None
    return Problem(_START, "", "the rule set is too long", f"at most {MOST_SOURCE_BYTES} bytes")


def _unencodable(source: str) -> Problem | None:
    try:
        source.encode("utf-8")
    except UnicodeEncodeError as error:
        place = _place(source, error.start, error.start + 1)
        return Problem(place, "", "the rule set is not valid Unicode text", "UTF-8")
    return None


def _too_many_or_too_deep(source: str) -> Problem | None:
    nesting = _Nesting()
    count = 0
    declarations = {"rule": 0, "let": 0, "set": 0}
    for match in _TOKEN.finditer(source):
        if match.lastgroup == "skipped":
            continue
        count += 1
        nesting.take(match.group())
        if count > MOST_TOKENS:
            place = _place(source, match.start(), match.end())
            return Problem(place, match.group(), "the rule set is too long", f"at most {MOST_TOKENS} words and signs")
        token = match.group()
        if len(token) > LONGEST_WORD:
            place = _place(source, match.start(), match.end())
            return Problem(place, token[:80], "the word is too long", f"at most {LONGEST_WORD:,} characters")
        if token in declarations:
            declarations[token] += 1
            excess = _too_many_declarations(source, match, declarations)
            if excess is not None:
                return excess
        if nesting.depth > DEEPEST_NESTING:
            place = _place(source, match.start(), match.end())
            return Problem(place, match.group(), "the expression nests too deep", f"at most {DEEPEST_NESTING} levels")
    return None


def _too_many_declarations(source: str, match: re.Match[str], declarations: dict[str, int]) -> Problem | None:
    place = _place(source, match.start(), match.end())
    if declarations["rule"] > MOST_RULES:
        return Problem(place, match.group(), "too many rules", f"at most {MOST_RULES} rules")
    if declarations["let"] + declarations["set"] > MOST_NAMES:
        return Problem(place, match.group(), "too many names", f"at most {MOST_NAMES} lets and sets")
    return None


def _place(source: str, start: int, end: int) -> SourceRange:
    line = source.count("\n", 0, start) + 1
    column = start - (source.rfind("\n", 0, start) + 1) + 1
    return SourceRange(line, column, line, column + end - start)
