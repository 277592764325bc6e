"""How the processes themselves are doing: lag of event loops, steps of the wall clock, pauses for garbage collection.

A timer on the event loop notes how late it comes; that costs four calls a second. The front tells its own loop's lag.
"""

import asyncio
import gc
import time
from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from pointguard_server.service.histogram import Histogram
from pointguard_server.service.processes import ENGINE, FRONT

BEAT_S: Final = 0.25
CLOCK_STEP_S: Final = 0.5
"""A clock that is slewed gains or loses at most a few hundred microseconds between two beats."""
PAUSE_BOUNDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
GENERATIONS: Final = 3


class Pulse(Collector):
    """Measures from ``start`` to ``stop``."""

    def __init__(self) -> None:
        self._lags = {process: Histogram(PAUSE_BOUNDS) for process in (ENGINE, FRONT)}
        self._pauses = tuple(Histogram(PAUSE_BOUNDS) for _ in range(GENERATIONS))
        self._steps = {"back": 0, "forward": 0}
        self._due = self._offset = self._collecting_since = 0.0
        self._beat_to_come: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to measure the running loop and this process's collector."""
        self._offset = _clock_offset()
        self._await_beat(asyncio.get_running_loop())
        gc.callbacks.append(self._collected)

    def stop(self) -> None:
        """Measure no more."""
        if self._beat_to_come is not None:
            self._beat_to_come.cancel()
            gc.callbacks.remove(self._collected)

    def _await_beat(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + BEAT_S
        self._beat_to_come = loop.call_at(self._due, self._beat, loop)

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        self.observe_lag(ENGINE, loop.time() - self._due)
        offset = _clock_offset()
        if abs(offset - self._offset) > CLOCK_STEP_S:
            self._steps["forward" if offset > self._offset else "back"] += 1
        self._offset = offset
        self._await_beat(loop)

    def observe_lag(self, process: str, seconds: float) -> None:
        """Note how much later than due a process's event loop ran a timer."""
        self._lags[process].observe(max(seconds, 0.0))

    def _collected(self, phase: str, info: Mapping[str, int]) -> None:
        if phase == "start":
            self._collecting_since = time.perf_counter()
        else:
            self._pauses[info["generation"]].observe(time.perf_counter() - self._collecting_since)

    def collect(self) -> Iterator[Metric]:
        """Return every family as it stands."""
        lag = HistogramMetricFamily(
            "pointguard_event_loop_lag_seconds",
            "How much later than due a process's event loop ran a timer.",
            labels=("process",),
        )
        for process, histogram in self._lags.items():
            histogram.add_to(lag, (process,))
        yield lag
        pauses = HistogramMetricFamily(
            "pointguard_gc_pause_seconds",
            "Pauses of the engine's process for Python's garbage collection.",
            labels=("generation",),
        )
        for generation, histogram in enumerate(self._pauses):
            histogram.add_to(pauses, (str(generation),))
        yield pauses
        steps = CounterMetricFamily(
            "pointguard_clock_steps", "Steps of the wall clock by more than half a second.", labels=("direction",)
        )
        for direction, count in self._steps.items():
            steps.add_metric((direction,), count)
        yield steps


def _clock_offset() -> float:
    """Return the wall clock less the monotonic one: constant, unless the wall clock is set."""
    return time.time() - time.monotonic()
