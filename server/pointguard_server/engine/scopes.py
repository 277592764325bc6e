"""What memory holds of wider scopes than an account: the rings of ``velocity/scopes.py``, for all programs.

As ``Memory``, a projection of the ledger that only the writer's thread touches. It grows with the entities that have
something in a window, and lets go of a ring when nothing in it counts any more: nothing that counts is ever left out.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from pointguard_server.domain.codes import Scope, WindowKind
from pointguard_server.engine.group_sets import GroupSets
from pointguard_server.engine.recount import INTO_THE_NEXT, Counts, Recount, ScopeKey
from pointguard_server.engine.world import IntArray
from pointguard_server.velocity.scopes import (
    CHANGES,
    CHANGES_MAX,
    COUNTER,
    IN_USE,
    LATE,
    NEWEST,
    RING,
    RING_SIZE,
    ScopeArrays,
    find_places,
    load_counts,
    merge_counts,
)
from pointguard_server.velocity.windows import NONE

FEWEST = 64
_START = {WindowKind.DAY: "day_start", WindowKind.WEEK: "week_start", WindowKind.MONTH: "month_start"}


class Scopes:
    """The rings of every counter that a program asks for; ``keys`` say what each counts, by its number.

    ``uncounted`` are those whose rings have not got what the ledger has from before: nobody knows what they hold.
    """

    def __init__(self) -> None:
        self.keys: tuple[ScopeKey, ...] = ()
        self.uncounted: frozenset[ScopeKey] = frozenset()
        self.arrays = _arrays(0)

    def __len__(self) -> int:
        """Return how many rings there are: what an entity has for a counter."""
        return int(self.arrays.counts[IN_USE])

    def take(self, keys: Sequence[ScopeKey], recount: Recount, sets: GroupSets) -> None:
        """Have these counters from now on: those there were go on, and the others begin with what was recounted.

        So do those that were uncounted and are counted now: the recount has seen all that their rings have.
        """
        known = set(self.keys) - (self.uncounted & set(recount.keys))
        missing = set(keys) - set(self.keys) - set(recount.keys)
        if missing:
            raise ValueError(f"nobody counted {missing}")
        numbers = {key: number for number, key in enumerate(keys)}
        kept = np.array([numbers.get(key, NONE) if key in known else NONE for key in self.keys], np.int64)
        rings = self.arrays.rings[: len(self)]
        rings = rings[kept[rings[:, COUNTER]] != NONE] if len(rings) else rings
        if len(rings):
            rings[:, COUNTER] = kept[rings[:, COUNTER]]
        fresh = [each for each in _numbered(recount, keys, sets) if keys[each[0]] not in known]
        self.keys, self.uncounted = tuple(keys), self.uncounted & known & set(keys)
        self._rebuild(rings, _entities(fresh))
        for number, is_rolling, counts in fresh:
            of_all = np.ones(len(counts.values), np.int64)
            load_counts(self.arrays, number * of_all, *counts, is_rolling * of_all)

    def merge(self, recount: Recount, sets: GroupSets) -> None:
        """Add what others than the kernel have counted of late, for all counters; nothing is to be undone any more."""
        fresh = list(_numbered(recount, self.keys, sets))
        if len(self) + (more := _entities(fresh)) > len(self.arrays.rings):
            self._rebuild(self.arrays.rings[: len(self)], more)
        rows = CHANGES_MAX * max((len(counts.values) for _, _, counts in fresh), default=0)
        if rows > len(self.arrays.changes):
            self.arrays = self.arrays._replace(changes=np.zeros((2 * rows, 3), np.int64))
        for number, is_rolling, counts in fresh:
            self.settle()
            of_all = np.ones(len(counts.values), np.int64)
            merge_counts(self.arrays, number * of_all, *counts, is_rolling * of_all)
        self.settle()

    def await_counts(self, keys: Sequence[ScopeKey]) -> None:
        """Have these counters from now on, and count for them; what they hold is to be taken later."""
        self.keys, self.uncounted = tuple(keys), frozenset(keys)

    def warm_up(self) -> None:
        """Have the kernels compiled, or loaded from the cache, before a change of rules waits for them."""
        nothing = np.zeros(0, np.int64)
        load_counts(self.arrays, nothing, nothing, nothing, nothing, nothing)
        merge_counts(self.arrays, nothing, nothing, nothing, nothing, nothing)
        find_places(_arrays(0))

    def make_room(self, requests: int, changes: int, sets: GroupSets, calendars: dict[int, np.void], now: int) -> None:
        """Make room for a batch of so many requests, which count so often for an entity; forget what can be undone.

        ``calendars`` are rows of ``world.PROGRAM`` by program id.
        """
        of_groups = sum(key.scope == Scope.GROUP for key in self.keys)
        of_others = len(self.keys) - of_groups
        rings = of_others * requests + of_groups * min(requests * sets.most, sets.group_count)
        if len(self) + rings > len(self.arrays.rings):
            oldest = [_oldest(key, calendars[key.program_id], now) for key in self.keys]
            used = self.arrays.rings[: len(self)]
            self._rebuild(used[used[:, NEWEST] >= np.array(oldest, np.int64)[used[:, COUNTER]]], rings)
        changes *= of_others + of_groups * sets.most
        if changes > len(self.arrays.changes):
            self.arrays = self.arrays._replace(changes=np.zeros((2 * changes, 3), np.int64))
        self.settle()

    def settle(self) -> None:
        """Keep what the latest batch counted."""
        self.arrays.counts[CHANGES] = 0

    def undo(self) -> None:
        """Take back what the latest batch counted, unless it is settled: nothing of it was written."""
        ring, column, by = self.arrays.changes[: self.arrays.counts[CHANGES]].T
        np.subtract.at(self.arrays.rings, (ring, column), by)
        self.settle()

    def _rebuild(self, rings: IntArray, more: int) -> None:
        """Have these rings, and room for as many as those and twice so many more."""
        changes = self.arrays.changes
        self.arrays = _arrays(len(rings) + more)._replace(changes=changes)
        self.arrays.rings[: len(rings)] = rings
        self.arrays.counts[IN_USE] = len(rings)
        find_places(self.arrays)


def _arrays(rings: int) -> ScopeArrays:
    """Return empty arrays for so many rings and as many again. Pages that stay untouched cost no memory."""
    capacity = max(FEWEST, 1 << (2 * rings - 1).bit_length())
    return ScopeArrays(
        np.zeros((capacity, RING_SIZE), np.int64),
        np.full(2 * capacity, NONE, np.int32),
        np.zeros((1, 3), np.int64),
        np.zeros(2, np.int64),
    )


def _oldest(key: ScopeKey, calendar: np.void, now: int) -> int:
    """Return the newest bucket of a ring that still counts for something, at the least."""
    kind = WindowKind(key.measured.window)
    if kind is WindowKind.ROLLING:
        return now // key.measured.width - RING + 1
    start = int(calendar[_START[kind]])
    # A while longer what the stretch before holds is asked for, too.
    return start - INTO_THE_NEXT[kind] if now - start < LATE else start


def _numbered(recount: Recount, keys: Sequence[ScopeKey], sets: GroupSets) -> Iterator[tuple[int, bool, Counts]]:
    """Yield what was recounted for those of ``keys`` that it counted: the key's place, whether it rolls, and what."""
    numbers = {key: number for number, key in enumerate(keys)}
    for key, counts in recount.counts():
        if key in numbers:
            own = _of_groups(counts, sets) if key.scope == Scope.GROUP else counts
            yield numbers[key], key.measured.window == WindowKind.ROLLING, own


def _entities(fresh: Sequence[tuple[int, bool, Counts]]) -> int:
    """Return how many rings that takes, at most."""
    return sum(len(np.unique(counts.entities)) for _, _, counts in fresh)


def _of_groups(counts: Counts, sets: GroupSets) -> Counts:
    """Return what groups have, of what their sets have."""
    groups = [sets.of(number) for number in counts.entities.tolist()]
    sizes = np.array([len(each) for each in groups], np.int64)
    return Counts(
        np.concatenate([np.zeros(0, np.int64), *groups]),
        np.repeat(counts.buckets, sizes),
        np.repeat(counts.values, sizes),
    )
