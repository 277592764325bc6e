"""The metrics that Prometheus scrapes. Observed by ``rpc`` and by the engine's batches; served by ``http``.

Observing is a few additions to plain dictionaries, since it happens for every call; the families are made when they are
scraped. All of it happens on the event loop. No label carries anything about a member.
"""

import platform
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np
from prometheus_client import CollectorRegistry, GCCollector
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
from pointguard_server.engine.programs import Programs
from pointguard_server.engine.totals import Totals, tripping
from pointguard_server.service import logs
from pointguard_server.service.health import Health, is_ready
from pointguard_server.service.histogram import Histogram
from pointguard_server.service.processes import Processes
from pointguard_server.service.program_config import RuleMode
from pointguard_server.service.pulse import Pulse

CALL_BOUNDS: Final = (
    0.00025, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
STAGE_BOUNDS: Final = (0.0001, *CALL_BOUNDS)
SIZE_BOUNDS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 10_000.0)
STAGES: Final = ("queue", "decide", "append", "commit")


class CallTally:
    """The calls of one RPC."""

    def __init__(self) -> None:
        # Zero from the start: a rate needs a value before the first call too.
        self.codes: Counter[str] = Counter(OK=0)
        self.seconds = Histogram(CALL_BOUNDS)

    def observe(self, code: str, seconds: float) -> None:
        """Count a call and its answer's status code."""
        self.codes[code] += 1
        self.seconds.observe(seconds)


