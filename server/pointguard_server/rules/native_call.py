"""Calls compiled rules from another compiled kernel, by address. For the engine's kernels."""

from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def _call_earn(
    typing_context: Any, address: Any, facts: Any, lines: Any, line_count: Any, constants: Any, work: Any
) -> tuple[Any, Any]:
    """``CompiledRules``' function at ``address``, on C-contiguous int64 arrays (slices of larger ones are fine).

    ``call_earn(address, facts, lines, line_count, constants, work) -> status``. ``lines`` may have one or two
    dimensions. Nothing is checked: the address must be of loaded rules and the arrays as large as ``CompiledRules``
    says.
    """
    if not all(_is_int64_array(array) for array in (facts, lines, constants, work)):
        return None, None
    signature = types.int64(types.int64, facts, lines, types.int64, constants, work)
    return signature, _emit_call


def _is_int64_array(kind: Any) -> bool:
    return isinstance(kind, types.Array) and kind.dtype == types.int64 and kind.layout == "C"


def _emit_call(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    address, facts, lines, line_count, constants, work = arguments
    word = ir.IntType(64)
    pointer = word.as_pointer()
    kind = ir.FunctionType(word, (pointer, pointer, word, pointer, pointer))

    def data(position: int, array: Any) -> Any:
        return context.make_array(signature.args[position])(context, builder, array).data

    function = builder.inttoptr(address, kind.as_pointer())
    return builder.call(function, (data(1, facts), data(2, lines), line_count, data(4, constants), data(5, work)))


# Its own type would ask callers for the typing context, which Numba passes.
call_earn: Final[Any] = intrinsic(_call_earn)
