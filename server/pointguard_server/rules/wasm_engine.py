"""The WebAssembly engine as rule sets run in it: fuel is counted, no signal is taken. For the back end's files.

A module is checked, compiled and loaded by one and the same configuration. Bounds are checked by the compiled code
itself instead of by faults, so that the server's own signal handlers stay as they are.
"""

import atexit
from functools import cache

import wasmtime
from wasmtime import _bindings as bindings

_STACK_BYTES_AT_MOST = 256 * 1024


@cache
def wasm_engine() -> wasmtime.Engine:
    """The engine of this process."""
    config = wasmtime.Config()
    config.consume_fuel = True
    config.max_wasm_stack = _STACK_BYTES_AT_MOST
    config.parallel_compilation = False
    config.cranelift_opt_level = "speed"
    config.memory_may_move = False
    config.memory_guard_size = 0
    config.memory_reservation = 0
    config.memory_reservation_for_growth = 0
    bindings.wasmtime_config_signals_based_traps_set(config.ptr(), False)
    engine = wasmtime.Engine(config)
    atexit.register(engine.close)
    return engine


def compile_module(text: str) -> bytes:
    """The machine code of a module that ``wasm_backend`` wrote, for ``load_module``. Costs up to seconds."""
    return bytes(wasmtime.Module(wasm_engine(), text).serialize())


def load_module(code: bytes) -> wasmtime.Module:
    """The module of machine code that ``compile_module`` made. It becomes code of this process: it must be ours.

    Raises:
        wasmtime.WasmtimeError: if it is of another version or configuration.
    """
    return wasmtime.Module.deserialize(wasm_engine(), code)
