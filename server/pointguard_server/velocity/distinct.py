"""How many different stores, cashiers, terminals, cards or devices a window holds, exactly.

Compiled; used by the engine's kernels.

One hash table for all accounts counts, for each (account, measure, value), the events inside the window that have the
value. An event that enters a window adds to its entry, one that leaves takes away, and an entry that comes to nothing
is taken out: so a decision costs the same however many events or values there are, and the table has no more entries
than there are events in memory for each such measure. The tally's value is how many entries the account has for it.

To the rest of ``windows`` such a measure adds nothing; only its cursor moves there. The oracle is
``tests/reference/test_distinct_windows.py``.
"""

import numpy as np
import numpy.typing as npt

from pointguard_server.velocity.compiling import entry, part
from pointguard_server.velocity.windows import (
    DISTINCT_CARDS,
    DISTINCT_CASHIERS,
    DISTINCT_DEVICES,
    DISTINCT_STORES,
    DISTINCT_TERMINALS,
    NONE,
    REVERSED,
    first_after,
    matches,
    successor,
)

IntArray = npt.NDArray[np.int64]

MEASURES_MAX = (1 << 9) - 1
SLOTS_MAX = 1 << 23
"""What a key has room for, beside a value of 31 bits: 511 measures, one more, and memory of 8 million accounts."""
_SCRATCH = MEASURES_MAX
"""Stands for the measure of what is counted and forgotten at once."""
FEWEST = 16
_KEY, _COUNT = 0, 1
# As in ``engine/compiled/slots.py``.
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(32)


@part
def _key(slot, measure, value):
    return np.int64(slot) << 40 | np.int64(measure) << 31 | np.int64(value)


@part
def _home(table, key):
    spread = np.uint64(key) * _SPREAD
    return np.int64((spread ^ (spread >> _MIX)) & np.uint64(table.shape[0] - 1))


@part
def _place(table, key):
    """Return the place of a key, or the empty one where it would be."""
    place = _home(table, key)
    while table[place, _COUNT] != 0 and table[place, _KEY] != key:
        place = (place + 1) & (table.shape[0] - 1)
    return place


@part
def _add(table, key):
    """Count a key once more; return whether it is new."""
    place = _place(table, key)
    table[place, _KEY] = key
    table[place, _COUNT] += 1
    return table[place, _COUNT] == 1


@part
def _drop(table, key):
    """Count a key once less; return whether it is gone."""
    place = _place(table, key)
    if table[place, _COUNT] == 0:
        return False
    table[place, _COUNT] -= 1
    if table[place, _COUNT] > 0:
        return False
    _close(table, place)
    return True


@part
def _close(table, empty):
    """Move what follows an emptied place to where it is found without it."""
    last = table.shape[0] - 1
    table[empty, _COUNT] = 0
    place = empty
    while True:
        place = (place + 1) & last
        if table[place, _COUNT] == 0:
            return
        home = _home(table, table[place, _KEY])
        # It may move unless its home lies after the empty place, up to where it is now.
        if ((place - home) & last) >= ((place - empty) & last):
            table[empty, _KEY], table[empty, _COUNT] = table[place, _KEY], table[place, _COUNT]
            table[place, _COUNT] = 0
            empty = place


@part
def _value(kind, event, named):
    """Return what of an event, or a request, a measure tells apart; 0: it has none. ``named``: see ``naming``."""
    if kind == DISTINCT_CARDS:
        return max(named, 0)
    if kind == DISTINCT_DEVICES:
        return max(-named, 0)
    if kind == DISTINCT_STORES:
        return event.store_id
    if kind == DISTINCT_CASHIERS:
        return event.cashier_id
    return event.terminal_id if kind == DISTINCT_TERMINALS else 0


@part
def is_another(arrays, slot, m, measure, request, named):
    """Whether what a request has is not among what a window of different values holds, and so would be one more."""
    value = _value(measure.measure, request, named)
    return value > 0 and arrays.distinct[_place(arrays.distinct, _key(slot, m, value)), _COUNT] == 0


@part
def _counted(measure, event):
    """Return the value that an event counts for in a measure, or 0."""
    if not matches(measure, event.kind, event.parts, event.flags):
        return 0
    if measure.net_of_reversals and event.flags & REVERSED:
        return 0
    return _value(measure.measure, event, event.named_by)


