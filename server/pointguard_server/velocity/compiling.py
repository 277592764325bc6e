"""How kernels are compiled. Used by every file of kernels; see ADR 0007.

Kernels allocate nothing, so they are compiled without Numba's reference counting: with it, every call from one part to
another counts each of some thirty arrays up and down, which took ten times as long as deciding.
"""

from collections.abc import Callable
from typing import Any, Final

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.registry import CPUDispatcher
from numba.core.types import Array

from pointguard_server.velocity.views import View, check_kind, kind_of


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


class _Entry(CPUDispatcher):
    """A kernel that Python calls.

    At each call Numba looks at all arguments, each array of a tuple too, to find the code that was compiled for their
    types. A kernel that takes views is compiled once, for what it is first called with, and then called directly.
    """

    _direct: Callable[..., object] | None = None

    def __call__(self, *arguments: object) -> object:
        if self._direct is None:
            self._compile_for(arguments)
        for place, kind in self._arrays:
            check_kind(arguments[place], kind)
        return self._direct(*arguments)  # type: ignore[misc]  # compiled above

    def _compile_for(self, arguments: tuple[object, ...]) -> None:
        types = tuple(map(self.typeof_pyval, arguments))
        if any(isinstance(of, View) for of in types):
            self._arrays = [(at, kind_of(arguments[at])) for at, of in enumerate(types) if isinstance(of, Array)]
            self._direct = self.compile(types)
        else:
            self._arrays = []
            self._direct = super().__call__


# Numba's type stubs do not know ``_nrt``: no run-time memory, hence no reference counts.
_PART: Final[dict[str, Any]] = {"nopython": True, "_nrt": False, "no_cfunc_wrapper": True, "no_cpython_wrapper": True}
_ENTRY: Final = {"nopython": True, "_nrt": False, "no_cfunc_wrapper": True, "nogil": True}


def part(function: Callable[..., Any]) -> Any:
    """For a function that kernels call. LLVM decides what is inlined."""
    return _Part(function, {}, _PART, pipeline_class=_PartCompiler)


def entry(function: Callable[..., Any]) -> Any:
    """For a kernel that Python calls; its machine code is kept on disk."""
    kernel = _Entry(function, {}, _ENTRY)
    kernel.enable_caching()
    return kernel
