"""What the server's kernel does about windows for one event, and nothing else. For the benchmark ``windows``."""

from typing import Any, Final

from numba import njit

from pointguard_server.velocity.prefetch import fetch_account, fetch_events
from pointguard_server.velocity.windows import (
    advance,
    append,
    contribution,
    count_in,
    forget_before,
    window_start,
)

# As ``compiling.entry``, but not kept on disk: Numba would not notice a change of the functions that it calls.
_ENTRY: Final[dict[str, Any]] = {"nogil": True, "_nrt": False}


@njit(**_ENTRY)
def count_events(arrays, program, measures, thresholds, incoming, slots):
    """Move an account's windows to each event, check them with the event counted, and count it.

    ``incoming`` has the events (``windows.EVENT``) in order of time, ``slots`` their accounts. Returns how many
    thresholds were passed.
    """
    passed = 0
    for i in range(slots.shape[0]):
        fetch_account(arrays, slots[i])
    for i in range(slots.shape[0]):
        fetch_events(arrays, slots[i])
    for i in range(incoming.shape[0]):
        event = incoming[i]
        account = arrays.accounts[slots[i]]
        tallies = arrays.tallies[slots[i]]
        for m in range(measures.shape[0]):
            start = window_start(measures[m], event.time, program.day_start, program.week_start, program.month_start)
            advance(account, arrays.events, arrays.next_block, measures[m], tallies[m], start)
        forget_before(
            account,
            arrays.events,
            arrays.next_block,
            arrays.free_blocks,
            arrays.free_counts[0:1],
            event.time - program.retention,
        )
        for m in range(measures.shape[0]):
            if tallies[m, 0] + contribution(measures[m], event) > thresholds[m]:
                passed += 1
        index = append(account, arrays.next_block, arrays.free_blocks, arrays.free_counts[0:1])
        account.seq += 1
        arrays.events[index] = event
        arrays.events[index].seq = account.seq
        count_in(arrays.events, index, measures, 0, measures.shape[0], tallies)
    return passed
