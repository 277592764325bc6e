"""From a written module to machine code that stands alone. Runs in the child process of ``compiler``; it costs seconds.

Numba compiles ``earn`` as a C function; LLVM then throws away everything that cannot be reached from it. What is left
must refer to nothing outside: no allocation, no exception, no call into Python. So the object loads anywhere, and
needs no lock.

    CodeNotSelfContained      the compiled code needs something from outside
"""

from types import CodeType
from typing import Any, Final

import llvmlite.binding as llvm
from numba import cfunc, types

from pointguard_server.rules.native_code import SYMBOL, target_machine

_INT64: Final = types.int64
_POINTER: Final = types.CPointer(types.int64)  # type: ignore[no-untyped-call]
# facts, lines, line_count, constants, work → status
_SIGNATURE: Final = _INT64(_POINTER, _POINTER, _INT64, _POINTER, _POINTER)

_ROUNDS_AT_MOST: Final = 5


class CodeNotSelfContained(RuntimeError):
    """Compiled code refers to the names in its message. A mistake of the back end, never of a rule set."""


def compile_module(source: CodeType) -> bytes:
    """The object file of a module that ``numba_backend`` wrote; its one symbol is ``native_code.SYMBOL``."""
    namespace: dict[str, Any] = {"__name__": "pointguard_rules"}
    exec(source, namespace)  # noqa: S102 - written by numba_backend, which writes integers and names of its own
    compiled = cfunc(_SIGNATURE, error_model="numpy")(namespace["earn"])
    module = llvm.parse_assembly(compiled.inspect_llvm())
    _keep_only(module, compiled.native_name)
    machine = target_machine()
    _optimize(module, machine)
    return bytes(machine.emit_object(module))


def _keep_only(module: llvm.ModuleRef, name: str) -> None:
    """Make the entry the one thing that the outside can see, so that the optimizer may drop what it does not use."""
    for value in (*module.functions, *module.global_variables):
        if value.name == name:
            value.name = SYMBOL
        elif not value.is_declaration:
            value.linkage = "internal"


def _optimize(module: llvm.ModuleRef, machine: llvm.TargetMachine) -> None:
    """Optimize until nothing outside is referred to.

    Numba's callers look for a raised exception, which ours never raise. LLVM proves so for a function at a time; in a
    long rule set one round ends before the proof has reached the entry.
    """
    for _ in range(_ROUNDS_AT_MOST):
        options = llvm.create_pipeline_tuning_options(speed_level=3)
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
        if not _names_from_outside(module):
            return
    raise CodeNotSelfContained(", ".join(_names_from_outside(module)))


def _names_from_outside(module: llvm.ModuleRef) -> list[str]:
    values = (*module.functions, *module.global_variables)
    return sorted(value.name for value in values if value.is_declaration and not value.name.startswith("llvm."))
