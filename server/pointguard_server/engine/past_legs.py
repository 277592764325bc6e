"""Legs from their canonical records, for accounts that are not in memory. Used by the stores and ``batch``.

A database gives one column of a row several times as fast as all of a leg's.
"""

from collections.abc import Sequence

import numpy as np

from pointguard_server.domain.codes import AdviceEvent
from pointguard_server.engine.compiled.past_legs import COLUMNS_BY_VERSION, IS_RAW, read_legs
from pointguard_server.engine.ports import RowArray
from pointguard_server.engine.rows import LEG, LEG_COLUMNS


def legs_of_records(records: Sequence[bytes]) -> RowArray | None:
    """Return the legs that records begin with, as ``LEG_COLUMNS``; None if one of them cannot be read."""
    legs = np.zeros(len(records), LEG)
    ends = np.cumsum([len(record) for record in records], dtype=np.int64)
    data = np.frombuffer(b"".join(records), np.uint8)
    words = legs.view(np.int64).reshape(len(records), LEG.itemsize // 8)
    count = read_legs(data, ends, COLUMNS_BY_VERSION, IS_RAW, words)
    return legs.view(LEG_COLUMNS) if count == len(records) else None


def latest_steps(advice: RowArray, now: int) -> RowArray:
    """Return the latest step of each advice that has not ended by now, in order; ``advice`` holds all of them."""
    latest = {name: row for row, name in enumerate(advice[["advice_id_high", "advice_id_low"]].tolist())}
    steps: RowArray = advice[sorted(latest.values())]
    stands: RowArray = steps[(steps["ends_at"] > now) & (steps["event"] != AdviceEvent.REMOVED)]
    return stands
