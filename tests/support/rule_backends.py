"""Runs a rule set through each back end, in one form: what differential tests compare.

A result is (status, points of each rule, limit of each rule).
"""

import numpy as np

from pointguard_server.rules import native_backend, wasm_backend, wasm_engine
from pointguard_server.rules.fields import LINE_FIELD_COUNT
from pointguard_server.rules.interpreter import evaluate
from pointguard_server.rules.native_code import CompiledRules
from pointguard_server.rules.native_compiler import compile_module
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.rules.sandbox_limits import DEFAULT_FUEL, SandboxLimits
from pointguard_server.rules.wasm_code import BoundWasmRules, WasmRules
from tests.support.rule_programs import Inputs

Result = tuple[int, list[int], list[int]]


def interpreted(rule_set: RuleSet, inputs: Inputs) -> Result:
    """By the reference."""
    outcome = evaluate(rule_set.checked, *inputs)
    points, limits = [award.points for award in outcome.awards], [int(award.limit) for award in outcome.awards]
    return int(outcome.status), points, limits


def compiled_of(rule_set: RuleSet) -> CompiledRules:
    """Its machine code, made in this process."""
    return CompiledRules(compile_module(native_backend.write_module(rule_set.checked)), rule_set.checked)


def run_compiled(compiled: CompiledRules, inputs: Inputs) -> Result:
    """By machine code."""
    facts, lines, constants = inputs
    rows = np.array(lines, dtype=np.int64).reshape(len(lines), LINE_FIELD_COUNT)
    result = compiled.call(np.array(facts, dtype=np.int64), rows, np.array(constants, dtype=np.int64))
    return int(result[0]), result[1].tolist(), result[2].tolist()


def isolated_of(rule_set: RuleSet, fuel: int = DEFAULT_FUEL) -> BoundWasmRules:
    """A sandbox with it, made in this process."""
    code = wasm_engine.compile_module(wasm_backend.write_module(rule_set.checked))
    rules = WasmRules(code, rule_set.checked, SandboxLimits(fuel))
    return rules.bound([0] * rule_set.checked.constant_count)


def run_isolated(isolated: BoundWasmRules, inputs: Inputs) -> Result:
    """By WebAssembly."""
    facts, lines, constants = inputs
    rows = np.array(lines, dtype=np.int64).reshape(len(lines), LINE_FIELD_COUNT)
    isolated.replace_constants(np.array(constants, dtype=np.int64))
    result = isolated.call(np.array(facts, dtype=np.int64), rows)
    return int(result[0]), result[1].tolist(), result[2].tolist()
