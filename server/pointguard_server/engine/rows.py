"""The shapes of rows on the hot path.

Requests in, ledger rows and answers out. Used by ``engine``, ``storage`` and ``service``.

Every field is an int64 but the 16-byte ids, so that a whole batch is one array and the order of a ledger row's fields
is the order of the table's columns (a unit test compares them). Moments are microseconds since 1970-01-01 UTC; points
are in the program's smallest unit; money is in minor units; 0 means "not given" throughout.
"""

from struct import Struct
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pointguard_server.domain.ledger_rows import (
    ADVICE_FIELDS,
    ENTRY_FIELDS,
    ID_FIELDS,
    LEG_FIELDS,
    REQUEST_FIELDS,
)

OTHER_REASONS = 24
"""Room for the reasons that no rule of the program gives: the account's, of stops, of advice by hand or old rules."""


def currency_number(code: str) -> int:
    """Return a three-letter currency code as a number, so that the kernel can compare it."""
    return int.from_bytes(code.encode(), "big")


REQUEST = np.dtype([(name, "<i8") for name in REQUEST_FIELDS])
# The same bytes with the reservation's id whole.
REQUEST_COLUMNS = np.dtype([*((name, "<i8") for name in REQUEST_FIELDS[:-2]), ("reservation", "V16")])
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


ENVELOPE_FIELDS = (
    "tenant_id",
    "account_id",  # given or found; 0: not known (yet)
    "idempotency_key",  # zero for a read
    "request_digest",
    "skip",  # an Outcome already known before deciding, or SETTLED, or 0
    "slot",  # of the account in memory; -1: unknown account
    "refers_to",  # the seq of the reservation that it ends; of a return, 1 + its row of world.Returns, 0: no receipt;
    # of a correction, 1 + its original's row of world.CORRECTED; of several accounts, 1 + the first one's of world.SIDE
    "business_unit_id",
    "store_province_id",
    "currency",  # currency_number() of the request's money; 0: it names none
    "first_line",
    "line_count",
    "body_at",  # where the record's last two parts begin: the order reference and the basket
    "body_size",
    "group_set_id",  # of the member, where a request sets it
    "birth_date",  # so too: domain/age_bands.packed; it goes no further than memory
    "agent_id",  # who of the staff asks: an AUTHOR in ``codes``
    "reason_code",  # of an adjustment: its place in the program's list, from 1; 0: it has no such one
    "language",  # that its answer is to be in: its number, see service/messages.py; 0: the program's own
    "group_set_before",  # the set that a change of groups takes the member to be in
    "identifier_kind",  # of the identifier that found the account; 0: none did
    "identifier_id",  # and its number
    "is_hurried",  # its deadline is so near that rules of wider scopes are not looked at
)
"""What stands around a request: who asks, what is known before it is decided, and where its lines and its body are."""
SETTLED = -1
"""The ``skip`` of a request whose answer does not come from the kernel."""


def _kernel_dtype(names: tuple[str, ...], ids: tuple[str, ...]) -> np.dtype[np.void]:
    """Return the dtype as Numba reads it: a 16-byte id is two integers, ``…_high`` and ``…_low``."""
    fields = []
    for name in names:
        fields += [(f"{name}_high", "<i8"), (f"{name}_low", "<i8")] if name in ids else [(name, "<i8")]
    return np.dtype(fields)


def _column_dtype(names: tuple[str, ...], ids: tuple[str, ...]) -> np.dtype[np.void]:
    """Return the same bytes as the database takes them: ``tolist()`` gives tuples of int and 16-byte ids."""
    return np.dtype([(name, "V16" if name in ids else "<i8") for name in names])


ENVELOPE = _kernel_dtype(ENVELOPE_FIELDS, ("idempotency_key", "request_digest"))
ENVELOPE_COLUMNS = _column_dtype(ENVELOPE_FIELDS, ("idempotency_key", "request_digest"))
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
    "experiment_id",
    "arm",
    "first_entry",  # row of the first entry in this batch
    "entry_count",
    "reason_count",
    "expiring_points",  # of a read: what ends next
    "expiring_at",  # and when; 0: nothing ends
    "group_set_id",  # the member's, after it
)

ANSWER = _kernel_dtype(ANSWER_FIELDS, ("transaction_id",))
ANSWER_COLUMNS = _column_dtype(ANSWER_FIELDS, ("transaction_id",))

STANDING_FIELDS = (
    "seq",
    "advice_id",
    "rule_id",
    "rule_version",
    "entity",
    "context",
    "posture",
    "starts_at",
    "ends_at",
    "measured",
    "threshold",
    "window_starts_after",
    "scope",  # of the rule that raised it; 0: it counted nothing
    "scope_entity",  # whose transactions it counted then; 0: the account's. As ``velocity.scopes.entity_at`` has it; of
    # a group, the set's number and the place in it, as the halves of a terminal
    "factor",  # in what readers are shown of a STEP_UP
    "reason_code_id",
    "actor_id",
    "leg_position",
    "event",  # its latest step: OVERRIDDEN or RESOLVED while its rule is suppressed; any other while it stands
    "next",
)
STANDING = _kernel_dtype(STANDING_FIELDS, ("advice_id",))
STANDING_COLUMNS = _column_dtype(STANDING_FIELDS, ("advice_id",))
"""An advice that has not ended, in memory; ``next`` chains an account's, the one with the latest step first."""

TERMS_CONTEXT, TERMS_POSTURE, TERMS_DURATION, TERMS_ENDS_AT, TERMS_REASON, TERMS_ACTOR = range(6)
"""The numbers of the one line that an intervention has: its ``domain.interventions.Intervention``'s.

Of a case that is resolved, the reason is its ``CaseOutcome``, and the actor is who resolves it: the author's number in
the upper 32 bits, that of the API key in the lower ones.
"""


def words_of(rows: npt.NDArray[np.void]) -> npt.NDArray[np.int64]:
    """Return rows of 64-bit fields as a matrix on the same memory."""
    return rows.view(np.int64).reshape(len(rows), rows.dtype.itemsize // 8)
