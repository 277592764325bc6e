"""Pictures of a backtest."""

from pathlib import Path

from pointguard_client.backtest_values import BacktestGroup, BacktestResult, BacktestRule, BacktestSide
from pointguard_client.commands import backtest_plots


def side(version: int, *rules: tuple[str, int]) -> BacktestSide:
    points = sum(given for _, given in rules)
    return BacktestSide(version, points, points, 0, tuple(BacktestRule(name, given, 1, given) for name, given in rules))


def result(other: BacktestSide | None) -> BacktestResult:
    stores = tuple(BacktestGroup(f"S{number}", 50 - number, 100, 9, 9, 7, 1) for number in range(30))
    return BacktestResult(
        9, 0, "CAD", 900, 9, 9, side(2, ("base", 9), ("offer & <more>", 2)), other, stores[:1], stores, 3, 4, 1, (), ()
    )


def test_rules_tiers_and_stores_are_drawn_as_png_and_svg_the_same_each_time(tmp_path: Path) -> None:
    wanted = [f"{name}.{form}" for name in ("rules", "tiers", "stores") for form in ("png", "svg")]
    drawn = backtest_plots.draw(result(side(1, ("base", 8))), tmp_path / "new" / "folder")
    assert [path.name for path in drawn] == wanted
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn if path.suffix == ".png")
    again = backtest_plots.draw(result(side(1, ("base", 8))), tmp_path / "again")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in drawn]


def test_what_is_drawn_are_the_sides_points_and_only_the_busiest_stores() -> None:
    labels, sides = backtest_plots._rules(result(side(1, ("base", 8), ("gone", 3))))
    assert (labels, sides) == (["base", "offer & <more>", "gone"], [[9, 2, 0], [8, 0, 3]])
    assert backtest_plots._rules(result(None)) == (["base", "offer & <more>"], [[9, 2]])
    assert backtest_plots._groups(result(None).tiers) == (["S0"], [[9], [7]])
