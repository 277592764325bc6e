"""Lines of one function in LLVM's language. For ``native_backend`` and ``native_functions``.

Operands are texts: a name, or a number, ``true`` or ``false``. A condition is an ``i1``, all else an ``i64`` or a
``ptr``. What is given a value more than once is a ``variable``, on the stack until the optimizer finds it a register.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

WORD = "i64"
CONDITION = "i1"


class NativeText:
    """The instructions of a function."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._variables: list[str] = []
        self._names = 0

    def function(self, head: str) -> str:
        """The text of the function."""
        return "\n".join((f"define {head} {{", *self._variables, *self._lines, "}", ""))

    def write(self, *instructions: str) -> None:
        """Add instructions that have no result."""
        self._lines += [f"  {instruction}" for instruction in instructions]

    def named(self, instruction: str) -> str:
        """Add an instruction; return the name of its result."""
        name = f"%{self._new()}"
        self.write(f"{name} = {instruction}")
        return name

    def variable(self, kind: str) -> str:
        """The place of a new variable. It stands at the top: in a loop, each turn would take more of the stack."""
        name = f"%{self._new()}"
        self._variables.append(f"  {name} = alloca {kind}")
        return name

    def keep(self, kind: str, value: str, place: str) -> None:
        """Have a variable, or a word in memory, be a value."""
        self.write(f"store {kind} {value}, ptr {place}")

    def kept(self, kind: str, place: str) -> str:
        """The value of a variable, or of a word in memory."""
        return self.named(f"load {kind}, ptr {place}")

    def place(self, vector: str, index: int | str) -> str:
        """The place of a word in a vector."""
        return self.named(f"getelementptr i64, ptr {vector}, i64 {index}")

    def word(self, vector: str, index: int | str) -> str:
        """A word of a vector."""
        return self.kept(WORD, self.place(vector, index))

    def compare(self, comparison: str, left: str, right: int | str) -> str:
        """Whether ``comparison`` (``eq``, ``slt`` …) holds between two words."""
        return self.named(f"icmp {comparison} i64 {left}, {right}")

    def call(self, kind: str, function: str, operands: Sequence[tuple[str, int | str]]) -> str:
        """What a function gives; operands are (kind, value) pairs."""
        written = ", ".join(f"{operand} {value}" for operand, value in operands)
        return self.named(f"call {kind} @{function}({written})")

    # Blocks. An instruction that leaves one must be its last.

    def label(self) -> str:
        """A name for a block to come."""
        return self._new()

    def begin(self, label: str) -> None:
        """Begin a block."""
        self._lines.append(f"{label}:")

    def jump(self, label: str) -> None:
        """Leave the block for another one."""
        self.write(f"br label %{label}")

    def branch(self, condition: str, then: str, otherwise: str) -> None:
        """Leave the block for one or the other."""
        self.write(f"br i1 {condition}, label %{then}, label %{otherwise}")

    @contextmanager
    def when(self, condition: str, *, holds: bool = True) -> Iterator[None]:
        """Add instructions that run if a condition holds, or if it does not."""
        inside, behind = self.label(), self.label()
        self.branch(condition, *((inside, behind) if holds else (behind, inside)))
        self.begin(inside)
        yield
        self.jump(behind)
        self.begin(behind)

    @contextmanager
    def each(self, count: str) -> Iterator[tuple[str, str]]:
        """Add instructions that run for each index below ``count``; gives the index, and a block that ends the loop."""
        index = self.variable(WORD)
        self.keep(WORD, "0", index)
        again, inside, behind = self.label(), self.label(), self.label()
        self.jump(again)
        self.begin(again)
        current = self.kept(WORD, index)
        self.branch(self.compare("slt", current, count), inside, behind)
        self.begin(inside)
        yield current, behind
        self.keep(WORD, self.named(f"add nuw nsw i64 {current}, 1"), index)
        self.jump(again)
        self.begin(behind)

    def _new(self) -> str:
        self._names += 1
        return f"v{self._names}"
