"""Many texts as one. For the checker, and for those who take what it gives.

A set of 100,000 as so many objects holds the interpreter up wherever it is made, sent, copied or let go of.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, groupby
from typing import Final

_EMPTY_DIGEST: Final = sha256().digest()


@dataclass(frozen=True, slots=True)
class Texts(Collection[str]):
    """Texts in their order. ``lines`` are they in UTF-8, each with a line feed behind it; none has one inside.

    ``digest`` is the SHA-256 of ``lines``. Going through them makes all of them.
    """

    lines: bytes = b""
    count: int = 0
    digest: bytes = _EMPTY_DIGEST

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Texts":
        """The texts as one."""
        return cls.read("".join(f"{text}\n" for text in texts).encode())

    @classmethod
    def read(cls, lines: bytes) -> "Texts":
        """The texts of lines, all of which end with a line feed."""
        return cls(lines, lines.count(b"\n"), sha256(lines).digest())

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[str]:
        return iter(self.lines.decode().split("\n")[:-1])

    def __contains__(self, text: object) -> bool:
        return any(text == each for each in self)


NO_TEXTS: Final = Texts()


@dataclass(frozen=True, slots=True)
class Literals(Collection[tuple[str, str]]):
    """(Domain, text) pairs in their order; ``runs`` are the texts of neighbors that have one domain."""

    runs: tuple[tuple[str, Texts], ...] = ()

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]], sets: Iterable[tuple[str, Texts]] = ()) -> "Literals":
        """The pairs, and behind them those of sets of one domain each."""
        grouped = groupby(pairs, key=lambda pair: pair[0])
        return cls((*((domain, Texts.of(text for _, text in each)) for domain, each in grouped), *sets))

    def __len__(self) -> int:
        return sum(len(texts) for _, texts in self.runs)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return chain.from_iterable(((domain, text) for text in texts) for domain, texts in self.runs)

    def __contains__(self, pair: object) -> bool:
        return any(pair == each for each in self)
