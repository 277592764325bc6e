"""What the operating system knows of the server's processes, as metrics."""

from collections.abc import Iterator
from typing import Final

from prometheus_client import ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

ENGINE: Final = "engine"
FRONT: Final = "front"


class Processes(Collector):
    """Processor time, memory and open files of each process; the front is there once its id is."""

    def __init__(self) -> None:
        self.front_id = 0
        self._engine = ProcessCollector(registry=None)
        self._front = ProcessCollector(pid=lambda: self.front_id, registry=None)

    def collect(self) -> Iterator[Metric]:
        """Return every family as it stands, with a sample for each process."""
        families: dict[str, Metric] = {}
        for process, collector in ((ENGINE, self._engine), (FRONT, self._front)):
            for found in collector.collect():
                family = families.setdefault(found.name, Metric(found.name, found.documentation, found.type))
                for sample in found.samples:
                    family.add_sample(sample.name, {"process": process}, sample.value)
        yield from families.values()
