"""BLAKE2b (RFC 7693) inside kernels, for digests of 16 bytes. ``hashlib`` gives the same, and tests compare with it.

The message stands in a buffer that is seen both as bytes and as little-endian words, and may be followed by anything.
"""

from struct import Struct

import numpy as np
import numpy.typing as npt

from pointguard_server.velocity.compiling import part

BLOCK = 128
SCRATCH_WORDS = 40  # the state (8), the working vector (16), the message block (16)
_V, _M = 8, 24
_IV = np.array(
    [
        0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
        0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
    ],
    np.uint64,
)  # fmt: skip
_SIGMA = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    ],
    np.int64,
)
_PARAMETERS = Struct("<4BIQBB14x16s16s").pack


def initial_state(key_size: int, person: bytes) -> npt.NDArray[np.uint64]:
    """Return the state before the first block of a digest of 16 bytes."""
    return _IV ^ np.frombuffer(_PARAMETERS(16, key_size, 1, 1, 0, 0, 0, 0, bytes(16), person), np.uint64)


@part
def _rotate(word, count):
    return (word >> np.uint64(count)) | (word << np.uint64(64 - count))


@part
def _mix(s, a, b, c, d, x, y):
    s[a] = s[a] + s[b] + x
    s[d] = _rotate(s[d] ^ s[a], 32)
    s[c] = s[c] + s[d]
    s[b] = _rotate(s[b] ^ s[c], 24)
    s[a] = s[a] + s[b] + y
    s[d] = _rotate(s[d] ^ s[a], 16)
    s[c] = s[c] + s[d]
    s[b] = _rotate(s[b] ^ s[c], 63)


@part
def _compress(s, counted, last):
    """Mix the block at ``s[_M:]`` into the state at ``s[:8]``; ``counted`` bytes went in, this block's too."""
    for i in range(8):
        s[_V + i] = s[i]
        s[_V + 8 + i] = _IV[i]
    s[_V + 12] ^= np.uint64(counted)
    if last:
        s[_V + 14] = ~s[_V + 14]
    for r in range(12):
        for column in range(4):
            _mix(
                s, _V + column, _V + 4 + column, _V + 8 + column, _V + 12 + column,
                s[_M + _SIGMA[r, 2 * column]], s[_M + _SIGMA[r, 2 * column + 1]],
            )  # fmt: skip
        for column in range(4):
            _mix(
                s, _V + column, _V + 4 + (column + 1) % 4, _V + 8 + (column + 2) % 4, _V + 12 + (column + 3) % 4,
                s[_M + _SIGMA[r, 8 + 2 * column]], s[_M + _SIGMA[r, 9 + 2 * column]],
            )  # fmt: skip
    for i in range(8):
        s[i] ^= s[_V + i] ^ s[_V + 8 + i]


@part
def digest(s, state, counted, words, message, size):
    """Digest ``message[:size]`` into the first two words of ``s``, going on from ``state`` after ``counted`` bytes.

    ``message`` and ``words`` are the same memory, with room for whole blocks. With nothing counted an empty message is
    a block too; otherwise ``size`` must not be 0.
    """
    for i in range(8):
        s[i] = state[i]
    for i in range(size, (size + BLOCK - 1) // BLOCK * BLOCK):
        message[i] = 0
    at = 0
    while True:
        last = size - at <= BLOCK
        for i in range(16):
            s[_M + i] = words[at // 8 + i]
        counted += size - at if last else BLOCK
        _compress(s, counted, last)
        at += BLOCK
        if last:
            return


@part
def absorb_key(s, key, size):
    """Leave in ``s[:8]`` the state after the block that holds the key; ``s[:8]`` is the initial one, ``key`` words."""
    for i in range(16):
        s[_M + i] = key[i]
    _compress(s, BLOCK, False)
