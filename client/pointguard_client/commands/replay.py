"""The command replay: plays real baskets against the server and says what happened."""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import RenderableType
from rich.table import Table

from pointguard_client.commands.options import (
    Subparsers,
    add_command,
    add_currency_option,
    connect,
    positive_integer,
    whole_number,
)
from pointguard_client.commands.output import (
    LATENCY_COLUMNS,
    console,
    counts_table,
    latency_cells,
    plain,
    plain_table,
    print_json,
    sections,
)
from pointguard_client.commands.progress import progress_bar
from pointguard_client.commands.signals import EXIT_INTERRUPTED, stopping_on_signals
from pointguard_client.errors import ConfigurationError
from pointguard_client.idempotency import new_idempotency_key
from pointguard_client.replay.plan import plan_replay
from pointguard_client.replay.player import ReplayOptions, ReplayPlayer
from pointguard_client.replay.tally import DecisionCounts, ReplaySummary, ReplayTally
from pointguard_client.replay.year_player import YEAR_RUN_ID, YearOptions, YearPlayer
from pointguard_client.sample import read_baskets
from pointguard_client.sample.year import count_year, read_year

DEFAULTS: Final = {"concurrency": 32, "seed": 1, "redeem_every": 6, "rapid_households": 4}
"""Of the options that a replay of the whole year does not have."""


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = add_command(commands, "replay", "play a stretch of real baskets against the server", _replay)
    parser.add_argument(
        "--full", action="store_true", help="play the whole year's baskets through one stream (needs the extra sample)"
    )
    parser.add_argument("--limit", type=positive_integer, help="baskets to play (default: all of them)")
    parser.add_argument(
        "--concurrency", type=positive_integer, help=f"calls in flight (default: {DEFAULTS['concurrency']})"
    )
    parser.add_argument("--seed", type=int, help=f"of all that is drawn by lot (default: {DEFAULTS['seed']})")
    parser.add_argument(
        "--run-id",
        help="with an earlier run's id every answer is that run's (default: a new one; with --full always the same)",
    )
    parser.add_argument(
        "--redeem-every",
        type=positive_integer,
        help=f"baskets between redemptions (default: {DEFAULTS['redeem_every']})",
    )
    parser.add_argument(
        "--rapid-households",
        type=whole_number,
        help=f"households that redeem in quick succession (default: {DEFAULTS['rapid_households']})",
    )
    add_currency_option(parser)


async def _replay(arguments: argparse.Namespace) -> int:
    if arguments.full:
        _refuse_what_full_has_not(arguments)
        summary = await _play_year(arguments)
    else:
        summary = await _play_stretch(arguments)
    if arguments.json:
        print_json(plain(summary))
    else:
        console().print(_report(summary))
    if summary.interrupted:
        return EXIT_INTERRUPTED
    return 1 if summary.errors or summary.gave_up else 0


def _refuse_what_full_has_not(arguments: argparse.Namespace) -> None:
    for name in DEFAULTS:
        if getattr(arguments, name) is not None:
            raise ConfigurationError(f"--{name.replace('_', '-')} makes no sense with --full: it plays baskets alone")


async def _play_year(arguments: argparse.Namespace) -> ReplaySummary:
    # What is not installed is said before anybody is called.
    count = count_year()
    planned = min(count, arguments.limit or count)
    options = YearOptions(arguments.run_id or YEAR_RUN_ID, arguments.currency, planned)
    async with connect(arguments) as client:
        with _replay_bar(planned, lambda: player.tally) as advance:
            player = YearPlayer(client, read_year(arguments.limit), options, on_basket_done=advance)
            with stopping_on_signals(player.stop):
                return await player.play()


