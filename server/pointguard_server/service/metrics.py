"""The metrics that Prometheus scrapes. Observed by ``rpc`` and by the engine's batches; served by ``http``.

Observing is a few additions to plain dictionaries, since it happens for every call; the families are made when they are
scraped. All of it happens on the event loop. No label carries anything about a member.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Final

import numpy as np
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from pointguard_server.domain.codes import Decision, Operation, Outcome, Posture, Reason
from pointguard_server.engine.batch import Decider
from pointguard_server.engine.engine import Engine, Observed
from pointguard_server.engine.totals import Totals

LATENCY_BOUNDS: Final = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
SIZE_BOUNDS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 10_000.0)
STAGES: Final = ("queue", "decide", "append", "commit")


class Histogram:
    """Counts of values up to each bound, and their sum."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def add_to(self, family: HistogramMetricFamily, labels: tuple[str, ...]) -> None:
        """Add the buckets to a family, each counting all that is at most its bound."""
        names = [*map(str, self._bounds), "+Inf"]
        family.add_metric(labels, list(zip(names, accumulate(self._counts), strict=True)), self._sum)


class CallTally:
    """The calls of one RPC."""

    def __init__(self) -> None:
        self.codes: Counter[str] = Counter()
        self.seconds = Histogram(LATENCY_BOUNDS)

    def observe(self, code: str, seconds: float) -> None:
        """Count a call and its answer's status code."""
        self.codes[code] += 1
        self.seconds.observe(seconds)


class Metrics(Collector):
    """Everything that is measured, in a registry of its own."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._calls: dict[str, CallTally] = {}
        self._stages = {stage: Histogram(LATENCY_BOUNDS) for stage in STAGES}
        self._batch_size = Histogram(SIZE_BOUNDS)
        self._replays = self._position = 0
        self._engine: Engine | None = None
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.registry.register(self)

    def watch(self, engine: Engine, decider: Decider, text: Callable[[int], str]) -> None:
        """Observe an engine's batches, and show its queue, its totals and its cache; ``text`` names rules."""
        self._engine, self._decider, self._text = engine, decider, text
        self._position = decider.heads.position
        engine.observe = self.observe_batch

    def call_tally(self, rpc: str) -> CallTally:
        """Return what counts the calls of an RPC."""
        return self._calls.setdefault(rpc, CallTally())

    def observe_batch(self, batch: Observed) -> None:
        """Count one batch and what it decided."""
        report, stages = batch.report, self._stages
        stages["queue"].observe(batch.waited_s)
        stages["decide"].observe(report.decide_s)
        stages["append"].observe(report.append_s)
        stages["commit"].observe(report.commit_s)
        self._batch_size.observe(report.requests)
        self._position = report.position
        self._replays += report.replays

    # ---------------------------------------------------------------------------------------------------- when scraped

    def collect(self) -> Iterator[Metric]:
        """Return every family as it stands."""
        yield InfoMetricFamily("pointguard_build", "The version that runs.", {"version": self._version})
        yield from self._collect_calls()
        yield from self._collect_batches()
        if self._engine is not None:
            yield from self._collect_decisions(self._decider.totals)
            yield from self._collect_engine(self._engine)

    def _collect_calls(self) -> Iterator[Metric]:
        calls = CounterMetricFamily("pointguard_calls", "Calls answered.", labels=("rpc", "code"))
        seconds = HistogramMetricFamily(
            "pointguard_call_seconds", "From a call's arrival to its answer.", labels=("rpc",)
        )
        for rpc, tally in self._calls.items():
            for code, count in tally.codes.items():
                calls.add_metric((rpc, code), count)
            tally.seconds.add_to(seconds, (rpc,))
        yield calls
        yield seconds

    def _collect_decisions(self, totals: Totals) -> Iterator[Metric]:
        decisions = CounterMetricFamily(
            "pointguard_decisions", "Requests decided and written.", labels=("operation", "decision")
        )
        for operation, decision in np.argwhere(totals.decisions).tolist():
            count = int(totals.decisions[operation, decision])
            decisions.add_metric((Operation(operation).name, Decision(decision).name), count)
        yield decisions
        declines = CounterMetricFamily(
            "pointguard_declines", "Declined requests, by deciding reason.", labels=("operation", "reason")
        )
        for operation, reason in np.argwhere(totals.declines).tolist():
            count = int(totals.declines[operation, reason])
            declines.add_metric((Operation(operation).name, Reason(reason).name), count)
        yield declines
        refusals = CounterMetricFamily("pointguard_refusals", "Requests refused, nothing written.", labels=("outcome",))
        for outcome in totals.refusals.nonzero()[0].tolist():
            refusals.add_metric((Outcome(outcome).name,), int(totals.refusals[outcome]))
        yield refusals
        tripped = CounterMetricFamily(
            "pointguard_rules_tripped", "Fraud rules and controls tripped.", labels=("rule", "posture")
        )
        for (rule_id, posture), count in totals.tripped.items():
            tripped.add_metric((self._text(rule_id), Posture(posture).name), count)
        yield tripped
        points = CounterMetricFamily("pointguard_points", "Points issued and redeemed.", labels=("direction",))
        points.add_metric(("issued",), totals.points_issued)
        points.add_metric(("redeemed",), totals.points_redeemed)
        yield points
        yield CounterMetricFamily("pointguard_replays", "Requests answered from an earlier answer.", self._replays)

    def _collect_batches(self) -> Iterator[Metric]:
        stages = HistogramMetricFamily(
            "pointguard_stage_seconds",
            "A batch's time by stage: queue (its oldest request's wait), decide, append, commit (with the flush).",
            labels=("stage",),
        )
        for stage, histogram in self._stages.items():
            histogram.add_to(stages, (stage,))
        yield stages
        sizes = HistogramMetricFamily("pointguard_batch_requests", "Requests in a batch.", labels=())
        self._batch_size.add_to(sizes, ())
        yield sizes
        yield GaugeMetricFamily("pointguard_ledger_position", "The ledger's newest position.", self._position)

    def _collect_engine(self, engine: Engine) -> Iterator[Metric]:
        accounts, hits, loads, evictions = self._decider.cache_figures()
        yield GaugeMetricFamily("pointguard_queue_requests", "Requests waiting for a batch.", engine.queued)
        yield GaugeMetricFamily("pointguard_ready", "1 if the ledger takes requests.", float(engine.ready))
        yield CounterMetricFamily("pointguard_batch_errors", "Batches that failed.", engine.failures)
        yield GaugeMetricFamily("pointguard_cache_accounts", "Accounts in memory.", accounts)
        yield CounterMetricFamily("pointguard_cache_hits", "Requests whose account was in memory.", hits)
        yield CounterMetricFamily("pointguard_cache_loads", "Accounts read from the ledger.", loads)
        yield CounterMetricFamily("pointguard_cache_evictions", "Accounts thrown out of memory.", evictions)
