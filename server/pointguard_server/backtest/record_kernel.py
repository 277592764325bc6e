"""Reading records of accruals into columns, by a kernel. For ``records.py``; ``domain/record.py`` has the bytes."""

from typing import NamedTuple

import numpy as np

from pointguard_server.backtest.orders import IntArray
from pointguard_server.domain.codes import Decision, RequestFlag
from pointguard_server.domain.ledger_rows import LEG_FIELDS, REQUEST_FIELDS
from pointguard_server.domain.record import RECORD_ENTRY_FIELDS
from pointguard_server.engine import compiled  # its import tells Numba where to keep kernels
from pointguard_server.engine.compiled.varint import varint, zigzag
from pointguard_server.engine.lexicon import ByteArray, LexiconArrays
from pointguard_server.rpc.wire import reading
from pointguard_server.rpc.wire.matching import Matchers, Seen
from pointguard_server.rpc.wire.reading import put_total, read_basket
from pointguard_server.velocity.compiling import entry, part
from pointguard_server.velocity.views import view

__all__ = [
    "FULL",
    "ID_BYTES",
    "REQUEST_SIZE",
    "Basket",
    "History",
    "Layout",
    "Lines",
    "Scratch",
    "compiled",
    "read_records",
]

FULL, _UNUSUAL = -2, -1
ID_BYTES = 16
REQUEST_SIZE = len(REQUEST_FIELDS)
_COUPON_USED, _APPROVED = int(RequestFlag.COUPON_USED), int(Decision.APPROVED)
_ACCEPTED_AT, _OCCURRED_AT, _ACCOUNT, _KIND, _DECISION, _CHANNEL, _STORE, _UNIT = (
    LEG_FIELDS.index(name)
    for name in (
        "accepted_at", "occurred_at", "account_id", "kind", "decision", "channel", "store_id", "business_unit_id",
    )
)  # fmt: skip
_TRANSACTION, _POINTS, _MONEY, _POSTED, _RESERVED, _PENDING, _SPEND, _PROVINCE, _TIER, _GROUPS, _SEQ = (
    LEG_FIELDS.index(name)
    for name in (
        "transaction_id", "points", "money", "posted", "reserved", "pending", "spend_total", "province_id", "tier_id",
        "group_set_id", "seq",
    )
)  # fmt: skip
_SIGNED_POINTS = RECORD_ENTRY_FIELDS.index("signed_points")
_MATURES_AT = RECORD_ENTRY_FIELDS.index("matures_at")
_ENTRY_SIZE = len(RECORD_ENTRY_FIELDS)
_FLAGS, _TENDER = REQUEST_FIELDS.index("flags"), REQUEST_FIELDS.index("tender_id")


@view
class History(NamedTuple):
    """What became of orders, one array a field: int64 of shape (orders,), and ``transaction_id`` (orders, 16) bytes."""

    account_id: IntArray
    seq: IntArray  # its place in the account's sequence
    approved: IntArray
    issued: IntArray  # points; of a declined order, 0
    occurred_at: IntArray  # the terminal's word; 0: none
    transaction_id: ByteArray


@view
class Layout(NamedTuple):
    """The kernel's view of a record's rows."""

    leg_sizes: IntArray  # by the record's version; 0: not known
    reason_sizes: IntArray  # by the record's version
    advice_sizes: IntArray  # by the record's version
    leg_raw: IntArray  # whether each column is 16 raw bytes
    advice_raw: IntArray


@view
class Basket(NamedTuple):
    """What reading a basket needs: see ``reading.Reader``."""

    constants: IntArray
    rule_texts: LexiconArrays
    matchers: Matchers
    seen: Seen


@view
class Lines(NamedTuple):
    """Room for lines: see ``reading.Rows``."""

    lines: IntArray


@view
class Scratch(NamedTuple):
    """Room to work in."""

    leg: IntArray
    request: IntArray
    fields: IntArray


@part
def _skip(data, at, end, count):
    """Return the place after so many numbers, or -1."""
    for _ in range(count):
        if at < 0:
            return at
        _, at = varint(data, at, end)
    return at


@part
def _row(data, at, end, raw, count, row):
    """Read a row's columns, of raw ones their place; return the place after it, or -1."""
    for i in range(count):
        if raw[i]:
            row[i] = at
            at += ID_BYTES
        else:
            row[i], at = zigzag(data, at, end)
        if at < 0 or at > end:
            return np.int64(-1)
    return np.int64(at)


@part
def _entries(data, at, end):
    """Return (the points of all entries, those of them that are held back, the place after them)."""
    count, at = varint(data, at, end)
    total = held = np.int64(0)
    for _ in range(count):
        at = _skip(data, at, end, _SIGNED_POINTS)
        if at < 0:
            return total, held, at
        points, at = zigzag(data, at, end)
        total += points
        at = _skip(data, at, end, _MATURES_AT - _SIGNED_POINTS - 1)
        if at < 0:
            return total, held, at
        matures_at, at = zigzag(data, at, end)
        if matures_at != 0:
            held += points
        at = _skip(data, at, end, _ENTRY_SIZE - _MATURES_AT - 1)
        if at < 0:
            return total, held, at
    return total, held, at


