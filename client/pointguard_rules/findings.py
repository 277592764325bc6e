"""What was looked at and what was found, as people, JUnit and exit codes need it. For all commands."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file: line and column from 1."""

    path: Path
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        """`path:line:column`, which editors and CI make a link of."""
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `problem` is empty if it is as it should be; each of its mistakes has its place."""

    title: str
    seconds: float
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Suite:
    """What was looked at in one rule set. `note` is something to know that is no mistake."""

    path: Path
    checks: tuple[Check, ...]
    note: str = ""

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that found something."""
        return tuple(check for check in self.checks if check.problem)


def joined(suites: Iterable[Suite]) -> tuple[Suite, ...]:
    """Return suites with one for each path: its checks and notes one after the other."""
    by_path: dict[Path, Suite] = {}
    for suite in suites:
        before = by_path.get(suite.path, Suite(suite.path, ()))
        notes = "; ".join(note for note in (before.note, suite.note) if note)
        by_path[suite.path] = Suite(suite.path, (*before.checks, *suite.checks), notes)
    return tuple(by_path.values())