@part
def count_distinct(arrays, world, slot, program, index):
    """Count the newest event in the account's windows. ``windows.count_in`` has seen it."""
    for m in range(program.measure_count):
        count_another(arrays, world.measures[program.first_measure + m], slot, m, index)


@part
def count_another(arrays, measure, slot, m, index):
    """Count an event in one window, which holds it."""
    value = _counted(measure, arrays.events[index])
    if value > 0 and _add(arrays.distinct, _key(slot, m, value)):
        arrays.tallies[slot, m, 0] += 1


@part
def count_between(arrays, account, measure, start, end, request, named, counts):
    """Return how many different values a window of a past moment holds: after ``start``, up to ``end``.

    With what a request has, if it ``counts``. Goes through the window's events: for recorded activity alone.
    """
    first = first_after(account, arrays.events, arrays.next_block, start)
    values, index = 0, first
    while index != NONE and arrays.events[index].time <= end:
        value = _counted(measure, arrays.events[index])
        if value > 0 and _add(arrays.distinct, _key(0, _SCRATCH, value)):
            values += 1
        index = successor(index, account.last_event, arrays.next_block)
    if counts and is_another(arrays, 0, _SCRATCH, measure, request, named):
        values += 1
    index = first
    while index != NONE and arrays.events[index].time <= end:
        value = _counted(measure, arrays.events[index])
        if value > 0:
            _drop(arrays.distinct, _key(0, _SCRATCH, value))
        index = successor(index, account.last_event, arrays.next_block)
    return values


@part
def drop_distinct(arrays, account, slot, m, measure, start):
    """Take out of a window what lies at or before ``start``. Must run before ``windows.advance``, which moves on."""
    cursor = arrays.tallies[slot, m, 1]
    while cursor != NONE and arrays.events[cursor].time <= start:
        value = _counted(measure, arrays.events[cursor])
        if value > 0 and _drop(arrays.distinct, _key(slot, m, value)):
            arrays.tallies[slot, m, 0] -= 1
        cursor = successor(cursor, account.last_event, arrays.next_block)


@part
def withdraw_distinct(arrays, world, slot, program, index):
    """Take an event out of the windows that hold it: all of it is about to be given back by ``windows.release``."""
    event = arrays.events[index]
    for m in range(program.measure_count):
        measure = world.measures[program.first_measure + m]
        cursor = arrays.tallies[slot, m, 1]
        if not measure.net_of_reversals or cursor == NONE or arrays.events[cursor].time > event.time:
            continue
        value = _counted(measure, event)
        if value > 0 and _drop(arrays.distinct, _key(slot, m, value)):
            arrays.tallies[slot, m, 0] -= 1


@part
def recount_distinct(arrays, world, account, slot, program):
    """Count all retained events, after ``windows.recount``. The account must have nothing in the table."""
    index = account.first_event
    while index != NONE:
        count_distinct(arrays, world, slot, program, index)
        index = successor(index, account.last_event, arrays.next_block)


@part
def forget_distinct(arrays, account, slot):
    """Take out all that the table has of an account, whatever its program was."""
    index = account.first_event
    while index != NONE:
        for i in range(arrays.distinct_measures.shape[0]):
            for kind in range(DISTINCT_STORES, DISTINCT_DEVICES + 1):
                value = _value(kind, arrays.events[index], arrays.events[index].named_by)
                place = _place(arrays.distinct, _key(slot, arrays.distinct_measures[i], value))
                if value > 0 and arrays.distinct[place, _COUNT] != 0:
                    _close(arrays.distinct, place)
        index = successor(index, account.last_event, arrays.next_block)


@entry
def rehash(table, larger):
    """Put all that a table has into a larger one that is empty."""
    for i in range(table.shape[0]):
        if table[i, _COUNT] != 0:
            place = _place(larger, table[i, _KEY])
            larger[place, _KEY], larger[place, _COUNT] = table[i, _KEY], table[i, _COUNT]


def table_for(entries: int) -> IntArray:
    """Return an empty table that stays at most half full."""
    return np.zeros((max(FEWEST, 1 << (2 * entries - 1).bit_length()), 2), np.int64)
