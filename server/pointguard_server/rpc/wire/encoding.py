"""Protobuf's encoding, field by field, in kernels: reading, and the little that is written while reading."""

import numpy as np

from pointguard_server.engine.compiled.varint import varint
from pointguard_server.velocity.compiling import part

ABSENT, NUMBER, BYTES = range(3)
"""What a field was sent as."""
FIELDS_MAX = 16
"""Field numbers are below this. Fields are read into [field, (what it was sent as, value or place, size)]."""


@part
def _clear(fields):
    for field in range(FIELDS_MAX):
        fields[field, 0] = ABSENT
        fields[field, 1] = 0
        fields[field, 2] = 0


@part
def _take(fields, field, wire_type, value, at, end):
    """Note a number, or the bytes from ``at`` on whose size it is; return the place after them, or -1 for what else."""
    if wire_type == 0:
        fields[field, 0] = NUMBER
        fields[field, 1] = value
        return np.int64(at)
    if wire_type != 2 or value < 0 or value > end - at:
        return np.int64(-1)
    fields[field, 0] = BYTES
    fields[field, 1] = at
    fields[field, 2] = value
    return np.int64(at + value)


@part
def read_fields(data, at, end, fields):
    """Read a message's fields into ``fields``; return whether each was sent once, as a number or as bytes."""
    _clear(fields)
    while at < end:
        tag, at = varint(data, at, end)
        field = tag >> 3
        if at < 0 or field < 1 or field >= FIELDS_MAX or fields[field, 0] != ABSENT:
            return False
        value, at = varint(data, at, end)
        if at < 0:
            return False
        at = _take(fields, field, tag & 7, value, at, end)
        if at < 0:
            return False
    return True


@part
def read_ordered_fields(data, at, end, fields):
    """As ``read_fields``, if the message is encoded as serializers do: in order, no defaults, the shortest numbers."""
    _clear(fields)
    last = 0
    while at < end:
        tag = data[at]
        field = int(tag >> 3)
        if tag >= 0x80 or field <= last:
            return False
        last = field
        before = at + 1
        value, at = varint(data, before, end)
        if at < 0 or value == 0 or (at - before > 1 and data[at - 1] == 0):
            return False
        at = _take(fields, field, tag & 7, value, at, end)
        if at < 0:
            return False
    return True


@part
def only(fields, numbers, texts):
    """Return whether no field was sent but these (sets of bits), each in its way."""
    for field in range(FIELDS_MAX):
        how = fields[field, 0]
        if (how == NUMBER and numbers >> field & 1 == 0) or (how == BYTES and texts >> field & 1 == 0):
            return False
    return True


@part
def printable(data, at, size):
    """Return whether a text is ASCII that can be shown."""
    for i in range(size):  # noqa: SIM110  (kernels have no generators)
        if data[at + i] < 0x20 or data[at + i] > 0x7E:
            return False
    return True


@part
def is_ascii(data, at, size):
    """Return whether a text is ASCII."""
    for i in range(size):  # noqa: SIM110
        if data[at + i] > 0x7F:
            return False
    return True


@part
def _nibble(byte):
    if 0x30 <= byte <= 0x39:
        return np.int64(byte) - 0x30
    letter = np.int64(byte) | 0x20
    return letter - 0x57 if 0x61 <= letter <= 0x66 else np.int64(-1)


@part
def uuid(data, at):
    """Return (high, low, whether it is one) of a UUID's 36 characters; the halves are as its bytes stand in memory."""
    high = low = np.uint64(0)
    digit = 0
    for i in range(36):
        byte = data[at + i]
        if i in (8, 13, 18, 23):
            if byte != 0x2D:
                return np.int64(0), np.int64(0), False
            continue
        nibble = _nibble(byte)
        if nibble < 0:
            return np.int64(0), np.int64(0), False
        # Two digits make a byte, the first one its upper half; the first byte stands lowest in the word.
        shift = np.uint64(8 * (digit // 2 % 8) + (4 if digit % 2 == 0 else 0))
        if digit < 16:
            high |= np.uint64(nibble) << shift
        else:
            low |= np.uint64(nibble) << shift
        digit += 1
    return np.int64(high), np.int64(low), True


@part
def copy(data, begin, size, buffer, at):
    """Copy bytes; return the place after them."""
    for i in range(size):
        buffer[at + i] = data[begin + i]
    return at + size
