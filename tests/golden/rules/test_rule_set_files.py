"""Each rule set here reads as its tree, or as its problems, which the file beside it holds."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pointguard_server.rules import parser
from pointguard_server.rules.conditions import Condition, ConditionsError, load_conditions
from pointguard_server.rules.problems import Problem
from pointguard_server.rules.rule_set import RuleSet, RuleSetError, load_rule_set
from pointguard_server.rules.tree_text import tree_text
from tests.golden.rules.made_sources import MADE, read_made

FOLDER = Path(__file__).parent
SOURCES = sorted(FOLDER.glob("*.rules"))
CONDITIONS = "conditions"


def named(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_rule_set_reads_as_it_did(path: Path, golden: Callable[[Path, str], None]) -> None:
    source = path.read_text()
    try:
        rule_set = load_rule_set(source, path.name, read_set=read_set)
    except RuleSetError as error:
        golden(path.with_suffix(".problems"), "".join(problem_text(problem) for problem in error.problems))
        return
    syntax, _ = parser.parse(source)
    assert syntax is not None
    golden(path.with_suffix(".tree"), tree_text(syntax, rule_set.files) + "".join(asked(rule_set)))


@pytest.mark.parametrize("name", MADE)
def test_what_is_over_a_limit_is_refused_as_it_was(name: str, golden: Callable[[Path, str], None]) -> None:
    with pytest.raises(RuleSetError) as refusal:
        load_rule_set(MADE[name], name, currency="CAD", read_set=read_made)
    shown = (replace(problem, text=problem.text[:80]) for problem in refusal.value.problems)
    golden(FOLDER / f"{name}.problems", "".join(map(problem_text, shown)))


def test_conditions_that_stand_alone_are_refused_as_they_were(golden: Callable[[Path, str], None]) -> None:
    conditions = [
        Condition("more", "true earn base 1"),
        Condition("less", "order.total >"),
        Condition("other", "1 = 2"),
    ]
    with pytest.raises(ConditionsError) as refusal:
        load_conditions(conditions, "conditions")
    shown = (f"{each.ordinal}: {problem_text(each.problem)}" for each in refusal.value.problems)
    golden(FOLDER / f"{CONDITIONS}.problems", "".join(shown))


def asked(rule_set: RuleSet) -> Iterator[str]:
    """What the rule set asks of its host, a line each."""
    checked = rule_set.checked
    for number, (domain, text) in enumerate(rule_set.literals):
        yield f"({domain}) {text}{'' if number < checked.constant_literals else '  in a table'}\n"
    for wanted in checked.inputs:
        yield f"{wanted}\n"
    for field, pattern in checked.line_patterns:
        yield f"{field} matches {pattern}\n"
    for domain, text in checked.named_texts:
        yield f"one {domain}: {text}\n"


def read_set(name: str) -> str:
    """A file beside this one; what the operating system says of a missing one is not ours to show."""
    if not (FOLDER / name).is_file():
        raise OSError("there is no such file")
    return (FOLDER / name).read_text()


def problem_text(problem: Problem) -> str:
    place = problem.source_range
    where = f"{place.line}:{place.column}-{place.end_line}:{place.end_column}"
    return f"{where} `{problem.text}`\n    {problem.message}\n    expected: {problem.expected}\n" + (
        f"    hint: {problem.hint}\n" if problem.hint else ""
    )


def test_every_expectation_has_its_rule_set() -> None:
    expectations = [path for path in FOLDER.iterdir() if path.suffix in (".tree", ".problems")]
    sources = [*(path.stem for path in SOURCES), *MADE, CONDITIONS]
    assert sorted(path.stem for path in expectations) == sorted(sources)
