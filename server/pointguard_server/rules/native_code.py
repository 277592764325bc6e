"""Machine code of a rule set, loaded into this process. ``compiler`` makes ``CompiledRules``; the engine calls it.

Loading needs LLVM's linker alone: a few milliseconds, and nothing is compiled.
"""

import ctypes
from collections.abc import Sequence
from typing import Final, Self

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt

from pointguard_server.rules.checked import CheckedRuleSet
from pointguard_server.rules.fields import LINE_FIELD_COUNT
from pointguard_server.rules.fixed_point import Status
from pointguard_server.rules.native_compiler import target_machine
from pointguard_server.rules.work_layout import MOST_LINES, layout_of

SYMBOL: Final = "pointguard_earn"

Int64Array = npt.NDArray[np.int64]

_POINTER: Final = ctypes.c_void_p
PROTOTYPE: Final = ctypes.CFUNCTYPE(ctypes.c_int64, _POINTER, _POINTER, ctypes.c_int64, _POINTER, _POINTER)


class CompiledRules:
    """A loaded rule set: ``int64 earn(int64 *facts, int64 *lines, int64 line_count, int64 *constants, int64 *work)``.

    ``facts`` has ``rules.fact_count`` entries; ``lines`` is row-major, LINE_FIELD_COUNT entries a row, at most
    ``work_layout.MOST_LINES`` rows; ``constants`` is what ``constants.constants_of`` gives; ``work`` has at least
    ``work_size`` entries, of which the first are then each rule's points, and the next each rule's ``Limit``. The
    result is a ``Status``; unless it is OK, all of those are 0. The function allocates nothing, changes nothing but
    ``work`` and may run on any number of threads without the interpreter lock.
    """

    def __init__(self, code: bytes, rules: CheckedRuleSet) -> None:
        self.rules = rules
        self.work_size = layout_of(rules).size
        # The engine owns the memory of the code: it must live as long as the address is in use.
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine())
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        self.address: int = self._engine.get_function_address(SYMBOL)
        if self.address == 0:
            raise ValueError("the object has no earn function")
        self._function = PROTOTYPE(self.address)

    def call(
        self, facts: Int64Array, lines: Int64Array, constants: Int64Array
    ) -> tuple[Status, Int64Array, Int64Array]:
        """The status, and the points and limit of each rule, of one transaction.

        Args:
            facts: shape (rules.fact_count,), units as ``fields`` and ``inputs`` say.
            lines: shape (number of lines, LINE_FIELD_COUNT).
            constants: shape (rules.constant_count,).

        Raises:
            ValueError: for another shape, or too many lines.
        """
        inputs = require_inputs(self.rules, facts, lines, constants)
        work = np.zeros(self.work_size, dtype=np.int64)
        pointers = [array.ctypes.data for array in inputs]
        status = self._function(pointers[0], pointers[1], len(lines), pointers[2], work.ctypes.data)
        count = len(self.rules.rules)
        return Status(status), work[:count], work[count : 2 * count]

    def bound(self, _constants: Sequence[int] | Int64Array) -> Self:
        """What can be called with these constants: this, with any."""
        return self


def require_inputs(
    rules: CheckedRuleSet, facts: Int64Array, lines: Int64Array, constants: Int64Array
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """The inputs of one transaction as C-contiguous arrays.

    Raises:
        ValueError: for another shape than the rule set's, or too many lines.
    """
    _require_shape("facts", facts, (rules.fact_count,))
    _require_shape("lines", lines, (min(len(lines), MOST_LINES), LINE_FIELD_COUNT))
    _require_shape("constants", constants, (rules.constant_count,))
    return np.ascontiguousarray(facts), np.ascontiguousarray(lines), np.ascontiguousarray(constants)


def _require_shape(name: str, array: Int64Array, shape: tuple[int, ...]) -> None:
    if array.shape != shape or array.dtype != np.int64:
        raise ValueError(f"{name} must be int64 of shape {shape}, not {array.dtype} of {array.shape}")
