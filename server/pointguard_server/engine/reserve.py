"""Arrays that grow without being copied: addresses for all that the machine could hold, pages only for what is used.

Called by ``engine/memory.py``. Copying gigabytes because an array doubles would hold every request up for as long.
"""

import mmap
import os
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

_FLAGS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
_HUGE_PAGES = getattr(mmap, "MADV_HUGEPAGE", None)


def reserved(dtype: np.dtype[Any], length: int) -> npt.NDArray[Any]:
    """Return zeros of at least that length, as many as the machine's memory could hold if addresses can be had.

    A page costs memory once it is written to. Where the system promises no more than it has (strict overcommit, a
    limit of address space), the array is as long as was asked for.
    """
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // dtype.itemsize
    if whole <= length:
        return np.zeros(length, dtype)
    try:
        pages = mmap.mmap(-1, whole * dtype.itemsize, flags=_FLAGS)
    except OSError:
        return np.zeros(length, dtype)
    if _HUGE_PAGES is not None:
        # As NumPy does for arrays of its own; where the kernel has none, small pages do.
        with suppress(OSError):
            pages.madvise(_HUGE_PAGES)
    return np.frombuffer(pages, dtype)
