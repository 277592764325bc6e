"""The command load compare: two runs of a load side by side, from the files that --json wrote."""

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import RenderableType

from pointguard_client.commands.options import Subparsers
from pointguard_client.commands.output import console, escape, plain, plain_table, print_json, sections
from pointguard_client.errors import ConfigurationError

Run = Mapping[str, Any]  # Any: JSON


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of both runs; `ratio` is the second by the first, None where the first is 0."""

    name: str
    first: float
    second: float

    @property
    def ratio(self) -> float | None:
        """How many times the first the second is."""
        return self.second / self.first if self.first else None


_FIGURES: Final[dict[str, Callable[[Run], float]]] = {
    "requests a second": lambda run: run["requests_per_second"],
    "requests": lambda run: run["requests"],
    "errors": lambda run: sum(run["errors"].values()),
    "mean ms": lambda run: run["latency"]["latency_ms_mean"],
    "p50 ms": lambda run: run["latency"]["latency_ms_p50"],
    "p90 ms": lambda run: run["latency"]["latency_ms_p90"],
    "p99 ms": lambda run: run["latency"]["latency_ms_p99"],
    "p99.9 ms": lambda run: run["latency"]["latency_ms_p999"],
    "p99.99 ms": lambda run: run["latency"]["latency_ms_p9999"],
    "max ms": lambda run: run["latency"]["latency_ms_max"],
    "sent late p99 ms": lambda run: run["sent_late"]["latency_ms_p99"],
    "unsent": lambda run: run["unsent"],
    "client µs a request": lambda run: run["client_cpu_seconds"] / max(run["requests"], 1) * 1e6,
}


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "compare",
        help="two runs that --json has written, side by side",
        description="Shows two runs of a load side by side, and how many times the first the second is.",
        parents=[],
    )
    parser.add_argument("first", type=Path, metavar="A.json")
    parser.add_argument("second", type=Path, metavar="B.json")
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    parser.set_defaults(run=_compare)


def read_run(path: Path) -> Run:
    """Return a run that --json wrote; raise ConfigurationError, naming the file, if it is none."""
    try:
        run: Run = json.loads(path.read_text(encoding="utf-8"))
        for figure in _FIGURES.values():
            figure(run)
        dict(run["settings"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{path} is not the --json output of a load: {error}") from error
    return run


def figures_of(first: Run, second: Run) -> list[Figure]:
    """Return the figures of both runs."""
    return [Figure(name, figure(first), figure(second)) for name, figure in _FIGURES.items()]


def differences(first: Run, second: Run) -> dict[str, tuple[object, object]]:
    """Return the settings that are not the same, with both values."""
    ours, theirs = first["settings"], second["settings"]
    names = [*ours, *(name for name in theirs if name not in ours)]
    return {name: (ours.get(name), theirs.get(name)) for name in names if ours.get(name) != theirs.get(name)}


async def _compare(arguments: argparse.Namespace) -> int:
    first, second = read_run(arguments.first), read_run(arguments.second)
    figures, differ = figures_of(first, second), differences(first, second)
    if arguments.json:
        rows = [asdict(figure) | {"ratio": figure.ratio} for figure in figures]
        print_json(plain({"figures": rows, "settings": differ}))
    else:
        console().print(_report(arguments, figures, differ))
    return 0


def _report(
    arguments: argparse.Namespace, figures: list[Figure], differ: dict[str, tuple[object, object]]
) -> RenderableType:
    names = (f"A {arguments.first.name}", f"B {arguments.second.name}")
    table = plain_table("", *names, "B / A")
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f} ×"
        table.add_row(figure.name, _number(figure.first), _number(figure.second), ratio)
    parts: list[RenderableType] = [table]
    if differ:
        settings = plain_table("setting", *names, title="What was not the same")
        for name, values in differ.items():
            settings.add_row(name, *(escape(_plain_text(value)) for value in values))
        parts.append(settings)
    return sections(parts)


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.{0 if value >= 1000 else 2}f}"


def _plain_text(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={number}" for name, number in value.items())
    return "–" if value is None else str(value)
