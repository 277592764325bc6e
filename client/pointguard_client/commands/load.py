"""The command load: closed and open loops of requests, with percentiles; load compare sets two of them side by side."""

import argparse
import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from pointguard_client.channel import call_metadata
from pointguard_client.commands import load_compare
from pointguard_client.commands.load_report import LoadReport, write_histogram
from pointguard_client.commands.options import (
    Subparsers,
    add_command,
    add_currency_option,
    number_type,
    positive_integer,
    positive_seconds,
    read_root_certificates,
    whole_number,
)
from pointguard_client.commands.output import console, plain, print_json
from pointguard_client.commands.progress import timed_bar
from pointguard_client.commands.signals import EXIT_INTERRUPTED, stopping_on_signals
from pointguard_client.errors import ConfigurationError
from pointguard_client.load.exchange import LoadMode
from pointguard_client.load.members import LoadMember, NumberedMembers, Skew, sample_members
from pointguard_client.load.processes import LoadPlan, LoadProcesses
from pointguard_client.load.runner import LoadOptions
from pointguard_client.load.schedule import Arrivals
from pointguard_client.load.tally import LoadTally
from pointguard_client.load.templates import WRITES, LoadOperation, LoadShape

_DEFAULT_DURATION_SECONDS: Final = 10.0
_PROGRESS_INTERVAL_SECONDS: Final = 0.5
_WEIGHT_MAX: Final = 1000
_RATE_MAX: Final = 10_000_000
# By mode: calls in flight in a closed loop, and at most in an open one; requests a call.
_CONCURRENCY: Final = {
    LoadMode.UNARY: (32, 1_000),
    LoadMode.BATCH: (4, 32),
    LoadMode.STREAM: (500, 10_000),
    LoadMode.COLUMNS: (2, 8),
}
_BATCH_SIZE: Final = {LoadMode.BATCH: 500, LoadMode.COLUMNS: 5_000}


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = add_command(commands, "load", "load the server and measure it", _load)
    parser.add_argument("--mode", choices=[mode.value for mode in LoadMode], default="unary")
    parser.add_argument(
        "--concurrency",
        type=positive_integer,
        help="requests or batches in flight; with --rate, at most (default: what suits the mode, 32 for unary)",
    )
    parser.add_argument(
        "--batch-size", type=positive_integer, help="requests a batch (default: 500, and 5000 rows of columns)"
    )
    parser.add_argument("--processes", type=positive_integer, default=1, help="client processes (default: 1)")
    _add_end_options(parser)
    _add_pace_options(parser)
    _add_content_options(parser)
    output = parser.add_argument_group("results")
    output.add_argument(
        "--histogram-file", type=Path, metavar="FILE", help="write the percentiles as HdrHistogram's plotters read them"
    )
    load_compare.register(parser.add_subparsers(metavar="[compare A.json B.json]", title="results of two runs"))


def _add_end_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how long: whichever comes first")
    group.add_argument(
        "--duration", type=positive_seconds, metavar="SECONDS", help="so long (default: 10 without --count)"
    )
    group.add_argument("--count", type=positive_integer, help="so many requests")


def _add_pace_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how fast")
    group.add_argument(
        "--rate",
        type=number_type(float, lambda rate: 0 < rate <= _RATE_MAX, f"a number above 0, at most {_RATE_MAX}"),
        metavar="N",
        help="open loop: N requests are due a second, and latency counts from then (default: closed loop)",
    )
    group.add_argument(
        "--arrivals",
        choices=[arrivals.value for arrivals in Arrivals],
        help="with --rate: at equal distances, or by chance (default: constant)",
    )
    group.add_argument(
        "--think-time",
        type=positive_seconds,
        metavar="SECONDS",
        help="closed loop: rest between an answer and the next request",
    )


