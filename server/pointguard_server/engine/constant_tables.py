"""Sets of texts among the constants of earn rules: hash tables of numbers, as ``rules/constants.py`` has them."""

import numpy as np

from pointguard_server.rules.constants import HASH_FACTOR, HASH_SHIFT
from pointguard_server.velocity.compiling import entry

_FACTOR, _SHIFT = np.uint64(HASH_FACTOR), np.uint64(HASH_SHIFT)


@entry
def fill_table(numbers, table):
    """Put the numbers above 0 into an empty table, whose size is a power of two."""
    mask = table.shape[0] - 1
    for number in numbers:
        if number <= 0:
            continue
        slot = np.int64(np.uint64(number) * _FACTOR >> _SHIFT) & mask
        while table[slot] != 0 and table[slot] != number:
            slot = (slot + 1) & mask
        table[slot] = number


def warm_up() -> None:
    """Have the kernel compiled, or loaded from the cache."""
    fill_table(np.zeros(1, np.int64), np.zeros(1, np.int64))
