"""A block: a batch's rows as bytes, the way the journal keeps them. For ``journaled_ledger``.

A block is the batch's records and what they do not say. Everything else in the rows follows from a record, so that
recovery also proves that the record is the whole truth about its leg. All numbers are little-endian:

    magic, check           8 bytes; CRC-32 of everything after it
    segment                the segment's number, so that what an earlier use of the file left there is not taken for it
    size                   bytes in all
    batch                  batch_id … accepted_at of ``BatchRecord``, and its three digests
    first entry, advice    the positions of the batch's first rows in those tables
    currencies             three letters a leg
    ends                   where each leg's record ends
    records                one after the other
"""

import struct
import zlib
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

import numpy as np

from pointguard_server.domain.ledger_rows import ADVICE_FIELDS, ENTRY_FIELDS, LEG_FIELDS
from pointguard_server.domain.record import Record, decode_record
from pointguard_server.engine.ports import BatchRecord, RowArray, Rows
from pointguard_server.engine.rows import ADVICE_COLUMNS, ENTRY, LEG_COLUMNS

MAGIC: Final = b"pgblock1"
_OPENING: Final = struct.Struct("<8sI")
_HEADER: Final = struct.Struct("<QQ6Q32s32s32sQQ")
_CURRENCY_LETTERS: Final = 3
_BYTES_A_LEG: Final = _CURRENCY_LETTERS + 4
HEADER_BYTES: Final = _OPENING.size + _HEADER.size


class Header(NamedTuple):
    """What stands before the rows of a block."""

    segment: int
    size: int
    batch: BatchRecord
    first_entry: int
    first_advice: int


class Block(NamedTuple):
    """A block that was read back whole, its rows still as bytes."""

    header: Header
    body: bytes

    @property
    def rows(self) -> Rows:
        """The rows, made anew each time."""
        return _decode_rows(self.header, self.body)


def block_bytes(rows: Rows) -> int:
    """Return how long the block of a batch is."""
    return HEADER_BYTES + len(rows.texts) * _BYTES_A_LEG + sum([len(record) for _, _, record in rows.texts])


def encode_block(rows: Rows, size: int, segment: int, first_entry: int, first_advice: int) -> bytes:
    """Return a batch as a block of a segment; ``size`` is what ``block_bytes`` says."""
    currencies, _references, records = zip(*rows.texts, strict=True)
    ends = np.fromiter(accumulate(map(len, records)), "<u4", len(records)).tobytes()
    header = _HEADER.pack(segment, size, *rows.batch, first_entry, first_advice)
    checked = b"".join((header, "".join(currencies).encode("ascii"), ends, *records))
    return _OPENING.pack(MAGIC, zlib.crc32(checked)) + checked


def decode_block(data: memoryview, segment: int) -> Block | None:
    """Return the block that ``data`` begins with, or None: nothing was written there, or not all of it."""
    if len(data) < HEADER_BYTES:
        return None
    magic, check = _OPENING.unpack_from(data)
    if magic != MAGIC:
        return None
    number, size, *batch, first_entry, first_advice = _HEADER.unpack_from(data, _OPENING.size)
    header = Header(number, size, BatchRecord(*batch), first_entry, first_advice)
    if header.segment != segment or not HEADER_BYTES <= header.size <= len(data):
        return None
    if zlib.crc32(data[_OPENING.size : header.size]) != check:
        return None
    return Block(header, bytes(data[HEADER_BYTES : header.size]))


def _decode_rows(header: Header, data: bytes) -> Rows:
    """Return the rows that the records say."""
    count = header.batch.leg_count
    currencies = data[: _CURRENCY_LETTERS * count].decode("ascii")
    records_at = _BYTES_A_LEG * count
    ends = [records_at, *(records_at + np.frombuffer(data, "<u4", count, _CURRENCY_LETTERS * count)).tolist()]
    raw = [data[first:last] for first, last in pairwise(ends)]
    records = [decode_record(each) for each in raw]
    return Rows(
        legs=_table(LEG_COLUMNS, [tuple(record.leg[name] for name in LEG_FIELDS) for record in records]),
        texts=[
            (currencies[_CURRENCY_LETTERS * i : _CURRENCY_LETTERS * (i + 1)], record.order_reference, raw[i])
            for i, record in enumerate(records)
        ],
        entries=_table(ENTRY, _rows_of(records, "entries", ENTRY_FIELDS, header.first_entry)),
        advice=_table(ADVICE_COLUMNS, _rows_of(records, "advice", ADVICE_FIELDS, header.first_advice)),
        batch=header.batch,
    )


def _rows_of(records: list[Record], kind: str, names: tuple[str, ...], position: int) -> list[tuple[int | bytes, ...]]:
    """Return all records' rows of a kind, with the columns that they share with their leg."""
    rows = []
    for record in records:
        leg = record.leg
        for line, row in enumerate(getattr(record, kind)):
            whole = {
                "position": position,
                "tenant_id": leg["tenant_id"],
                "leg_position": leg["position"],
                "account_id": leg["account_id"],
                "seq": leg["seq"],
                "line": line,
                **row,
            }
            rows.append(tuple(whole[name] for name in names))
            position += 1
    return rows


def _table(dtype: np.dtype[np.void], rows: list[tuple[int | bytes, ...]]) -> RowArray:
    table: RowArray = np.array(rows, dtype)
    return table
