"""What docs/rules.md shows is true: its rules load, its mistakes are reported so, its tables name what there is."""

import re
from pathlib import Path

import pytest

from pointguard_server.rules import checker, parser, source_limits
from pointguard_server.rules.fields import FIELDS
from pointguard_server.rules.functions import FUNCTIONS, MOST_ARGUMENTS
from pointguard_server.rules.rule_set import RuleSetError, load_rule_set
from pointguard_server.rules.value_types import Part, Rounding

PAGE = (Path(__file__).parents[3] / "docs" / "rules.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def section(title: str) -> str:
    return re.split(r"^## ", PAGE.partition(f"## {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("source", blocks("rules"))
def test_an_example_loads(source: str) -> None:
    assert load_rule_set(source, "docs/rules.md").rules


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
        checker.MOST_RULES,
        source_limits.DEEPEST_NESTING,
        parser.DEEPEST_TREE,
        checker.LONGEST_TEXT,
        checker.MOST_NUMBERS_IN_LIST,
    ]
