"""Filling a batch's transaction ids. Called by ``engine/identifiers.py``, which says what they are made of."""

import numpy as np

from pointguard_server.velocity.compiling import entry

_VARIANT = np.uint64(2 << 62)
_COUNTER_BITS, _COUNTER_AT = np.uint64(0xFFFF), np.uint64(46)
_DROPPED, _RANDOM_AT = np.uint64(2), np.uint64(16)


@entry
def fill_ids(ids, first_half, random):
    """Write ids, each as two big-endian words: ``first_half``, and a second one of each number of 32 random bits."""
    for i in range(ids.shape[0]):
        counter = np.uint64(i) & _COUNTER_BITS
        second_half = _VARIANT | counter << _COUNTER_AT | (np.uint64(random[i]) >> _DROPPED) << _RANDOM_AT
        for byte in range(8):
            shift = np.uint64(56 - 8 * byte)
            ids[i, byte] = np.uint8(first_half >> shift)
            ids[i, 8 + byte] = np.uint8(second_half >> shift)
