"""Texts of lines inside kernels: the patterns that one matches, and telling apart texts that no rule names.

All patterns over a field go through a text together, one bit for each of their signs, so it takes the same few
operations a character whatever the patterns are. ``rules/patterns.py`` gives the same, and tests compare with it.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from pointguard_server.engine.lexicon import IntArray, hash_text
from pointguard_server.rules.patterns import packed, sign_count
from pointguard_server.service.line_codes import FIRST_UNKNOWN, LINE_DOMAINS, LineCodes, LinePattern
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.views import view

_CHARACTERS: Final = 128
_SEEN_SLOTS: Final = 8_192  # more than twice what a basket can have: three texts a line
_FIELD, _FIRST_END, _LAST_END = range(3)
_STARTS, _STAYS, _ENTRIES = range(3)
_TURN, _AT, _SIZE, _DOMAIN, _NUMBER = range(5)

WordArray = npt.NDArray[np.uint64]


@view
class Matchers(NamedTuple):
    """Patterns as the kernel takes them; a word holds the signs of as many patterns as fit.

    A pattern has a bit for each of its signs but stars: it is set when the text so far matches up to that sign.
    """

    words: IntArray  # [word, (field, first of its ends, the one behind its last)]
    states: WordArray  # [word, (each pattern's first bit, bits that a star follows, first bits behind a star)]
    signs: WordArray  # [word, character]: the bits whose sign the character can be
    ends: WordArray  # [end, (a pattern's last bit, the bit of a line that stands for the pattern)]
    any_text: IntArray  # [field]: the bits of patterns that every text matches


@view
class Seen(NamedTuple):
    """The texts of one basket that no rule names, where fields are told apart."""

    told_apart: IntArray  # [field]: whether it is
    turn: IntArray  # one number, counted up with each basket
    slots: IntArray  # [slot, (turn, place of the text, its size, field, number)]


@part
def match_text(matchers, field, data, at, size):
    """Return the bits of the patterns over a field that a text of ASCII characters, not empty, matches."""
    matched = matchers.any_text[field]
    for word in range(matchers.words.shape[0]):
        if matchers.words[word, _FIELD] != field:
            continue
        starts, stays = matchers.states[word, _STARTS], matchers.states[word, _STAYS]
        entry = starts
        state = np.uint64(0)
        for i in range(at, at + size):
            stepped = (state << np.uint64(1)) & ~starts | entry
            state = state & stays | stepped & matchers.signs[word, data[i]]
            entry = matchers.states[word, _ENTRIES]
        for end in range(matchers.words[word, _FIRST_END], matchers.words[word, _LAST_END]):
            if state & matchers.ends[end, 0]:
                matched |= np.int64(matchers.ends[end, 1])
    return matched


@part
def begin_basket(seen):
    """Forget the texts of the basket before."""
    seen.turn[0] += 1


@part
def tell_apart(seen, seed, field, data, at, size, line):
    """Return the number of a text, which is not empty and which no rule names: the same for the same text."""
    slot = np.int64(np.uint64(hash_text(seed, field, data, at, size)) >> np.uint64(1)) & (seen.slots.shape[0] - 1)
    while seen.slots[slot, _TURN] == seen.turn[0]:
        if seen.slots[slot, _DOMAIN] == field and seen.slots[slot, _SIZE] == size:
            first, same = seen.slots[slot, _AT], 0
            while same < size and data[first + same] == data[at + same]:
                same += 1
            if same == size:
                return seen.slots[slot, _NUMBER]
        slot = (slot + 1) & (seen.slots.shape[0] - 1)
    found = seen.slots[slot]
    found[_TURN], found[_AT], found[_SIZE], found[_DOMAIN] = seen.turn[0], at, size, field
    found[_NUMBER] = FIRST_UNKNOWN + line
    return found[_NUMBER]


def seen_for(lines: LineCodes) -> Seen:
    """Return room for the texts of a basket, little where none is told apart."""
    told_apart = np.array([domain in lines.told_apart for domain in LINE_DOMAINS], np.int64)
    return Seen(told_apart, np.zeros(1, np.int64), np.zeros((_SEEN_SLOTS if lines.told_apart else 1, 5), np.int64))


def matchers_for(patterns: Sequence[LinePattern | None]) -> Matchers:
    """Return patterns, by bit, as the kernel takes them."""
    words: list[_Word] = []
    any_text = [0] * len(LINE_DOMAINS)
    for field, domain in enumerate(LINE_DOMAINS):
        own = [(each.pattern, 1 << bit) for bit, each in enumerate(patterns) if each and each.field == f"line.{domain}"]
        any_text[field] = sum(bit for pattern, bit in own if sign_count(pattern) == 0)
        for members in packed(sign_count(pattern) for pattern, _ in own):
            word = _Word(field)
            for member in members:
                word.add(*own[member])
            words.append(word)
    ends = [end for word in words for end in word.ends]
    last = accumulate(len(word.ends) for word in words)
    limits = [(word.field, stop - len(word.ends), stop) for word, stop in zip(words, last, strict=True)]
    return Matchers(
        np.array(limits, np.int64).reshape(-1, 3),
        np.array([word.states for word in words], np.uint64).reshape(-1, 3),
        np.array([word.signs for word in words], np.uint64).reshape(-1, _CHARACTERS),
        np.array(ends, np.uint64).reshape(-1, 2),
        np.array(any_text, np.int64),
    )


class _Word:
    """Signs of patterns over one field, in the order of their bits."""

    def __init__(self, field: int) -> None:
        self.field = field
        self.states = [0, 0, 0]
        self.signs = [0] * _CHARACTERS
        self.ends: list[tuple[int, int]] = []
        self._size = 0

    def add(self, pattern: str, bit: int) -> None:
        """Put the signs of a pattern, which has some, behind those that are there; ``bit`` is a line's for it."""
        self.states[_STARTS] |= 1 << self._size
        if pattern.startswith("*"):
            self.states[_ENTRIES] |= 1 << self._size
        for index, sign in enumerate(pattern):
            if sign == "*":
                continue
            for character in range(_CHARACTERS):
                if sign in ("?", chr(character)):
                    self.signs[character] |= 1 << self._size
            if pattern[index + 1 : index + 2] == "*":
                self.states[_STAYS] |= 1 << self._size
            self._size += 1
        self.ends.append((1 << self._size - 1, bit))
