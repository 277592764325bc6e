"""Where the arrays of memory lie: some begin on a line of the processor's cache, some grow without being copied.

Called by ``engine/memory.py``. What grows has addresses for all that the machine could hold, and pages only for what is
used: copying gigabytes because an array doubles would hold every request up for as long.
"""

import math
import mmap
import os
import platform
import sys
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

# Python names it from 3.13 on only; the number is Linux's on these processors.
_NORESERVE = 0x4000 if sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64") else 0
_FLAGS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NORESERVE
# Huge pages, as NumPy asks for in arrays of its own; and a child that is forked has no use for the addresses.
_ADVICE = [getattr(mmap, name) for name in ("MADV_HUGEPAGE", "MADV_DONTFORK") if hasattr(mmap, name)]
_SHARE = 2  # of the machine's memory: one part in so many
_CACHE_LINE = 64


def reserved(dtype: np.dtype[Any], length: int) -> npt.NDArray[Any]:
    """Return zeros of at least that length, as many as half of the machine's memory holds if addresses can be had.

    A page costs memory once it is written to. Where the system promises no more than it has (strict overcommit, a
    limit of address space), the array is as long as was asked for.
    """
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _SHARE // dtype.itemsize
    if whole <= length:
        return np.zeros(length, dtype)
    try:
        pages = mmap.mmap(-1, whole * dtype.itemsize, flags=_FLAGS)
    except OSError:
        return np.zeros(length, dtype)
    for advice in _ADVICE:
        with suppress(OSError):  # where the kernel does not know it, all else is the same
            pages.madvise(advice)
    return np.frombuffer(pages, dtype)


def on_cache_lines(dtype: npt.DTypeLike, length: int, *shape: int) -> npt.NDArray[Any]:
    """Return zeros of so many rows that begin on a line of the cache; NumPy's own may begin anywhere on one."""
    size = np.dtype(dtype).itemsize * math.prod((length, *shape))
    room = np.zeros(size + _CACHE_LINE, np.uint8)
    begin = -room.ctypes.data % _CACHE_LINE
    return room[begin : begin + size].view(dtype).reshape(length, *shape)
