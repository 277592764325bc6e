"""A rule set that is interpreted where kernels call rules by address. For the host, until there is machine code.

The function at the address comes back into Python and has ``interpreter`` decide. The kernel sees no difference but the
time: a fraction of a millisecond for an ordinary rule set (docs/performance.md), with the interpreter lock held.
"""

import ctypes
from array import array
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import numpy as np

from pointguard_server.rules.checked import CheckedRuleSet
from pointguard_server.rules.fields import LINE_FIELD_COUNT
from pointguard_server.rules.fixed_point import Status
from pointguard_server.rules.interpreter import evaluate
from pointguard_server.rules.native_code import PROTOTYPE, Int64Array

_WORD: Final = 8


class InterpretedRules:
    """A rule set; ``bound`` gives what can be called. ``on_defect`` is told of an error of the interpreter itself."""

    def __init__(self, rules: CheckedRuleSet, on_defect: Callable[[Exception], None]) -> None:
        self.rules = rules
        self._on_defect = on_defect

    def bound(self, constants: Sequence[int] | Int64Array) -> "BoundInterpretedRules":
        """What is called with these constants."""
        return BoundInterpretedRules(self.rules, np.array(constants, np.int64), self._on_defect)


class BoundInterpretedRules:
    """A rule set's function, as ``native_code.CompiledRules`` describes it, but for its argument ``constants``.

    It does not look at that one: its constants are those it was made with. A transaction that meets an error of the
    interpreter itself is stopped (``Status.TRAPPED``), and nothing is awarded.
    """

    def __init__(self, rules: CheckedRuleSet, constants: Int64Array, on_defect: Callable[[Exception], None]) -> None:
        # What is at the address lives as long as this object. It must not hold the object in turn: what lives at the
        # start is never walked by the garbage collector.
        self._function = PROTOTYPE(partial(_earn, rules, constants.data, on_defect))
        self.address: int = ctypes.cast(self._function, ctypes.c_void_p).value or 0


def _earn(
    rules: CheckedRuleSet,
    constants: Sequence[int],
    on_defect: Callable[[Exception], None],
    facts: int,
    lines: int,
    line_count: int,
    _constants: int,
    work: int,
) -> int:
    size = 2 * len(rules.rules) * _WORD
    # An exception must not leave this function: C would take whatever stands there for a status.
    try:
        words = _words(lines, line_count * LINE_FIELD_COUNT)
        rows = [words[first : first + LINE_FIELD_COUNT] for first in range(0, len(words), LINE_FIELD_COUNT)]
        outcome = evaluate(rules, _words(facts, rules.fact_count), rows, constants)
        found = [award.points for award in outcome.awards] + [award.limit for award in outcome.awards]
        ctypes.memmove(work, array("q", found).tobytes(), size)
    except Exception as defect:  # noqa: BLE001
        ctypes.memset(work, 0, size)
        on_defect(defect)
        return Status.TRAPPED
    return outcome.status


def _words(address: int, count: int) -> list[int]:
    return memoryview(ctypes.string_at(address, count * _WORD)).cast("q").tolist() if count else []
