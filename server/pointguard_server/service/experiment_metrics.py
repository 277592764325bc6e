"""The metrics of experiments. For ``bootstrap``, which registers them before there is a program to tell of."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pointguard_server.domain.codes import Decision
from pointguard_server.engine.batch import Decider


class ExperimentMetrics(Collector):
    """What arms decided; nothing until ``decider`` is set."""

    def __init__(self) -> None:
        self.decider: Decider | None = None

    def collect(self) -> Iterator[Metric]:
        """Return the metrics as they stand."""
        decider = self.decider
        splits = decider.programs.splits.values() if decider is not None else ()
        yield GaugeMetricFamily(
            "pointguard_experiment_running",
            "The number of the experiment whose arms decide; 0 if none does.",
            float(max((split.experiment_id for split in splits), default=0)),
        )
        decisions = CounterMetricFamily(
            "pointguard_experiment_decisions",
            "Transactions by the arm that decided.",
            labels=("experiment", "arm", "decision"),
        )
        by_arm = dict(decider.totals.by_arm) if decider is not None else {}
        for (experiment, arm, decision), count in by_arm.items():
            decisions.add_metric((str(experiment), str(arm), Decision(decision).name), count)
        yield decisions
