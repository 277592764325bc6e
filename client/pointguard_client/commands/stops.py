"""The commands below ``fraud`` that stop redemptions, release them and list what is stopped."""

import argparse

from pointguard_client.commands.options import Subparsers, add_command, connect, moment, positive_integer
from pointguard_client.commands.output import console, plain, print_json, print_result
from pointguard_client.commands.who_and_why import add_intervention_options, intervention_of
from pointguard_client.errors import ConfigurationError
from pointguard_client.fraud_values import StopSubject


def register(below: Subparsers) -> None:
    """Add the commands."""
    stop = add_command(below, "stop-redemptions", "have every redemption declined from now on", _stop)
    which = stop.add_mutually_exclusive_group(required=True)
    which.add_argument("--program", action="store_true", help="all of the program")
    which.add_argument("--business-unit", help="in the stores of a business unit")
    which.add_argument("--store", help="in a store, or with --terminal at one of its terminals")
    stop.add_argument("--terminal", help="at this terminal of the store alone")
    stop.add_argument("--until", type=moment, metavar="MOMENT", help="ISO 8601 with time zone; else until released")
    add_intervention_options(stop)
    release = add_command(below, "release-redemptions", "have a stop decline nothing any more", _release)
    release.add_argument("stop_id", type=positive_integer)
    add_intervention_options(release)
    listed = add_command(below, "redemption-stops", "list what redemptions are stopped", _list)
    listed.add_argument("--ended", action="store_true", help="list what stops nothing any more, too")
    listed.add_argument("--count", type=positive_integer, default=20, help="at most, to 100 (default: %(default)s)")
    listed.add_argument("--page", default="", help="the token of a further page, which the page before ends with")


def _subject(arguments: argparse.Namespace) -> StopSubject:
    if arguments.terminal is not None:
        if arguments.store is None:
            raise ConfigurationError("a terminal is named with its store")
        return StopSubject.terminal(arguments.store, arguments.terminal)
    if arguments.store is not None:
        return StopSubject.store(arguments.store)
    return StopSubject.program() if arguments.program else StopSubject.business_unit(arguments.business_unit)


async def _stop(arguments: argparse.Namespace) -> int:
    subject = _subject(arguments)
    async with connect(arguments) as client:
        made = await client.fraud.stop_redemptions(
            subject, intervention_of(arguments), until=arguments.until, idempotency_key=arguments.key
        )
    print_result(made, arguments.json)
    return 0


async def _release(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        released = await client.fraud.release_redemptions(
            arguments.stop_id, intervention_of(arguments), idempotency_key=arguments.key
        )
    print_result(released, arguments.json)
    return 0


async def _list(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        page = await client.fraud.list_redemption_stops(
            include_ended=arguments.ended, page_size=arguments.count, page_token=arguments.page
        )
    if arguments.json:
        print_json(plain(page))
        return 0
    for each in page.stops:
        what = " ".join(filter(None, (each.subject.kind, each.subject.code, each.subject.terminal_id)))
        end = each.released_at or each.ends_at
        until = f"until {end.isoformat(timespec='seconds')}" if end else "until it is released"
        line = f"{each.stop_id} {what}: {until}, by {each.stopped.author}: {each.stopped.reason.name}"
        console().print(line, markup=False, soft_wrap=True)
    if page.next_page_token:
        console().print(f"more: --page {page.next_page_token}", markup=False)
    return 0
