"""Counts how long calls took, in a histogram of growing buckets. Replay and load use it; so may anyone who measures.

A bucket is at most 1/128 as wide as the latencies in it, so a percentile is at most 0.8 % above the true one and never
below it. Histograms of several processes add up to what one of all their samples would be. Smallest, largest and mean
are exact.
"""

import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

NANOSECONDS_PER_MS: Final = 1_000_000
# From 128 ns on, every doubling of the latency has 128 buckets; below, every nanosecond has its own.
_SUB_BITS: Final = 7
_BITS_MAX: Final = 44
_BUCKETS: Final = ((_BITS_MAX - _SUB_BITS) << _SUB_BITS) + (1 << _SUB_BITS)
_PERCENTS: Final = tuple(Fraction(percent) for percent in ("50", "90", "99", "99.9", "99.99"))
LATENCY_NS_MAX: Final = (1 << _BITS_MAX) - 1
"""Nearly five hours: what took longer is counted with what took as long as this."""


@dataclass(frozen=True, slots=True)
class LatencySummary:
    """What became of a number of samples; latencies in milliseconds, 0 where there are no samples."""

    samples: int
    latency_ms_mean: float
    latency_ms_p50: float
    latency_ms_p90: float
    latency_ms_p99: float
    latency_ms_p999: float
    latency_ms_p9999: float
    latency_ms_max: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many samples lie from `lowest_ns` to `highest_ns`, both included."""

    lowest_ns: int
    highest_ns: int
    count: int


@dataclass(slots=True)
class LatencyHistogram:
    """Counts latencies in nanoseconds; `counts` has one number for each bucket."""

    counts: "array[int]" = field(default_factory=lambda: array("q", bytes(8 * _BUCKETS)), repr=False)
    samples: int = 0
    total_ns: int = 0
    max_ns: int = 0

    def record(self, latency_ns: int) -> None:
        """Count one sample; one below 0 counts as 0."""
        latency_ns = min(max(latency_ns, 0), LATENCY_NS_MAX)
        self.counts[_bucket_of(latency_ns)] += 1
        self.samples += 1
        self.total_ns += latency_ns
        self.max_ns = max(self.max_ns, latency_ns)

    def add(self, other: "LatencyHistogram") -> None:
        """Count all samples of another histogram too."""
        self.counts = array("q", map(int.__add__, self.counts, other.counts))
        self.samples += other.samples
        self.total_ns += other.total_ns
        self.max_ns = max(self.max_ns, other.max_ns)

    def buckets(self) -> Iterator[Bucket]:
        """Yield the buckets that hold samples, from the lowest latency to the highest."""
        for bucket, count in enumerate(self.counts):
            if count:
                yield Bucket(_lowest_of(bucket), min(_lowest_of(bucket + 1) - 1, self.max_ns), count)

    def percentiles_ns(self, percents: Sequence[Fraction]) -> list[int]:
        """Return, for each of some growing percents, a latency that at least so many samples do not exceed.

        It is the highest of the bucket that holds the sample of that rank (the nearest-rank method), 0 to 0.8 % above;
        0 where there are no samples.
        """
        found: list[int] = []
        seen = 0
        for bucket in self.buckets():
            seen += bucket.count
            while len(found) < len(percents) and seen >= math.ceil(percents[len(found)] * self.samples / 100):
                found.append(bucket.highest_ns)
        return found or [0] * len(percents)

    def summary(self) -> LatencySummary:
        """Return the percentiles of all samples so far."""
        mean = self.total_ns / max(self.samples, 1) / NANOSECONDS_PER_MS
        p50, p90, p99, p999, p9999 = (found / NANOSECONDS_PER_MS for found in self.percentiles_ns(_PERCENTS))
        return LatencySummary(self.samples, mean, p50, p90, p99, p999, p9999, self.max_ns / NANOSECONDS_PER_MS)


def _bucket_of(latency_ns: int) -> int:
    doublings = max(latency_ns.bit_length() - _SUB_BITS - 1, 0)
    return (doublings << _SUB_BITS) + (latency_ns >> doublings)


def _lowest_of(bucket: int) -> int:
    doublings = max((bucket >> _SUB_BITS) - 1, 0)
    return (bucket - (doublings << _SUB_BITS)) << doublings
