"""The command adjust."""

import argparse

from pointguard_client.commands.options import Subparsers, add_command, add_key_option, add_member_options, connect
from pointguard_client.commands.output import print_result
from pointguard_client.commands.who_and_why import add_author_option
from pointguard_client.words import TransactionKind

KINDS = {kind.name.lower(): kind for kind in (TransactionKind.DISCRETIONARY, TransactionKind.ADJUSTMENT)}


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = add_command(commands, "adjust", "give points by hand, or take them", _adjust)
    add_member_options(parser)
    parser.add_argument("--signed-points", type=int, required=True, help="given; below 0 (--signed-points=-5) taken")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--kind", choices=KINDS, default="discretionary", help="what it is (default: discretionary)")
    what.add_argument("--corrects", default="", help="the id of the transaction that it corrects")
    add_author_option(parser)
    parser.add_argument("--reason-code", required=True, help="one of the program's")
    parser.add_argument("--note", required=True, help="more about why")
    add_key_option(parser)


async def _adjust(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        made = await client.adjust_points(
            arguments.member,
            arguments.signed_points,
            arguments.author,
            arguments.reason_code,
            arguments.note,
            kind=KINDS[arguments.kind],
            corrects_transaction_id=arguments.corrects,
            idempotency_key=arguments.key,
        )
    print_result(made, arguments.json)
    return 0
