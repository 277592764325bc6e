"""What is wrong with a rule set, where, and what was expected. Raised by ``rule_set`` and read by whoever shows it.

RuleSetError        all problems of one source
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pointguard_server.rules.syntax import SourceRange

PROBLEMS_SHOWN_AT_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: its place, the text at that place, what was expected there, and perhaps what was meant."""

    source_range: SourceRange
    text: str
    message: str
    expected: str
    hint: str = ""

    def __str__(self) -> str:
        """``line:column: message; expected …; hint``, without the parts that are empty."""
        place = f"{self.source_range.line}:{self.source_range.column}"
        expected = f"expected {self.expected}" if self.expected else ""
        return f"{place}: " + "; ".join(part for part in (self.message, expected, self.hint) if part)


class RuleSetError(ValueError):
    """The rule set cannot be used. ``problems`` holds every mistake found.

    They are in the order of the source, or in the order in which they are given where that says more.
    """

    def __init__(self, name: str, problems: Sequence[Problem], *, by_place: bool = True) -> None:
        ordered = sorted(problems, key=_place) if by_place else problems
        self.name = name
        self.problems = tuple(ordered[:PROBLEMS_SHOWN_AT_MOST])
        super().__init__("\n".join(f"{name}:{problem}" for problem in self.problems))


def _place(problem: Problem) -> tuple[int, int]:
    return problem.source_range.line, problem.source_range.column
