"""Reads a Dockerfile and a `.dockerignore`, as far as ours go; anything else is an error. For tests of the image."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its keyword in capitals, its ``--name=value`` flags, the rest, and the line it starts on."""

    keyword: str
    flags: Mapping[str, str]
    rest: str
    line: int


def read_dockerfile(text: str) -> list[Instruction]:
    """Return a Dockerfile's instructions, in order. Here-documents are not understood."""
    found = []
    statement, start = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        start = start if statement else number
        statement += line.removesuffix("\\")
        if line.endswith("\\"):
            continue
        assert "<<" not in statement, f"line {start}: here-documents are not understood"
        keyword, _, rest = statement.partition(" ")
        flags = {}
        while match := re.match(r"\s*--([a-z-]+)=(\S+)\s*", rest):
            flags[match[1]] = match[2]
            rest = rest[match.end() :]
        found.append(Instruction(keyword.upper(), flags, rest.strip(), start))
        statement = ""
    assert not statement, "the last instruction does not end"
    return found


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Return ``text`` with its ``$NAME`` and ``${NAME}`` replaced.

    Raises:
        KeyError: for a variable that nothing sets.
    """
    return VARIABLE.sub(lambda match: variables[match[1] or match[2]], text)


class Context:
    """What a build sees of a folder: everything that its ``.dockerignore`` lets through; the last pattern decides."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        lines = (folder / ".dockerignore").read_text().splitlines()
        patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        self._rules = [(_as_expression(line.removeprefix("!")), line.startswith("!")) for line in patterns]

    def holds(self, path: Path) -> bool:
        """Whether a file, given relative to the folder, is let through."""
        ancestry = [path.as_posix(), *(parent.as_posix() for parent in path.parents)]
        held = True
        for expression, let_through in self._rules:
            if any(expression.fullmatch(name) for name in ancestry):
                held = let_through
        return held

    def files(self, source: str) -> Iterator[Path]:
        """Yield the files at or below ``source`` that are let through, relative to the folder."""
        top = self.folder / source
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            relative = path.relative_to(self.folder)
            if path.is_file() and self.holds(relative):
                yield relative


def _as_expression(pattern: str) -> re.Pattern[str]:
    pieces = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^]]+\])", pattern.strip("/"))
    return re.compile("".join(part if part.startswith("[") else pieces.get(part) or re.escape(part) for part in parts))
