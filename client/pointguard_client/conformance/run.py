"""Plays scenarios against a target, many at a time over one connection. For the command `conformance` and for tests."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from pointguard_client.conformance.expectations import COLUMNS
from pointguard_client.conformance.performance import Part, Performance, Result, Verdict
from pointguard_client.conformance.power_cuts import PowerCuts
from pointguard_client.conformance.tables import Scenario, read_scenarios
from pointguard_client.conformance.target import look_at
from pointguard_client.conformance.wire import Endpoint, Wire

SCENARIOS: Final = Path(__file__).parent / "scenarios"
PROGRAM: Final = Path(__file__).parent / "program"
TIMEOUT_SECONDS: Final = 20.0
_AT_A_TIME: Final = 128
_DAY_SECONDS: Final = 86_400
_BEFORE_MIDNIGHT_SECONDS: Final = 30

Restart = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Report:
    """What became of all scenarios, in their order."""

    address: str
    results: tuple[Result, ...]
    seconds: float

    def count(self, verdict: Verdict) -> int:
        """Return how many scenarios ended so."""
        return sum(result.verdict is verdict for result in self.results)


def load_parts(folder: Path = SCENARIOS, only: Sequence[str] = ()) -> list[Part]:
    """Read scenarios; with ``only``, those whose name or title has one of these texts in it.

    Raises:
        ScenarioError: one has a mistake.
    """
    return [Part.of(each) for each in read_scenarios(folder, COLUMNS) if not only or _is_meant(each, only)]


def _is_meant(scenario: Scenario, only: Sequence[str]) -> bool:
    return any(text.lower() in f"{scenario.name} {scenario.title}".lower() for text in only)


async def play(
    parts: Sequence[Part],
    endpoint: Endpoint,
    *,
    restart: Restart | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
    told: Callable[[Result], None] = lambda result: None,
) -> Report:
    """Play scenarios, those in which the target is killed after all others, and return what became of them.

    Without ``restart``, which kills the target and starts it again, they are skipped; so is what the API key has not
    the role for. ``told`` hears each result when it is there.

    Raises:
        UnfitTarget: the target serves another program, or none at all.
    """
    started, run = time.monotonic(), f"kit-{uuid4().hex[:10]}"
    results: dict[int, Result] = {}

    def keep(number: int, result: Result) -> None:
        results[number] = result
        told(result)

    async with Wire(endpoint, timeout_seconds) as wire:
        roles = (await look_at(wire)).roles
        await _pass_midnight()
        numbered = list(enumerate(parts))
        for number, part in numbered:
            if reason := skipped(part, roles, restart):
                keep(number, Result(part.scenario, Verdict.SKIPPED, why=(reason,)))
        usual = [each for each in numbered if each[0] not in results and not each[1].cuts_power]
        room = asyncio.Semaphore(_AT_A_TIME)

        async def play_one(number: int, part: Part) -> None:
            async with room:
                keep(number, await Performance(part, wire, f"{run}-{number}").play())

        await _all_of(play_one(number, part) for number, part in usual)
        if restart is not None:
            cut = [each for each in numbered if each[0] not in results]
            await _play_power_cuts(cut, wire, run, restart, keep)
    ordered = tuple(results[number] for number in sorted(results))
    return Report(endpoint.address, ordered, time.monotonic() - started)


async def _pass_midnight() -> None:
    """Wait where the day of the kit's program, which is that of UTC, would end amid scenarios that count by the day."""
    left = _DAY_SECONDS - time.time() % _DAY_SECONDS
    if left < _BEFORE_MIDNIGHT_SECONDS:
        await asyncio.sleep(left + 1)


async def _play_power_cuts(
    parts: Sequence[tuple[int, Part]], wire: Wire, run: str, restart: Restart, keep: Callable[[int, Result], None]
) -> None:
    """Play scenarios in which the target is killed, so that it is killed as seldom as possible."""

    async def restarted() -> None:
        await restart()
        await wire.reconnect()
        await wire.ready()

    power_cuts = PowerCuts(len(parts), restarted)

    async def play_one(number: int, part: Part) -> None:
        try:
            keep(number, await Performance(part, wire, f"{run}-{number}", power_cuts).play())
        finally:
            await power_cuts.leave()

    await _all_of(play_one(*each) for each in parts)


async def _all_of(playing: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Play scenarios side by side. Only a defect of the kit ends one by an exception, and then all."""
    async with asyncio.TaskGroup() as group:
        for each in playing:
            group.create_task(each)


def skipped(part: Part, roles: frozenset[str], restart: Restart | None) -> str:
    """Return why a scenario is not played; empty if it is."""
    if missing := part.roles - roles:
        return f"the API key has not the role {' and '.join(sorted(missing))}"
    if part.cuts_power and restart is None:
        return "it kills the target, and no --restart says how"
    return ""
