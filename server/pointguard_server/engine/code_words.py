"""A word of bits for each numbered text, where the kernel finds it: what earn rules ask of texts such as a store's id.

Filled by ``service/code_matches.py``, which says what the bits mean, on the writer's thread.
"""

import numpy as np

from pointguard_server.engine.world import IntArray

_FEWEST = 1_024


class CodeWords:
    """Words by a text's number; a text that none was put for has 0."""

    def __init__(self) -> None:
        self.array: IntArray = np.zeros(_FEWEST, np.int64)

    def put(self, number: int, word: int) -> None:
        """Set the bits of a text."""
        if number >= len(self.array):
            grown = np.zeros(2 * number, np.int64)
            grown[: len(self.array)] = self.array
            self.array = grown
        self.array[number] = word