class Metrics(Collector):
    """Everything that is measured, in a registry of its own."""

    def __init__(self, version: str, health: Health) -> None:
        self._version = version
        self._health = health
        self._compile_seconds: dict[str, float] = {}
        self._last_batch_at = 0.0
        self._calls: dict[str, CallTally] = {}
        self._stages = {stage: Histogram(STAGE_BOUNDS) for stage in STAGES}
        self._batch_size = Histogram(SIZE_BOUNDS)
        self._replays = self._position = 0
        self._engine: Engine | None = None
        self.registry = CollectorRegistry()
        self.pulse = Pulse()
        self.processes = Processes()
        self.front_shed = 0  # calls that the front refused by itself
        GCCollector(registry=self.registry)
        for collector in (self, self.pulse, self.processes):
            self.registry.register(collector)

    def watch(self, engine: Engine, decider: Decider, text: Callable[[int], str]) -> None:
        """Observe an engine's batches, and show its queue, its totals and its cache; ``text`` names rules."""
        self._engine, self._decider, self._text = engine, decider, text
        self._position = decider.heads.position
        engine.observe = self.observe_batch

    def call_tally(self, rpc: str) -> CallTally:
        """Return what counts the calls of an RPC."""
        return self._calls.setdefault(rpc, CallTally())

    @contextmanager
    def compiling(self, what: str) -> Iterator[None]:
        """Note how long it takes to compile something, or to find it compiled."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._compile_seconds[what] = time.perf_counter() - started

    def observe_batch(self, batch: Observed) -> None:
        """Count one batch and what it decided."""
        report, stages = batch.report, self._stages
        stages["queue"].observe(batch.waited_s)
        stages["decide"].observe(report.decide_s)
        stages["append"].observe(report.append_s)
        stages["commit"].observe(report.commit_s)
        self._batch_size.observe(report.requests)
        self._last_batch_at = time.time()
        self._position = report.position
        self._replays += report.replays

    # ---------------------------------------------------------------------------------------------------- when scraped

    def collect(self) -> Iterator[Metric]:
        """Return every family as it stands."""
        build = {"version": self._version, "python": platform.python_version()}
        yield InfoMetricFamily("pointguard_build", "The version that runs.", build)
        yield from self._collect_health()
        yield from self._collect_calls()
        yield from self._collect_batches()
        if self._engine is not None:
            yield from self._collect_decisions(self._decider.totals)
            yield from self._collect_fraud(self._decider.totals, self._decider.programs)
            yield from self._collect_programs(self._decider.programs)
            yield from self._collect_engine(self._engine)
            yield from self._collect_cache()

    def _collect_health(self) -> Iterator[Metric]:
        findings = self._health.findings()
        ready = float(is_ready(findings))
        yield GaugeMetricFamily("pointguard_ready", "1 if requests are taken: every check passes.", ready)
        checks = GaugeMetricFamily("pointguard_check_ok", "1 if a check of readiness passes.", labels=("check",))
        for name, finding in findings.items():
            checks.add_metric((name,), float(finding.ok))
        yield checks
        lines = CounterMetricFamily("pointguard_log_lines", "Lines written to the log.", labels=("level",))
        for level, count in logs.lines.items():
            lines.add_metric((level,), count)
        yield lines
        compiling = GaugeMetricFamily(
            "pointguard_compile_seconds", "What compiling took the last time, or finding it compiled.", labels=("part",)
        )
        for part, seconds in self._compile_seconds.items():
            compiling.add_metric((part,), seconds)
        yield compiling

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
        yield GaugeMetricFamily(
            "pointguard_last_batch_timestamp_seconds", "When the newest batch was done; 0 before.", self._last_batch_at
        )
        yield GaugeMetricFamily("pointguard_ledger_position", "The ledger's newest position.", self._position)
        yield CounterMetricFamily("pointguard_replays", "Requests answered from an earlier answer.", self._replays)

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
        points = CounterMetricFamily("pointguard_points", "Points issued, redeemed and expired.", labels=("direction",))
        points.add_metric(("issued",), totals.points_issued)
        points.add_metric(("redeemed",), totals.points_redeemed)
        points.add_metric(("expired",), totals.points_expired)
        yield points

    def _collect_fraud(self, totals: Totals, programs: Programs) -> Iterator[Metric]:
        tripped = CounterMetricFamily(
            "pointguard_rules_tripped", "Fraud rules and controls tripped.", labels=("rule", "posture", "mode")
        )
        alert_only = programs.alert_only
        # Those in force stand at zero before they first trip: a rule that never does must be seen.
        in_force = {tripping(rule): 0 for rule in programs.rules if rule["posture"]}
        for (rule_id, posture, is_shadow), count in (in_force | totals.tripped).items():
            mode = RuleMode.SHADOW if is_shadow else RuleMode.ENFORCED
            if rule_id in alert_only:
                mode = RuleMode.ALERT_ONLY
            tripped.add_metric((self._text(rule_id), Posture(posture).name, mode.value), count)
        yield tripped
        unavailable = CounterMetricFamily(
            "pointguard_rules_unavailable",
            "Transactions that a fraud rule could not look at, since what it counts was not counted yet.",
            labels=("rule",),
        )
        for rule_id, count in totals.unavailable.items():
            unavailable.add_metric((self._text(rule_id),), count)
        yield unavailable
        advice = CounterMetricFamily("pointguard_advice_raised", "Advice raised by fraud rules.", labels=("posture",))
        for posture in Posture:
            advice.add_metric((posture.name,), int(totals.advice[posture]))
        yield advice

    def _collect_programs(self, programs: Programs) -> Iterator[Metric]:
        epochs = GaugeMetricFamily("pointguard_program_epoch", "The program's epoch in force.", labels=("program",))
        versions = GaugeMetricFamily(
            "pointguard_rules_version", "The version of a program's rules in force.", labels=("program", "rules")
        )
        for program in programs.served:
            number, settings = str(program.program_id), program.settings
            epochs.add_metric((number,), settings["epoch"])
            versions.add_metric((number, "earn"), settings["rule_set_version"])
            versions.add_metric((number, "fraud"), settings["fraud_rules_version"])
        yield epochs
        yield versions

    def _collect_engine(self, engine: Engine) -> Iterator[Metric]:
        yield GaugeMetricFamily("pointguard_queue_requests", "Requests waiting for a batch.", engine.queued)
        yield GaugeMetricFamily(
            "pointguard_writer_lag_seconds", "Age of the oldest request without an answer.", engine.oldest_wait_s
        )
        yield CounterMetricFamily(
            "pointguard_shed", "Requests refused: too many were waiting.", engine.shed + self.front_shed
        )
        yield CounterMetricFamily("pointguard_batch_errors", "Batches that failed.", engine.failures)
        yield GaugeMetricFamily(
            "pointguard_journal_behind_legs", "Legs not yet in the database.", self._decider.behind_legs
        )
        ahead = max(self._decider.heads.accepted_at / 1e6 - time.time(), 0.0)
        yield GaugeMetricFamily(
            "pointguard_ledger_ahead_seconds", "How far the ledger's time is ahead of the wall clock.", ahead
        )

    def _collect_cache(self) -> Iterator[Metric]:
        accounts, hits, loads, evictions = self._decider.cache_figures()
        yield GaugeMetricFamily("pointguard_cache_accounts", "Accounts in memory.", accounts)
        yield GaugeMetricFamily(
            "pointguard_cache_accounts_max", "Accounts that memory may hold.", self._decider.memory.accounts_max
        )
        yield CounterMetricFamily("pointguard_cache_hits", "Requests whose account was in memory.", hits)
        yield CounterMetricFamily("pointguard_cache_loads", "Accounts read from the ledger.", loads)
        yield CounterMetricFamily("pointguard_cache_evictions", "Accounts thrown out of memory.", evictions)
        yield GaugeMetricFamily(
            "pointguard_scope_windows", "Windows of wider scopes in memory.", len(self._decider.memory.scopes)
        )
        yield GaugeMetricFamily(
            "pointguard_scopes_uncounted",
            "Counters of wider scopes for which the ledger is still being counted.",
            len(self._decider.memory.scopes.uncounted),
        )
        yield GaugeMetricFamily(
            "pointguard_exemptions_in_force",
            "Exemptions from fraud rules that are in force.",
            self._decider.directives.exemptions_in_force(self._decider.latest_moment),
        )
        yield GaugeMetricFamily(
            "pointguard_redemption_stops_in_force",
            "Stops of redemptions that are in force.",
            self._decider.directives.stops_in_force(self._decider.latest_moment),
        )
