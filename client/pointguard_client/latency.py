"""Records how long calls took and works out exact percentiles. Replay and load use it; so may anyone who measures.

Every sample is kept (8 bytes each), so that no percentile is an estimate.
"""

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

NANOSECONDS_PER_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class LatencySummary:
    """What became of a number of samples; latencies in milliseconds, 0 where there are no samples."""

    samples: int
    latency_ms_p50: float
    latency_ms_p90: float
    latency_ms_p99: float
    latency_ms_p999: float
    latency_ms_max: float


def nearest_rank(sorted_samples: Sequence[int], percent: Fraction) -> int:
    """Return the smallest sample that at least `percent` of all samples do not exceed (the nearest-rank method).

    The samples must be sorted and not empty; 0 < percent ≤ 100. Exact: the rank is worked out in fractions.
    """
    rank = math.ceil(percent * len(sorted_samples) / 100)
    return sorted_samples[max(rank, 1) - 1]


class LatencyRecorder:
    """Collects latencies in nanoseconds."""

    def __init__(self) -> None:
        self.samples_ns: array[int] = array("q")

    def record(self, latency_ns: int) -> None:
        """Add one sample."""
        self.samples_ns.append(latency_ns)

    def summary(self) -> LatencySummary:
        """Return the percentiles of all samples so far."""
        return summarize(self.samples_ns)


def summarize(samples_ns: Sequence[int]) -> LatencySummary:
    """Return the percentiles of samples in nanoseconds, in any order."""
    ordered = sorted(samples_ns)
    if not ordered:
        return LatencySummary(0, 0.0, 0.0, 0.0, 0.0, 0.0)
    p50, p90, p99, p999 = (
        nearest_rank(ordered, percent) / NANOSECONDS_PER_MS
        for percent in (Fraction(50), Fraction(90), Fraction(99), Fraction(999, 10))
    )
    return LatencySummary(len(ordered), p50, p90, p99, p999, ordered[-1] / NANOSECONDS_PER_MS)