def _add_content_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is asked")
    group.add_argument(
        "--mix",
        type=mix,
        default="authorise=1,accrue=1",
        metavar="NAME=WEIGHT,…",
        help="of authorise, accrue, quote, balance, advice (default: %(default)s)",
    )
    group.add_argument("--members", type=positive_integer, help="how many members (default: all of the sample)")
    group.add_argument("--loyalty-prefix", help="use the loyalty ids PREFIX1, PREFIX2, … in place of the sample's")
    group.add_argument(
        "--skew",
        type=_skew,
        default="uniform",
        metavar="uniform|zipf:S|hot:SHARE",
        help="how evenly members are chosen; hot: one gets this share of all requests (default: %(default)s)",
    )
    group.add_argument("--store", default="", help="the store of members that are not the sample's")
    group.add_argument(
        "--lines", type=whole_number, default=3, help="lines of a basket, 0: a total (default: %(default)s)"
    )
    group.add_argument("--reserve", action="store_true", help="leave reservations in place of spending in one step")
    group.add_argument("--seed", type=int, default=1, help="of all that is drawn by lot (default: %(default)s)")
    add_currency_option(parser)


def mix(text: str) -> dict[LoadOperation, int]:
    """Read weights of operations, such as authorise=1,accrue=3."""
    weights: dict[LoadOperation, int] = {}
    for part in text.split(","):
        name, separator, number = part.partition("=")
        names = ", ".join(operation.value for operation in LoadOperation)
        try:
            operation = LoadOperation(name.strip())
        except ValueError:
            raise argparse.ArgumentTypeError(f"{name.strip()!r} is none of {names}") from None
        if not separator or not number.strip().isdecimal() or int(number) > _WEIGHT_MAX:
            raise argparse.ArgumentTypeError(f"{part.strip()!r} must be {name}=WEIGHT, with 0 to {_WEIGHT_MAX}")
        weights[operation] = int(number)
    if not any(weights.values()):
        raise argparse.ArgumentTypeError("one weight must be above 0")
    return weights


def _skew(text: str) -> Skew:
    try:
        return Skew.parse(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            "must be uniform, zipf:S with S above 0 up to 10, or hot:SHARE with SHARE above 0 up to 1"
        ) from None


async def _load(arguments: argparse.Namespace) -> int:
    plan = _plan_of(arguments)
    tally = await _run_with_progress(LoadProcesses(plan, arguments.processes), plan.options)
    report = LoadReport(settings_of(plan, arguments.processes), tally.summary(), tally.every_latency())
    if arguments.histogram_file is not None:
        write_histogram(arguments.histogram_file, report.latencies)
    if arguments.json:
        print_json(plain({"settings": report.settings} | asdict(report.summary)))
    else:
        console().print(report.render())
    if tally.interrupted:
        return EXIT_INTERRUPTED
    return 1 if tally.errors or tally.gave_up else 0


async def _run_with_progress(load: LoadProcesses, options: LoadOptions) -> LoadTally:
    with stopping_on_signals(load.stop), timed_bar() as progress:
        total = options.count if options.duration_seconds is None else options.duration_seconds
        task = progress.add_task(f"{options.mode.value} load", total=total, figures="")

        def show(tally: LoadTally, rate: float) -> None:
            latency, errors = tally.every_latency().summary(), sum(tally.errors.values())
            figures = f"{rate:,.0f}/s  p50 {latency.latency_ms_p50:.1f}  p99 {latency.latency_ms_p99:.1f} ms"
            figures += f"  [red]{errors:,} errors[/]" if errors else ""
            done = tally.requests + errors if options.duration_seconds is None else tally.elapsed_seconds
            progress.update(task, completed=done, figures=figures)

        reporter = asyncio.create_task(_report_progress(load, show))
        try:
            tally = await load.run()
        finally:
            reporter.cancel()
        show(tally, tally.requests / max(tally.elapsed_seconds, 1e-9))
        return tally


async def _report_progress(load: LoadProcesses, show: Callable[[LoadTally, float], None]) -> None:
    """Show the rate of the last moment, and the percentiles of all so far."""
    before, seconds_before = 0, 0.0
    while True:
        await asyncio.sleep(_PROGRESS_INTERVAL_SECONDS)
        tally = load.tally
        passed = tally.elapsed_seconds - seconds_before
        if passed > 0:
            show(tally, (tally.requests - before) / passed)
            before, seconds_before = tally.requests, tally.elapsed_seconds


