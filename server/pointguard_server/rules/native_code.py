"""Machine code of a rule set, loaded into this process. ``compiler`` makes ``CompiledRules``; the engine calls it.

Loading needs LLVM's linker, not Numba: about a millisecond, and nothing is compiled.
"""

import ctypes
from typing import Final

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt

from pointguard_server.rules.fields import FACT_FIELD_COUNT, LINE_FIELD_COUNT
from pointguard_server.rules.fixed_point import Status

SYMBOL: Final = "pointguard_earn"

Int64Array = npt.NDArray[np.int64]

_POINTER: Final = ctypes.c_void_p
_PROTOTYPE: Final = ctypes.CFUNCTYPE(ctypes.c_int64, _POINTER, _POINTER, ctypes.c_int64, _POINTER, _POINTER)


def target_machine() -> llvm.TargetMachine:
    """This machine, as the code generator and the loader see it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, jit=True
    )


class CompiledRules:
    """A loaded rule set: ``int64 earn(int64 *facts, int64 *lines, int64 line_count, int64 *constants, int64 *awards)``.

    ``facts`` has FACT_FIELD_COUNT entries; ``lines`` is row-major, LINE_FIELD_COUNT entries a row; ``constants`` has
    the id of each literal; ``awards`` takes ``rule_count`` points. The result is a ``Status``; unless it is OK, every
    award is 0. The function is pure, allocates nothing and may run on any number of threads without the interpreter
    lock.
    """

    def __init__(self, code: bytes, rule_count: int, literal_count: int) -> None:
        self.rule_count = rule_count
        self.literal_count = literal_count
        # The engine owns the memory of the code: it must live as long as the address is in use.
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine())
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        self.address: int = self._engine.get_function_address(SYMBOL)
        if self.address == 0:
            raise ValueError("the object has no earn function")
        self._function = _PROTOTYPE(self.address)

    def call(self, facts: Int64Array, lines: Int64Array, constants: Int64Array) -> tuple[Status, Int64Array]:
        """The status and the awards, in points, of one transaction.

        Args:
            facts: shape (FACT_FIELD_COUNT,), units as ``fields`` says.
            lines: shape (number of lines, LINE_FIELD_COUNT).
            constants: shape (number of literals,).

        Raises:
            ValueError: for another shape.
        """
        _require_shape("facts", facts, (FACT_FIELD_COUNT,))
        _require_shape("lines", lines, (len(lines), LINE_FIELD_COUNT))
        _require_shape("constants", constants, (self.literal_count,))
        inputs = [np.ascontiguousarray(array, dtype=np.int64) for array in (facts, lines, constants)]
        awards = np.zeros(self.rule_count, dtype=np.int64)
        pointers = [array.ctypes.data for array in inputs]
        status = self._function(pointers[0], pointers[1], len(lines), pointers[2], awards.ctypes.data)
        return Status(status), awards


def _require_shape(name: str, array: Int64Array, shape: tuple[int, ...]) -> None:
    if array.shape != shape or array.dtype != np.int64:
        raise ValueError(f"{name} must be int64 of shape {shape}, not {array.dtype} of {array.shape}")
