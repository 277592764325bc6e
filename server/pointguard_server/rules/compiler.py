"""Compiles rule sets in a child process in the background, and loads them. For the engine's start and its rule changes.

No request waits for a compiler: ``compile_in_child`` spends its seconds in another process and keeps the machine code
in a content-addressed directory, ``load_compiled`` takes about a millisecond. The key covers the written module, the
arithmetic kernels, the versions of the language, Numba, LLVM's binding and Python, and the CPU, so an entry never
needs invalidation.

    RulesError (RuntimeError)
    ├── NotCompiled           there is no whole entry for this rule set
    ├── SandboxTooLarge       it needs more memory than a sandbox may have
    └── CompilationFailed     the child process failed or took too long

``isolation`` chooses the back end: this process's machine code by Numba, or a module for a WebAssembly sandbox.

Run as a program (``python -m pointguard_server.rules.compiler DIRECTORY KEY ISOLATION``), it is the child.
"""

import os
import platform
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import llvmlite.binding as llvm

from pointguard_server.rules import background, numba_backend, wasm_backend
from pointguard_server.rules.code_cache import CacheDirectoryRefused, CodeCache
from pointguard_server.rules.native_code import CompiledRules
from pointguard_server.rules.rule_set import LANGUAGE_VERSION, RuleSet
from pointguard_server.rules.sandbox_limits import MEMORY_BYTES_AT_MOST, Isolation, SandboxLimits
from pointguard_server.rules.wasm_layout import PAGE, memory_layout_of

if TYPE_CHECKING:
    from pointguard_server.rules.wasm_code import WasmRules

__all__ = [
    "CacheDirectoryRefused",
    "CompilationFailed",
    "CompiledRules",
    "NotCompiled",
    "RulesError",
    "SandboxTooLarge",
    "child_environment",
    "compile_in_child",
    "load_compiled",
    "load_isolated",
]

Child = subprocess.Popen[str]

COMPILATION_SECONDS_AT_MOST: Final = 900
"""Of a processor it takes five; on a machine that serves as much as it can, it rests most of the time."""
# Changes when the way from module to object changes without any version in the key changing.
_PIPELINE_VERSION: Final = 1
_KERNELS: Final = tuple(Path(__file__).with_name(name) for name in ("fixed_point_kernels.py", "constants.py"))
_ENGINE: Final = Path(__file__).with_name("wasm_engine.py")
_ERROR_CHARACTERS_KEPT: Final = 2_000
_SUFFIXES: Final = {Isolation.NONE: ".py", Isolation.WASM: ".wat"}


class RulesError(RuntimeError):
    """Compiled rules are not to be had."""


class NotCompiled(RulesError):
    """There is no whole entry for this rule set in the cache; ``compile_in_child`` makes one."""


class SandboxTooLarge(RulesError):
    """The rule set's sets and names need more memory than a sandbox may have."""


class CompilationFailed(RulesError):
    """The child process failed or took too long; the message ends with what it said."""


def compile_in_child(
    rule_set: RuleSet,
    cache_directory: Path,
    seconds_at_most: float = COMPILATION_SECONDS_AT_MOST,
    on_start: Callable[[Child], None] = lambda _child: None,
    isolation: Isolation = Isolation.NONE,
) -> None:
    """See to it that the rule set can be loaded. Blocks; call it from a thread that nobody waits for.

    ``load_compiled`` finds it then, or ``load_isolated`` if it is for a sandbox. ``on_start`` is given the child
    process, if one is needed; whoever cannot wait for it may kill it.

    Raises:
        CacheDirectoryRefused: if others could write to the directory.
        SandboxTooLarge: if it needs more memory than a sandbox may have.
        CompilationFailed: if the child does.
    """
    cache = CodeCache(cache_directory)
    source = _written(rule_set, isolation)
    key = _key(source, isolation)
    if cache.read_object(key) is not None:
        return
    cache.write_module(key, source, _SUFFIXES[isolation])
    _run_child(cache_directory, key, isolation, seconds_at_most, on_start)
    if cache.read_object(key) is None:
        raise CompilationFailed("the compiler left no machine code")


def load_compiled(rule_set: RuleSet, cache_directory: Path) -> CompiledRules:
    """The rule set's machine code, loaded. Never compiles. Keep the result as long as its address is in use.

    Raises:
        CacheDirectoryRefused: if others could write to the directory.
        NotCompiled: if there is no entry, or a torn one.
    """
    return CompiledRules(_object(rule_set, cache_directory, Isolation.NONE), rule_set.checked)


