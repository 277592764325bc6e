"""Reads scenarios: Markdown files with a title, some prose and tables. For ``run`` and for whoever writes scenarios.

    # A double confirm captures once

    The till sends its confirmation twice …

    | member | has |
    | ------ | --- |
    | anna   | 500 |

    | step    | who  | does                  | answer   | posted | reserved |
    | ------- | ---- | --------------------- | -------- | ------ | -------- |
    | hold    | anna | authorises 200        | APPROVED | 500    | 200      |
    | confirm | anna | captures hold         | OK       | 300    | 0        |
    |         | anna | confirm again         | same     | 300    | 0        |

A table whose first column is `member` lists who takes part; one that has a column `does` lists steps. What a mistake
is about is told with its file and line.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MEMBER_COLUMNS: Final = ("member", "has", "paid", "tier", "province", "card")
STEP_COLUMNS: Final = ("step", "who", "does", "wire", "answer")
"""What a step is. All its other columns are expected of the answer: ``expectations.COLUMNS``."""
_NAME: Final = re.compile(r"[a-z][a-z0-9]*")
_RULE: Final = re.compile(r":?-+:?")


class ScenarioError(ValueError):
    """A scenario cannot be read; the text begins with its file and line."""

    def __init__(self, path: Path, line: int, text: str) -> None:
        super().__init__(f"{path}:{line}: {text}")


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who takes part. ``has`` is what they begin with, in points, by a purchase that is ``paid`` so."""

    name: str
    has: int = 0
    paid: str = "OPENING"
    tier: str = ""
    province: str = ""
    card: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A row: who does what, what the wire does to it, and what is expected, by column; empty cells are left out."""

    line: int
    name: str
    who: tuple[str, ...]
    does: str
    wire: str
    answer: str
    expected: Mapping[str, str]

    @property
    def text(self) -> str:
        """The step as a sentence."""
        said = " ".join(filter(None, (" and ".join(self.who), self.does)))
        return f"{said} ({self.wire})" if self.wire else said


@dataclass(frozen=True, slots=True)
class Scenario:
    """One file. ``topic`` is the folder that it lies in."""

    path: Path
    topic: str
    title: str
    about: str
    members: tuple[Member, ...]
    steps: tuple[Step, ...]

    @property
    def name(self) -> str:
        """Topic and file name, such as redemption/double-confirm."""
        return f"{self.topic}/{self.path.stem}"


def read_scenarios(folder: Path, columns: Iterable[str]) -> list[Scenario]:
    """Read every `TOPIC/NAME.md` below a folder, in order. ``columns`` are those that may be expected of answers."""
    known = frozenset(columns)
    paths = sorted(folder.glob("*/*.md"))
    if not paths:
        raise ScenarioError(folder, 0, "holds no scenarios: TOPIC/NAME.md")
    return [read_scenario(path, path.read_text(encoding="utf-8"), known) for path in paths]


def read_scenario(path: Path, text: str, columns: frozenset[str]) -> Scenario:
    """Read one scenario."""
    lines = text.splitlines()
    if not lines or not lines[0].startswith("# "):
        raise ScenarioError(path, 1, "must begin with a title: # What it shows")
    about: list[str] = []
    members: list[Member] = []
    steps: list[Step] = []
    for number, rows in _blocks(lines[1:]):
        if not rows[0].startswith("|"):
            about.append(" ".join(row.strip() for row in rows))
            continue
        table = _table(path, number, rows)
        if table[0][1][0] == "member":
            members += _members(path, table)
        else:
            steps += _steps(path, table, columns)
    if not about:
        raise ScenarioError(path, 2, "must say in words what it is about")
    if not steps:
        raise ScenarioError(path, len(lines), "has no table of steps")
    _check_names(path, members, steps)
    return Scenario(path, path.parent.name, lines[0][2:].strip(), "\n\n".join(about), tuple(members), tuple(steps))


def _blocks(lines: Sequence[str]) -> Iterable[tuple[int, list[str]]]:
    """Yield what stands between empty lines, with the number of its first line."""
    block: list[str] = []
    for number, line in enumerate([*lines, ""], 2):
        if line.strip():
            block.append(line)
        elif block:
            yield number - len(block), block
            block = []


Row = tuple[int, list[str]]


def _table(path: Path, first: int, rows: Sequence[str]) -> list[Row]:
    """Return the cells of a table, its heading first, each row with its line."""
    cells = [(line, [cell.strip() for cell in row.strip()[1:-1].split("|")]) for line, row in enumerate(rows, first)]
    if len(cells) < 3 or not all(_RULE.fullmatch(cell) for cell in cells[1][1]):
        raise ScenarioError(path, first, "a table has a heading, a line of dashes, and rows")
    wide = len(cells[0][1])
    for line, row in cells:
        if len(row) != wide:
            raise ScenarioError(path, line, f"has {len(row)} cells, but the heading has {wide}")
    return [cells[0], *cells[2:]]


def _members(path: Path, table: Sequence[Row]) -> Iterable[Member]:
    (line, heading), *rows = table
    _check_columns(path, line, heading, frozenset(MEMBER_COLUMNS))
    for line, row in rows:
        given = {column: cell for column, cell in zip(heading, row, strict=True) if cell}
        has = given.pop("has", "0").replace(",", "")
        if "member" not in given or not _NAME.fullmatch(given["member"]):
            raise ScenarioError(path, line, "a member's name is small letters and digits")
        if not has.isdecimal():
            raise ScenarioError(path, line, "has must be a number of points")
        yield Member(given.pop("member"), int(has), **given)


def _steps(path: Path, table: Sequence[Row], columns: frozenset[str]) -> Iterable[Step]:
    (heading_line, heading), *rows = table
    _check_columns(path, heading_line, heading, columns | frozenset(STEP_COLUMNS))
    if "does" not in heading:
        raise ScenarioError(path, heading_line, "a table of steps needs a column: does")
    for line, row in rows:
        cells = {column: cell for column, cell in zip(heading, row, strict=True) if cell}
        name = cells.pop("step", "")
        if name and not _NAME.fullmatch(name):
            raise ScenarioError(path, line, "a step's name is small letters and digits")
        who = tuple(each.strip() for each in cells.pop("who", "").split(",") if each.strip())
        if "does" not in cells:
            raise ScenarioError(path, line, "says nothing in the column: does")
        yield Step(line, name, who, cells.pop("does"), cells.pop("wire", ""), cells.pop("answer", ""), cells)


def _check_columns(path: Path, line: int, heading: Sequence[str], known: frozenset[str]) -> None:
    for column in heading:
        if column not in known:
            raise ScenarioError(path, line, f"unknown column {column!r}; there are {', '.join(sorted(known))}")
    if len(set(heading)) < len(heading):
        raise ScenarioError(path, line, "has a column twice")


def _check_names(path: Path, members: Sequence[Member], steps: Sequence[Step]) -> None:
    known = {member.name for member in members}
    named: set[str] = set()
    for step in steps:
        for who in step.who:
            if who not in known:
                raise ScenarioError(path, step.line, f"{who!r} is in no table of members")
        if step.name in named:
            raise ScenarioError(path, step.line, f"there are two steps {step.name!r}")
        named |= {step.name} - {""}
