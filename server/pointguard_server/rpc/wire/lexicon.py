"""Texts that were seen before and the numbers that they stand for, where kernels find them.

A hash table with open addressing in plain arrays, keyed by a number for the kind of text and the text's bytes. Bounded:
when it is full, everything is forgotten and learned again.
"""

import os
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pointguard_server.velocity.compiling import entry, part

IntArray = npt.NDArray[np.int64]
ByteArray = npt.NDArray[np.uint8]

UNKNOWN = -1
_EMPTY = 0
_HASH, _AT, _KIND_AND_SIZE, _VALUE = range(4)
_TEXT_BYTES = 16  # a text's share of the room


class LexiconArrays(NamedTuple):
    """The kernel's view.

    ``slots`` is [slot, (hash, place of the text, its kind and size, value)], a hash of 0 being an empty slot.
    """

    slots: IntArray
    texts: ByteArray
    seed: IntArray  # one number, so that nobody can choose texts that collide


@part
def hash_text(seed, kind, data, at, size):
    """Return a number above or below 0, never 0, that nobody who does not know the seed can foretell."""
    state = np.uint64(seed) ^ (np.uint64(kind) * np.uint64(0x9E3779B97F4A7C15))
    for i in range(size):
        state = (state ^ np.uint64(data[at + i])) * np.uint64(0x9FB21C651E98DF25)
        state ^= state >> np.uint64(29)
    return np.int64(state | np.uint64(1))


@part
def _slot(lexicon, kind, data, at, size, hashed):
    """Return the slot that holds a text, or the empty one where it belongs."""
    kind_and_size = kind << 32 | size
    mask = lexicon.slots.shape[0] - 1
    slot = (hashed >> 1) & mask
    while lexicon.slots[slot, _HASH] != _EMPTY:
        if lexicon.slots[slot, _HASH] == hashed and lexicon.slots[slot, _KIND_AND_SIZE] == kind_and_size:
            place = lexicon.slots[slot, _AT]
            same = 0
            while same < size and lexicon.texts[place + same] == data[at + same]:
                same += 1
            if same == size:
                return slot
        slot = (slot + 1) & mask
    return slot


@part
def look_up(lexicon, kind, data, at, size):
    """Return the number of ``data[at:at + size]`` as a text of that kind, or UNKNOWN."""
    slot = _slot(lexicon, kind, data, at, size, hash_text(lexicon.seed[0], kind, data, at, size))
    return lexicon.slots[slot, _VALUE] if lexicon.slots[slot, _HASH] != _EMPTY else UNKNOWN


@entry
def _learn(lexicon, kind, data, place, value):
    """Put a text at ``place`` of the texts; return whether it was new."""
    hashed = hash_text(lexicon.seed[0], kind, data, 0, data.shape[0])
    slot = _slot(lexicon, kind, data, 0, data.shape[0], hashed)
    lexicon.slots[slot, _VALUE] = value
    if lexicon.slots[slot, _HASH] != _EMPTY:
        return False
    lexicon.slots[slot, _HASH] = hashed
    lexicon.slots[slot, _AT] = place
    lexicon.slots[slot, _KIND_AND_SIZE] = kind << 32 | data.shape[0]
    for i in range(data.shape[0]):
        lexicon.texts[place + i] = data[i]
    return True


class Lexicon:
    """Numbers, none negative, of at most ``texts_max`` texts. Not for more than one thread.

    ``bytes_max`` is what the texts have together, unless 16 bytes each will do.
    """

    def __init__(self, texts_max: int, bytes_max: int = 0) -> None:
        slots = 1 << (2 * texts_max - 1).bit_length()
        self._texts_max = texts_max
        self.arrays = LexiconArrays(
            np.zeros((slots, 4), np.int64),
            np.zeros(bytes_max or texts_max * _TEXT_BYTES, np.uint8),
            np.frombuffer(bytearray(os.urandom(8)), np.int64),
        )
        self._count = self._size = 0

    def learn(self, kind: int, text: str, value: int) -> None:
        """Remember what a text stands for."""
        data = np.frombuffer(bytearray(text.encode()), np.uint8)
        if self._count == self._texts_max or self._size + data.size > len(self.arrays.texts):
            self.arrays.slots[:] = 0
            self._count = self._size = 0
        if data.size <= len(self.arrays.texts) and _learn(self.arrays, kind, data, self._size, value):
            self._count += 1
            self._size += data.size
