"""The example rule sets in docs/: each is in its canonical form and decides its cases so, in every back end."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from pointguard_server.rules.fixed_point import Status
from pointguard_server.rules.formatter import format_source
from pointguard_server.rules.named_inputs import Purchase, inputs_of
from pointguard_server.rules.native_code import CompiledRules
from pointguard_server.rules.rule_set import RuleSet, load_rule_set
from pointguard_server.rules.value_types import Limit
from pointguard_server.rules.wasm_code import BoundWasmRules
from tests.support.rule_backends import compiled_of, interpreted, isolated_of, run_compiled, run_isolated

FOLDER = Path(__file__).parents[2] / "docs" / "examples" / "rules"
NAMES = sorted(path.stem for path in FOLDER.glob("*.rules"))


def cases_of(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.cases.yaml").read_text())
    return content


def rule_set_of(name: str) -> RuleSet:
    path = FOLDER / f"{name}.rules"
    currency = cases_of(name)["currency"]
    return load_rule_set(
        path.read_text(), path.name, currency=currency, read_set=lambda file: (FOLDER / file).read_text()
    )


def test_there_are_ten_of_them_and_every_case_file_has_its_rules() -> None:
    assert len(NAMES) >= 10
    assert [path.name.removesuffix(".cases.yaml") for path in sorted(FOLDER.glob("*.cases.yaml"))] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_canonical_and_decides_its_cases(name: str) -> None:
    source = (FOLDER / f"{name}.rules").read_text()
    assert format_source(source, name) == source
    rule_set = rule_set_of(name)
    compiled, isolated = compiled_of(rule_set), isolated_of(rule_set)
    given: set[str] = set()
    for case in cases_of(name)["cases"]:
        given |= decided_so(rule_set, compiled, isolated, case)
    assert given == {rule.name for rule in rule_set.rules}, "some rule gives nothing in any case"


def decided_so(rule_set: RuleSet, compiled: CompiledRules, isolated: BoundWasmRules, case: dict[str, Any]) -> set[str]:
    """The rules that gave points; the case's expectations held."""
    told = {key: value for key, value in case.items() if key not in ("name", "awards", "limits")}
    if "moment" in told:
        told["moment"] = datetime.fromisoformat(told["moment"])
    made = inputs_of(rule_set, Purchase(**told))
    inputs = (made.facts, made.lines, made.constants)
    result = interpreted(rule_set, inputs)
    assert run_compiled(compiled, inputs) == result, case["name"]
    assert run_isolated(isolated, inputs) == result, case["name"]
    status, points, limits = result
    assert status == Status.OK
    names = [rule.name for rule in rule_set.rules]
    awards = {name: given for name, given in zip(names, points, strict=True) if given}
    assert awards == case["awards"], case["name"]
    bound = {name: Limit(limit).name for name, limit in zip(names, limits, strict=True) if limit}
    assert bound == case.get("limits", {}), case["name"]
    return set(awards)
