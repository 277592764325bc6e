"""The pulse shows a loop that was held up, a clock that was set and a collection of garbage."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator

import pytest

from pointguard_server.service import pulse
from pointguard_server.service.pulse import Pulse


@pytest.fixture
async def beating(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pulse]:
    monkeypatch.setattr(pulse, "BEAT_S", 0.01)
    measured = Pulse()
    measured.start()
    yield measured
    measured.stop()


def value(measured: Pulse, name: str, **labels: str) -> float:
    (found,) = [
        sample.value
        for family in measured.collect()
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    ]
    return found


async def test_a_loop_that_is_held_up_shows_how_long(beating: Pulse) -> None:
    await asyncio.sleep(0.03)
    time.sleep(0.3)  # noqa: ASYNC251  (holding the loop up is the point)
    await asyncio.sleep(0.03)
    assert value(beating, "pointguard_event_loop_lag_seconds_sum", process="engine") > 0.2
    assert value(beating, "pointguard_event_loop_lag_seconds_count", process="engine") >= 2


@pytest.mark.parametrize(("step_s", "direction"), [(-30.0, "back"), (30.0, "forward")])
async def test_a_clock_that_is_set_is_a_step_and_one_that_goes_on_is_none(
    beating: Pulse, monkeypatch: pytest.MonkeyPatch, step_s: float, direction: str
) -> None:
    await asyncio.sleep(0.05)
    assert value(beating, "pointguard_clock_steps_total", direction=direction) == 0
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + step_s)
    await asyncio.sleep(0.05)
    assert value(beating, "pointguard_clock_steps_total", direction=direction) == 1


async def test_a_collection_of_garbage_is_counted_with_its_time(beating: Pulse) -> None:
    before = value(beating, "pointguard_gc_pause_seconds_count", generation="2")
    gc.collect()
    assert value(beating, "pointguard_gc_pause_seconds_count", generation="2") == before + 1
    assert value(beating, "pointguard_gc_pause_seconds_sum", generation="2") > 0


async def test_a_pulse_that_was_stopped_leaves_nothing_behind() -> None:
    before = list(gc.callbacks)
    measured = Pulse()
    measured.start()
    measured.stop()
    assert gc.callbacks == before
