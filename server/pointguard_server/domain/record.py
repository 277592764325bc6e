"""The canonical record of a leg: what was asked, what was seen and what was answered, as bytes. Any layer may use it.

It serves replays of an idempotency key, explanations, feeds and the chain of batch digests. Version 4:

    version                                  varint
    leg                                      its columns in order; ids as 16 raw bytes, the rest as zigzag varints
    reasons    count, then (reason, rule id, what was measured, when the advice ends) varint, zigzag varints
    entries    count, then the columns from ``entry_type`` to ``rule_id``
    windows    count, then (measure, value)  what each window held, the transaction counted
    advice     count, then the columns from ``event`` on
    request    its fields, or nothing if the server wrote the leg itself (its operation is EXPIRE or MATURE)
    reference  byte count, UTF-8             the order reference
    basket     byte count, bytes             the basket as the wire's message, serialized deterministically; of what the
                                             staff did, what they said (``domain/interventions.py``)

A varint is little-endian base 128; zigzag maps 0, -1, 1, -2 to 0, 1, 2, 3. ``engine/compiled/records.py`` writes the
same bytes. Version 3 has legs without ``identifier_kind`` and ``identifier_id``; version 2 besides legs without
``agent_id``, reasons without what was measured and the end, and advice without ``ADVICE_FIELDS_ADDED``; version 1 legs
without any of ``LEG_FIELDS_ADDED``. What is missing is 0, and of a reason that nothing was measured.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pointguard_server.domain.codes import SERVER_OPERATIONS
from pointguard_server.domain.ledger_rows import (
    ADVICE_FIELDS,
    ADVICE_FIELDS_ADDED,
    ENTRY_FIELDS,
    ID_FIELDS,
    LEG_FIELDS,
    LEG_FIELDS_ADDED,
    REQUEST_FIELDS,
)

RECORD_VERSION = 4
RECORD_LEG_FIELDS = {
    version: LEG_FIELDS[: len(LEG_FIELDS) - len(LEG_FIELDS_ADDED) + added]
    for version, added in ((1, 0), (2, 2), (3, 3), (4, 5))
}
"""The leg's columns in a record, by its version."""
RECORD_REASON_SIZES = {1: 2, 2: 2, 3: 4, 4: 4}
"""How many numbers a reason has in a record, by its version."""
NOT_MEASURED = (-1, 0)
"""The evidence of a reason for which nothing was measured: see ``Record.evidence``."""
RECORD_ENTRY_FIELDS = ENTRY_FIELDS[ENTRY_FIELDS.index("entry_type") :]
RECORD_ADVICE_FIELDS = ADVICE_FIELDS[ADVICE_FIELDS.index("event") :]
_FIRST_ADVICE_FIELDS = RECORD_ADVICE_FIELDS[: -len(ADVICE_FIELDS_ADDED)]
RECORD_ADVICE_FIELDS_BY_VERSION = {
    1: _FIRST_ADVICE_FIELDS,
    2: _FIRST_ADVICE_FIELDS,
    3: RECORD_ADVICE_FIELDS,
    4: RECORD_ADVICE_FIELDS,
}
"""The columns of a step of advice in a record, by its version."""
RAW_FIELDS = (*ID_FIELDS, "advice_id")

Value = int | bytes


@dataclass(frozen=True, slots=True)
class Record:
    """A decoded record. Rows are dictionaries by column name.

    ``evidence`` has for each reason (what its rule measured, until when its advice stands); -1 and 0: nothing.
    """

    leg: dict[str, Value]
    reasons: tuple[tuple[int, int], ...]
    entries: tuple[dict[str, Value], ...]
    windows: tuple[tuple[int, int], ...]
    advice: tuple[dict[str, Value], ...]
    request: dict[str, Value] | None
    order_reference: str
    basket: bytes
    evidence: tuple[tuple[int, int], ...] = ()


