"""docs/rule-files.md: what needs no server prints what the page says, and its tables name what there is."""

import re
from pathlib import Path

import yaml

from pointguard_rules.__main__ import parser
from pointguard_rules.cases import CASE_KEYS
from tests.support.rule_files import PAGE, STEPS, walk


def test_every_step_without_a_server_prints_what_the_page_says(tmp_path: Path) -> None:
    steps = [step for step in STEPS if not step.needs_server]
    assert len(STEPS) == PAGE.count("<!-- example")
    assert len(steps) >= 2
    for step in steps:
        assert walk(step, tmp_path) == []


def test_the_page_names_every_part_of_a_case() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) >= set(CASE_KEYS) - {"name"}


def test_the_workflow_runs_commands_that_there_are() -> None:
    (text,) = re.findall(r"```yaml\n(on:.*?)```", PAGE, re.DOTALL)
    steps = yaml.safe_load(text)["jobs"]["rules"]["steps"]
    commands = [step["run"].split() for step in steps if "pointguard-rules" in step.get("run", "")]
    assert [command[1] for command in commands] == ["verify", "push"]
    for command in commands:
        parser().parse_args(command[1:])
