"""The arithmetic of compiled rules, to be called by itself."""

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt

from pointguard_server.rules import native_backend
from pointguard_server.rules.native_compiler import compile_module, target_machine
from pointguard_server.rules.value_types import Rounding

_ARITHMETIC = Path(native_backend.__file__).with_name("native_arithmetic.ll")
_FALLIBLE = {"multiply": 2, "divide": 2, "add": 2, "subtract": 2, "floor": 1, "ceiling": 1}


def computed(function: str, *operands: int) -> tuple[int, int]:
    """(status, value) of what can fail."""
    value = ctypes.c_int64()
    status = _function(function, *(ctypes.c_int64 for _ in operands), ctypes.c_void_p)(*operands, ctypes.byref(value))
    return status, value.value


def whole_points(value: int, rounding: Rounding) -> int:
    """An award as points."""
    return _function(f"points_{rounding.value}", ctypes.c_int64)(value)


def looked_up(function: str, table: npt.NDArray[np.int64], text: int) -> bool:
    """``is_member`` or ``is_new``; the size of the table is a power of two."""
    return bool(_looking(function)(table.ctypes.data, len(table) - 1, text))


def is_listed(texts: npt.NDArray[np.int64], text: int) -> bool:
    """Whether an id is among others."""
    return bool(_looking("is_listed")(texts.ctypes.data, texts.ctypes.data + texts.nbytes, text))


def emptied(table: npt.NDArray[np.int64], lines: int) -> int:
    """Empty a table for so many lines; gives its mask."""
    return _function("empty_table", ctypes.c_void_p, ctypes.c_int64)(table.ctypes.data, lines)


def _looking(function: str) -> Callable[..., int]:
    return _function(function, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)


def _function(name: str, *arguments: type) -> Callable[..., int]:
    return ctypes.CFUNCTYPE(ctypes.c_int64, *arguments)(_loaded().get_function_address(f"test_{name}"))


@cache
def _loaded() -> llvm.ExecutionEngine:
    written = [_ARITHMETIC.read_text()]
    for name, count in _FALLIBLE.items():
        operands = ", ".join(f"i64 %operand_{number}" for number in range(count))
        written.append(f"""
            define i64 @test_{name}({operands}, ptr %place) {{
              %result = call %Result @{name}({operands})
              %value = extractvalue %Result %result, 1
              store i64 %value, ptr %place
              %status = extractvalue %Result %result, 0
              ret i64 %status
            }}""")
    written += [_passed_on(f"points_{rounding.value}", "i64", "i64 %value") for rounding in Rounding]
    written += [_passed_on(name, "i1", "ptr %table, i64 %mask, i64 %text") for name in ("is_member", "is_new")]
    written.append(_passed_on("empty_table", "i64", "ptr %table, i64 %lines"))
    # Every test of a place gives it as a number.
    written.append("""
        define i64 @test_is_listed(ptr %first, i64 %end, i64 %text) {
          %behind = inttoptr i64 %end to ptr
          %found = call i1 @is_listed(ptr %first, ptr %behind, i64 %text)
          %word = zext i1 %found to i64
          ret i64 %word
        }""")
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(compile_module("\n".join(written))))
    engine.finalize_object()
    return engine


def _passed_on(name: str, kind: str, operands: str) -> str:
    word = "zext i1 %result to i64" if kind == "i1" else "add i64 %result, 0"
    return f"""
        define i64 @test_{name}({operands}) {{
          %result = call {kind} @{name}({operands})
          %word = {word}
          ret i64 %word
        }}"""
