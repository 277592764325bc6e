"""Finds the rule sets of a folder, and reads their files. For all commands.

A rule set is `x.rules` (or `x.rule`), with its cases beside it in `x.cases.yaml` and the files that its sets name.

    FolderError     what was named cannot be used; the text says why
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pointguard_rules.findings import Place

RULE_SUFFIXES: Final = (".rules", ".rule")
CASES_SUFFIX: Final = ".cases.yaml"
FILE_BYTES_MAX: Final = 64 * 1024 * 1024
"""More than the longest set has."""


class FolderError(ValueError):
    """A path that holds no rule set, or files that do not go together; the text begins with the path."""


@dataclass(frozen=True, slots=True)
class RuleFiles:
    """The files of one rule set."""

    rules: Path

    @property
    def cases(self) -> Path:
        """Where its cases are, if it has any."""
        return self.rules.with_name(self.rules.stem + CASES_SUFFIX)

    def read_set(self, name: str) -> str:
        """Return the text of a file that a set names; the language has seen to it that it lies beside the rules.

        Raises:
            OSError, ValueError: if it cannot be read.
        """
        return read_text(self.rules.with_name(name))


def find_rule_sets(paths: Iterable[Path]) -> tuple[RuleFiles, ...]:
    """Return the rule sets of files and folders, each once, by path; hidden folders are left out.

    Raises:
        FolderError: if there is none, or cases have no rules, or two rule sets would share their cases.
    """
    found: dict[Path, RuleFiles] = {}
    for path in paths:
        inside = sorted(_files(path))
        if not any(file.suffix in RULE_SUFFIXES for file in inside):
            raise FolderError(f"{path}: there is no rule set, a file that ends in .rules or .rule")
        found |= {file: RuleFiles(file) for file in inside if file.suffix in RULE_SUFFIXES}
        for file in inside:
            if file.name.endswith(CASES_SUFFIX) and not any(map(Path.is_file, _rules_of(file))):
                raise FolderError(f"{Place(file)}: the cases have no rule set beside them: {_rules_of(file)[0].name}")
    cases: dict[Path, Path] = {}
    for files in found.values():
        if cases.setdefault(files.cases, files.rules) != files.rules:
            raise FolderError(f"{files.rules}: has the name of {cases[files.cases].name}, and so the same cases")
    return tuple(found[path] for path in sorted(found))


def read_text(path: Path) -> str:
    """Return a file's text.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is too long, or not UTF-8.
    """
    with path.open("rb") as file:
        content = file.read(FILE_BYTES_MAX + 1)
    if len(content) > FILE_BYTES_MAX:
        raise ValueError(f"{path.name} is longer than {FILE_BYTES_MAX:,} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name} must be UTF-8: {error.reason} at byte {error.start}") from None


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise FolderError(f"{path}: there is no such file or folder")
    for file in path.rglob("*"):
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts):
            yield file


def _rules_of(cases: Path) -> list[Path]:
    stem = cases.name.removesuffix(CASES_SUFFIX)
    return [cases.with_name(stem + suffix) for suffix in RULE_SUFFIXES]
