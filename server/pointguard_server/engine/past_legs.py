"""Legs from their canonical records, for accounts that are not in memory. Used by the stores.

A database gives one column of a row several times as fast as all of a leg's.
"""

from collections.abc import Sequence

import numpy as np

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