def encode_varint(value: int) -> bytes:
    """Return a non-negative integer as a varint."""
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def decode_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return (a varint's value, the place after it).

    Raises:
        ValueError: if it is cut short or longer than any of 64 bits.
    """
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("a varint is cut short or too long")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def encode_body(order_reference: str, basket: bytes) -> bytes:
    """Return the record's last two parts."""
    reference = order_reference.encode()
    return encode_varint(len(reference)) + reference + encode_varint(len(basket)) + basket


def decode_body(data: bytes) -> tuple[str, bytes]:
    """Return the order reference and the basket that ``encode_body`` was given.

    Raises:
        ValueError: if the bytes are cut short.
    """
    reader = _Reader(data)
    reference = reader.raw(reader.varint()).decode()
    return reference, reader.raw(reader.varint())


def encode_record(record: Record, version: int = RECORD_VERSION) -> bytes:
    """Return the bytes of a record: the slow and obvious way, for tests and tools."""
    body = encode_body(record.order_reference, record.basket) if record.request is not None else b""
    parts = [
        encode_varint(version),
        _encode_row(record.leg, RECORD_LEG_FIELDS[version]),
        encode_varint(len(record.reasons)),
        *(_zigzag(number) for each in _reasons(record) for number in each[: RECORD_REASON_SIZES[version]]),
        encode_varint(len(record.entries)),
        *(_encode_row(entry, RECORD_ENTRY_FIELDS) for entry in record.entries),
        encode_varint(len(record.windows)),
        *(_zigzag(number) for pair in record.windows for number in pair),
        encode_varint(len(record.advice)),
        *(_encode_row(advice, RECORD_ADVICE_FIELDS_BY_VERSION[version]) for advice in record.advice),
        _encode_row(record.request, REQUEST_FIELDS) if record.request is not None else b"",
    ]
    return b"".join(parts) + body


def _reasons(record: Record) -> list[tuple[int, ...]]:
    """Return the reasons, each with its evidence."""
    evidence = record.evidence or (NOT_MEASURED,) * len(record.reasons)
    return [(*reason, *seen) for reason, seen in zip(record.reasons, evidence, strict=True)]


def _zigzag(value: Value) -> bytes:
    assert isinstance(value, int)  # noqa: S101  (a row's non-id column)
    return encode_varint(value << 1 if value >= 0 else (-value << 1) - 1)


def _encode_row(row: dict[str, Value], names: tuple[str, ...]) -> bytes:
    return b"".join(_raw(row[name]) if name in RAW_FIELDS else _zigzag(row[name]) for name in names)


def _raw(value: Value) -> bytes:
    assert isinstance(value, bytes)  # noqa: S101
    return value


class _Reader:
    """Reads a record front to back."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def raw(self, size: int) -> bytes:
        self._at += size
        if self._at > len(self._data):
            raise ValueError("the record is cut short")
        return self._data[self._at - size : self._at]

    def varint(self) -> int:
        value, self._at = decode_varint(self._data, self._at)
        return value

    def zigzag(self) -> int:
        value = self.varint()
        return -(value + 1 >> 1) if value & 1 else value >> 1

    def row(self, names: tuple[str, ...]) -> dict[str, Value]:
        return {name: self.raw(16) if name in RAW_FIELDS else self.zigzag() for name in names}

    def pairs(self) -> Iterator[tuple[int, int]]:
        for _ in range(self.varint()):
            yield self.zigzag(), self.zigzag()

    def reasons(self, size: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        for _ in range(self.varint()):
            reason = self.zigzag(), self.zigzag()
            yield reason, (self.zigzag(), self.zigzag()) if size > len(reason) else NOT_MEASURED

    def rows(self, names: tuple[str, ...]) -> Iterator[dict[str, Value]]:
        for _ in range(self.varint()):
            yield self.row(names)


def decode_record(data: bytes) -> Record:
    """Read a record.

    Raises:
        ValueError: if it is of another version or cut short.
    """
    reader = _Reader(data)
    version = reader.varint()
    if version not in RECORD_LEG_FIELDS:
        raise ValueError(f"record version {version} is not known")
    leg = dict.fromkeys(LEG_FIELDS_ADDED, 0) | reader.row(RECORD_LEG_FIELDS[version])
    given = tuple(reader.reasons(RECORD_REASON_SIZES[version]))
    reasons, evidence = tuple(reason for reason, _ in given), tuple(seen for _, seen in given)
    entries, windows = tuple(reader.rows(RECORD_ENTRY_FIELDS)), tuple(reader.pairs())
    added: dict[str, Value] = dict.fromkeys(ADVICE_FIELDS_ADDED, 0)
    advice = tuple(added | row for row in reader.rows(RECORD_ADVICE_FIELDS_BY_VERSION[version]))
    if leg["operation"] in SERVER_OPERATIONS:
        return Record(leg, reasons, entries, windows, advice, None, "", b"", evidence)
    request = reader.row(REQUEST_FIELDS)
    reference = reader.raw(reader.varint()).decode()
    return Record(leg, reasons, entries, windows, advice, request, reference, reader.raw(reader.varint()), evidence)
