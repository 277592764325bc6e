"""What is left of an account's lots, from the entries that gave and took their points. For ``batch`` and ``storage``.

A lot is named by its ``lot_seq``, the seq of the leg that gave it, its ``rule_id`` and its ``expires_at``: see
``compiled/lots.py``.
"""

import numpy as np

from pointguard_server.engine.ports import RowArray


def lots_left(entries: RowArray) -> RowArray:
    """Return, for each lot of which something is left, a row like its first entry with what is left as its points.

    ``entries`` (``engine.rows.ENTRY``) are those of the lots, in the order of the ledger; several may have been added
    up to one. The rows are in that order too.
    """
    places: dict[tuple[int, int, int], int] = {}
    left = np.zeros(len(entries), np.int64)
    names = zip(*(entries[name].tolist() for name in ("lot_seq", "rule_id", "expires_at")), strict=True)
    for row, (name, points) in enumerate(zip(names, entries["signed_points"].tolist(), strict=True)):
        left[places.setdefault(name, row)] += points
    rows = (left != 0).nonzero()[0]
    lots: RowArray = entries[rows].copy()
    lots["signed_points"] = left[rows]
    return lots
