"""The command replay: plays real baskets against the server and says what happened."""

import argparse
import time

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
from pointguard_client.idempotency import new_idempotency_key
from pointguard_client.replay.plan import plan_replay
from pointguard_client.replay.player import ReplayOptions, ReplayPlayer
from pointguard_client.replay.tally import DecisionCounts, ReplaySummary
from pointguard_client.sample import read_baskets


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = add_command(commands, "replay", "play a stretch of real baskets against the server", _replay)
    parser.add_argument("--limit", type=positive_integer, help="baskets to play (default: all of the sample)")
    parser.add_argument(
        "--concurrency", type=positive_integer, default=32, help="calls in flight (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of all that is drawn by lot (default: %(default)s)")
    parser.add_argument("--run-id", help="with an earlier run's id every answer is that run's (default: a new one)")
    parser.add_argument(
        "--redeem-every", type=positive_integer, default=6, help="baskets between redemptions (default: %(default)s)"
    )
    parser.add_argument(
        "--rapid-households",
        type=whole_number,
        default=4,
        help="households that redeem in quick succession (default: %(default)s)",
    )
    add_currency_option(parser)


async def _replay(arguments: argparse.Namespace) -> int:
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
        with progress_bar() as progress:
            task = progress.add_task("replaying baskets", total=len(plan.visits), rate="")
            started = time.monotonic()

            def advance() -> None:
                rate = player.tally.calls / max(time.monotonic() - started, 1e-9)
                progress.update(task, advance=1, rate=f"{rate:,.0f} calls/s")

            player = ReplayPlayer(client, plan, options, on_visit_done=advance)
            with stopping_on_signals(player.stop):
                summary = await player.play()
    if arguments.json:
        print_json(plain(summary))
    else:
        console().print(_report(summary))
    if summary.interrupted:
        return EXIT_INTERRUPTED
    return 1 if summary.errors or summary.gave_up else 0


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
