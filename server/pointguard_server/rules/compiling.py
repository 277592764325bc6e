"""The child process of ``compiler``, which makes machine code of a written module; and what that depends on.

``python -m pointguard_server.rules.compiling DIRECTORY KEY ISOLATION`` reads a module from the cache and puts its code
beside it. It imports no more than it needs: most of its time would go into that.
"""

import sys
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final

import llvmlite.binding as llvm

from pointguard_server.rules.code_cache import CodeCache
from pointguard_server.rules.isolation import Isolation

SUFFIXES: Final = {Isolation.NONE: ".ll", Isolation.WASM: ".wat"}
"""Of a written module's file, by back end."""
# Changes when the way from module to object changes without any version in the key changing.
_PIPELINE_VERSION: Final = 2
_SANDBOX_ENGINE: Final = Path(__file__).with_name("wasm_engine.py")


def key_of(source: str, isolation: Isolation = Isolation.NONE) -> str:
    """What a module's machine code depends on, as one hexadecimal SHA-256, so that it never needs invalidation.

    That is the module, which holds its arithmetic, the versions of the tools, and the processor.
    """
    if isolation is Isolation.NONE:
        tools = f"llvmlite {version('llvmlite')}"
    else:
        # The sandbox's settings are a file of their own.
        tools = f"wasmtime {version('wasmtime')} {sha256(_SANDBOX_ENGINE.read_bytes()).hexdigest()}"
    processor = f"{llvm.get_default_triple()} {llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"
    return sha256("\n".join((f"pointguard rules {_PIPELINE_VERSION}", tools, processor, source)).encode()).hexdigest()


def main(arguments: list[str]) -> None:
    """Compile the module of a key and keep the machine code."""
    directory, key, isolation = arguments[0], arguments[1], Isolation(arguments[2])
    cache = CodeCache(Path(directory))
    source = cache.module_path(key, SUFFIXES[isolation]).read_text()
    if key_of(source, isolation) != key:
        raise ValueError("the written module is not the one that was asked for")
    cache.write_object(key, _machine_code(source, isolation))


def _machine_code(source: str, isolation: Isolation) -> bytes:
    # Each compiler is imported by who needs it.
    if isolation is Isolation.WASM:
        from pointguard_server.rules import wasm_engine

        return wasm_engine.compile_module(source)
    from pointguard_server.rules import native_compiler

    return native_compiler.compile_module(source)


if __name__ == "__main__":
    main(sys.argv[1:])
