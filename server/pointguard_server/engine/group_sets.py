"""Which groups a numbered set of groups has, where the kernel finds it.

For fraud rules whose scope is a group, and for groups whose points do not end. Filled by ``service/rule_plan.py`` on
the writer's thread. A group's number is this process's own.
"""

from collections.abc import Iterable

import numpy as np

from pointguard_server.engine.world import IntArray

_FEWEST = 256


class GroupSets:
    """The groups of each set, by the set's number; a set that none were put for has none."""

    def __init__(self) -> None:
        self.places: IntArray = np.zeros(_FEWEST, np.int64)
        self.groups: IntArray = np.zeros(_FEWEST, np.int64)  # at a set's place how many it has, and then their numbers
        self._used = 1  # place 0 is for all sets without groups
        self._numbers: dict[str, int] = {}
        self.most = 0

    @property
    def group_count(self) -> int:
        """How many different groups there are."""
        return len(self._numbers)

    def number(self, group: str) -> int:
        """Return the number of a group, whether a set has it yet or not."""
        return self._numbers.setdefault(group, len(self._numbers) + 1)

    def put(self, number: int, groups: Iterable[str]) -> None:
        """Say which groups a set has, in its order; a number that was given in vain may come again with others."""
        found = [self.number(group) for group in groups]
        self.places = _with_room(self.places, number + 1)
        self.groups = _with_room(self.groups, self._used + len(found) + 1)
        self.groups[self._used : self._used + len(found) + 1] = (len(found), *found)
        self.places[number] = self._used
        self._used += len(found) + 1
        self.most = max(self.most, len(found))

    def of(self, number: int) -> IntArray:
        """Return the numbers of a set's groups."""
        place = int(self.places[number]) if number < len(self.places) else 0
        return self.groups[place + 1 : place + 1 + self.groups[place]]


def _with_room(array: IntArray, size: int) -> IntArray:
    if size <= len(array):
        return array
    grown = np.zeros(2 * size, np.int64)
    grown[: len(array)] = array
    return grown
