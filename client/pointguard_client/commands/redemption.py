"""The commands quote, authorise, capture, extend and void."""

import argparse
from datetime import timedelta

from pointguard_client.commands.options import (
    Subparsers,
    add_command,
    add_currency_option,
    add_key_option,
    add_language_option,
    add_member_options,
    add_origin_options,
    add_verified_option,
    connect,
    money_of,
    origin_of,
    positive_integer,
    positive_seconds,
    verified_by,
    whole_number,
)
from pointguard_client.commands.output import print_result
from pointguard_client.words import TransactionKind


def register(commands: Subparsers) -> None:
    """Add the commands."""
    _register_quote(commands)
    _register_authorise(commands)
    _register_capture(commands)
    _register_extend(commands)
    _register_void(commands)


def _register_quote(commands: Subparsers) -> None:
    parser = add_command(commands, "quote", "ask how many points a member may spend now", _quote)
    add_member_options(parser)
    add_origin_options(parser)
    parser.add_argument("--redemption-type", default="", help="the code of the kind of redemption")
    add_language_option(parser)


def _register_authorise(commands: Subparsers) -> None:
    parser = add_command(commands, "authorise", "set points aside, or spend them at once with --capture", _authorise)
    add_member_options(parser)
    amount = parser.add_mutually_exclusive_group(required=True)
    amount.add_argument("--points", type=positive_integer, help="points to spend")
    amount.add_argument("--money-minor", type=positive_integer, help="money to cover, in minor units (1250 is 12.50)")
    add_currency_option(parser)
    parser.add_argument("--capture", action="store_true", help="spend in this one step, with no reservation")
    parser.add_argument("--allow-partial", action="store_true", help="approve less if that is all there is")
    parser.add_argument("--purchase", action="store_true", help="the redemption is part of a purchase")
    parser.add_argument("--redemption-type", default="", help="the code of the kind of redemption")
    add_verified_option(parser)
    parser.add_argument("--time-to-live", type=positive_seconds, metavar="SECONDS", help="how long to set aside")
    parser.add_argument("--order", default="", help="the till's receipt or order number")
    add_language_option(parser)
    add_key_option(parser)
    add_origin_options(parser)


def _register_capture(commands: Subparsers) -> None:
    parser = add_command(commands, "capture", "spend all or part of a reservation", _capture)
    parser.add_argument("reservation_id", help="the transaction id of the authorise")
    parser.add_argument("--points", type=whole_number, default=0, help="points to spend (default: all that is left)")
    parser.add_argument("--keep-open", action="store_true", help="leave the rest reserved for further captures")
    add_key_option(parser)
    add_origin_options(parser)


def _register_extend(commands: Subparsers) -> None:
    parser = add_command(commands, "extend", "have a reservation end later", _extend)
    parser.add_argument("reservation_id", help="the transaction id of the authorise")
    parser.add_argument(
        "--time-to-live", type=positive_seconds, metavar="SECONDS", help="how long it is to stand from now on"
    )
    add_key_option(parser)
    add_origin_options(parser)


def _register_void(commands: Subparsers) -> None:
    parser = add_command(commands, "void", "release a reservation", _void)
    parser.add_argument("reservation_id", help="the transaction id of the authorise")
    add_key_option(parser)
    add_origin_options(parser)


async def _quote(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        quote = await client.quote_redemption(
            arguments.member,
            origin=origin_of(arguments),
            redemption_type=arguments.redemption_type,
            language=arguments.language,
        )
    print_result(quote, arguments.json)
    return 0


async def _authorise(arguments: argparse.Namespace) -> int:
    seconds: float | None = arguments.time_to_live
    async with connect(arguments) as client:
        redemption = await client.authorise_redemption(
            arguments.member,
            money_of(arguments.money_minor, arguments) or arguments.points,
            origin=origin_of(arguments),
            kind=TransactionKind.PURCHASE if arguments.purchase else TransactionKind.UNSPECIFIED,
            redemption_type=arguments.redemption_type,
            time_to_live=None if seconds is None else timedelta(seconds=seconds),
            capture=arguments.capture,
            allow_partial=arguments.allow_partial,
            order_reference=arguments.order,
            idempotency_key=arguments.key,
            verified_by=verified_by(arguments),
            language=arguments.language,
        )
    print_result(redemption, arguments.json)
    return 0


async def _capture(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        capture = await client.capture_redemption(
            arguments.reservation_id,
            points=arguments.points,
            keep_open=arguments.keep_open,
            origin=origin_of(arguments),
            idempotency_key=arguments.key,
        )
    print_result(capture, arguments.json)
    return 0


async def _extend(arguments: argparse.Namespace) -> int:
    seconds: float | None = arguments.time_to_live
    async with connect(arguments) as client:
        extension = await client.extend_reservation(
            arguments.reservation_id,
            None if seconds is None else timedelta(seconds=seconds),
            origin=origin_of(arguments),
            idempotency_key=arguments.key,
        )
    print_result(extension, arguments.json)
    return 0


async def _void(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        void = await client.void_redemption(
            arguments.reservation_id, origin=origin_of(arguments), idempotency_key=arguments.key
        )
    print_result(void, arguments.json)
    return 0
