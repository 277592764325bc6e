"""Which counters caps need, and what the ledger says that they stand at. For ``batch`` and ``programs``.

A counter belongs to a rule by the number of its name, so it goes on counting when another version has the rule too.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from pointguard_server.engine.ports import RowArray

DAY: Final = 1
MONTH: Final = 2
LIFETIME: Final = 3


class Counter(NamedTuple):
    """What a rule may have given: in this calendar day or month of the program, or ever."""

    rule_id: int
    period: int


def period_start(period: int, calendar: Any) -> int:
    """Return when a period began; ``calendar`` is a row of ``world.PROGRAM``."""
    if period == DAY:
        return int(calendar["day_start"])
    return int(calendar["month_start"]) if period == MONTH else 0


def awards_since(counters: Sequence[Counter], calendar: Any) -> int | None:
    """Return from when on awards must be known; 0 for all that there were, None for none."""
    return min((period_start(counter.period, calendar) for counter in counters), default=None)


def count_awards(counters: Sequence[Counter], awards: RowArray, calendar: Any) -> npt.NDArray[np.int64]:
    """Return (points, start of the period) for each counter; ``awards`` are ``ports.AWARDED`` rows."""
    found = np.zeros((len(counters), 2), np.int64)
    for index, counter in enumerate(counters):
        start = period_start(counter.period, calendar)
        counted = (awards["rule_id"] == counter.rule_id) & (awards["accepted_at"] >= start)
        found[index] = awards["points"][counted].sum(), start
    return found