@part
def _tuples(data, at, end, size):
    """Return the place after a list of so many numbers each."""
    count, at = varint(data, at, end)
    return _skip(data, at, end, size * count) if at >= 0 else at


@part
def _advice(data, at, end, raw, size):
    """Return the place after the advice."""
    count, at = varint(data, at, end)
    for _ in range(count):
        for i in range(size):
            if at < 0:
                return at
            at = at + ID_BYTES if raw[i] else _skip(data, at, end, 1)
    return at


@part
def _leg_and_request(data, at, end, layout, scratch):
    """Read the leg and the request; return (the points of its entries, those held back, the place after them).

    The place is -1 if it cannot be read.
    """
    version, at = varint(data, at, end)
    if at < 0 or version < 0 or version >= layout.leg_sizes.shape[0] or layout.leg_sizes[version] == 0:
        return np.int64(0), np.int64(0), np.int64(-1)
    at = _row(data, at, end, layout.leg_raw, layout.leg_sizes[version], scratch.leg)
    if at >= 0:
        at = _tuples(data, at, end, layout.reason_sizes[version])
    earned = held = np.int64(0)
    if at >= 0:
        earned, held, at = _entries(data, at, end)
    if at >= 0:
        at = _tuples(data, at, end, 2)
    if at >= 0:
        at = _advice(data, at, end, layout.advice_raw, layout.advice_sizes[version])
    for i in range(REQUEST_SIZE):
        if at < 0 or at > end:
            return earned, held, np.int64(-1)
        scratch.request[i], at = zigzag(data, at, end)
    return earned, held, at


@part
def _put_order(orders, history, n, leg, request, earned, held, data):
    approved = leg[_DECISION] == _APPROVED
    orders.moment[n] = leg[_ACCEPTED_AT]
    orders.total[n] = leg[_MONEY]
    orders.kind[n] = leg[_KIND]
    orders.channel[n] = leg[_CHANNEL]
    orders.tender_id[n] = request[_TENDER]
    orders.coupon_used[n] = 1 if request[_FLAGS] & _COUPON_USED else 0
    orders.store_id[n] = leg[_STORE]
    orders.business_unit_id[n] = leg[_UNIT]
    orders.tier_id[n] = leg[_TIER]
    orders.province_id[n] = leg[_PROVINCE]
    orders.group_set_id[n] = leg[_GROUPS]
    orders.posted[n] = leg[_POSTED] - earned
    orders.reserved[n] = leg[_RESERVED]
    orders.pending[n] = leg[_PENDING] - held
    orders.spend[n] = leg[_SPEND] - (leg[_MONEY] if approved else 0)
    history.account_id[n] = leg[_ACCOUNT]
    history.seq[n] = leg[_SEQ]
    history.approved[n] = 1 if approved else 0
    history.issued[n] = leg[_POINTS] if approved else 0
    history.occurred_at[n] = leg[_OCCURRED_AT]
    for i in range(ID_BYTES):
        history.transaction_id[n, i] = data[leg[_TRANSACTION] + i]


@part
def _read_lines(data, at, end, basket, rows, first_line, total, fields):
    """Read the order reference and the basket; return how many lines there are, or _UNUSUAL or FULL."""
    size, at = varint(data, at, end)
    if at < 0 or size < 0 or size > end - at:
        return _UNUSUAL
    size, at = varint(data, at + size, end)
    if at < 0 or size != end - at:
        return _UNUSUAL
    if first_line >= rows.lines.shape[0]:
        return FULL
    if size == 0:
        put_total(basket, rows, first_line, total)
        return 1
    _, count = read_basket(basket, data, at, end, rows, first_line, fields)
    if count == reading.FULL:
        return FULL
    return count if count > 0 else _UNUSUAL


@entry
def read_records(data, ends, layout, basket, rows, orders, history, unusual, scratch):
    """Read records that end at ``ends``; return how many orders they are, or FULL if there is no room for the lines.

    ``unusual`` is set to 1 for those that were left out.
    """
    begin = 0
    line = 0
    n = 0
    for i in range(ends.shape[0]):
        end = ends[i]
        unusual[i] = 1
        earned, held, at = _leg_and_request(data, begin, end, layout, scratch)
        begin = end
        if at < 0:
            continue
        count = _read_lines(data, at, end, basket, rows, line, scratch.leg[_MONEY], scratch.fields)
        if count == FULL:
            return FULL
        if count == _UNUSUAL:
            continue
        _put_order(orders, history, n, scratch.leg, scratch.request, earned, held, data)
        unusual[i] = 0
        line += count
        n += 1
        orders.first_line[n] = line
    return n