def load_isolated(rule_set: RuleSet, cache_directory: Path, limits: SandboxLimits) -> "WasmRules":
    """The rule set's module, loaded for sandboxes with these limits. Never compiles.

    Raises:
        CacheDirectoryRefused: if others could write to the directory.
        NotCompiled: if there is no entry, or a torn one.
    """
    # A server whose programs are not isolated does without the engine and its 30 MB.
    from pointguard_server.rules.wasm_code import WasmRules

    return WasmRules(_object(rule_set, cache_directory, Isolation.WASM), rule_set.checked, limits)


def _object(rule_set: RuleSet, cache_directory: Path, isolation: Isolation) -> bytes:
    code = CodeCache(cache_directory).read_object(_key(_written(rule_set, isolation), isolation))
    if code is None:
        raise NotCompiled(f"the rule set {rule_set.name} is not compiled yet")
    return code


def _written(rule_set: RuleSet, isolation: Isolation) -> str:
    """The module that the back end writes, of which the machine code is made."""
    if isolation is Isolation.NONE:
        return numba_backend.write_module(rule_set.checked)
    if memory_layout_of(rule_set.checked).pages * PAGE > MEMORY_BYTES_AT_MOST:
        most = MEMORY_BYTES_AT_MOST // 2**20
        raise SandboxTooLarge(f"{rule_set.name} needs more than the {most} MiB of memory that isolation allows")
    return wasm_backend.write_module(rule_set.checked)


def _key(source: str, isolation: Isolation = Isolation.NONE) -> str:
    """What the machine code depends on, as one hexadecimal SHA-256."""
    if isolation is Isolation.NONE:
        tools = f"numba {version('numba')} llvmlite {version('llvmlite')} python {platform.python_version()}"
        kernels = [sha256(path.read_bytes()).hexdigest() for path in _KERNELS]
    else:
        # The module holds its arithmetic; the engine's settings are a file of their own.
        tools = f"wasmtime {version('wasmtime')}"
        kernels = [sha256(_ENGINE.read_bytes()).hexdigest()]
    parts = (
        f"pointguard rules {LANGUAGE_VERSION}.{_PIPELINE_VERSION}",
        tools,
        f"{llvm.get_default_triple()} {llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}",
        *kernels,
        source,
    )
    return sha256("\n".join(parts).encode()).hexdigest()


def _run_child(
    cache_directory: Path, key: str, isolation: Isolation, seconds_at_most: float, on_start: Callable[[Child], None]
) -> None:
    command = background.command(__spec__.name, str(cache_directory.resolve()), key, isolation.value)
    with subprocess.Popen(  # noqa: S603 - a fixed program, a directory, a hexadecimal key
        command, env=child_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as child:
        on_start(child)
        try:
            _, errors = child.communicate(timeout=seconds_at_most)
        except subprocess.TimeoutExpired:
            child.kill()
            raise CompilationFailed(f"the compiler took more than {seconds_at_most} seconds") from None
    if child.returncode != 0:
        raise CompilationFailed(f"the compiler failed ({child.returncode}): {errors[-_ERROR_CHARACTERS_KEPT:]}")


def child_environment() -> dict[str, str]:
    """This process's environment and import path, without settings that would change what Numba or Python do."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "PYTHON"))}
    return kept | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def main(arguments: list[str]) -> None:
    """The child: compile the module of a key and keep the machine code."""
    directory, key, isolation = arguments[0], arguments[1], Isolation(arguments[2])
    cache = CodeCache(Path(directory))
    path = cache.module_path(key, _SUFFIXES[isolation])
    source = path.read_text()
    if _key(source, isolation) != key:
        raise CompilationFailed("the written module is not the one that was asked for")
    cache.write_object(key, _machine_code(source, path, isolation))


def _machine_code(source: str, path: Path, isolation: Isolation) -> bytes:
    # Compilers are imported by the child alone: the server that loads the result may never need them.
    if isolation is Isolation.WASM:
        from pointguard_server.rules import wasm_engine

        return wasm_engine.compile_module(source)
    from pointguard_server.rules.native_compiler import compile_module

    return compile_module(compile(source, str(path), "exec"))


if __name__ == "__main__":
    main(sys.argv[1:])
