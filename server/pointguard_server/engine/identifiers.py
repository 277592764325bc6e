"""Fresh transaction ids and the 16-byte form of idempotency keys. Used by ``engine`` and ``rpc``.

A transaction id is a UUIDv7 (RFC 9562): milliseconds, then twelve bits of the fraction of the millisecond, then a
counter inside the batch (16 bits), 30 random bits and 16 bits of zero, which an advice's id fills with its rule's
ordinal. Ids grow with the ledger's positions, so their index grows at its end.
"""

import hashlib
import os

import numpy as np
import numpy.typing as npt

from pointguard_server.engine.compiled.ids import fill_ids

_VERSION = 7 << 12


def write_transaction_ids(ids: npt.NDArray[np.int64], now: int) -> None:
    """Make all rows ids for a batch decided at ``now``: of two integers each, in memory order.

    Two batches of one process must not share ``now``.
    """
    milliseconds, fraction = divmod(now, 1000)
    random = np.frombuffer(os.urandom(4 * len(ids)), np.uint32)
    fill_ids(ids.view(np.uint8), np.uint64(milliseconds << 16 | _VERSION | fraction * 4096 // 1000), random)


def transaction_of(advice_id: bytes) -> bytes:
    """Return the id of the transaction that raised an advice."""
    return advice_id[:14] + b"\0\0"


def key_bytes(key: str) -> bytes:
    """Return an idempotency key's 16 bytes: a UUIDv7's own, or else a digest.

    UUIDv7s keep their order in time, which keeps the ledger's index of keys growing at its end.
    """
    if len(key) == 36 and key[14] == "7" and key[8] == key[13] == key[18] == key[23] == "-":
        try:
            raw = bytes.fromhex(key.replace("-", ""))
        except ValueError:
            raw = b""
        # White space, which fromhex passes over, and further dashes leave fewer than 16 bytes.
        if len(raw) == 16 and raw[8] >> 6 == 2:
            return raw
    return hashlib.blake2b(key.encode(), digest_size=16, person=b"pointguard key").digest()


def uuid_text(raw: bytes) -> str:
    """Return 16 bytes as a UUID's text."""
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
