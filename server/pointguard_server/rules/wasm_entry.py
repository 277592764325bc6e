"""The way from compiled code into a rule set's sandbox, without Python: a C function as ``native_code`` describes it.

For ``wasm_code`` alone. The function copies facts and lines into the sandbox's memory, gives it its fuel, calls it, and
copies points and limits back. The sandbox sees nothing else of the process. The addresses are those of one sandbox, so
they are written into the function.
"""

import ctypes
from dataclasses import dataclass
from typing import Final

import llvmlite.binding as llvm
from wasmtime import _bindings as bindings
from wasmtime._ffi import dll

from pointguard_server.rules.fixed_point import Status
from pointguard_server.rules.native_code import SYMBOL
from pointguard_server.rules.native_compiler import target_machine
from pointguard_server.rules.sandbox_limits import OUT_OF_FUEL, TRAPPED
from pointguard_server.rules.wasm_layout import ROW
from pointguard_server.rules.work_layout import MOST_LINES

_OUT_OF_FUEL_CODE: Final = bindings.wasmtime_trap_code_enum.WASMTIME_TRAP_CODE_OUT_OF_FUEL.value
_CODE: Final = """
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)

define i64 @{symbol}(ptr %facts, ptr %lines, i64 %line_count, ptr %constants, ptr %work) {{
entry:
  %values = alloca [{value_bytes} x i8], align 16
  %trap = alloca ptr
  %code = alloca i8
  %too_many = icmp ugt i64 %line_count, {most_lines}
  br i1 %too_many, label %broken, label %enter
enter:
  call void @llvm.memcpy.p0.p0.i64(ptr inttoptr (i64 {facts} to ptr), ptr %facts, i64 {facts_bytes}, i1 false)
  %lines_bytes = mul i64 %line_count, {row}
  call void @llvm.memcpy.p0.p0.i64(ptr inttoptr (i64 {lines} to ptr), ptr %lines, i64 %lines_bytes, i1 false)
  store i64 %line_count, ptr %values
  store ptr null, ptr %trap
  %unset = call ptr inttoptr (i64 {set_fuel} to ptr)(ptr inttoptr (i64 {context} to ptr), i64 {fuel})
  %is_unset = icmp ne ptr %unset, null
  br i1 %is_unset, label %unfueled, label %run
run:
  %error = call ptr inttoptr (i64 {call} to ptr)(ptr inttoptr (i64 {context} to ptr),
    ptr inttoptr (i64 {function} to ptr), ptr %values, i64 1, ptr %trap)
  %stopped_by = load ptr, ptr %trap
  %is_error = icmp ne ptr %error, null
  br i1 %is_error, label %failed, label %called
called:
  %is_stopped = icmp ne ptr %stopped_by, null
  br i1 %is_stopped, label %stopped, label %done
done:
  call void @llvm.memcpy.p0.p0.i64(ptr %work, ptr inttoptr (i64 {work} to ptr), i64 {result_bytes}, i1 false)
  %status = load i64, ptr %values
  ret i64 %status
stopped:
  store i8 255, ptr %code
  call i1 inttoptr (i64 {trap_code} to ptr)(ptr %stopped_by, ptr %code)
  call void inttoptr (i64 {trap_delete} to ptr)(ptr %stopped_by)
  %why = load i8, ptr %code
  %is_out_of_fuel = icmp eq i8 %why, {out_of_fuel_code}
  br i1 %is_out_of_fuel, label %out_of_fuel, label %broken
failed:
  call void inttoptr (i64 {error_delete} to ptr)(ptr %error)
  br label %broken
unfueled:
  call void inttoptr (i64 {error_delete} to ptr)(ptr %unset)
  br label %broken
out_of_fuel:
  br label %nothing
broken:
  br label %nothing
nothing:
  %refused = phi i64 [ {out_of_fuel}, %out_of_fuel ], [ {trapped}, %broken ]
  %counter = phi ptr [ inttoptr (i64 {fuel_counter} to ptr), %out_of_fuel ],
    [ inttoptr (i64 {trap_counter} to ptr), %broken ]
  atomicrmw add ptr %counter, i64 1 monotonic
  call void @llvm.memset.p0.i64(ptr %work, i8 0, i64 {result_bytes}, i1 false)
  ret i64 %refused
}}
"""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Where a rule set's sandbox is: addresses in this process, and sizes in bytes."""

    context: int
    function: int
    facts: int
    facts_bytes: int
    lines: int
    work: int
    result_bytes: int
    fuel: int
    counts: int


class SandboxEntry:
    """The loaded function at ``address``. It lives as long as this object."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(_code(sandbox)), target_machine())
        self._engine.finalize_object()
        self.address: int = self._engine.get_function_address(SYMBOL)


def _code(sandbox: Sandbox) -> str:
    return _CODE.format(
        symbol=SYMBOL,
        context=sandbox.context,
        function=sandbox.function,
        facts=sandbox.facts,
        facts_bytes=sandbox.facts_bytes,
        lines=sandbox.lines,
        work=sandbox.work,
        result_bytes=sandbox.result_bytes,
        fuel=sandbox.fuel,
        fuel_counter=sandbox.counts + OUT_OF_FUEL * ctypes.sizeof(ctypes.c_int64),
        trap_counter=sandbox.counts + TRAPPED * ctypes.sizeof(ctypes.c_int64),
        value_bytes=ctypes.sizeof(bindings.wasmtime_val_raw),
        row=ROW,
        most_lines=MOST_LINES,
        out_of_fuel_code=_OUT_OF_FUEL_CODE,
        out_of_fuel=Status.OUT_OF_FUEL.value,
        trapped=Status.TRAPPED.value,
        set_fuel=_address(dll.wasmtime_context_set_fuel),
        call=_address(dll.wasmtime_func_call_unchecked),
        trap_code=_address(dll.wasmtime_trap_code),
        trap_delete=_address(dll.wasm_trap_delete),
        error_delete=_address(dll.wasmtime_error_delete),
    )


def _address(function: object) -> int:
    address = ctypes.cast(function, ctypes.c_void_p).value  # type: ignore[arg-type]
    if address is None:
        raise AssertionError("a function of the engine has no address")
    return address
