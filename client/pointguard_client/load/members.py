"""Whose accounts a load is about, and how evenly they are chosen. The load uses it."""

import random
from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import accumulate
from typing import Final, Self, overload

from pointguard_client.errors import ConfigurationError
from pointguard_client.sample import read_baskets


@dataclass(frozen=True, slots=True)
class LoadMember:
    """Who a request is about, and the store where it is rung up (empty: none)."""

    loyalty_id: str
    store_id: str = ""


@dataclass(frozen=True, slots=True)
class NumberedMembers(Sequence[LoadMember]):
    """Members whose loyalty ids are a prefix and a number from 1; however many, they take no memory."""

    prefix: str
    members: int
    store_id: str = ""

    def __len__(self) -> int:
        return self.members

    @overload
    def __getitem__(self, index: int) -> LoadMember: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[LoadMember]: ...
    def __getitem__(self, index: int | slice) -> LoadMember | Sequence[LoadMember]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(self.members))]
        if not 0 <= index < self.members:
            raise IndexError(index)
        return LoadMember(f"{self.prefix}{index + 1}", self.store_id)


def sample_members(count: int | None) -> list[LoadMember]:
    """Return the sample's first households, each with the store of its first basket; all of them without a count."""
    stores: dict[str, str] = {}
    for basket in read_baskets():
        stores.setdefault(basket.household_id, basket.store_id)
    if count is not None and count > len(stores):
        raise ConfigurationError(f"--members: the sample has {len(stores)} members; use --loyalty-prefix for more")
    return [LoadMember(household, store) for household, store in list(stores.items())[:count]]


class SkewKind(Enum):
    """How members are chosen."""

    UNIFORM = "uniform"
    ZIPF = "zipf"
    HOT = "hot"


@dataclass(frozen=True, slots=True)
class Skew:
    """How evenly members are chosen.

    UNIFORM: all alike. ZIPF: member n (from 1) in proportion to 1 / nᵃ, a being the `parameter`, above 0. HOT: the
    first member gets a share of all requests, the `parameter`, above 0 and up to 1; the others share the rest alike.
    """

    kind: SkewKind = SkewKind.UNIFORM
    parameter: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `uniform`, `zipf:S` or `hot:SHARE`; raise ValueError for anything else."""
        name, _, number = text.partition(":")
        kind = SkewKind(name)
        if kind is SkewKind.UNIFORM and not number:
            return cls()
        parameter = float(number)
        if not 0 < parameter <= (1 if kind is SkewKind.HOT else 10) or kind is SkewKind.UNIFORM:
            raise ValueError(f"{text} is out of range")
        return cls(kind, parameter)

    def __str__(self) -> str:
        return self.kind.value if self.kind is SkewKind.UNIFORM else f"{self.kind.value}:{self.parameter:g}"

    def chooser(self, members: int, chance: random.Random) -> Callable[[], int]:
        """Return a function that draws the index of one of so many members, from 0."""
        fraction = chance.random
        if self.kind is SkewKind.ZIPF:
            sums = list(accumulate(number**-self.parameter for number in range(1, members + 1)))
            total, last = sums[-1], members - 1
            return lambda: min(bisect(sums, fraction() * total), last)
        if self.kind is SkewKind.HOT and members > 1:
            share, others = self.parameter, members - 1
            return lambda: 0 if fraction() < share else 1 + int(fraction() * others)
        return lambda: int(fraction() * members)


UNIFORM: Final = Skew()
