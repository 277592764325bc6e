"""The metrics of rule-set versions. For ``bootstrap``, which registers them before there is a program to tell of."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pointguard_server.domain.codes import RuleSetActivationKind
from pointguard_server.rules.sandbox_limits import SandboxLimits
from pointguard_server.service.checking_worker import CheckStop
from pointguard_server.service.serving_program import ServingProgram

OF_CONFIGURATIONS = (RuleSetActivationKind.ACTIVATE, RuleSetActivationKind.ROLLBACK, RuleSetActivationKind.FILE)


class RuleMetrics(Collector):
    """What became of activations; zero until ``serving`` is set."""

    def __init__(self) -> None:
        self.serving: ServingProgram | None = None

    def collect(self) -> Iterator[Metric]:
        """Return the metrics as they stand."""
        serving = self.serving
        activations = CounterMetricFamily(
            "pointguard_rule_set_activations", "Activations of versions of the earn rules.", labels=("kind",)
        )
        for kind in RuleSetActivationKind:
            activations.add_metric((kind.name,), serving.activations[kind] if serving is not None else 0)
        yield activations
        configurations = CounterMetricFamily(
            "pointguard_configuration_activations",
            "Activations of versions of the program's configuration.",
            labels=("kind",),
        )
        for kind in OF_CONFIGURATIONS:
            count = serving.configuration_activations[kind] if serving is not None else 0
            configurations.add_metric((kind.name,), count)
        yield configurations
        yield CounterMetricFamily(
            "pointguard_rule_set_failures",
            "Versions of the earn rules that could not be compiled.",
            serving.compiler.failures if serving is not None else 0,
        )
        stopped = CounterMetricFamily(
            "pointguard_earn_rules_stopped",
            "Transactions whose earn rules were stopped by their sandbox, by why.",
            labels=("why",),
        )
        limits = serving.compiler.limits if serving is not None else SandboxLimits()
        stopped.add_metric(("OUT_OF_FUEL",), limits.out_of_fuel)
        stopped.add_metric(("TRAPPED",), limits.trapped)
        yield stopped
        unchecked = CounterMetricFamily(
            "pointguard_rule_checks_stopped", "Sources whose checking was given up, by why.", labels=("why",)
        )
        for why in CheckStop:
            count = serving.compiler.checking.stopped[why] if serving is not None else 0
            unchecked.add_metric((why.value,), count)
        yield unchecked
        yield GaugeMetricFamily(
            "pointguard_rule_sets_interpreted",
            "Rule sets that decide, or will, and are interpreted until there is machine code of them.",
            float(len(serving.interpreted)) if serving is not None else 0.0,
        )
        planned = serving.planned if serving is not None else ()
        yield GaugeMetricFamily(
            "pointguard_rule_set_planned_timestamp_seconds",
            "When the next planned activation takes effect; 0 if none is planned.",
            planned[0].effective_at / 1e6 if planned else 0.0,
        )
        yield GaugeMetricFamily(
            "pointguard_rule_set_stale",
            "1 while a version of the earn rules that should decide, or will, is not ready.",
            float(serving is not None and bool(serving.problem)),
        )
