"""Windows before each order, by walking accounts' legs in sequence. For ``windows.py``.

What an event counts for is what the engine's windows say (``velocity/windows.py``); where it is counted is obvious
here: each window is added up anew, from the newest event back to the window's start.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pointguard_server.backtest.orders import IntArray
from pointguard_server.engine import compiled  # its import tells Numba where to keep kernels
from pointguard_server.velocity.compiling import entry, part
from pointguard_server.velocity.views import view
from pointguard_server.velocity.windows import (
    DISTINCT_CARDS,
    DISTINCT_CASHIERS,
    DISTINCT_DEVICES,
    DISTINCT_STORES,
    EVENT,
    NONE,
    REVERSED,
    contribution,
    matches,
)

__all__ = ["EVENT", "NONE", "Legs", "compiled", "walk"]


@view
class Legs(NamedTuple):
    """Accounts' legs, one account after the other, each in sequence: an array for each, with a value for every leg."""

    events: npt.NDArray[np.void]  # ``EVENT``; one without flags counts nowhere
    first: IntArray  # the place of the account's first leg
    ends: IntArray  # the place of the event of which it gives something back, or NONE
    released_points: IntArray
    released_money: IntArray
    order: IntArray  # the number of the order that it is, or NONE


@part
def _release(legs, n):
    event = legs.events[legs.ends[n]]
    event.released_points += legs.released_points[n]
    event.released_money += legs.released_money[n]
    if event.released_points == event.points and event.released_money == event.money:
        event.flags |= REVERSED


@part
def _told_apart(measure, event):
    """Return the value that a measure of different ones looks at."""
    if measure.measure == DISTINCT_STORES:
        return event.store_id
    if measure.measure == DISTINCT_CARDS:
        return max(event.named_by, 0)
    if measure.measure == DISTINCT_DEVICES:
        return max(-event.named_by, 0)
    return event.cashier_id if measure.measure == DISTINCT_CASHIERS else event.terminal_id


@part
def _is_new(measure, event, seen, look):
    """Whether an event has a value that this look has not seen yet; it has then."""
    if not matches(measure, event.kind, event.parts, event.flags) or event.flags & REVERSED:
        return 0
    value = _told_apart(measure, event)
    if value == 0 or seen[value] == look:
        return 0
    seen[value] = look
    return 1


@part
def _held(legs, n, measure, start, end, in_time, seen, look):
    """Return what a window holds of the events before a leg."""
    value = 0
    m = n - 1
    while m >= legs.first[n]:
        event = legs.events[m]
        if event.time <= start:
            if in_time:
                break
        elif event.time <= end:
            if measure.measure >= DISTINCT_STORES:
                value += _is_new(measure, event, seen, look)
            else:
                value += contribution(measure, event)
        m -= 1
    return value


@entry
def walk(legs, measures, moments, starts, in_time, seen, values):
    """Set ``values`` [order, window] to what the windows of ``measures`` held just before each order.

    A window is open at ``starts`` [order, window] and closed at the order's ``moments``; ``in_time`` says that no leg
    is older than the one before it. ``seen`` is scratch for all numbers of stores, cashiers, terminals and cards, zero.
    """
    look = 0
    for n in range(legs.events.shape[0]):
        if legs.ends[n] != NONE:
            _release(legs, n)
        order = legs.order[n]
        if order != NONE:
            for w in range(measures.shape[0]):
                look += 1
                values[order, w] = _held(legs, n, measures[w], starts[order, w], moments[order], in_time, seen, look)
