"""Counts the cases that wait for somebody, and what stands, for the metrics.

For ``bootstrap``; belongs to the event loop.
"""

import asyncio
import time
from collections.abc import Iterator
from typing import Final

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pointguard_server.domain.codes import Posture
from pointguard_server.service.ports import Reader

LOOK_EVERY_S: Final = 30.0
_REST: Final = 50
"""How many times as long as a look took it rests at least: with very much advice counting takes a second."""

log = structlog.get_logger(__name__)


class CaseWatch(Collector):
    """Looks every half a minute while it runs; the database is behind the newest decisions by a moment."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._open, self._oldest = 0, 0
        self._standing: dict[int, int] = {}

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
            began = time.monotonic()
            try:
                self._open, self._oldest = await reader.open_cases(tenant_id)
                self._standing = await reader.standing_advice(tenant_id, time.time_ns() // 1000)
            except Exception:
                # Whoever watches must outlive a database that cannot be read.
                log.exception("case_watch_fault")
            await asyncio.sleep(max(LOOK_EVERY_S, _REST * (time.monotonic() - began)))

    def collect(self) -> Iterator[Metric]:
        """Return the metrics as they stand."""
        yield GaugeMetricFamily("pointguard_cases_open", "Cases that are not resolved.", float(self._open))
        yield GaugeMetricFamily(
            "pointguard_oldest_case_timestamp_seconds",
            "Since when the oldest case is open that is not resolved; 0 if there is none.",
            self._oldest / 1e6,
        )
        standing = GaugeMetricFamily("pointguard_advice_standing", "Advice that stands.", labels=("posture",))
        for posture in Posture:
            standing.add_metric((posture.name,), float(self._standing.get(posture, 0)))
        yield standing
