"""The command load: a closed loop of requests, with percentiles."""

import argparse
import asyncio
from contextlib import suppress

from rich.console import RenderableType
from rich.progress import Progress, TaskID
from rich.table import Table

from pointguard_client.channel import call_metadata, open_channel
from pointguard_client.commands.options import (
    Subparsers,
    add_command,
    add_currency_option,
    positive_integer,
    positive_seconds,
    read_root_certificates,
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
from pointguard_client.load.runner import LoadMode, LoadOptions, LoadRunner, LoadSummary
from pointguard_client.load.templates import LoadMember, LoadOperation, LoadShape, TemplatePool
from pointguard_client.sample import read_baskets

_DEFAULT_DURATION_SECONDS = 10.0
_PROGRESS_INTERVAL_SECONDS = 0.2


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = add_command(commands, "load", "load the server in a closed loop and measure it", _load)
    parser.add_argument("--mode", choices=[mode.value for mode in LoadMode], default="unary")
    parser.add_argument(
        "--concurrency", type=positive_integer, default=32, help="calls in flight (default: %(default)s)"
    )
    parser.add_argument(
        "--batch-size", type=positive_integer, default=500, help="requests a batch (default: %(default)s)"
    )
    parser.add_argument(
        "--duration", type=positive_seconds, metavar="SECONDS", help="how long (default: 10 without --count)"
    )
    parser.add_argument("--count", type=positive_integer, help="how many requests")
    parser.add_argument(
        "--mix", type=mix, default="1:1", metavar="AUTHORISE:ACCRUE", help="weights (default: %(default)s)"
    )
    parser.add_argument("--members", type=positive_integer, help="how many members (default: all of the sample)")
    parser.add_argument("--loyalty-prefix", help="use the loyalty ids PREFIX1, PREFIX2, … in place of the sample's")
    parser.add_argument("--store", default="", help="the store of members that are not the sample's")
    parser.add_argument(
        "--lines", type=whole_number, default=3, help="lines of a basket, 0: a total (default: %(default)s)"
    )
    parser.add_argument("--reserve", action="store_true", help="leave reservations in place of spending in one step")
    parser.add_argument("--seed", type=int, default=1, help="of all that is drawn by lot (default: %(default)s)")
    add_currency_option(parser)


def mix(text: str) -> dict[LoadOperation, int]:
    """Read two weights, such as 1:1."""
    authorise, separator, accrue = text.partition(":")
    weights = {LoadOperation.AUTHORISE: whole_number(authorise), LoadOperation.ACCRUE: whole_number(accrue or "0")}
    if not separator or not any(weights.values()) or max(weights.values()) > 1000:
        raise argparse.ArgumentTypeError("must be two weights of 0 to 1000, one of them above 0, such as 1:1")
    return weights


def sample_members(count: int | None) -> list[LoadMember]:
    """Return the sample's first households, each with the store of its first basket; all of them without a count."""
    stores: dict[str, str] = {}
    for basket in read_baskets():
        stores.setdefault(basket.household_id, basket.store_id)
    if count is not None and count > len(stores):
        raise ConfigurationError(f"the sample has {len(stores)} members; use --loyalty-prefix for more")
    return [LoadMember(household, store) for household, store in list(stores.items())[:count]]


def numbered_members(prefix: str, count: int, store_id: str) -> list[LoadMember]:
    """Return members with loyalty ids that are a prefix and a number from 1."""
    return [LoadMember(f"{prefix}{number}", store_id) for number in range(1, count + 1)]


async def _load(arguments: argparse.Namespace) -> int:
    options = _options_of(arguments)
    pool = TemplatePool(_members_of(arguments), _shape_of(arguments), arguments.mix, arguments.seed)
    metadata = call_metadata(arguments.api_key)
    channel = open_channel(arguments.address, arguments.plaintext, read_root_certificates(arguments))
    async with channel:
        runner = LoadRunner(channel, metadata, pool, options)
        with stopping_on_signals(runner.stop), progress_bar() as progress:
            task = progress.add_task(f"{options.mode.value} load", total=options.count, rate="")
            reporter = asyncio.create_task(_report_progress(runner, progress, task))
            try:
                summary = await runner.run()
            finally:
                reporter.cancel()
                with suppress(asyncio.CancelledError):
                    await reporter
            progress.update(task, completed=runner.requests_done, rate=_rate_text(summary.requests_per_second))
    if arguments.json:
        print_json(plain(summary))
    else:
        console().print(_report(summary))
    if summary.interrupted:
        return EXIT_INTERRUPTED
    return 1 if summary.errors or summary.gave_up else 0


async def _report_progress(runner: LoadRunner, progress: Progress, task: TaskID) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    while True:
        await asyncio.sleep(_PROGRESS_INTERVAL_SECONDS)
        rate = runner.requests_done / (loop.time() - started)
        progress.update(task, completed=runner.requests_done, rate=_rate_text(rate))


def _rate_text(requests_per_second: float) -> str:
    return f"{requests_per_second:,.0f} requests/s"


def _options_of(arguments: argparse.Namespace) -> LoadOptions:
    duration: float | None = arguments.duration
    if duration is None and arguments.count is None:
        duration = _DEFAULT_DURATION_SECONDS
    return LoadOptions(
        mode=LoadMode(arguments.mode),
        concurrency=arguments.concurrency,
        batch_size=arguments.batch_size,
        duration_seconds=duration,
        count=arguments.count,
        timeout_seconds=arguments.timeout,
    )


def _members_of(arguments: argparse.Namespace) -> list[LoadMember]:
    if arguments.loyalty_prefix is None:
        return sample_members(arguments.members)
    return numbered_members(arguments.loyalty_prefix, arguments.members or 1, arguments.store)


def _shape_of(arguments: argparse.Namespace) -> LoadShape:
    return LoadShape(basket_lines=arguments.lines, capture=not arguments.reserve, currency_code=arguments.currency)


def _report(summary: LoadSummary) -> RenderableType:
    table = plain_table(f"{summary.mode} calls", *LATENCY_COLUMNS, title="Latency of a call")
    table.add_row(f"{summary.calls:,}", *latency_cells(summary.latency))
    parts: list[Table | str] = [_headline(summary), table, counts_table("Decisions", "decision", summary.outcomes)]
    if summary.errors:
        parts.append(counts_table("Errors", "what", summary.errors))
    return sections(parts)


def _headline(summary: LoadSummary) -> str:
    per_batch = f" in batches of {summary.batch_size:,}" if summary.mode == LoadMode.BATCH.value else ""
    end = f"\n[bold red]gave up:[/] {summary.gave_up}" if summary.gave_up else ""
    end = end or ("\n[bold yellow]stopped early[/]" if summary.interrupted else "")
    return (
        f"[bold]{summary.requests:,}[/] decisions{per_batch}, {summary.concurrency} calls in flight, "
        f"{summary.elapsed_seconds:.1f} s: [bold]{summary.requests_per_second:,.0f}[/] a second "
        f"(this client used {summary.client_cpu_seconds:.1f} s of processor time){end}"
    )
