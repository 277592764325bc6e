"""Exact windows at a constant cost a decision, whatever the account's number of events.

Compiled; used by the engine's kernel.

An account's events are a chain of blocks of ``BLOCK`` records in order of time. For each *measure* of its program (a
filter, what to add up, and a window) an account has a **tally**: the window's value, and a cursor at the oldest event
inside it. Moving the window's start moves the cursor and subtracts what falls out, so that each event is added once
and dropped once.

An event that is told late, which only recorded activity is, is put where it belongs in time: those after it move on.

The event record is fixed (what happened, not what a rule makes of it): a new rule reads the same events. Windows are
open at their start and closed at their end: ``(start, end]``; a calendar window's ``start`` is the microsecond before
its first one. The oracle is ``tests/reference/windows.py``.
"""

import numpy as np

from pointguard_server.domain.codes import Measure, WindowKind
from pointguard_server.velocity.compiling import part

BLOCK = 8
NONE = -1

EVENT = np.dtype(
    [
        ("seq", "<i4"),
        ("named_by", "<i4"),  # see velocity/naming.py
        ("time", "<i8"),
        ("points", "<i8"),
        ("money", "<i8"),
        ("released_points", "<i8"),  # given back by a void, an expiry or a partial capture
        ("released_money", "<i8"),
        ("store_id", "<i4"),
        ("cashier_id", "<i4"),
        ("terminal_id", "<i4"),
        ("parts", "<u2"),
        ("kind", "<u1"),
        ("flags", "<u1"),
    ]
)
APPROVED, BLOCKED, REVERSED, RECORDED, STOPPED = 1, 2, 4, 8, 16
"""Event flags: approved; declined under a standing block; all of it was given back; recorded for another system.

The last: declined while redemptions were stopped, which no window counts.
"""
OWN_APPROVED = 2
"""What a measure's ``approved_only`` says if it counts nothing that was recorded for another system; 1: that too."""

MEASURE = np.dtype(
    [
        ("kinds", "<i8"),  # sum of 1 << kind; -1: any
        ("parts", "<i8"),  # sum of 1 << part; -1: any, even none
        ("approved_only", "<i8"),
        ("include_blocked", "<i8"),
        ("net_of_reversals", "<i8"),
        ("measure", "<i8"),
        ("window", "<i8"),
        ("length", "<i8"),  # of a rolling window
    ]
)

_COUNT, _POINTS, _MONEY = int(Measure.COUNT), int(Measure.POINTS), int(Measure.MONEY)
DISTINCT_STORES, DISTINCT_CASHIERS, DISTINCT_TERMINALS, DISTINCT_CARDS, DISTINCT_DEVICES = range(16, 21)
"""Measures of ``distinct``, which nothing is added up for here."""
_ROLLING, _DAY, _WEEK = int(WindowKind.ROLLING), int(WindowKind.DAY), int(WindowKind.WEEK)


@part
def window_start(measure, now, day_start, week_start, month_start):
    """Return the moment after which a window that ends at ``now`` counts."""
    if measure.window == _ROLLING:
        return now - measure.length
    if measure.window == _DAY:
        return day_start - 1
    if measure.window == _WEEK:
        return week_start - 1
    return month_start - 1


@part
def matches(measure, kind, parts, flags):
    """Whether an event of this kind, parts and flags counts for the measure."""
    if measure.kinds != -1 and not (measure.kinds >> kind) & 1:
        return False
    if measure.parts != -1 and not measure.parts & parts:
        return False
    if measure.approved_only and not flags & APPROVED:
        return False
    if flags & RECORDED and measure.approved_only == OWN_APPROVED:
        return False
    if flags & STOPPED:
        return False
    return measure.include_blocked != 0 or not flags & BLOCKED


@part
def amount(measure, points, money):
    """Return what one event adds to the measure, nothing given back."""
    if measure.measure == _COUNT:
        return 1
    if measure.measure == _POINTS:
        return points
    return money if measure.measure == _MONEY else 0


@part
def contribution(measure, event):
    """Return what an event counts for in the measure now."""
    if not matches(measure, event.kind, event.parts, event.flags):
        return 0
    if not measure.net_of_reversals:
        return amount(measure, event.points, event.money)
    if event.flags & REVERSED:
        return 0
    return amount(measure, event.points - event.released_points, event.money - event.released_money)


@part
def given_back(measure, event, points, money, whole):
    """Return by how much less an event counts in a measure once so much more, or (``whole``) all, of it is given back.

    ``event`` is any record with the fields of ``EVENT`` that this reads.
    """
    if not measure.net_of_reversals or event.flags & REVERSED:
        return 0
    if not matches(measure, event.kind, event.parts, event.flags):
        return 0
    left_points, left_money = event.points - event.released_points, event.money - event.released_money
    before = amount(measure, left_points, left_money)
    return before if whole else before - amount(measure, left_points - points, left_money - money)


