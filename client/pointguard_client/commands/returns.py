"""The command return."""

import argparse

from pointguard_client.commands.options import (
    Subparsers,
    add_command,
    add_currency_option,
    add_key_option,
    add_member_options,
    add_origin_options,
    connect,
    money_of,
    origin_of,
    positive_integer,
)
from pointguard_client.commands.output import print_result
from pointguard_client.requests import ReturnedLine


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = add_command(commands, "return", "undo a purchase's accrual or a redemption, or a part of it", _return)
    parser.add_argument(
        "original_transaction_id",
        nargs="?",
        default="",
        help="the transaction id of the accrual, the capture, or the authorise with --capture; left out: no receipt",
    )
    add_member_options(parser, required=False)
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--money-minor", type=positive_integer, help="of an accrual, in minor units (1250 is 12.50)")
    amount.add_argument(
        "--line",
        type=returned_line,
        action="append",
        metavar="NUMBER[=AMOUNT_MINOR]",
        help="of an accrual: a line of its basket, from 1, all of it or so much; may be given many times",
    )
    amount.add_argument("--points", type=positive_integer, help="of a redemption")
    add_currency_option(parser)
    parser.add_argument("--order", default="", help="the till's receipt or order number of the return")
    add_key_option(parser)
    add_origin_options(parser)


def returned_line(text: str) -> ReturnedLine:
    """Read a line, such as 2 or 2=499."""
    number, given, amount = text.partition("=")
    return ReturnedLine(positive_integer(number), positive_integer(amount) if given else 0)


async def _return(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        made = await client.return_transaction(
            arguments.original_transaction_id,
            money_of(arguments.money_minor, arguments) or arguments.line or arguments.points,
            member=arguments.member,
            origin=origin_of(arguments),
            order_reference=arguments.order,
            idempotency_key=arguments.key,
        )
    print_result(made, arguments.json)
    return 0
