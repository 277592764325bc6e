"""The metrics that Prometheus scrapes. Observed by ``rpc`` and by the engine's batches; served by ``http``.

No label carries anything about a member. Batches are counted whole, not request by request.
"""

from collections.abc import Callable, Iterator

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pointguard_server.domain.codes import Decision, Operation, Outcome, Posture, Reason
from pointguard_server.engine.engine import Engine, Observed

LATENCY_BUCKETS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 10_000)
_REASONS = {int(reason): reason.name for reason in Reason}
_OPERATIONS = {int(operation): operation.name for operation in Operation}
_DECISIONS = {int(decision): decision.name for decision in Decision}


class _CacheCollector(Collector):
    """Shows what the cache of accounts counts by itself."""

    def __init__(self, figures: Callable[[], tuple[int, int, int, int]]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """Return the figures of the moment."""
        accounts, hits, loads, evictions = self._figures()
        yield GaugeMetricFamily("pointguard_cache_accounts", "Accounts in memory.", accounts)
        yield CounterMetricFamily("pointguard_cache_hits", "Requests whose account was in memory.", hits)
        yield CounterMetricFamily("pointguard_cache_loads", "Accounts read from the ledger.", loads)
        yield CounterMetricFamily("pointguard_cache_evictions", "Accounts thrown out of memory.", evictions)


class Metrics:
    """Everything that is measured, in a registry of its own."""

    def __init__(self, version: str) -> None:
        # Otherwise every counter has a timestamp beside it that nobody asked for.
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        prometheus_client.ProcessCollector(registry=registry)
        prometheus_client.GCCollector(registry=registry)
        self.calls = Counter(
            "pointguard_calls", "Calls answered, by RPC and status code.", ["rpc", "code"], registry=registry
        )
        self.call_seconds = Histogram(
            "pointguard_call_seconds", "Time from a call's arrival to its answer.", ["rpc"], buckets=LATENCY_BUCKETS,
            registry=registry,
        )  # fmt: skip
        self.decisions = Counter(
            "pointguard_decisions",
            "Requests decided, by operation and decision.",
            ["operation", "decision"],
            registry=registry,
        )
        self.declines = Counter(
            "pointguard_declines", "Declined requests, by deciding reason.", ["operation", "reason"], registry=registry
        )
        self.refusals = Counter(
            "pointguard_refusals", "Requests refused with nothing written.", ["outcome"], registry=registry
        )
        self.replays = Counter("pointguard_replays", "Requests answered from an earlier answer.", registry=registry)
        self.rules_tripped = Counter(
            "pointguard_rules_tripped", "Fraud rules and controls tripped.", ["rule", "posture"], registry=registry
        )
        self.points = Counter("pointguard_points", "Points issued and redeemed.", ["direction"], registry=registry)
        self.stage_seconds = Histogram(
            "pointguard_stage_seconds",
            "Time of a batch by stage: queue (its oldest request's wait), decide, append, commit (with the flush).",
            ["stage"],
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.batch_size = Histogram(
            "pointguard_batch_requests", "Requests in a batch.", buckets=BATCH_BUCKETS, registry=registry
        )
        self.batch_errors = Counter(
            "pointguard_batch_errors", "Batches that could not be decided or made durable.", registry=registry
        )
        self.position = Gauge("pointguard_ledger_position", "The ledger's newest position.", registry=registry)
        build = Info("pointguard_build", "The version that runs.", registry=registry)
        build.info({"version": version})
        self._registry = registry
        self._stages = {name: self.stage_seconds.labels(name) for name in ("queue", "decide", "append", "commit")}

    def watch(self, engine: Engine, cache: Callable[[], tuple[int, int, int, int]], text: Callable[[int], str]) -> None:
        """Observe an engine's batches and show its queue and its cache (accounts held, hits, loads, evictions)."""
        self._text = text
        engine.observe = self.observe_batch
        Gauge("pointguard_queue_requests", "Requests waiting for a batch.", registry=self._registry).set_function(
            lambda: engine.queued
        )
        Gauge("pointguard_ready", "1 if the ledger takes requests.", registry=self._registry).set_function(
            lambda: float(engine.ready)
        )
        self._registry.register(_CacheCollector(cache))

    def observe_batch(self, batch: Observed) -> None:
        """Count one batch and what it decided."""
        report = batch.report
        self._stages["queue"].observe(batch.waited_s)
        self._stages["decide"].observe(report.decide_s)
        self._stages["append"].observe(report.append_s)
        self._stages["commit"].observe(report.commit_s)
        self.batch_size.observe(report.requests)
        self.position.set(report.position)
        self.replays.inc(report.replays)
        for (operation, decision), count in report.decisions.items():
            self.decisions.labels(_OPERATIONS[operation], _DECISIONS[decision]).inc(count)
        for (operation, reason), count in report.declines.items():
            self.declines.labels(_OPERATIONS[operation], _REASONS.get(reason, "")).inc(count)
        for outcome, count in report.refusals.items():
            self.refusals.labels(Outcome(outcome).name).inc(count)
        for (rule_id, posture), count in report.tripped.items():
            self.rules_tripped.labels(self._text(rule_id), Posture(posture).name).inc(count)
        self.points.labels("issued").inc(report.points_issued)
        self.points.labels("redeemed").inc(report.points_redeemed)
