"""What a sandbox may use, and how often one was stopped.

For the WebAssembly back end, and for whoever chooses it. Knows nothing of the engine that runs sandboxes.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

DEFAULT_FUEL: Final = 25_000_000
"""Fuel for one transaction, one for each WebAssembly instruction: twice what the worst rule set in the budget uses."""
LEAST_FUEL: Final = 1
MOST_FUEL: Final = 10**9
MEMORY_BYTES_AT_MOST: Final = 32 * 1024 * 1024
"""Memory of a sandbox: room for the sets of fourteen files of 100,000 texts."""

OUT_OF_FUEL, TRAPPED = range(2)
"""Why a sandbox was stopped, as entries of the counts."""


@dataclass(slots=True)
class SandboxLimits:
    """What one transaction may use. ``counts`` is written by compiled code: how often sandboxes were stopped, and why.

    All sandboxes of one server share one of these.
    """

    fuel: int = DEFAULT_FUEL
    counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(2, np.int64))

    @property
    def out_of_fuel(self) -> int:
        """How often a transaction used its fuel up."""
        return int(self.counts[OUT_OF_FUEL])

    @property
    def trapped(self) -> int:
        """How often a sandbox was stopped for anything else, which is a defect of the back end."""
        return int(self.counts[TRAPPED])
