"""The command rules backtest: what a version would have given, as tables, as JSON, and as pictures."""

import argparse
from pathlib import Path

from rich.console import RenderableType
from rich.table import Table

from pointguard_client.backtest_values import BacktestGroup, BacktestProgress, BacktestResult
from pointguard_client.commands import backtest_plots
from pointguard_client.commands.options import Subparsers, add_command, connect, moment, positive_integer, whole_number
from pointguard_client.commands.output import console, escape, plain, plain_table, print_json, sections
from pointguard_client.commands.progress import timed_bar
from pointguard_client.errors import ConfigurationError
from pointguard_client.words import BacktestCaveat

_CAVEATS = {
    BacktestCaveat.ACCOUNTS_AS_THEY_WERE: "balances, spend and points in windows are as they were at each order",
    BacktestCaveat.STORES_AS_THEY_ARE: "of some stores only what was known of them later is kept",
    BacktestCaveat.BIRTH_DATES_MISSING: "the birth dates of members who were erased since count as not known",
}
STORES_SHOWN = 10


def register_backtest(commands: Subparsers) -> None:
    """Add the command."""
    parser = add_command(commands, "backtest", "say what a version would have given over past orders", _backtest)
    parser.add_argument("version", type=positive_integer)
    parser.add_argument(
        "--against", type=positive_integer, default=0, metavar="VERSION", help="beside it (default: what was issued)"
    )
    parser.add_argument("--begin", type=moment, help="first moment, ISO 8601 with time zone (default: the first order)")
    parser.add_argument("--end", type=moment, help="first moment behind the range (default: now)")
    parser.add_argument(
        "--by-occurred-at",
        action="store_true",
        help="let the rules see each order when its terminal says that it was (default: when the server took it)",
    )
    parser.add_argument(
        "--examples", type=whole_number, default=5, help="largest differences to tell (default: %(default)s)"
    )
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw the result into this folder, as PNG and SVG")


async def _backtest(arguments: argparse.Namespace) -> int:
    if arguments.plots is not None:
        # Before the work, not after it.
        backtest_plots.require()
    async with connect(arguments) as client:
        with timed_bar() as bar:
            task = bar.add_task("backtest", total=None, figures="starting")

            def show(progress: BacktestProgress) -> None:
                figures = f"{progress.orders:,} orders, {progress.points:,} points"
                bar.update(task, total=max(progress.legs_in_all, 1), completed=progress.legs, figures=figures)

            result = await client.rules.backtest(
                arguments.version,
                other_version=arguments.against,
                begins_at=arguments.begin,
                ends_before=arguments.end,
                examples_max=arguments.examples,
                by_occurred_at=arguments.by_occurred_at,
                on_progress=show,
            )
    drawn: list[Path] = []
    if arguments.plots is not None:
        try:
            drawn = backtest_plots.draw(result, arguments.plots)
        except OSError as error:
            raise ConfigurationError(f"cannot draw into {arguments.plots}: {error.strerror}") from error
    if arguments.json:
        print_json(plain(result))
    else:
        console().print(_report(result), soft_wrap=True)
        for path in drawn:
            console().print(f"drawn: {path}", markup=False, soft_wrap=True)
    return 0


def other_name(result: BacktestResult) -> str:
    """Return what the version is compared with, for people."""
    return "issued" if result.other is None else f"version {result.other.version}"


def _report(result: BacktestResult) -> RenderableType:
    parts: list[Table | str] = [_headline(result), _rules_table(result)]
    parts.append(_groups_table("tier", result.tiers, result))
    busiest = sorted(result.stores, key=lambda store: (-store.orders, store.code))[:STORES_SHOWN]
    parts.append(_groups_table("store", tuple(busiest), result))
    if result.examples:
        parts.append(_examples_table(result))
    parts += [f"[dim]{_CAVEATS[caveat]}[/]" for caveat in result.caveats if caveat in _CAVEATS]
    return sections(parts)


def _headline(result: BacktestResult) -> str:
    side = result.side
    other_points = result.issued_points if result.other is None else result.other.points
    other_cost = result.issued_cost_minor_units if result.other is None else result.other.cost_minor_units
    failed = f", [bold red]{side.failed_orders:,} failed[/]" if side.failed_orders else ""
    declined = f", {result.declined_orders:,} declined ones left out" if result.declined_orders else ""
    return (
        f"[bold]{result.orders:,}[/] orders{declined}{failed}\n"
        f"version {side.version}: [bold]{side.points:,}[/] points, cost {_money(side.cost_minor_units, result)}\n"
        f"{other_name(result)}: [bold]{other_points:,}[/] points, cost {_money(other_cost, result)}\n"
        f"[bold]{result.flips:,}[/] orders would have got other points: "
        f"{result.points_gained:,} more, {result.points_lost:,} less"
    )


def _money(minor_units: int, result: BacktestResult) -> str:
    return f"{minor_units:,} minor units of {escape(result.currency_code)}"


def _rules_table(result: BacktestResult) -> Table:
    sides = [result.side] if result.other is None else [result.side, result.other]
    titles = [title for side in sides for title in (f"points v{side.version}", f"orders v{side.version}", "cost")]
    table = plain_table("rule", *titles, title="Points by rule")
    known = [{rule.rule: rule for rule in side.rules} for side in sides]
    for name in dict.fromkeys(rule.rule for side in sides for rule in side.rules):
        cells: list[str] = []
        for rules in known:
            rule = rules.get(name)
            figures = () if rule is None else (rule.points, rule.orders, rule.cost_minor_units)
            cells += [f"{figure:,}" for figure in figures] or ["–"] * 3
        table.add_row(escape(name), *cells)
    return table


def _groups_table(what: str, groups: tuple[BacktestGroup, ...], result: BacktestResult) -> Table:
    count = len(result.stores if what == "store" else groups)
    title = f"By {what}" if count == len(groups) else f"By {what}: the {len(groups)} busiest of {count}"
    sides = (f"version {result.side.version}", other_name(result))
    table = plain_table(what, "orders", "spend", *sides, "flips", title=title)
    for group in groups:
        table.add_row(
            escape(group.code) or "–",
            f"{group.orders:,}",
            f"{group.spend_minor_units:,}",
            f"{group.points:,}",
            f"{group.other_points:,}",
            f"{group.flips:,}",
        )
    return table


def _examples_table(result: BacktestResult) -> Table:
    table = plain_table(
        "transaction", "accepted", f"version {result.side.version}", other_name(result), title="Largest differences"
    )
    table.add_column("rules that differ")
    for example in result.examples:
        rules = ", ".join(f"{rule.rule} {rule.points:,}/{rule.other_points:,}" for rule in example.rules)
        table.add_row(
            example.transaction_id,
            example.accepted_at.isoformat(sep=" ", timespec="seconds"),
            f"{example.points:,}",
            f"{example.other_points:,}",
            escape(rules),
        )
    return table
