"""House rules that no linter knows: docstrings, sizes, words that do not belong, files that do not fit."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 700
FILE_BYTES_MAX = 1_200_000

# Written in two halves, so that this file does not break its own rule.
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}~])/(?:ro" r"ot|ho" r"me|Us" r"ers)/[\w.-]+|/tm" r"p/[\w.-]+/")


def test_every_python_file_starts_with_a_docstring(python_files: list[Path], root: Path) -> None:
    bare = [str(path.relative_to(root)) for path in python_files if not ast.get_docstring(ast.parse(path.read_text()))]
    assert not bare, "say what the file is for and who may use it"


def test_no_function_is_longer_than_seventy_lines(python_files: list[Path], root: Path) -> None:
    long = [
        f"{path.relative_to(root)}:{function.lineno} {function.name}: {lines} lines"
        for path in python_files
        for function in functions_of(path)
        if (lines := length_of(function)) > FUNCTION_LINES_MAX
    ]
    assert not long


def test_no_python_file_is_longer_than_seven_hundred_lines(python_files: list[Path], root: Path) -> None:
    long = {
        str(path.relative_to(root)): lines
        for path in python_files
        if (lines := len(path.read_text().splitlines())) > FILE_LINES_MAX
    }
    assert not long


def test_nothing_is_left_unfinished_or_names_a_machine(repository_files: list[Path], root: Path) -> None:
    found = [
        f"{path.relative_to(root)}:{number}: {match.group()}"
        for path in repository_files
        if path.relative_to(root).parts[0] != "generated"
        for number, line in enumerate(text_of(path).splitlines(), 1)
        for match in (UNFINISHED.search(line), MACHINE_PATH.search(line))
        if match
    ]
    assert not found


def test_generated_code_names_no_machine(repository_files: list[Path], root: Path) -> None:
    found = [
        f"{path.relative_to(root)}: {match.group()}"
        for path in repository_files
        if path.relative_to(root).parts[0] == "generated" and (match := MACHINE_PATH.search(text_of(path)))
    ]
    assert not found


def test_no_file_is_large(repository_files: list[Path], root: Path) -> None:
    large = {
        str(path.relative_to(root)): size for path in repository_files if (size := path.stat().st_size) > FILE_BYTES_MAX
    }
    assert not large


def test_the_top_level_holds_only_the_agreed_rooms(repository_files: list[Path], root: Path) -> None:
    agreed = {"protos", "server", "client", "generated", "tests", "docker", "docs", ".ci"}
    rooms = {parts[0] for path in repository_files if len(parts := path.relative_to(root).parts) > 1}
    assert rooms <= agreed


def test_the_changelog_has_an_unreleased_section(root: Path) -> None:
    assert re.search(r"^## \[?Unreleased\]?", (root / "CHANGELOG.md").read_text(), re.MULTILINE)


def text_of(path: Path) -> str:
    """A file's text; nothing for one that is not text."""
    content = path.read_bytes()
    return "" if b"\0" in content else content.decode()


def functions_of(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method in a file, nested ones included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the last one, the docstring not counted: explaining more must never cost anything."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines
