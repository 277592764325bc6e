"""What a benchmark hands back, the file that it becomes, and the table that people read. For the benchmarks."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Round:
    """One turn: what pointguard reached and what its baseline reached right after it, in the same unit."""

    pointguard: float
    baseline: float

    @property
    def ratio(self) -> float:
        """Pointguard's figure over the baseline's."""
        return self.pointguard / self.baseline


@dataclass(frozen=True, slots=True)
class Result:
    """A benchmark's outcome; ``ratio``, ``pointguard`` and ``baseline`` are medians of the rounds.

    ``goal`` is a text for people, empty where a figure is only reported; ``settings`` is whatever it takes to judge the
    figures or to get them again.
    """

    name: str
    unit: str
    goal: str
    ratio: float
    low: float
    high: float
    pointguard: float
    baseline: float
    rounds: tuple[Round, ...]
    settings: dict[str, Any]

    def write(self, directory: Path) -> None:
        """Put the result into ``<name>.json``."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{self.name}.json").write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def summarize(name: str, unit: str, goal: str, rounds: Sequence[Round], settings: dict[str, Any]) -> Result:
    """Return the result of some rounds: the medians, and the lowest and highest ratio.

    Raises:
        ValueError: if there are no rounds.
    """
    if not rounds:
        raise ValueError("a result needs at least one round")
    ratios = [turn.ratio for turn in rounds]
    return Result(
        name=name,
        unit=unit,
        goal=goal,
        ratio=median(ratios),
        low=min(ratios),
        high=max(ratios),
        pointguard=median(turn.pointguard for turn in rounds),
        baseline=median(turn.baseline for turn in rounds),
        rounds=tuple(rounds),
        settings=settings,
    )


def table_of(results: Sequence[Result]) -> Table:
    """Return one row for each result."""
    table = Table(title="Medians of all rounds", title_justify="left", header_style="bold")
    table.add_column("name")
    for column in ("pointguard", "baseline", "ratio", "low", "high"):
        table.add_column(column, justify="right")
    table.add_column("unit")
    table.add_column("goal")
    table.add_column("rounds", justify="right")
    for result in results:
        table.add_row(
            result.name,
            _figure(result.pointguard),
            _figure(result.baseline),
            f"[bold]{result.ratio:.3f}[/]",
            f"{result.low:.3f}",
            f"{result.high:.3f}",
            result.unit,
            result.goal or "reported",
            str(len(result.rounds)),
        )
    return table


def disturbance_of(results: Sequence[Result]) -> float:
    """Return the most cores that processes of no part in a benchmark kept busy in one of its rounds."""
    return max(
        (
            float(run.get("others_cores_busy", 0.0))
            for result in results
            for side in ("pointguard_runs", "baseline_runs")
            for run in result.settings.get(side, ())
        ),
        default=0.0,
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"
