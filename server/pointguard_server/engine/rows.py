"""The shapes of rows on the hot path.

Requests in, ledger rows and answers out. Used by ``engine``, ``storage`` and ``service``.

Every field is an int64 but the 16-byte ids, so that a whole batch is one array and the order of a ledger row's fields
is the order of the table's columns (a unit test compares them). Moments are microseconds since 1970-01-01 UTC; points
are in the program's smallest unit; money is in minor units; 0 means "not given" throughout.
"""

from struct import Struct
from typing import NamedTuple

import numpy as np

from pointguard_server.domain.ledger_rows import (
    ADVICE_FIELDS,
    ENTRY_FIELDS,
    ID_FIELDS,
    LEG_FIELDS,
    REQUEST_FIELDS,
)

REASONS_MAX = 8


def currency_number(code: str) -> int:
    """Return a three-letter currency code as a number, so that the kernel can compare it."""
    return int.from_bytes(code.encode(), "big")


REQUEST = np.dtype([(name, "<i8") for name in REQUEST_FIELDS])
REQUEST_PACK = Struct(f"<{len(REQUEST_FIELDS)}q").pack


class RequestFields(NamedTuple):
    """One request in normal form; ``pack()`` gives its 8-byte little-endian fields in order."""

    operation: int
    kind: int = 0
    account_id: int = 0
    points: int = 0
    money: int = 0
    time_to_live: int = 0
    flags: int = 0
    store_id: int = 0
    terminal_id: int = 0
    cashier_id: int = 0
    channel: int = 0
    redemption_type_id: int = 0
    tender_id: int = 0
    occurred_at: int = 0
    province_id: int = 0
    tier_id: int = 0
    reservation_high: int = 0
    reservation_low: int = 0

    def pack(self) -> bytes:
        """Return the normal form as bytes."""
        return REQUEST_PACK(*self)


RESOLVED = np.dtype(
    [
        ("slot", "<i8"),  # of the account in memory; -1: unknown account
        ("skip", "<i8"),  # an Outcome already known before deciding, or -1 for a replay, or 0
        ("reservation_seq", "<i8"),
        ("business_unit_id", "<i8"),
        ("store_province_id", "<i8"),
        ("currency", "<i8"),  # currency_number() of the request's money; 0: it names none
        ("first_line", "<i8"),
        ("line_count", "<i8"),
    ]
)
"""What the engine found out about a request before the kernel decides it."""
RESOLVED_PACK = Struct(f"<{len(RESOLVED.names or ())}q").pack


def _kernel_dtype(names: tuple[str, ...], ids: tuple[str, ...]) -> np.dtype[np.void]:
    """Return the dtype as Numba reads it: a 16-byte id is two integers, ``…_high`` and ``…_low``."""
    fields = []
    for name in names:
        fields += [(f"{name}_high", "<i8"), (f"{name}_low", "<i8")] if name in ids else [(name, "<i8")]
    return np.dtype(fields)


def _column_dtype(names: tuple[str, ...], ids: tuple[str, ...]) -> np.dtype[np.void]:
    """Return the same bytes as the database takes them: ``tolist()`` gives tuples of int and 16-byte ids."""
    return np.dtype([(name, "V16" if name in ids else "<i8") for name in names])


LEG = _kernel_dtype(LEG_FIELDS, ID_FIELDS)
LEG_COLUMNS = _column_dtype(LEG_FIELDS, ID_FIELDS)
ENTRY = np.dtype([(name, "<i8") for name in ENTRY_FIELDS])
ADVICE = _kernel_dtype(ADVICE_FIELDS, ("advice_id",))
ADVICE_COLUMNS = _column_dtype(ADVICE_FIELDS, ("advice_id",))

ANSWER_FIELDS = (
    "outcome",
    "leg_row",  # row of the leg in this batch; -1: none was written
    "position",
    "transaction_id",
    "account_id",
    "seq",
    "decision",
    "points",
    "money",
    "released",
    "expires_at",
    "posted",
    "reserved",
    "pending",
    "account_flags",
    "first_entry",  # row of the first entry in this batch
    "entry_count",
    "reason_count",
)

ANSWER = _kernel_dtype(ANSWER_FIELDS, ("transaction_id",))
ANSWER_COLUMNS = _column_dtype(ANSWER_FIELDS, ("transaction_id",))

STANDING_FIELDS = (
    "seq",
    "advice_id",
    "rule_id",
    "rule_version",
    "context",
    "posture",
    "starts_at",
    "ends_at",
    "measured",
    "threshold",
    "window_starts_after",
    "leg_position",
    "next",
)
STANDING = _kernel_dtype(STANDING_FIELDS, ("advice_id",))
STANDING_COLUMNS = _column_dtype(STANDING_FIELDS, ("advice_id",))
"""A standing advice in memory; ``next`` chains an account's."""
