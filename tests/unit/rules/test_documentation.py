"""What docs/rules.md shows is true: its rules load and give what they should, its mistakes and tables are real."""

import re
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from pointguard_server.domain.age_bands import AGE_BANDS
from pointguard_server.rules import (
    cost,
    depth,
    fields,
    functions,
    parser,
    patterns,
    rule_checker,
    scope,
    set_files,
    source_limits,
    text_checker,
    work_layout,
)
from pointguard_server.rules.fields import FIELDS
from pointguard_server.rules.fixed_point import Status
from pointguard_server.rules.formatter import format_source
from pointguard_server.rules.functions import FUNCTIONS, MOST_ARGUMENTS
from pointguard_server.rules.inputs import LONGEST_WINDOW_DAYS, SECONDS, WINDOW_SOURCES
from pointguard_server.rules.interpreter import interpret
from pointguard_server.rules.named_inputs import Purchase, inputs_of
from pointguard_server.rules.rule_set import RuleSetError, load_rule_set
from pointguard_server.rules.value_types import CapPeriod, Part, Rounding

PAGE = (Path(__file__).parents[3] / "docs" / "rules.md").read_text()
CASES = Path(__file__).with_name("page.cases.yaml")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def section(title: str) -> str:
    return re.split(r"^## ", PAGE.partition(f"## {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("source", blocks("rules"))
def test_an_example_loads(source: str) -> None:
    assert load_rule_set(source, "docs/rules.md", currency="CAD").rules
    assert format_source(source, "docs/rules.md") == source


def test_the_examples_give_what_their_cases_say_and_every_rule_gives_something() -> None:
    examples = [load_rule_set(source, "docs/rules.md", currency="CAD") for source in blocks("rules")]
    by_rule = {rule.name: example for example in examples for rule in example.rules}
    given: set[str] = set()
    for case in yaml.safe_load(CASES.read_text()):
        name, awards = case.pop("name"), case.pop("awards")
        rule_set = by_rule[case.pop("rule", None) or next(iter(awards))]
        if "moment" in case:
            case["moment"] = datetime.fromisoformat(case["moment"])
        made = inputs_of(rule_set, Purchase(**case))
        status, points = interpret(rule_set.checked, made.facts, made.lines, made.constants)
        found = {rule.name: each for rule, each in zip(rule_set.rules, points, strict=True) if each}
        assert (status, found) == (Status.OK, awards), name
        given |= set(found)
    assert given == set(by_rule)


def test_the_mistakes_are_reported_as_shown() -> None:
    (source,), (shown,) = blocks("rules-refused"), blocks("problems")
    with pytest.raises(RuleSetError) as refusal:
        load_rule_set(source, "docs/rules.md")
    assert "\n".join(str(problem) for problem in refusal.value.problems) == shown.strip()


def test_every_field_and_no_other_is_listed() -> None:
    assert set(re.findall(r"`(\w+\.\w+)`", section("Fields"))) == set(FIELDS)


def test_every_function_and_no_other_is_listed() -> None:
    assert set(re.findall(r"`(\w+)\(", section("Functions"))) == set(FUNCTIONS)
    assert f"2 to {MOST_ARGUMENTS} numbers" in section("Functions")


def test_every_part_and_rounding_is_named() -> None:
    assert all(f"{choice.value}" in section("A rule") for choice in (*Part, *Rounding))


def test_the_limits_are_the_ones_in_force() -> None:
    limits = [int(digits.replace(",", "")) for digits in re.findall(r"[\d,]*\d", section("Limits"))]
    assert limits == [
        source_limits.MOST_SOURCE_BYTES // 1024,
        source_limits.MOST_TOKENS,
        source_limits.LONGEST_WORD,
        source_limits.MOST_RULES,
        source_limits.MOST_NAMES,
        source_limits.DEEPEST_NESTING,
        parser.DEEPEST_TREE,
        set_files.LONGEST_TEXT,
        text_checker.MOST_NUMBERS_IN_LIST,
        scope.MOST_WINDOWS,
        scope.MOST_INPUTS,
        fields.MOST_BITS,
        fields.MOST_BITS,
    ]
    assert depth.DEEPEST == parser.DEEPEST_TREE


def test_every_clause_is_shown() -> None:
    words = {word.removesuffix(" of") for word in rule_checker.CLAUSE_WORDS.values()} | {"earn", "multiply", "cap"}
    shown = section("A rule")
    assert all(re.search(rf"^    .*\b{word}\b", shown, re.MULTILINE) for word in words)
    assert all(f"{period.value}" in shown for period in CapPeriod)


def test_everything_that_a_window_may_count_is_listed() -> None:
    listed = set(re.findall(r"`([a-z_]+)`", section("Windows")))
    assert set(WINDOW_SOURCES) | set(SECONDS) == listed
    assert f"up to {LONGEST_WINDOW_DAYS} days" in section("Windows")


def test_the_table_of_costs_is_the_one_in_force() -> None:
    rows = re.findall(r"^\| (?!part|---)(.*) \| (.*) \|$", section("Cost"), re.MULTILINE)
    numbers = [int(digits.replace(",", "")) for _, row in rows for digits in re.findall(r"[\d,]*\d", row)]
    assert numbers == [
        *(cost.LEAF, cost.TEST, cost.PRODUCT, cost.QUOTIENT, cost.TEST, cost.LIST_ENTRY, cost.TABLE),
        *(cost.LINES, work_layout.MOST_LINES, functions.LINE, functions.NEW),
        *(work_layout.MOST_LINES, cost.TEST, cost.PATTERN_WORD, patterns.WORD_BITS, cost.LET, cost.RULE, cost.CAP),
    ]
    assert cost.SUM == cost.TEST == functions.COMPARED
    assert cost.PRODUCT == functions.ROUNDED
    assert f"at most {cost.BUDGET:,} units" in section("Cost")
    assert f"up to {text_checker.LONGEST_RUN} texts" in section("Cost")


def test_every_age_band_is_listed() -> None:
    listed = re.findall(r"^\| `member\.age_band` .*$", PAGE, re.MULTILINE)[0]
    assert tuple(re.findall(r"`([\d+-]+)`", listed)) == AGE_BANDS
    assert f"up to {set_files.MOST_ENTRIES:,}" in section("Names")
