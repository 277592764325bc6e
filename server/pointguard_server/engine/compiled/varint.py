"""Numbers as varints, which records and messages both have: little-endian base 128, as ``domain/record.py`` says.

Used by ``compiled/records.py`` and by ``rpc/wire``.
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
