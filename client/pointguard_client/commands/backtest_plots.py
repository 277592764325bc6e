"""Draws the result of a backtest: points by rule, tier and store, each as PNG and SVG. Needs the extra `plots`."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pointguard_client.backtest_values import BacktestGroup, BacktestResult, BacktestSide
from pointguard_client.errors import ConfigurationError

STORES_DRAWN: Final = 20
FORMATS: Final = ("png", "svg")
_COLORS: Final = ("#1b6ca8", "#c9ced6")
_BAR: Final = 0.38


def require() -> None:
    """Raise a ConfigurationError if what draws is not there."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ConfigurationError("--plots needs matplotlib: install pointguard with the extra plots")


def draw(result: BacktestResult, folder: Path) -> list[Path]:
    """Write the pictures into a folder, which is made if it is not there; return their paths."""
    import matplotlib as mpl

    mpl.use("Agg")  # no window, whatever the machine has
    # The same result gives the same file.
    mpl.rcParams["svg.hashsalt"] = "pointguard"
    folder.mkdir(parents=True, exist_ok=True)
    names = (f"version {result.side.version}", "issued" if result.other is None else f"version {result.other.version}")
    busiest = sorted(result.stores, key=lambda store: (-store.orders, store.code))[:STORES_DRAWN]
    drawn = _draw(folder / "rules", "Points by rule", *_rules(result), names)
    drawn += _draw(folder / "tiers", "Points by tier", *_groups(result.tiers), names)
    more = "" if len(busiest) == len(result.stores) else f", the {len(busiest)} busiest of {len(result.stores):,}"
    return drawn + _draw(folder / "stores", f"Points by store{more}", *_groups(busiest), names)


Bars = tuple[list[str], list[list[int]]]
"""The labels, and for each side a number a label; a side without numbers is left out."""


def _rules(result: BacktestResult) -> Bars:
    sides = [result.side] if result.other is None else [result.side, result.other]
    labels = list(dict.fromkeys(rule.rule for side in sides for rule in side.rules))
    return labels, [[_points(side, label) for label in labels] for side in sides]


def _points(side: BacktestSide, rule: str) -> int:
    return next((each.points for each in side.rules if each.rule == rule), 0)


def _groups(groups: Sequence[BacktestGroup]) -> Bars:
    labels = [group.code or "none" for group in groups]
    return labels, [[group.points for group in groups], [group.other_points for group in groups]]


def _draw(path: Path, title: str, labels: list[str], sides: list[list[int]], names: Sequence[str]) -> list[Path]:
    """Draw horizontal bars, the first label on top."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter, MaxNLocator

    figure: Any = Figure(figsize=(9, 1.6 + 0.42 * max(len(labels), 1)), layout="constrained")
    axes = figure.subplots()
    places = range(len(labels))
    for number, (points, name, color) in enumerate(zip(sides, names, _COLORS, strict=False)):
        shift = (number - (len(sides) - 1) / 2) * _BAR
        axes.barh([place + shift for place in places], points, _BAR, label=name, color=color)
    axes.set_yticks(list(places), labels)
    axes.margins(y=0.02)
    axes.invert_yaxis()
    axes.set_xlabel("points")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_title(title, loc="left", fontweight="bold")
    if len(sides) > 1:
        axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.2)
    drawn = []
    for form in FORMATS:
        drawn.append(path.with_suffix(f".{form}"))
        figure.savefig(drawn[-1], dpi=130, metadata={"Date": None} if form == "svg" else None)
    return drawn
