"""The command record."""

import argparse
from datetime import UTC, datetime

from pointguard_client.activity_values import Activity
from pointguard_client.commands.options import (
    Subparsers,
    add_command,
    add_currency_option,
    add_member_options,
    add_origin_options,
    connect,
    money_of,
    origin_of,
)
from pointguard_client.commands.output import print_result
from pointguard_client.words import TransactionKind, TransactionPart


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = add_command(commands, "record", "tell what a member did in another system", _record)
    parser.add_argument("event_id", help="the other system's own name for it: the same again is recorded once")
    add_member_options(parser)
    kinds = [kind.name for kind in TransactionKind if kind]
    parser.add_argument("--kind", type=str.upper, choices=kinds, required=True, metavar="KIND", help=", ".join(kinds))
    parts = [part.name for part in TransactionPart if part]
    parser.add_argument(
        "--part", type=str.upper, choices=parts, action="append", default=[], metavar="PART",
        help=f"a part that it had, may be given many times (default: what is usual): {', '.join(parts)}",
    )  # fmt: skip
    parser.add_argument("--points", type=int, default=0, help="points that it moved")
    parser.add_argument("--money-minor", type=int, help="its money in minor units (1250 is 12.50)")
    add_currency_option(parser)
    parser.add_argument("--redemption-type", default="", help="the code of the kind of redemption")
    parser.add_argument("--order", default="", help="the receipt or order number")
    add_origin_options(parser)


async def _record(arguments: argparse.Namespace) -> int:
    activity = Activity(
        arguments.event_id,
        arguments.member,
        TransactionKind[arguments.kind],
        arguments.occurred_at or datetime.now(UTC),
        parts=tuple(TransactionPart[part] for part in arguments.part),
        points=arguments.points,
        money=money_of(arguments.money_minor, arguments),
        origin=origin_of(arguments),
        redemption_type=arguments.redemption_type,
        order_reference=arguments.order,
    )
    async with connect(arguments) as client:
        print_result(await client.activity.record(activity), arguments.json)
    return 0
