"""The account's windows that a recorded event lies in, those that have passed among them.

Called by ``measured``, ``advice`` and ``conditions``. A window changes only where an event comes into it, so those that
end with the recorded event or one after it, and the one that ends now, are all that need be looked at. Of those that
have passed, only such as memory knows whole.
"""

from pointguard_server.domain.codes import WindowKind
from pointguard_server.engine.compiled.moments import counts_at, own_start, stretch_of
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.distinct import count_between
from pointguard_server.velocity.naming import named_by
from pointguard_server.velocity.windows import (
    DISTINCT_STORES,
    NONE,
    amount,
    contribution,
    first_after,
    held_at,
    successor,
    window_start,
)

_ROLLING = int(WindowKind.ROLLING)
NOT_COUNTED = -1


@part
def fullest_window(arrays, batch, r, slot, program, measure, tally, leg):
    """Return what the fullest window holds that a recorded leg lies in, and where it begins; of equals, the first.

    The leg has been counted. NOT_COUNTED: no window that is known whole holds it.
    """
    account = arrays.accounts[slot]
    moment = counts_at(leg)
    line = batch.lines[batch.envelopes[r].first_line]
    start, oldest = own_start(measure, moment, line), leg.accepted_at - program.looks_back
    most, most_start = NOT_COUNTED, 0
    value = 0
    if start < moment:
        value = held_at(account, arrays.events, arrays.next_block, measure, tally, start, moment)
        if start >= oldest:
            most, most_start = value, start
    index = first_after(account, arrays.events, arrays.next_block, moment)
    tail = NONE
    if index != NONE:
        tail = first_after(account, arrays.events, arrays.next_block, start)
    while index != NONE:
        end = arrays.events[index].time
        if measure.window == _ROLLING:
            start = end - measure.length
        if start >= moment or (measure.window != _ROLLING and end >= stretch_of(measure, line)[1]):
            break
        value += contribution(measure, arrays.events[index])
        index = successor(index, account.last_event, arrays.next_block)
        while tail != index and arrays.events[tail].time <= start:
            value -= contribution(measure, arrays.events[tail])
            tail = successor(tail, account.last_event, arrays.next_block)
        if start >= oldest and value > most:
            most, most_start = value, start
    start = window_start(measure, leg.accepted_at, program.day_start, program.week_start, program.month_start)
    if moment > start and tally[0] > most:
        most, most_start = tally[0], start
    return most, most_start


@part
def held_with_itself(arrays, batch, r, slot, program, measure, tally, moment, now, points, money, counts):
    """Return what a window holds with recorded activity that is not counted yet, if it ``counts`` for it at all.

    It is the window that ends with the activity, if memory knows that one whole; and the one that ends now, if that
    counts the activity and is fuller, or the other one is not known.
    """
    account = arrays.accounts[slot]
    start, end = own_start(measure, moment, batch.lines[batch.envelopes[r].first_line]), moment
    is_known = start < moment and start >= now - program.looks_back
    most = NOT_COUNTED
    for is_now in range(2):
        if is_now:
            start, end = window_start(measure, now, program.day_start, program.week_start, program.month_start), now
        counts_here = counts and moment > start
        if not (is_known if not is_now else counts_here or not is_known):
            continue
        if measure.measure >= DISTINCT_STORES:
            request, named = batch.requests[r], named_by(batch.envelopes[r])
            held = count_between(arrays, account, measure, start, end, request, named, counts_here)
        else:
            held = held_at(account, arrays.events, arrays.next_block, measure, tally, start, end)
            if counts_here:
                held += amount(measure, points, money)
        most = max(most, held)
    return most