async def _play_stretch(arguments: argparse.Namespace) -> ReplaySummary:
    for name, default in DEFAULTS.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, default)
    plan = plan_replay(
        read_baskets(arguments.limit), arguments.seed, arguments.redeem_every, arguments.rapid_households
    )
    options = ReplayOptions(
        run_id=arguments.run_id or new_idempotency_key(),
        seed=arguments.seed,
        concurrency=arguments.concurrency,
        currency_code=arguments.currency,
    )
    async with connect(arguments) as client:
        with _replay_bar(len(plan.visits), lambda: player.tally) as advance:
            player = ReplayPlayer(client, plan, options, on_visit_done=advance)
            with stopping_on_signals(player.stop):
                return await player.play()


@contextmanager
def _replay_bar(baskets: int, tally: Callable[[], ReplayTally]) -> Iterator[Callable[[], None]]:
    """Show how far a replay has come; yield what is to be called for every basket."""
    with progress_bar() as progress:
        task = progress.add_task("replaying baskets", total=baskets, rate="")
        started = time.monotonic()

        def advance() -> None:
            rate = tally().calls / max(time.monotonic() - started, 1e-9)
            progress.update(task, advance=1, rate=f"{rate:,.0f} calls/s")

        yield advance


def _report(summary: ReplaySummary) -> RenderableType:
    parts: list[Table | str] = [_headline(summary), _calls_table(summary), _decisions_table(summary)]
    if summary.warnings:
        parts.append(counts_table("Warnings", "rule", summary.warnings))
    if summary.advice_raised:
        parts.append(counts_table("Advice raised", "rule", summary.advice_raised))
    if summary.advice_standing_before:
        parts.append(counts_table("Advice that stood before", "rule", summary.advice_standing_before))
    if summary.errors:
        errors = {f"{error.rpc} {error.code} {error.reason}".rstrip(): error.count for error in summary.errors}
        parts.append(counts_table("Errors", "what", errors))
    parts.append(f"[dim]run id {summary.run_id} · seed {summary.seed}[/]")
    return sections(parts)


def _headline(summary: ReplaySummary) -> str:
    end = ""
    if summary.gave_up:
        end = f"\n[bold red]gave up:[/] {summary.gave_up}"
    elif summary.interrupted:
        end = f"\n[bold yellow]stopped[/] after {summary.baskets:,} of {summary.baskets_planned:,} baskets"
    return (
        f"[bold]{summary.baskets:,}[/] baskets of [bold]{summary.households:,}[/] households in "
        f"{summary.elapsed_seconds:.1f} s: [bold]{summary.calls:,}[/] calls, "
        f"[bold]{summary.calls_per_second:,.0f}[/] a second\n"
        f"points issued [bold]{summary.points_issued:,}[/], redeemed [bold]{summary.points_redeemed:,}[/], "
        f"voided [bold]{summary.points_voided:,}[/]{end}"
    )


def _calls_table(summary: ReplaySummary) -> Table:
    table = plain_table("RPC", "calls", "errors", *LATENCY_COLUMNS, title="Calls")
    for rpc, counts in summary.by_rpc.items():
        table.add_row(rpc, f"{counts.calls:,}", f"{counts.errors:,}", *latency_cells(counts.latency))
    errors = sum(error.count for error in summary.errors)
    table.add_section()
    table.add_row("all", f"{summary.calls:,}", f"{errors:,}", *latency_cells(summary.latency))
    return table


def _decisions_table(summary: ReplaySummary) -> Table:
    table = plain_table("decision", "count", title="Decisions")
    _add_decisions(table, "redemptions", summary.redemptions)
    table.add_section()
    _add_decisions(table, "accruals", summary.accruals)
    return table


def _add_decisions(table: Table, what: str, counts: DecisionCounts) -> None:
    table.add_row(f"{what} [green]approved[/]", f"{counts.approved:,}")
    if counts.review:
        table.add_row(f"{what} in [yellow]review[/]", f"{counts.review:,}")
    if counts.declined:
        table.add_row(f"{what} [red]declined[/]", f"{counts.declined:,}")
    for reason, count in counts.declined_by_reason.items():
        table.add_row(f"  {reason}", f"{count:,}")
