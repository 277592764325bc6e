"""Compiles rule sets in a child process at idle priority, and loads them. For the engine's start and its rule changes.

No request waits for a compiler: ``compile_in_child`` spends its seconds in another process and keeps the machine code
in a content-addressed directory, ``load_compiled`` takes about a millisecond. The key covers the written module, the
arithmetic kernels, the versions of the language, Numba, LLVM's binding and Python, and the CPU, so an entry never
needs invalidation.

    RulesError (RuntimeError)
    ├── NotCompiled           there is no whole entry for this rule set
    └── CompilationFailed     the child process failed or took too long

Run as a program (``python -m pointguard_server.rules.compiler DIRECTORY KEY``), it is the child.
"""

import os
import platform
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final

import llvmlite.binding as llvm

from pointguard_server.rules import numba_backend
from pointguard_server.rules.code_cache import CacheDirectoryRefused, CodeCache
from pointguard_server.rules.native_code import CompiledRules
from pointguard_server.rules.rule_set import LANGUAGE_VERSION, RuleSet

__all__ = [
    "CacheDirectoryRefused",
    "CompilationFailed",
    "CompiledRules",
    "NotCompiled",
    "RulesError",
    "child_environment",
    "compile_in_child",
    "load_compiled",
]

Child = subprocess.Popen[str]

COMPILATION_SECONDS_AT_MOST: Final = 300
# Changes when the way from module to object changes without any version in the key changing.
_PIPELINE_VERSION: Final = 1
_LOWEST_PRIORITY: Final = 19
_KERNELS: Final = tuple(Path(__file__).with_name(name) for name in ("fixed_point_kernels.py", "constants.py"))
_ERROR_CHARACTERS_KEPT: Final = 2_000


class RulesError(RuntimeError):
    """Compiled rules are not to be had."""


class NotCompiled(RulesError):
    """There is no whole entry for this rule set in the cache; ``compile_in_child`` makes one."""


class CompilationFailed(RulesError):
    """The child process failed or took too long; the message ends with what it said."""


def compile_in_child(
    rule_set: RuleSet,
    cache_directory: Path,
    seconds_at_most: float = COMPILATION_SECONDS_AT_MOST,
    on_start: Callable[[Child], None] = lambda _child: None,
) -> None:
    """See to it that ``load_compiled`` finds the rule set. Blocks; call it from a thread that nobody waits for.

    ``on_start`` is given the child process, if one is needed; whoever cannot wait for it may kill it.

    Raises:
        CacheDirectoryRefused: if others could write to the directory.
        CompilationFailed: if the child does.
    """
    cache = CodeCache(cache_directory)
    source = numba_backend.write_module(rule_set.checked)
    key = _key(source)
    if cache.read_object(key) is not None:
        return
    cache.write_module(key, source)
    _run_child(cache_directory, key, seconds_at_most, on_start)
    if cache.read_object(key) is None:
        raise CompilationFailed("the compiler left no machine code")


def load_compiled(rule_set: RuleSet, cache_directory: Path) -> CompiledRules:
    """The rule set's machine code, loaded. Never compiles. Keep the result as long as its address is in use.

    Raises:
        CacheDirectoryRefused: if others could write to the directory.
        NotCompiled: if there is no entry, or a torn one.
    """
    code = CodeCache(cache_directory).read_object(_key(numba_backend.write_module(rule_set.checked)))
    if code is None:
        raise NotCompiled(f"the rule set {rule_set.name} is not compiled yet")
    return CompiledRules(code, rule_set.checked)


def _key(source: str) -> str:
    """What the machine code depends on, as one hexadecimal SHA-256."""
    parts = (
        f"pointguard rules {LANGUAGE_VERSION}.{_PIPELINE_VERSION}",
        f"numba {version('numba')} llvmlite {version('llvmlite')} python {platform.python_version()}",
        f"{llvm.get_default_triple()} {llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}",
        *(sha256(kernels.read_bytes()).hexdigest() for kernels in _KERNELS),
        source,
    )
    return sha256("\n".join(parts).encode()).hexdigest()


def _run_child(cache_directory: Path, key: str, seconds_at_most: float, on_start: Callable[[Child], None]) -> None:
    # -P keeps the working directory, which may be anyone's, out of the child's import path.
    command = [sys.executable, "-P", "-m", __spec__.name, str(cache_directory.resolve()), key]
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
    os.nice(_LOWEST_PRIORITY)
    directory, key = arguments
    cache = CodeCache(Path(directory))
    path = cache.module_path(key)
    source = path.read_text()
    if _key(source) != key:
        raise CompilationFailed("the written module is not the one that was asked for")
    # Numba is imported by the child alone: the server that loads the result may never need it.
    from pointguard_server.rules.native_compiler import compile_module

    cache.write_object(key, compile_module(compile(source, str(path), "exec")))


if __name__ == "__main__":
    main(sys.argv[1:])
