"""Writing the canonical records of a batch; ``domain/record.py`` describes the bytes and has the slow, obvious writer.

The columns are written by position: a record row is seen as its int64s, and ``_*_RAW`` says which of them are halves of
an id. An id's bytes stand in memory as the database takes them, so copying its two integers' bytes copies the id.
"""

from typing import NamedTuple

import numpy as np

from pointguard_server.domain.ledger_rows import ADVICE_FIELDS, ENTRY_FIELDS, REQUEST_FIELDS
from pointguard_server.domain.record import RECORD_VERSION
from pointguard_server.engine.compiled.varint import put_varint
from pointguard_server.engine.rows import ADVICE, LEG
from pointguard_server.engine.world import ADVICE_ROWS, LEGS, ByteArray, IntArray
from pointguard_server.velocity.compiling import entry, part
from pointguard_server.velocity.views import view

_LEG_RAW = np.array([name.endswith(("_high", "_low")) for name in LEG.names or ()], np.int64)
_ADVICE_RAW = np.array([name.endswith(("_high", "_low")) for name in ADVICE.names or ()], np.int64)
_LEG_SIZE, _ENTRY_SIZE, _ADVICE_SIZE, _REQUEST_SIZE = (
    len(_LEG_RAW),
    len(ENTRY_FIELDS),
    len(_ADVICE_RAW),
    len(REQUEST_FIELDS),
)
_ENTRY_FIRST, _ADVICE_FIRST = ENTRY_FIELDS.index("entry_type"), ADVICE_FIELDS.index("event")
_LEG_POSITION, _ENTRY_COUNT = (LEG.names or ()).index("position"), (LEG.names or ()).index("entry_count")
_ADVICE_LEG = ADVICE_FIELDS.index("leg_position")
_NUMBER_BYTES_MAX = 10


def record_bytes_max(legs: int, entries: int, advice: int, reasons: int, windows: int, bodies: int) -> int:
    """Return how long a batch's records can be at most."""
    fixed = legs * (8 + _LEG_SIZE + _REQUEST_SIZE + 4 * reasons + 2 * windows)
    return (fixed + entries * _ENTRY_SIZE + advice * _ADVICE_SIZE) * _NUMBER_BYTES_MAX + bodies


@part
def _zigzag(buffer, at, value):
    return put_varint(buffer, at, np.uint64(value << 1) ^ np.uint64(value >> 63))


@part
def _raw(buffer, at, value):
    bits = np.uint64(value)
    for i in range(8):
        buffer[at + i] = np.uint8(bits >> np.uint64(8 * i) & np.uint64(0xFF))
    return at + 8


@part
def _row(buffer, at, row, raw, first):
    for i in range(first, row.shape[0]):
        at = _raw(buffer, at, row[i]) if raw[i] else _zigzag(buffer, at, row[i])
    return at


@part
def _numbers(buffer, at, row, first):
    for i in range(first, row.shape[0]):
        at = _zigzag(buffer, at, row[i])
    return at


@part
def _windows(buffer, at, values):
    count = 0
    for m in range(values.shape[0]):
        count += values[m] >= 0
    at = put_varint(buffer, at, count)
    for m in range(values.shape[0]):
        if values[m] >= 0:
            at = _zigzag(buffer, _zigzag(buffer, at, m), values[m])
    return at


@view
class RecordBytes(NamedTuple):
    """Room for the records of a batch, and for where each ends in it."""

    data: ByteArray
    ends: IntArray


@entry
def write_records(batch, out, room):
    """Write every leg's record, one behind the other; return the length in all."""
    at = 0
    next_entry = 0
    next_advice, advice_rows = 0, out.counts[ADVICE_ROWS]
    buffer = room.data
    for i in range(out.counts[LEGS]):
        leg, r = out.leg_words[i], out.leg_request[i]
        at = put_varint(buffer, at, RECORD_VERSION)
        at = _row(buffer, at, leg, _LEG_RAW, 0)
        count = out.answers[r].reason_count if r >= 0 else 0
        at = put_varint(buffer, at, count)
        for k in range(count):
            at = _zigzag(buffer, _zigzag(buffer, at, out.reasons[r, 2 * k]), out.reasons[r, 2 * k + 1])
            at = _zigzag(buffer, _zigzag(buffer, at, out.evidence[r, 2 * k]), out.evidence[r, 2 * k + 1])
        count = leg[_ENTRY_COUNT]
        at = put_varint(buffer, at, count)
        for _ in range(count):
            at = _numbers(buffer, at, out.entry_words[next_entry], _ENTRY_FIRST)
            next_entry += 1
        at = _windows(buffer, at, out.windows[i])
        last_advice = next_advice
        while last_advice < advice_rows and out.advice_words[last_advice, _ADVICE_LEG] == leg[_LEG_POSITION]:
            last_advice += 1
        at = put_varint(buffer, at, last_advice - next_advice)
        while next_advice < last_advice:
            at = _row(buffer, at, out.advice_words[next_advice], _ADVICE_RAW, _ADVICE_FIRST)
            next_advice += 1
        if r >= 0:
            at = _numbers(buffer, at, batch.request_words[r], 0)
            first, size = batch.envelopes[r].body_at, batch.envelopes[r].body_size
            # A slice would copy by way of memory of its own, and kernels have none.
            for k in range(size):
                buffer[at + k] = batch.bodies[first + k]
            at += size
        room.ends[i] = at
    return at
