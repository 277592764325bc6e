"""How kernels are compiled. Used by every file of kernels.

Kernels allocate nothing, so they are compiled without Numba's reference counting: with it, every call from one part to
another counts each of some thirty arrays up and down, which took ten times as long as deciding. Parts are inlined into
their caller, which lets the compiler see through the tuples that carry those arrays (and compiles faster).
"""

from numba import njit

part = njit(forceinline=True, _nrt=False)
"""For a function that kernels call."""

entry = njit(nogil=True, cache=True, _nrt=False)
"""For a kernel that Python calls; its machine code is kept on disk."""
