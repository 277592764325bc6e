"""How kernels are compiled. Used by every file of kernels.

Kernels allocate nothing, so they are compiled without Numba's reference counting: with it, every call from one part to
another counts each of some thirty arrays up and down, which took ten times as long as deciding. Parts are inlined into
their caller, which lets the compiler see through the tuples that carry those arrays (and compiles faster).
"""

from typing import Any, Final

from numba import njit

# Numba's type stubs do not know ``_nrt``: no run-time memory, hence no reference counts.
_PART: Final[dict[str, Any]] = {"forceinline": True, "_nrt": False}
_ENTRY: Final[dict[str, Any]] = {"nogil": True, "cache": True, "_nrt": False}

part = njit(**_PART)
"""For a function that kernels call."""

entry = njit(**_ENTRY)
"""For a kernel that Python calls; its machine code is kept on disk."""
