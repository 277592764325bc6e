"""The sandbox of a rule set: its walls, its fuel, and what is kept of it on disk."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pointguard_server.rules import compiler, compiling, wasm_backend, wasm_engine
from pointguard_server.rules.compiler import NotCompiled, SandboxTooLarge, compile_in_child, load_isolated
from pointguard_server.rules.compiling import key_of
from pointguard_server.rules.fields import FACT_FIELD_COUNT, LINE_FIELD_COUNT
from pointguard_server.rules.fixed_point import SCALE, Status
from pointguard_server.rules.isolation import Isolation
from pointguard_server.rules.native_code import PROTOTYPE, Int64Array
from pointguard_server.rules.rule_set import RuleSet, load_rule_set
from pointguard_server.rules.sandbox_limits import MEMORY_BYTES_AT_MOST, SandboxLimits
from pointguard_server.rules.wasm_code import WasmRules
from pointguard_server.rules.wasm_layout import PAGE, ROW, WORD, memory_layout_of
from pointguard_server.rules.work_layout import MOST_LINES
from tests.support.rule_backends import isolated_of
from tests.support.server import ROOT, server_environment

SOURCE = 'rule "lines"\n    earn base count(lines, line.quantity > 0) + count(lines, line.sku == "apple")\n'


@pytest.fixture(scope="module")
def rule_set() -> RuleSet:
    return load_rule_set(SOURCE, "test")


def inputs(lines: int) -> tuple[Int64Array, Int64Array]:
    rows = np.full((lines, LINE_FIELD_COUNT), SCALE, dtype=np.int64)
    return np.zeros(FACT_FIELD_COUNT, dtype=np.int64), rows


def test_the_module_imports_nothing_and_exports_its_memory_and_its_entry_alone(rule_set: RuleSet) -> None:
    code = wasm_engine.compile_module(wasm_backend.write_module(rule_set.checked))
    module = wasm_engine.load_module(code)
    assert not module.imports
    assert sorted(export.name for export in module.exports) == ["earn", "memory"]


def test_the_written_module_holds_nothing_that_the_user_wrote(rule_set: RuleSet) -> None:
    written = wasm_backend.write_module(rule_set.checked)
    assert not [word for word in ("apple", '"lines"', "quantity") if word in written]


def test_the_memory_of_a_sandbox_cannot_grow(rule_set: RuleSet) -> None:
    pages = memory_layout_of(rule_set.checked).pages
    assert f'(memory (export "memory") {pages} {pages})' in wasm_backend.write_module(rule_set.checked)


def test_a_rule_set_that_needs_more_memory_than_a_sandbox_may_have_is_refused(
    rule_set: RuleSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiler, "MEMORY_BYTES_AT_MOST", memory_layout_of(rule_set.checked).pages * PAGE - 1)
    with pytest.raises(SandboxTooLarge, match="test needs more than the 0 MiB of memory"):
        compile_in_child(rule_set, tmp_path / "rules", isolation=Isolation.WASM)


def test_fourteen_sets_of_a_hundred_thousand_texts_have_room() -> None:
    table = 2**18 * WORD  # twice the texts, as a power of two
    rest = MEMORY_BYTES_AT_MOST - 14 * table
    assert rest > 2**16 * WORD + MOST_LINES * ROW


def test_fuel_that_is_used_up_stops_the_rules_and_the_next_transaction_has_it_all_again(rule_set: RuleSet) -> None:
    measured = isolated_of(rule_set)
    measured.call(*inputs(lines=10))
    enough = measured.fuel_used()
    limited = isolated_of(rule_set, fuel=enough)
    for _ in range(3):
        assert limited.call(*inputs(lines=10))[0] is Status.OK
        status, points, limits = limited.call(*inputs(lines=11))
        assert (status, points.tolist(), limits.tolist()) == (Status.OUT_OF_FUEL, [0], [0])
    assert (limited.limits.out_of_fuel, limited.limits.trapped) == (3, 0)


def test_fuel_depends_on_the_inputs_alone(rule_set: RuleSet) -> None:
    used = set()
    for _ in range(2):
        isolated = isolated_of(rule_set)
        for _ in range(2):
            isolated.call(*inputs(lines=7))
            used.add(isolated.fuel_used())
    assert len(used) == 1


def test_more_lines_than_there_is_room_for_never_reach_the_memory(rule_set: RuleSet) -> None:
    isolated = isolated_of(rule_set)
    facts, lines = inputs(lines=1)
    work = np.full(isolated.work_size, 7, dtype=np.int64)
    for count in (MOST_LINES + 1, 2**40, -1):
        pointers = (facts.ctypes.data, lines.ctypes.data, count, lines.ctypes.data, work.ctypes.data)
        assert PROTOTYPE(isolated.address)(*pointers) == Status.TRAPPED
    assert work[:2].tolist() == [0, 0]
    assert isolated.limits.trapped == 3
    assert isolated.call(facts, lines)[0] is Status.OK


def test_what_is_outside_of_the_memory_cannot_be_read(rule_set: RuleSet) -> None:
    """As a mistake of the back end would: the first word is read from behind the end."""
    end = memory_layout_of(rule_set.checked).pages * PAGE
    written = wasm_backend.write_module(rule_set.checked).replace(
        "local.get $given_lines\n", f"i64.const 0\n (drop (i64.load (i32.const {end})))\n", 1
    )
    rules = WasmRules(wasm_engine.compile_module(written), rule_set.checked, SandboxLimits())
    isolated = rules.bound([0] * rule_set.checked.constant_count)
    assert isolated.call(*inputs(lines=1))[0] is Status.TRAPPED
    assert isolated.limits.trapped == 1


def test_one_sandbox_does_not_see_what_another_one_does(rule_set: RuleSet) -> None:
    first, second = (isolated_of(rule_set) for _ in range(2))
    assert first.call(*inputs(lines=3))[1].tolist() == [3]
    assert second.call(*inputs(lines=5))[1].tolist() == [5]
    assert first.call(*inputs(lines=3))[1].tolist() == [3]


def test_a_sandbox_with_the_same_constants_is_the_same_one(rule_set: RuleSet) -> None:
    code = wasm_engine.compile_module(wasm_backend.write_module(rule_set.checked))
    rules = WasmRules(code, rule_set.checked, SandboxLimits())
    first = rules.bound([4])
    assert rules.bound([4]) is first
    second = rules.bound([SCALE])
    assert first.call(*inputs(lines=2))[1].tolist() == [2]
    assert second.call(*inputs(lines=2))[1].tolist() == [4]


def test_what_the_child_compiled_is_loaded_and_decides(rule_set: RuleSet, tmp_path: Path) -> None:
    directory = tmp_path / "rules"
    with pytest.raises(NotCompiled):
        load_isolated(rule_set, directory, SandboxLimits())
    compile_in_child(rule_set, directory, isolation=Isolation.WASM)
    isolated = load_isolated(rule_set, directory, SandboxLimits()).bound([0])
    assert isolated.call(*inputs(lines=2))[1].tolist() == [2]
    (kept,) = directory.glob("*.object")
    kept.write_bytes(kept.read_bytes()[:-1])
    with pytest.raises(NotCompiled):
        load_isolated(rule_set, directory, SandboxLimits())


def test_the_keys_of_the_back_ends_differ_and_cover_the_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keys = {key_of("source", isolation) for isolation in Isolation}
    monkeypatch.setattr(compiling, "version", lambda _package: "0")
    keys.add(key_of("source", Isolation.WASM))
    (tmp_path / "engine").write_text("other settings")
    monkeypatch.setattr(compiling, "_SANDBOX_ENGINE", tmp_path / "engine")
    keys.add(key_of("source", Isolation.WASM))
    assert len(keys) == 4


HANDLERS = """
import ctypes
import numpy as np
from tests.support.rule_backends import isolated_of
from tests.unit.rules.test_sandbox import SOURCE, inputs
from pointguard_server.rules.rule_set import load_rule_set
isolated = isolated_of(load_rule_set(SOURCE, "test"), fuel=1)
stopped = isolated.call(*inputs(1))[0]
for signal in (4, 7, 8, 11):
    action = ctypes.create_string_buffer(256)
    ctypes.CDLL(None).sigaction(signal, None, action)
    print(stopped.name, int.from_bytes(action.raw[:8], "little"))
"""


def test_a_sandbox_takes_no_signal_of_the_process() -> None:
    """What the process does about a fault of its own is not the sandbox's business: 0 is the system's way."""
    run = subprocess.run(
        [sys.executable, "-c", HANDLERS], cwd=ROOT, env=server_environment(), capture_output=True, text=True, check=True
    )
    assert run.stdout.split("\n") == ["OUT_OF_FUEL 0"] * 4 + [""]
    assert not run.stderr
