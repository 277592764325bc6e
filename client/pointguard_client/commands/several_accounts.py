"""The commands transfer and redeem-household."""

import argparse

from pointguard_client.commands.options import (
    Subparsers,
    add_command,
    add_identifier_options,
    add_key_option,
    add_language_option,
    add_member_options,
    add_origin_options,
    add_verified_option,
    connect,
    origin_of,
    positive_integer,
    verified_by,
)
from pointguard_client.commands.output import print_result
from pointguard_client.words import TransactionKind


def register(commands: Subparsers) -> None:
    """Add the commands."""
    _register_transfer(commands)
    _register_household(commands)


def _register_transfer(commands: Subparsers) -> None:
    parser = add_command(commands, "transfer", "move points from one account to another", _transfer)
    add_member_options(parser)
    add_member_options(parser, prefix="to-")
    parser.add_argument("--points", type=positive_integer, required=True, help="points to move")
    parser.add_argument("--agent", default="", help="who of the staff does it, if anybody does")
    parser.add_argument("--order", default="", help="why, or a number of your own for it")
    add_verified_option(parser)
    add_language_option(parser)
    add_key_option(parser)
    add_origin_options(parser)


def _register_household(commands: Subparsers) -> None:
    parser = add_command(commands, "redeem-household", "spend points of several members' accounts", _redeem)
    add_identifier_options(parser.add_argument_group("members, in the order in which they give (2 to 16)"))
    parser.add_argument("--points", type=positive_integer, required=True, help="points to spend")
    parser.add_argument("--purchase", action="store_true", help="the redemption is part of a purchase")
    parser.add_argument("--redemption-type", default="", help="the code of the kind of redemption")
    parser.add_argument("--order", default="", help="the till's receipt or order number")
    add_verified_option(parser)
    add_language_option(parser)
    add_key_option(parser)
    add_origin_options(parser)


async def _transfer(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        made = await client.transfer_points(
            arguments.member,
            arguments.to_member,
            arguments.points,
            origin=origin_of(arguments),
            agent_id=arguments.agent,
            order_reference=arguments.order,
            idempotency_key=arguments.key,
            verified_by=verified_by(arguments),
            language=arguments.language,
        )
    print_result(made, arguments.json)
    return 0


async def _redeem(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        made = await client.redeem_household(
            arguments.identifiers or (),
            arguments.points,
            origin=origin_of(arguments),
            kind=TransactionKind.PURCHASE if arguments.purchase else TransactionKind.UNSPECIFIED,
            redemption_type=arguments.redemption_type,
            order_reference=arguments.order,
            idempotency_key=arguments.key,
            verified_by=verified_by(arguments),
            language=arguments.language,
        )
    print_result(made, arguments.json)
    return 0
