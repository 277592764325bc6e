"""What a compiler gives that may not be waited for."""

from pathlib import Path

import pytest

from pointguard_server.rules.isolation import Isolation
from pointguard_server.rules.rule_set import RuleSet, load_rule_set
from pointguard_server.rules.sandbox_limits import DEFAULT_FUEL, SandboxLimits
from pointguard_server.service.rule_compiler import RuleCompiler


@pytest.fixture
def rule_set() -> RuleSet:
    return load_rule_set('rule "base" earn base 12', "test")


def tear(directory: Path) -> None:
    """Take the end from the one entry of a cache."""
    (code,) = directory.glob("*.object")
    code.write_bytes(code.read_bytes()[:-1])


async def test_rules_are_interpreted_until_there_is_whole_code_of_them(rule_set: RuleSet, tmp_path: Path) -> None:
    compiler = RuleCompiler(tmp_path, "CAD", Isolation.WASM)
    assert (await compiler.at_once(rule_set)).is_interpreted
    assert not (await compiler.compile(rule_set)).is_interpreted
    assert not (await compiler.at_once(rule_set)).is_interpreted
    tear(tmp_path)
    assert (await compiler.at_once(rule_set)).is_interpreted
    assert not (await compiler.compile(rule_set)).is_interpreted


@pytest.mark.parametrize(("fuel", "is_interpreted"), [(DEFAULT_FUEL, True), (DEFAULT_FUEL - 1, False)])
async def test_what_a_sandbox_may_stop_is_never_interpreted(
    rule_set: RuleSet, tmp_path: Path, fuel: int, *, is_interpreted: bool
) -> None:
    compiler = RuleCompiler(tmp_path, "CAD", Isolation.WASM, SandboxLimits(fuel))
    assert (await compiler.at_once(rule_set)).is_interpreted == is_interpreted
