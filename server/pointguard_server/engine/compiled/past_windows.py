"""The windows that a recorded event lies in, those that have passed among them. Called by ``advice``.

A window changes only where an event comes into it, so those that end with an event after the recorded one, and the
one that ends now, are all that need be looked at. Of those that have passed, only such as memory knows whole.
"""

from pointguard_server.domain.codes import WindowKind
from pointguard_server.engine.compiled.moments import counts_at
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.windows import NONE, contribution, successor, window_start

_ROLLING, _DAY, _WEEK = int(WindowKind.ROLLING), int(WindowKind.DAY), int(WindowKind.WEEK)
NOT_COUNTED = -1


@part
def _stretch(measure, line):
    """Return when the stretch of the calendar began that holds the event, and when it ended; nothing if it rolls."""
    if measure.window == _ROLLING:
        return 0, 0
    first = 0 if measure.window == _DAY else (2 if measure.window == _WEEK else 4)
    return line[first], line[first + 1]


@part
def fullest_window(arrays, batch, r, slot, program, measure, tally, leg):
    """Return what the fullest window holds that a recorded leg lies in, and where it begins; of equals, the first.

    The leg has been counted. NOT_COUNTED: no window that is known whole holds it.
    """
    account = arrays.accounts[slot]
    moment = counts_at(leg)
    first, behind = _stretch(measure, batch.lines[batch.envelopes[r].first_line])
    oldest = leg.accepted_at - program.looks_back
    most, most_start = NOT_COUNTED, 0
    value = 0
    tail = index = account.first_event
    while index != NONE:
        end = arrays.events[index].time
        start = end - measure.length if measure.window == _ROLLING else first - 1
        if start >= moment or (measure.window != _ROLLING and end >= behind):
            break
        value += contribution(measure, arrays.events[index])
        index = successor(index, account.last_event, arrays.next_block)
        while tail != index and arrays.events[tail].time <= start:
            value -= contribution(measure, arrays.events[tail])
            tail = successor(tail, account.last_event, arrays.next_block)
        if end >= moment and start >= oldest and value > most:
            most, most_start = value, start
    start = window_start(measure, leg.accepted_at, program.day_start, program.week_start, program.month_start)
    if moment > start and tally[0] > most:
        most, most_start = tally[0], start
    return most, most_start
