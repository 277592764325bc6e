"""Texts and the numbers that they stand for, where kernels find them.

A hash table with open addressing in plain arrays, keyed by a number for the kind of text and the text's bytes.
``Lexicon`` is of texts that were seen before; bounded: when it is full, everything is forgotten and learned again.
``TextNumbers`` are of texts that are known in advance, as many as there are.
"""

import os
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pointguard_server.velocity.compiling import entry, part
from pointguard_server.velocity.views import view

IntArray = npt.NDArray[np.int64]
ByteArray = npt.NDArray[np.uint8]

UNKNOWN = -1
_EMPTY = 0
_HASH, _AT, _KIND_AND_SIZE, _VALUE = range(4)
_LINE_FEED = 10
_TEXT_BYTES = 16  # a text's share of the room


@view
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


@part
def _put(lexicon, slot, hashed, kind, data, at, size, place, value):
    """Put a text into an empty slot, and at ``place`` of the texts."""
    lexicon.slots[slot, _HASH] = hashed
    lexicon.slots[slot, _AT] = place
    lexicon.slots[slot, _KIND_AND_SIZE] = kind << 32 | size
    lexicon.slots[slot, _VALUE] = value
    for i in range(size):
        lexicon.texts[place + i] = data[at + i]


@entry
def _learn(lexicon, kind, data, place, value):
    """Put a text at ``place`` of the texts; return whether it was new."""
    hashed = hash_text(lexicon.seed[0], kind, data, 0, data.shape[0])
    slot = _slot(lexicon, kind, data, 0, data.shape[0], hashed)
    if lexicon.slots[slot, _HASH] != _EMPTY:
        lexicon.slots[slot, _VALUE] = value
        return False
    _put(lexicon, slot, hashed, kind, data, 0, data.shape[0], place, value)
    return True


@part
def _line_end(lines, begin):
    """Return where the line ends that begins there."""
    end = begin
    while lines[end] != _LINE_FEED:
        end += 1
    return end


@entry
def _find(lexicon, kind, data):
    return look_up(lexicon, kind, data, 0, data.shape[0])


@entry
def _find_lines(lexicon, kind, lines, numbers):
    """Write the number of each line's text."""
    begin = line = 0
    while begin < lines.shape[0]:
        end = _line_end(lines, begin)
        numbers[line] = look_up(lexicon, kind, lines, begin, end - begin)
        begin, line = end + 1, line + 1


@entry
def _count_new(lexicon, kind, lines, found):
    """Add to ``found`` how many lines have texts that are not there, and the bytes of these."""
    begin = 0
    while begin < lines.shape[0]:
        end = _line_end(lines, begin)
        if look_up(lexicon, kind, lines, begin, end - begin) == UNKNOWN:
            found[0] += 1
            found[1] += end - begin
        begin = end + 1


@entry
def _take_over(lexicon, before):
    """Have a lexicon that is empty, but for the texts, hold what another one of the same seed holds."""
    mask = lexicon.slots.shape[0] - 1
    for old in range(before.slots.shape[0]):
        hashed = before.slots[old, _HASH]
        if hashed != _EMPTY:
            slot = (hashed >> 1) & mask
            while lexicon.slots[slot, _HASH] != _EMPTY:
                slot = (slot + 1) & mask
            for column in range(4):
                lexicon.slots[slot, column] = before.slots[old, column]


@entry
def _learn_lines(lexicon, kind, lines, counts, place):
    """Give each line's text that is not there the next number of its kind; return where the texts end."""
    begin = 0
    while begin < lines.shape[0]:
        end = _line_end(lines, begin)
        size = end - begin
        hashed = hash_text(lexicon.seed[0], kind, lines, begin, size)
        slot = _slot(lexicon, kind, lines, begin, size, hashed)
        if lexicon.slots[slot, _HASH] == _EMPTY:
            counts[kind] += 1
            _put(lexicon, slot, hashed, kind, lines, begin, size, place, counts[kind])
            place += size
        begin = end + 1
    return place


def _empty(texts_max: int, bytes_max: int, seed: IntArray) -> LexiconArrays:
    slots = 1 << max(2 * texts_max - 1, 1).bit_length()
    return LexiconArrays(np.zeros((slots, 4), np.int64), np.zeros(bytes_max, np.uint8), seed)


def _bytes(data: bytes) -> ByteArray:
    """Return bytes as kernels take them; one that may be written to is the same type everywhere."""
    return np.frombuffer(bytearray(data), np.uint8)


class Lexicon:
    """Numbers, none negative, of at most ``texts_max`` texts. Not for more than one thread."""

    def __init__(self, texts_max: int) -> None:
        self._texts_max = texts_max
        self.arrays = _empty(texts_max, texts_max * _TEXT_BYTES, np.frombuffer(bytearray(os.urandom(8)), np.int64))
        self._count = self._size = 0

    def learn(self, kind: int, text: str, value: int) -> None:
        """Remember what a text stands for."""
        data = _bytes(text.encode())
        if self._count == self._texts_max or self._size + data.size > len(self.arrays.texts):
            self.arrays.slots[:] = 0
            self._count = self._size = 0
        if data.size <= len(self.arrays.texts) and _learn(self.arrays, kind, data, self._size, value):
            self._count += 1
            self._size += data.size


class TextNumbers:
    """Numbers of texts, of each kind from 1 on. It stays as it is, so any thread may look into it.

    Kinds are numbered from 0. What takes long with many texts is done by kernels that hold no other thread up.
    """

    def __init__(self, kinds: int) -> None:
        self.arrays = _empty(0, 0, np.frombuffer(bytearray(os.urandom(8)), np.int64))
        self._counts = np.zeros(kinds, np.int64)
        self._size = 0

    def including(self, runs: Iterable[tuple[int, bytes]]) -> "TextNumbers":
        """Return numbers of these and other texts, which take the next ones; of no others, the same ones.

        ``runs`` are (kind, texts); behind each text there is a line feed.
        """
        wanted = [(kind, _bytes(lines)) for kind, lines in runs]
        new = np.zeros(2, np.int64)
        for kind, lines in wanted:
            _count_new(self.arrays, kind, lines, new)
        count, size = new.tolist()
        if not count:
            return self
        more = TextNumbers(len(self._counts))
        more.arrays = _empty(int(self._counts.sum()) + count, self._size + size, self.arrays.seed)
        more.arrays.texts[: self._size] = self.arrays.texts[: self._size]
        more._counts[:] = self._counts
        _take_over(more.arrays, self.arrays)
        more._size = self._size
        for kind, lines in wanted:
            more._size = _learn_lines(more.arrays, kind, lines, more._counts, more._size)
        return more

    def number(self, kind: int, text: str) -> int:
        """Return a text's number, or 0 if it has none."""
        return max(int(_find(self.arrays, kind, _bytes(text.encode()))), 0) if self._counts[kind] else 0

    def numbers(self, kind: int, lines: bytes, count: int) -> IntArray:
        """Return the numbers of ``count`` texts that have some, with a line feed behind each."""
        numbers = np.zeros(count, np.int64)
        _find_lines(self.arrays, kind, _bytes(lines), numbers)
        return numbers


def warm_up() -> None:
    """Have the kernels compiled, or loaded from the cache."""
    Lexicon(1).learn(0, "a", 1)
    known = TextNumbers(1).including([(0, b"a\n")])
    known.number(0, "a")
    known.numbers(0, b"a\n", 1)
