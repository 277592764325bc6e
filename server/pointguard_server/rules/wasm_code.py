"""A rule set in a WebAssembly sandbox, loaded into this process. ``compiler`` makes ``WasmRules``; the engine calls it.

A sandbox has its own memory of a fixed size, imports nothing, and gets so much fuel for each transaction. One that
runs out of it, or does what WebAssembly does not allow, is stopped: the status says so, and nothing is awarded.
"""

import ctypes
import weakref
from collections.abc import Sequence

import numpy as np
import wasmtime

from pointguard_server.rules.checked import CheckedRuleSet
from pointguard_server.rules.fixed_point import Status
from pointguard_server.rules.native_code import PROTOTYPE, Int64Array, require_inputs
from pointguard_server.rules.sandbox_limits import MEMORY_BYTES_AT_MOST, SandboxLimits
from pointguard_server.rules.wasm_engine import load_module, wasm_engine
from pointguard_server.rules.wasm_entry import Sandbox, SandboxEntry
from pointguard_server.rules.wasm_layout import WORD, memory_layout_of
from pointguard_server.rules.work_layout import layout_of


class WasmRules:
    """A rule set's module. ``bound`` gives what can be called; sandboxes of one module share its code."""

    def __init__(self, code: bytes, rules: CheckedRuleSet, limits: SandboxLimits) -> None:
        self.rules = rules
        self._limits = limits
        self._module = load_module(code)
        # The engine's binding cannot let go of anything any more while the interpreter ends.
        weakref.finalize(self, self._module.close)
        if self._module.imports:
            raise ValueError("a rule set's module imports something")
        self._bound: BoundWasmRules | None = None

    def bound(self, constants: Sequence[int]) -> "BoundWasmRules":
        """A sandbox with these constants; the same one as before if they are the same. For one thread at a time."""
        given = np.array(constants, np.int64)
        if self._bound is None or not np.array_equal(self._bound.constants, given):
            self._bound = BoundWasmRules(self._module, self.rules, given, self._limits)
        return self._bound


class BoundWasmRules:
    """One sandbox, as ``native_code.CompiledRules`` describes its function; ``constants`` are those it was made with.

    The function takes the argument ``constants`` and does not look at it. One thread at a time may call it.
    """

    def __init__(
        self, module: wasmtime.Module, rules: CheckedRuleSet, constants: Int64Array, limits: SandboxLimits
    ) -> None:
        if constants.shape != (rules.constant_count,):
            raise ValueError(f"constants must have {rules.constant_count} entries, not {constants.shape}")
        layout = memory_layout_of(rules)
        self.rules = rules
        self.constants = constants
        self.work_size = layout_of(rules).size
        # All of these must live as long as the address is in use.
        self.limits = limits
        self._store = wasmtime.Store(wasm_engine())
        weakref.finalize(self, self._store.close)
        self._store.set_limits(memory_size=MEMORY_BYTES_AT_MOST, table_elements=0, instances=1, tables=0, memories=1)
        self._store.set_fuel(limits.fuel)
        exports = wasmtime.Instance(self._store, module, []).exports(self._store)
        memory, self._earn = exports["memory"], exports["earn"]
        if not isinstance(memory, wasmtime.Memory) or not isinstance(self._earn, wasmtime.Func):
            raise TypeError("a rule set's module must export its memory and earn")
        self._memory = memory
        base = ctypes.addressof(memory.data_ptr(self._store).contents)
        memory.write(self._store, constants.tobytes(), layout.constants)
        self._entry = SandboxEntry(
            Sandbox(
                context=ctypes.addressof(self._store._context().contents),  # noqa: SLF001 - the binding has no other way
                function=ctypes.addressof(self._earn._func),  # noqa: SLF001 - likewise
                facts=base + layout.facts,
                facts_bytes=rules.fact_count * WORD,
                lines=base + layout.lines,
                work=base + layout.work,
                result_bytes=2 * len(rules.rules) * WORD,
                fuel=limits.fuel,
                counts=limits.counts.ctypes.data,
            )
        )
        self.address: int = self._entry.address
        self._function = PROTOTYPE(self.address)

    def replace_constants(self, constants: Int64Array) -> None:
        """Take other constants. Not for a sandbox that something else may call."""
        self.constants = constants
        self._memory.write(self._store, constants.tobytes(), memory_layout_of(self.rules).constants)

    def call(self, facts: Int64Array, lines: Int64Array) -> tuple[Status, Int64Array, Int64Array]:
        """The status, and the points and limit of each rule, of one transaction; see ``native_code``."""
        inputs = require_inputs(self.rules, facts, lines, self.constants)
        work = np.zeros(self.work_size, dtype=np.int64)
        pointers = [array.ctypes.data for array in inputs]
        status = self._function(pointers[0], pointers[1], len(lines), pointers[2], work.ctypes.data)
        count = len(self.rules.rules)
        return Status(status), work[:count], work[count : 2 * count]

    def fuel_used(self) -> int:
        """How much fuel the last call used."""
        return self.limits.fuel - self._store.get_fuel()
