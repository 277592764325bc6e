"""The metrics of shadows. For ``bootstrap``, which registers them before there is a program to tell of."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pointguard_server.service.shadows import Shadows

COUNTED = {
    "evaluated": "Accruals that the shadow of a version evaluated.",
    "flips": "Accruals for which the shadow of a version would have given other points.",
    "dropped": "Transactions that the shadow of a version passed over, being too far behind.",
}


class ShadowMetrics(Collector):
    """What shadows found since the start; nothing until ``shadows`` is set."""

    def __init__(self) -> None:
        self.shadows: Shadows | None = None

    def collect(self) -> Iterator[Metric]:
        """Return the metrics as they stand."""
        shadows = self.shadows
        yield GaugeMetricFamily(
            "pointguard_shadow_running_version",
            "The version that is evaluated beside live traffic; 0 if none is.",
            float(shadows.running_version if shadows is not None else 0),
        )
        for name, told in COUNTED.items():
            family = CounterMetricFamily(f"pointguard_shadow_{name}", told, labels=("version",))
            for version, counts in (shadows.counts if shadows is not None else {}).items():
                family.add_metric((str(version),), counts[name])
            yield family
