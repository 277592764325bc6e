"""Corrections: the transactions that a batch's corrections are about, as the kernel takes them. For ``batch``.

The ledger says what each came to, and what returned and corrected it before. Corrections of one original in one batch
share its row, which the kernel keeps up to date.
"""

from collections.abc import Iterable
from typing import cast

import numpy as np

from pointguard_server.domain.codes import Decision, EntryType, Kind, Operation
from pointguard_server.domain.record import Record, decode_record
from pointguard_server.engine.ports import Original
from pointguard_server.engine.world import CORRECTED, RowArray

_SPENDS = frozenset((EntryType.REDEEM, EntryType.CONVERT))

NO_CORRECTIONS: RowArray = np.zeros(0, CORRECTED)


class Corrections:
    """Gathers the originals of a batch's corrections."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, int, int]] = []
        self._places: dict[bytes, int] = {}

    def add(self, transaction_id: bytes, found: Original) -> int:
        """Add a correction of a transaction; return 1 + its original's row, or 0 if it cannot be corrected."""
        place = self._places.get(transaction_id)
        if place is None:
            original = decode_record(found.record)
            if not is_correctable(original):
                return 0
            corrected = moved_by(map(decode_record, found.corrections.values()))
            left = net_points(original) + moved_by(map(decode_record, found.returns.values())) + corrected
            self._rows.append((cast("int", original.leg["seq"]), int(gives(original)), left, corrected))
            place = self._places[transaction_id] = len(self._rows)
        return place

    def array(self) -> RowArray:
        """Return the originals as the kernel takes them: ``world.CORRECTED``."""
        return np.array(self._rows, CORRECTED)


def is_correctable(record: Record) -> bool:
    """Whether a transaction may be corrected: it was approved, may move points, and is no correction itself."""
    leg = record.leg
    match leg["operation"]:
        case Operation.ACCRUE | Operation.RETURN:
            may_move = True
        case Operation.ADJUST:
            may_move = leg["kind"] != Kind.CORRECTION
        case Operation.AUTHORISE | Operation.CAPTURE:
            may_move = any(entry["entry_type"] in _SPENDS for entry in record.entries)
        case _:
            may_move = False
    return may_move and leg["decision"] == Decision.APPROVED


def gives(record: Record) -> bool:
    """Whether a transaction gives points, as an accrual that came to none does, or else takes some."""
    return net_points(record) > 0 or record.leg["operation"] == Operation.ACCRUE


def net_points(record: Record) -> int:
    """Return what a transaction's entries come to, but for what had ended and was written off with it."""
    entries = (entry for entry in record.entries if entry["entry_type"] != EntryType.EXPIRE)
    return sum(cast("int", entry["signed_points"]) for entry in entries)


def moved_by(records: Iterable[Record]) -> int:
    """Return what transactions come to together; one that was declined has no entries."""
    return sum(map(net_points, records))