@part
def successor(index, last_event, next_block):
    """Return the index of the event after ``index``, or NONE."""
    if index == last_event:
        return NONE
    if index % BLOCK == BLOCK - 1:
        return next_block[index // BLOCK] * BLOCK
    return index + 1


@part
def advance(account, events, next_block, measure, tally, start):
    """Move a tally's window to begin after ``start``; return its value.

    ``tally`` is (value, cursor), changed in place.
    """
    cursor = tally[1]
    value = tally[0]
    while cursor != NONE and events[cursor].time <= start:
        value -= contribution(measure, events[cursor])
        cursor = successor(cursor, account.last_event, next_block)
    tally[0] = value
    tally[1] = cursor
    return value


@part
def append(account, next_block, free_blocks, free_count):
    """Make room for one more event; return its index. The caller fills it and then calls ``count_in``.

    The caller guarantees a free block. ``free_count`` is a one-element array.
    """
    index = account.last_event
    if index == NONE or index % BLOCK == BLOCK - 1:
        free_count[0] -= 1
        block = free_blocks[free_count[0]]
        next_block[block] = NONE
        if index == NONE:
            account.first_event = block * BLOCK
        else:
            next_block[index // BLOCK] = block
        index = block * BLOCK
    else:
        index += 1
    account.last_event = index
    return index


@part
def count_in(events, index, measures, first_measure, measure_count, tallies):
    """Add the newest event to every tally."""
    for m in range(measure_count):
        if tallies[m, 1] == NONE:
            tallies[m, 1] = index
        tallies[m, 0] += contribution(measures[first_measure + m], events[index])


@part
def swap_events(one, other):
    """Have two events change places."""
    one.seq, other.seq = other.seq, one.seq
    one.time, other.time = other.time, one.time
    one.points, other.points = other.points, one.points
    one.money, other.money = other.money, one.money
    one.released_points, other.released_points = other.released_points, one.released_points
    one.released_money, other.released_money = other.released_money, one.released_money
    one.store_id, other.store_id = other.store_id, one.store_id
    one.cashier_id, other.cashier_id = other.cashier_id, one.cashier_id
    one.terminal_id, other.terminal_id = other.terminal_id, one.terminal_id
    one.named_by, other.named_by = other.named_by, one.named_by
    one.parts, other.parts = other.parts, one.parts
    one.kind, other.kind = other.kind, one.kind
    one.flags, other.flags = other.flags, one.flags


@part
def first_after(account, events, next_block, moment):
    """Return the first event after a moment, or NONE; blocks that lie before it are passed over whole."""
    index, newest = account.first_event, account.last_event
    while index != NONE and index // BLOCK != newest // BLOCK and events[index + BLOCK - 1].time <= moment:
        index = next_block[index // BLOCK] * BLOCK
    while index != NONE and events[index].time <= moment:
        index = successor(index, newest, next_block)
    return index


@part
def put_in_time(account, events, next_block):
    """Bring the newest event, which may be older than others, to its place in time; return where that is.

    Those after it move on by one place each. Whoever holds places must move them too, before: see ``moved_on``.
    """
    newest = account.last_event
    if newest % BLOCK > 0 and events[newest - 1].time <= events[newest].time:
        return newest
    place = first_after(account, events, next_block, events[newest].time)
    if place == NONE:
        return newest
    index = place
    while index != newest:
        swap_events(events[index], events[newest])
        index = successor(index, newest, next_block)
    return place


@part
def moved_on(account, events, next_block, index):
    """Return where an event will be once the newest one has its place in time."""
    if events[index].time > events[account.last_event].time:
        return successor(index, account.last_event, next_block)
    return index


@part
def held_at(account, events, next_block, measure, tally, start, end):
    """Return what the window holds that begins after ``start`` and ended at ``end``, ``tally``'s being that of now.

    Where nothing has happened since, that is the tally with what left it on the way from there to now.
    """
    index = first_after(account, events, next_block, start)
    value, last = 0, end
    if account.last_event != NONE and events[account.last_event].time <= end:
        value = tally[0]
        last = events[tally[1]].time - 1 if tally[1] != NONE else end
    while index != NONE and events[index].time <= last:
        value += contribution(measure, events[index])
        index = successor(index, account.last_event, next_block)
    return value


@part
def count_in_time(account, events, next_block, index, measure, tally, start):
    """Add an event that was put in its place in time to a tally whose window begins after ``start``."""
    if events[index].time <= start:
        # The cursor's place holds what came before the window now.
        if tally[1] != NONE:
            tally[1] = successor(tally[1], account.last_event, next_block)
        return
    if tally[1] == NONE:
        tally[1] = index
    tally[0] += contribution(measure, events[index])


@part
def release(events, index, points, money, whole, measures, first_measure, measure_count, tallies):
    """Give back part (or, with ``whole``, all) of an event, in its own time: tallies that still hold it shrink."""
    for m in range(measure_count):
        cursor = tallies[m, 1]
        if cursor != NONE and events[cursor].time <= events[index].time:
            tallies[m, 0] -= given_back(measures[first_measure + m], events[index], points, money, whole)
    events[index].released_points += points
    events[index].released_money += money
    if whole:
        events[index].flags |= REVERSED


@part
def forget_before(account, events, next_block, free_blocks, free_count, start):
    """Free the blocks whose events all lie at or before ``start``. Every tally must have been advanced that far."""
    while account.first_event != NONE:
        block = account.first_event // BLOCK
        if account.last_event // BLOCK == block or events[block * BLOCK + BLOCK - 1].time > start:
            return
        account.first_event = next_block[block] * BLOCK
        free_blocks[free_count[0]] = block
        free_count[0] += 1


@part
def recount(account, events, next_block, measures, first_measure, measure_count, tallies):
    """Build every tally anew over all retained events; ``advance`` then moves them to their windows."""
    for m in range(measure_count):
        value = 0
        index = account.first_event
        while index != NONE:
            value += contribution(measures[first_measure + m], events[index])
            index = successor(index, account.last_event, next_block)
        tallies[m, 0] = value
        tallies[m, 1] = account.first_event
