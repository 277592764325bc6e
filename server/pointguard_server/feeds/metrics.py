"""The metrics of publishing. For ``bootstrap``, which registers them whether anything is published or not."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pointguard_server.feeds.publisher import Publisher

_FAMILIES: Final[
    Sequence[tuple[type[GaugeMetricFamily | CounterMetricFamily], str, str, Callable[[Publisher], float]]]
] = (
    (
        GaugeMetricFamily,
        "pointguard_publish_lag_seconds",
        "Age of the oldest notice of advice that a target has not taken.",
        lambda publisher: publisher.lag_s,
    ),
    (
        GaugeMetricFamily,
        "pointguard_publish_lag_positions",
        "How far the newest notice is ahead of what a target has, in positions of the ledger.",
        lambda publisher: publisher.lag_positions,
    ),
    (
        CounterMetricFamily,
        "pointguard_published",
        "Notices of advice that a target has taken, those that it got twice included.",
        lambda publisher: publisher.published,
    ),
    (
        CounterMetricFamily,
        "pointguard_publish_failures",
        "Tries that failed, and notices that a target did not take.",
        lambda publisher: publisher.failures,
    ),
    (
        GaugeMetricFamily,
        "pointguard_publish_dead_letters",
        "Notices that a target has refused for good.",
        lambda publisher: publisher.dead_letters,
    ),
)


class PublishMetrics(Collector):
    """What has become of the feed of advice; families without samples where nothing is published."""

    def __init__(self) -> None:
        self.publishers: Sequence[Publisher] = ()

    def collect(self) -> Iterator[Metric]:
        """Return the metrics as they stand."""
        for make, name, told, value in _FAMILIES:
            family = make(name, told, labels=("target",))
            for publisher in self.publishers:
                family.add_metric((publisher.name,), float(value(publisher)))
            yield family
