"""What an account's tally holds for a reader, before anything is written."""

from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.windows import NONE, contribution


@part
def value_now(arrays, account, measure, tally, now):
    """Return a tally's value as a reader must see it: reservations whose time is up are given back at once."""
    value = tally[0]
    if not measure.net_of_reversals or tally[1] == NONE:
        return value
    index = account.first_hold
    while index != NONE:
        hold = arrays.holds[index]
        if hold.expires_at <= now and arrays.events[tally[1]].time <= arrays.events[hold.event].time:
            value -= contribution(measure, arrays.events[hold.event])
        index = hold.next
    return value
