"""Lines of one function in WebAssembly's text format. For ``wasm_backend`` and ``wasm_functions``.

Instructions are written one after the other, as the stack machine runs them, without parentheses: those nest no deeper
than the reader of the text allows.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class WasmText:
    """The instructions of a function and its local variables, which begin as 0."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._locals: list[str] = []
        self._indentation = 1

    def function(self, head: str) -> str:
        """The text of the function."""
        variables = [f" (local {variable})" for variable in self._locals]
        return "\n".join((f"(func {head}", *variables, *self._lines, ")"))

    def write(self, *instructions: str) -> None:
        """Add instructions."""
        self._lines += [" " * self._indentation + instruction for instruction in instructions]

    @contextmanager
    def block(self, opening: str) -> Iterator[None]:
        """Add instructions between an opening (``block``, ``loop`` or ``if``) and its end."""
        self.write(opening)
        self._indentation += 1
        yield
        self._indentation -= 1
        self.write("end")

    def new(self, kind: str) -> str:
        """The name of a new variable of type ``i32`` or ``i64``."""
        name = f"$v{len(self._locals)}"
        self._locals.append(f"{name} {kind}")
        return name

    def keep(self, kind: str) -> str:
        """Put what is on top of the stack into a new variable, and return the variable's name."""
        variable = self.new(kind)
        self.write(f"local.set {variable}")
        return variable
