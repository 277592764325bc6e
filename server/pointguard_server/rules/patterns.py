"""Safe patterns of texts: ``*`` stands for any run of characters, ``?`` for any one, all else for itself.

For the checker, the host and tests. Matching is linear in the text, whatever the pattern: for each character a few
operations on integers of as many bits as the pattern has signs.
"""

from collections.abc import Callable, Iterable
from typing import Final

LONGEST_PATTERN: Final = 128
WORD_BITS: Final = 64


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """The function that says whether a whole text matches."""
    signs = [sign for index, sign in enumerate(pattern) if sign != "*" or pattern[index - 1 : index] != "*"]
    steps = [sign for sign in signs if sign != "*"]
    # Bit i of a state: the first i steps are matched. A star behind step i lets bit i stay.
    stays = _bits(count for count in _stars(signs))
    any_sign = _bits(index for index, sign in enumerate(steps) if sign == "?")
    own = {sign: _bits(index for index, other in enumerate(steps) if other == sign) for sign in set(steps) - {"?"}}
    end = 1 << len(steps)

    def matches(text: str) -> bool:
        state = 1
        for character in text:
            state = (state & stays) | ((state & (own.get(character, 0) | any_sign)) << 1)
        return bool(state & end)

    return matches


def sign_count(pattern: str) -> int:
    """How many signs a pattern has beside stars: the fewest characters of a text that matches."""
    return len(pattern) - pattern.count("*")


def packed(sizes: Iterable[int]) -> list[list[int]]:
    """Put sizes into words of 64 bits, each into the first that has room; the indexes of the sizes, word by word.

    A size of 0 needs no word, and one that is larger than a word gets none.
    """
    words: list[list[int]] = []
    free: list[int] = []
    for index, size in enumerate(sizes):
        if not 0 < size <= WORD_BITS:
            continue
        word = next((number for number, room in enumerate(free) if room >= size), len(words))
        if word == len(words):
            words.append([])
            free.append(WORD_BITS)
        words[word].append(index)
        free[word] -= size
    return words


def _stars(signs: list[str]) -> list[int]:
    """How many steps stand before each star."""
    counts = []
    steps = 0
    for sign in signs:
        if sign == "*":
            counts.append(steps)
        else:
            steps += 1
    return counts


def _bits(positions: Iterable[int]) -> int:
    result = 0
    for position in positions:
        result |= 1 << position
    return result
