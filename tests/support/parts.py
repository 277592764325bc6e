"""Parts of kernels, as a test can call them: Python calls entries only."""

from collections.abc import Callable
from typing import Any

from numba import njit


def called_from_python(part: Any) -> Callable[..., Any]:
    """Return a kernel that calls a part, and nothing else."""

    @njit(_nrt=False)  # type: ignore[call-overload]
    def call(*arguments):  # type: ignore[no-untyped-def]
        return part(*arguments)

    return call  # type: ignore[no-any-return]
