"""Each rule set here reads as its tree, or as its problems, which the file beside it holds."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pointguard_server.rules import parser
from pointguard_server.rules.problems import Problem
from pointguard_server.rules.rule_set import RuleSetError, load_rule_set
from pointguard_server.rules.tree_text import tree_text

FOLDER = Path(__file__).parent
SOURCES = sorted(FOLDER.glob("*.rules"))


def named(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_rule_set_reads_as_it_did(path: Path, golden: Callable[[Path, str], None]) -> None:
    source = path.read_text()
    try:
        rule_set = load_rule_set(source, path.name)
    except RuleSetError as error:
        golden(path.with_suffix(".problems"), "".join(problem_text(problem) for problem in error.problems))
        return
    syntax, _ = parser.parse(source)
    assert syntax is not None
    literals = "".join(f"({domain}) {text}\n" for domain, text in rule_set.literals)
    golden(path.with_suffix(".tree"), tree_text(syntax) + literals)


def problem_text(problem: Problem) -> str:
    place = problem.source_range
    where = f"{place.line}:{place.column}-{place.end_line}:{place.end_column}"
    return f"{where} `{problem.text}`\n    {problem.message}\n    expected: {problem.expected}\n" + (
        f"    hint: {problem.hint}\n" if problem.hint else ""
    )


def test_every_expectation_has_its_rule_set() -> None:
    expectations = [path for path in FOLDER.iterdir() if path.suffix in (".tree", ".problems")]
    assert {path.stem for path in expectations} == {path.stem for path in SOURCES}
    assert len(expectations) == len(SOURCES)
