"""The commands below ``rules shadow``: a version evaluated on live traffic. ``rules`` registers them."""

import argparse

from rich.console import Group, RenderableType

from pointguard_client.commands.options import Subparsers, add_command, connect, positive_integer, whole_number
from pointguard_client.commands.output import console, escape, plain, plain_table, print_json
from pointguard_client.commands.rule_output import time_text
from pointguard_client.commands.who_and_why import add_change_options, change_of
from pointguard_client.shadow_values import Shadow, ShadowFindings


def register(commands: Subparsers) -> None:
    """Add the command with those below it."""
    parser = commands.add_parser(
        "shadow",
        help="evaluate a version on live traffic, without deciding by it",
        description="Shadows: a version of the earn rules evaluated on live traffic and recorded, never enforced.",
        parents=[],
    )
    below = parser.add_subparsers(metavar="COMMAND", required=True)
    start = add_command(below, "start", "have a version evaluated from now on", _start)
    start.add_argument("version", type=positive_integer)
    add_change_options(start)
    stop = add_command(below, "stop", "end a shadow; what it found stays", _stop)
    stop.add_argument("shadow", type=positive_integer)
    add_change_options(stop)
    show = add_command(below, "show", "show what a shadow found so far", _show)
    show.add_argument("shadow", type=whole_number, nargs="?", default=0, help="its number (default: the newest)")
    show.add_argument(
        "--count", type=positive_integer, default=10, help="differences at most, to 100 (default: %(default)s)"
    )


async def _start(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        shadow = await client.shadows.start(arguments.version, change_of(arguments), idempotency_key=arguments.key)
    return _print(shadow, arguments.json)


async def _stop(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        shadow = await client.shadows.stop(arguments.shadow, change_of(arguments), idempotency_key=arguments.key)
    return _print(shadow, arguments.json)


def _print(shadow: Shadow, as_json: bool) -> int:
    if as_json:
        print_json(plain(shadow))
    else:
        console().print(_line(shadow), markup=False, soft_wrap=True)
    return 0


def _line(shadow: Shadow) -> str:
    head = f"shadow {shadow.shadow_id} evaluates version {shadow.version} from {time_text(shadow.started_at)} on"
    return head if shadow.stopped_at is None else f"{head}, until {time_text(shadow.stopped_at)}"


async def _show(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        findings = await client.shadows.get(arguments.shadow, differences_max=arguments.count)
    if arguments.json:
        print_json(plain(findings))
    else:
        console().print(_view(findings))
    return 0


def _view(found: ShadowFindings) -> Group:
    """Return what a shadow found."""
    parts: list[RenderableType] = [_line(found.shadow)]
    parts.append(
        f"{found.evaluated:,} accruals evaluated, {found.flips:,} with other points;"
        f" {found.declined:,} declined and left out; seen to {time_text(found.seen_to) or 'nothing yet'}"
    )
    if found.failed:
        parts.append(f"[bold red]the arithmetic failed for {found.failed:,}[/]")
    if found.dropped:
        parts.append(f"[bold red]{found.dropped:,} transactions were passed over: it was too far behind[/]")
    rules = plain_table("rule", "shadow", "live", "difference")
    for rule in found.rules:
        rules.add_row(escape(rule.rule), *_points(rule.points, rule.live_points))
    rules.add_row("[bold]in all[/]", *_points(found.points, found.live_points))
    parts += ["", rules]
    if found.differences:
        differences = plain_table("transaction", "shadow", "live", "difference", title="the newest differences")
        for each in found.differences:
            differences.add_row(each.transaction_id, *_points(each.points, each.live_points))
        parts += ["", differences]
    return Group(*parts)


def _points(points: int, live_points: int) -> tuple[str, str, str]:
    return f"{points:,}", f"{live_points:,}", f"{points - live_points:+,}"
