"""The command convert."""

import argparse

from pointguard_client.commands.options import (
    Subparsers,
    add_command,
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


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = add_command(commands, "convert", "turn points into something else at the program's rate", _convert)
    add_member_options(parser)
    parser.add_argument("--conversion", required=True, help="into what: the code of one of the program's conversions")
    parser.add_argument("--points", type=positive_integer, required=True, help="points to convert")
    parser.add_argument("--order", default="", help="the receipt's number, or what the other system calls it")
    add_verified_option(parser)
    add_language_option(parser)
    add_key_option(parser)
    add_origin_options(parser)


async def _convert(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        made = await client.convert_points(
            arguments.member,
            arguments.conversion,
            arguments.points,
            origin=origin_of(arguments),
            order_reference=arguments.order,
            idempotency_key=arguments.key,
            verified_by=verified_by(arguments),
            language=arguments.language,
        )
    print_result(made, arguments.json)
    return 0