def settings_of(plan: LoadPlan, processes: int) -> dict[str, object]:
    """Return what a run was asked to do, in plain values."""
    options = plan.options
    return {
        "mode": options.mode.value,
        "loop": "closed" if options.rate is None else "open",
        "rate": options.rate,
        "arrivals": None if options.rate is None else options.arrivals.value,
        "concurrency": options.concurrency,
        "requests_a_call": options.requests_a_call,
        "processes": processes,
        "think_seconds": options.think_seconds,
        "duration_seconds": options.duration_seconds,
        "count": options.count,
        "mix": {operation.value: weight for operation, weight in plan.weights.items() if weight},
        "members": len(plan.members),
        "skew": str(plan.skew),
        "basket_lines": plan.shape.basket_lines,
        "capture": plan.shape.capture,
        "seed": plan.seed,
    }


def _plan_of(arguments: argparse.Namespace) -> LoadPlan:
    return LoadPlan(
        address=arguments.address,
        metadata=call_metadata(arguments.api_key),
        plaintext=arguments.plaintext,
        root_certificates=read_root_certificates(arguments),
        members=_members_of(arguments),
        shape=LoadShape(basket_lines=arguments.lines, capture=not arguments.reserve, currency_code=arguments.currency),
        weights=arguments.mix,
        skew=arguments.skew,
        seed=arguments.seed,
        options=_options_of(arguments),
    )


def _options_of(arguments: argparse.Namespace) -> LoadOptions:
    mode = LoadMode(arguments.mode)
    _refuse_what_does_not_go_together(arguments, mode)
    duration: float | None = arguments.duration
    if duration is None and arguments.count is None:
        duration = _DEFAULT_DURATION_SECONDS
    closed, opened = _CONCURRENCY[mode]
    options = LoadOptions(
        mode=mode,
        concurrency=arguments.concurrency or (closed if arguments.rate is None else opened),
        batch_size=arguments.batch_size or _BATCH_SIZE.get(mode, 1),
        duration_seconds=duration,
        count=arguments.count,
        timeout_seconds=arguments.timeout,
        rate=arguments.rate,
        arrivals=Arrivals(arguments.arrivals or Arrivals.CONSTANT.value),
        seed=arguments.seed,
        think_seconds=arguments.think_time or 0.0,
    )
    for name, whole in (("concurrency", options.concurrency), ("count", options.count)):
        if whole is not None and arguments.processes > whole:
            raise ConfigurationError(f"--processes must be at most --{name}, which is {whole}")
    return options


def _refuse_what_does_not_go_together(arguments: argparse.Namespace, mode: LoadMode) -> None:
    reads = [operation.value for operation, weight in arguments.mix.items() if weight and operation not in WRITES]
    if reads and mode is not LoadMode.UNARY:
        raise ConfigurationError(f"--mix: --mode {mode.value} has authorise and accrue alone, not {', '.join(reads)}")
    if arguments.batch_size and mode not in _BATCH_SIZE:
        raise ConfigurationError(f"--batch-size makes no sense with --mode {mode.value}")
    if arguments.think_time and arguments.rate:
        raise ConfigurationError("--think-time makes no sense with --rate: an open loop waits for nobody")
    if arguments.arrivals and not arguments.rate:
        raise ConfigurationError("--arrivals makes no sense without --rate")
    if arguments.store and arguments.loyalty_prefix is None:
        raise ConfigurationError("--store makes no sense without --loyalty-prefix: the sample's members have stores")


def _members_of(arguments: argparse.Namespace) -> Sequence[LoadMember]:
    if arguments.loyalty_prefix is None:
        return sample_members(arguments.members)
    return NumberedMembers(arguments.loyalty_prefix, arguments.members or 1, arguments.store)
