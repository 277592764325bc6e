"""Runs a rule set through each back end, in one form: what differential tests compare.

A result is (status, points of each rule, limit of each rule).
"""

from typing import Any, Self

import numpy as np

from pointguard_server.rules import fixed_point, numba_backend, wasm_backend, wasm_engine
from pointguard_server.rules.constants import first_slot
from pointguard_server.rules.fields import LINE_FIELD_COUNT
from pointguard_server.rules.fixed_point import ArithmeticFailure
from pointguard_server.rules.interpreter import evaluate
from pointguard_server.rules.native_code import CompiledRules
from pointguard_server.rules.native_compiler import compile_module
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.rules.sandbox_limits import DEFAULT_FUEL, SandboxLimits
from pointguard_server.rules.value_types import Rounding
from pointguard_server.rules.wasm_code import BoundWasmRules, WasmRules
from pointguard_server.rules.work_layout import layout_of
from tests.support.rule_programs import Inputs

Result = tuple[int, list[int], list[int]]


def interpreted(rule_set: RuleSet, inputs: Inputs) -> Result:
    """By the reference."""
    outcome = evaluate(rule_set.checked, *inputs)
    points, limits = [award.points for award in outcome.awards], [int(award.limit) for award in outcome.awards]
    return int(outcome.status), points, limits


def compiled_of(rule_set: RuleSet) -> CompiledRules:
    """Its machine code, made in this process."""
    code = compile_module(compile(numba_backend.write_module(rule_set.checked), "written", "exec"))
    return CompiledRules(code, rule_set.checked)


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


class Word(int):
    """An integer that wraps as a 64-bit register does."""

    def __new__(cls, value: int) -> Self:
        return super().__new__(cls, (value + 2**63) % 2**64 - 2**63)

    def __add__(self, other: int) -> "Word":
        return Word(int(self) + int(other))

    __radd__ = __add__

    def __sub__(self, other: int) -> "Word":
        return Word(int(self) - int(other))

    def __rsub__(self, other: int) -> "Word":
        return Word(int(other) - int(self))

    def __mul__(self, other: int) -> "Word":
        return Word(int(self) * int(other))

    def __neg__(self) -> "Word":
        return Word(-int(self))


def run_as_python(rule_set: RuleSet, inputs: Inputs) -> Result:
    """By the module that the Numba back end writes, with reference arithmetic in the place of Numba's."""
    source = numba_backend.write_module(rule_set.checked)
    namespace: dict[str, Any] = {name: _kernel(name) for name in ("multiply", "divide", "floor", "ceiling")}
    for rounding in Rounding:
        namespace[f"points_{rounding.value}"] = lambda value, mode=rounding: fixed_point.whole_points(int(value), mode)
    namespace |= {"int64": Word, "uint64": Word, "njit": lambda **_: lambda function: function}
    namespace |= {"refuse": _refuse, "is_member": _is_member, "is_new": _is_new}
    body = source[source.index("\n)\n") + 3 :]
    exec(compile(body, "written", "exec"), namespace)  # noqa: S102 - the back end under test wrote it
    facts, lines, constants = inputs
    flat = [Word(value) for line in lines for value in line]
    # Whatever is in the work vector before means nothing.
    work = [Word(7)] * layout_of(rule_set.checked).size
    words = ([Word(value) for value in facts], flat, len(lines), [Word(value) for value in constants], work)
    status = namespace["earn"](*words)
    count = len(rule_set.rules)
    return int(status), [int(word) for word in work[:count]], [int(word) for word in work[count : 2 * count]]


def _kernel(name: str) -> Any:
    operation = getattr(fixed_point, name)

    def kernel(*operands: int) -> tuple[int, int]:
        try:
            return 0, Word(operation(*map(int, operands)))
        except ArithmeticFailure as failure:
            return int(failure.status), Word(0)

    return kernel


def _refuse(work: list[int], count: int, status: int) -> int:
    work[:count] = [0] * count
    return int(status)


def _is_member(table: list[int], start: int, size: int, text: int) -> bool:
    return int(text) > 0 and int(text) in table[start : start + size]


def _is_new(table: list[int], start: int, size: int, text: int) -> bool:
    slot = first_slot(int(text), size)
    while table[start + slot] not in (0, text):
        slot = (slot + 1) % size
    is_new = table[start + slot] == 0
    table[start + slot] = text
    return is_new
