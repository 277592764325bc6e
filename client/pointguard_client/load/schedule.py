"""When the requests of an open loop are due, whatever the server does. The load uses it."""

import random
from collections.abc import Iterator
from enum import Enum

NANOSECONDS: int = 1_000_000_000


class Arrivals(Enum):
    """How requests follow one another: at equal distances, or by chance as independent callers do."""

    CONSTANT = "constant"
    POISSON = "poisson"


def arrival_times(arrivals: Arrivals, a_second: float, phase: float, chance: random.Random) -> Iterator[int]:
    """Yield when calls are due, without end and never backwards, in nanoseconds from the start.

    `a_second` calls come in a second on average. CONSTANT begins `phase` (0 to 1) of a distance after the start, so
    that several processes with different phases come at equal distances together.
    """
    if arrivals is Arrivals.CONSTANT:
        number = 0
        while True:
            # Not by adding up distances: their rounding would add up too.
            yield round((number + phase) / a_second * NANOSECONDS)
            number += 1
    due = 0.0
    while True:
        due += chance.expovariate(a_second)
        yield round(due * NANOSECONDS)
