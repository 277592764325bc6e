"""What the server's kernel does to award points to requests, and nothing else. For the benchmark ``rules``."""

from typing import Any, Final

from numba import njit

from pointguard_server.engine.compiled.accruals import _earn
from pointguard_server.engine.world import REQUESTS

# As ``compiling.entry``, but not kept on disk: Numba would not notice a change of the functions that it calls.
_ENTRY: Final[dict[str, Any]] = {"nogil": True, "_nrt": False}


@njit(**_ENTRY)
def award_points(arrays, world, batch, out, awards):
    """Run the earn rules for each request of a batch of accruals; account n is in slot n − 1.

    ``awards`` is [request, rule] and takes each rule's points. Returns the points in all, or -1 if a request's
    arithmetic failed.
    """
    total = 0
    for r in range(batch.header[REQUESTS]):
        slot = batch.envelopes[r].account_id - 1
        points = _earn(arrays, world, batch, out, r, slot, arrays.accounts[slot], world.programs[0])
        if points < 0:
            return -1
        total += points
        for i in range(awards.shape[1]):
            awards[r, i] = out.award_points[i]
    return total
