"""How kernels are compiled. Used by every file of kernels; see ADR 0007.

Kernels allocate nothing, so they are compiled without Numba's reference counting: with it, every call from one part to
another counts each of some thirty arrays up and down, which took ten times as long as deciding.
"""

from collections.abc import Callable
from typing import Any, Final

from numba import njit
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.registry import CPUDispatcher


class _PartLibrary(JITCodeLibrary):
    """The code of a part, with that of the parts that it calls, as it was written down.

    Numba would optimize it and make machine code of it, and again within each part that calls it, and the next. Nothing
    but a kernel calls a part, so it is the kernel's code, all parts in it, that is optimized, once.
    """

    def finalize(self) -> None:
        """Add the code of what the part calls."""
        self._raise_if_finalized()
        for library in dict.fromkeys(self._linking_libraries):
            self._reload_init.update(library._reload_init)  # noqa: SLF001 - its own kind
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)  # noqa: SLF001
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Return 0: there is no machine code to point to."""
        return 0

    @property
    def codegen(self) -> "_PartLibrary":
        """Return what is told, once the code is ready, of the objects that it needs: see ``set_env``."""
        return self

    def set_env(self, name: str, env: object) -> None:
        """Forget them: they are for raising exceptions, and no part does."""


class _PartCompiler(Compiler):
    """Compiles a part into a library of its kind."""

    def define_pipelines(self) -> list[Any]:
        """Return Numba's own steps, the last of which fills the library."""
        state = self.state
        state.library = _PartLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        return super().define_pipelines()


class _Part(CPUDispatcher):
    """A function that kernels call. Called from Python it is the Python that it was written in."""

    def __call__(self, *arguments: object) -> object:
        return self.py_func(*arguments)


# Numba's type stubs do not know ``_nrt``: no run-time memory, hence no reference counts.
_ENTRY: Final[dict[str, Any]] = {"nogil": True, "cache": True, "_nrt": False, "no_cfunc_wrapper": True}
_PART: Final = {"nopython": True, "_nrt": False, "no_cfunc_wrapper": True, "no_cpython_wrapper": True}


def part(function: Callable[..., Any]) -> Any:
    """For a function that kernels call. LLVM decides what is inlined."""
    return _Part(function, {}, _PART, pipeline_class=_PartCompiler)


entry = njit(**_ENTRY)
"""For a kernel that Python calls; its machine code is kept on disk."""
