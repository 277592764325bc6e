"""Numbers as varints, which records and messages both have: little-endian base 128, as ``domain/record.py`` says.

Used by what writes and reads records, and by ``rpc/wire``.
"""

import numpy as np

from pointguard_server.velocity.compiling import part


@part
def put_varint(buffer, at, value):
    """Write a number, as 64 bits without a sign; return the place after it."""
    rest = np.uint64(value)
    while rest >= np.uint64(0x80):
        buffer[at] = np.uint8(rest & np.uint64(0x7F)) | np.uint8(0x80)
        rest >>= np.uint64(7)
        at += 1
    buffer[at] = np.uint8(rest)
    return at + 1


@part
def varint(data, at, end):
    """Return (value as 64 bits, place after it); a place of -1 if there is none. At most ten bytes."""
    value = np.uint64(0)
    shift = np.uint64(0)
    for i in range(10):
        if at + i >= end:
            return np.int64(0), np.int64(-1)
        byte = data[at + i]
        value |= np.uint64(byte & np.uint8(0x7F)) << shift
        if byte < 0x80:
            return np.int64(value), np.int64(at + i + 1)
        shift += np.uint64(7)
    return np.int64(0), np.int64(-1)


@part
def zigzag(data, at, end):
    """Return (a record's number, the place after it); a place of -1 if there is none."""
    value, at = varint(data, at, end)
    bits = np.uint64(value)
    return np.int64(bits >> np.uint64(1)) ^ -np.int64(bits & np.uint64(1)), at
