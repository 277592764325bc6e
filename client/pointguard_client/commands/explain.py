"""The command `explain`: why a past decision fell as it did."""

import argparse

from pointguard_client.commands.explanation_output import explanation_view
from pointguard_client.commands.options import Subparsers, add_command, connect, whole_number
from pointguard_client.commands.output import console, plain, print_json


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = add_command(commands, "explain", "decide a past transaction again and say what it saw", _explain)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("transaction_id", nargs="?", default="", help="the transaction's UUID")
    which.add_argument("--key", default="", help="or the idempotency key of the request that made it")
    parser.add_argument("--trace", action="store_true", help="say how each earn rule came to its award")
    parser.add_argument(
        "--leg", type=whole_number, default=0, help="which leg, if it is about several accounts (from 0)"
    )
    parser.add_argument("--texts", action="store_true", help="print the texts that decided")


async def _explain(arguments: argparse.Namespace) -> int:
    """Return 1 if the decision could not be reproduced, so that a program can ask too."""
    async with connect(arguments) as client:
        found = await client.explain_decision(
            arguments.transaction_id, idempotency_key=arguments.key, trace=arguments.trace, leg=arguments.leg
        )
    if arguments.json:
        print_json(plain(found))
    else:
        console().print(explanation_view(found, with_texts=arguments.texts), soft_wrap=True)
    return int(not found.reproduced)
