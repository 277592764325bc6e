"""Counts what a load did, adds up the counts of several processes, and sums them up. Load and benchmarks use it."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from pointguard_client.latency import LatencyHistogram, LatencySummary


@dataclass(slots=True)
class LoadTally:
    """The running counts of a load.

    `requests` counts the requests that were decided or answered, `latencies` the answered calls by what was called;
    failures are in `errors`. Of an open loop, `lateness` says how long after it was due each call was sent, `held_back`
    how many calls were late because too many were in flight, and `unsent` how many were due and never sent.
    """

    started_ns: int = 0
    ended_ns: int = 0
    cpu_ns: int = 0
    requests: int = 0
    latencies: defaultdict[str, LatencyHistogram] = field(default_factory=lambda: defaultdict(LatencyHistogram))
    lateness: LatencyHistogram = field(default_factory=LatencyHistogram)
    held_back: int = 0
    unsent: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    interrupted: bool = False
    gave_up: str = ""

    def add(self, other: "LoadTally") -> None:
        """Count what another process did at the same time too; both read the same clock."""
        self.started_ns = min(self.started_ns, other.started_ns) if self.started_ns else other.started_ns
        self.ended_ns = max(self.ended_ns, other.ended_ns)
        self.cpu_ns += other.cpu_ns
        self.requests += other.requests
        for called, histogram in other.latencies.items():
            self.latencies[called].add(histogram)
        self.lateness.add(other.lateness)
        self.held_back += other.held_back
        self.unsent += other.unsent
        self.outcomes.update(other.outcomes)
        self.errors.update(other.errors)
        self.interrupted |= other.interrupted
        self.gave_up = self.gave_up or other.gave_up

    def every_latency(self) -> LatencyHistogram:
        """Return the latencies of all calls."""
        every = LatencyHistogram()
        for histogram in self.latencies.values():
            every.add(histogram)
        return every

    @property
    def elapsed_seconds(self) -> float:
        """From the start to the last answer so far, and in the end to the end."""
        return (self.ended_ns - self.started_ns) / 1e9

    def summary(self) -> "LoadSummary":
        """Return the counts so far, with percentiles and rates."""
        elapsed = self.elapsed_seconds
        latency = self.every_latency().summary()
        return LoadSummary(
            interrupted=self.interrupted,
            gave_up=self.gave_up,
            elapsed_seconds=elapsed,
            calls=latency.samples,
            requests=self.requests,
            requests_per_second=self.requests / elapsed if elapsed > 0 else 0.0,
            client_cpu_seconds=self.cpu_ns / 1e9,
            latency=latency,
            latency_by_call={called: histogram.summary() for called, histogram in sorted(self.latencies.items())},
            sent_late=self.lateness.summary(),
            held_back=self.held_back,
            unsent=self.unsent,
            outcomes=dict(self.outcomes.most_common()),
            errors=dict(self.errors.most_common()),
        )


@dataclass(frozen=True, slots=True)
class LoadSummary:
    """What a load did. `requests` counts the decisions, `calls` the answered RPCs; failures are in `errors`.

    The latency of an open loop counts from when the call was due; `sent_late`, `held_back` and `unsent` are of an open
    loop alone.
    """

    interrupted: bool
    gave_up: str
    elapsed_seconds: float
    calls: int
    requests: int
    requests_per_second: float
    client_cpu_seconds: float
    latency: LatencySummary
    latency_by_call: dict[str, LatencySummary]
    sent_late: LatencySummary
    held_back: int
    unsent: int
    outcomes: dict[str, int]
    errors: dict[str, int]
