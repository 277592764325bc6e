"""Counts the cases that wait for somebody, for the metrics. For ``bootstrap``; belongs to the event loop."""

import asyncio
from collections.abc import Iterator
from typing import Final

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pointguard_server.service.ports import Reader

LOOK_EVERY_S: Final = 30.0

log = structlog.get_logger(__name__)


class CaseWatch(Collector):
    """Looks every half a minute while it runs; the database is behind the newest decisions by a moment."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._open, self._oldest = 0, 0

    def start(self, reader: Reader, tenant_id: int) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run(reader, tenant_id))

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, reader: Reader, tenant_id: int) -> None:
        while True:
            try:
                self._open, self._oldest = await reader.open_cases(tenant_id)
            except Exception:
                # Whoever watches must outlive a database that cannot be read.
                log.exception("case_watch_fault")
            await asyncio.sleep(LOOK_EVERY_S)

    def collect(self) -> Iterator[Metric]:
        """Return the metrics as they stand."""
        yield GaugeMetricFamily("pointguard_cases_open", "Cases that are not resolved.", float(self._open))
        yield GaugeMetricFamily(
            "pointguard_oldest_case_timestamp_seconds",
            "Since when the oldest case is open that is not resolved; 0 if there is none.",
            self._oldest / 1e6,
        )
