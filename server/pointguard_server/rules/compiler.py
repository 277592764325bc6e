"""Compiles rule sets in a child process in the background, and loads them. For the engine's start and its rule changes.

No request waits for a compiler: ``compile_in_child`` has another process (``compiling``) work and keep the machine code
in a content-addressed directory, ``load_compiled`` takes a few milliseconds.

``isolation`` chooses the back end: machine code of this process, or a module for a WebAssembly sandbox.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pointguard_server.rules import background, compiling, native_backend, wasm_backend
from pointguard_server.rules.code_cache import CacheDirectoryRefused, CodeCache
from pointguard_server.rules.compiling import SUFFIXES, key_of
from pointguard_server.rules.errors import CompilationFailed, NotCompiled, RulesError, SandboxTooLarge
from pointguard_server.rules.isolation import Isolation
from pointguard_server.rules.native_code import CompiledRules
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.rules.sandbox_limits import MEMORY_BYTES_AT_MOST, SandboxLimits
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

COMPILATION_SECONDS_AT_MOST: Final = 300
"""Of a processor it takes less than one; on a machine that serves as much as it can, it rests most of the time."""
_ERROR_CHARACTERS_KEPT: Final = 2_000


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
    key = key_of(source, isolation)
    if cache.read_object(key) is not None:
        return
    cache.write_module(key, source, SUFFIXES[isolation])
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
    code = CodeCache(cache_directory).read_object(key_of(_written(rule_set, isolation), isolation))
    if code is None:
        raise NotCompiled(f"the rule set {rule_set.name} is not compiled yet")
    return code


def _written(rule_set: RuleSet, isolation: Isolation) -> str:
    """The module that the back end writes, of which the machine code is made."""
    if isolation is Isolation.NONE:
        return native_backend.write_module(rule_set.checked)
    if memory_layout_of(rule_set.checked).pages * PAGE > MEMORY_BYTES_AT_MOST:
        most = MEMORY_BYTES_AT_MOST // 2**20
        raise SandboxTooLarge(f"{rule_set.name} needs more than the {most} MiB of memory that isolation allows")
    return wasm_backend.write_module(rule_set.checked)


def _run_child(
    cache_directory: Path, key: str, isolation: Isolation, seconds_at_most: float, on_start: Callable[[Child], None]
) -> None:
    command = background.command(compiling.__name__, str(cache_directory.resolve()), key, isolation.value)
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
    """This process's environment and import path, without settings that would change what Python does."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return kept | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
