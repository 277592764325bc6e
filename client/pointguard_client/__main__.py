"""The command line `pointguard-client`.

Exit codes: 0 done (a declined redemption is done), 1 refused, failed, or rules with mistakes, 2 wrong use, 130
interrupted.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from pointguard_client.commands import (
    account,
    accrual,
    activity,
    adjustment,
    batch,
    books,
    configuration,
    conformance,
    conversion,
    explain,
    fraud,
    load,
    members,
    redemption,
    replay,
    returns,
    rules,
    several_accounts,
)
from pointguard_client.commands.options import Command
from pointguard_client.commands.output import print_error
from pointguard_client.commands.signals import EXIT_INTERRUPTED
from pointguard_client.errors import ConfigurationError, PointguardError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = parse(argv)
    try:
        return asyncio.run(run(arguments))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return EXIT_INTERRUPTED


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read a command's arguments; exit with 2 if they are wrong."""
    return _parser().parse_args(argv)


async def run(arguments: argparse.Namespace) -> int:
    """Run the command that was read, print what it says or why it failed, and return the exit code."""
    command: Command = arguments.run
    try:
        return await command(arguments)
    except PointguardError as error:
        print_error(error, arguments.json)
    except (ValueError, OSError) as error:
        # A number that no message can carry, a file that cannot be read.
        print_error(ConfigurationError(str(error)), arguments.json)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pointguard-client", description="Calls a pointguard server.", epilog="COMMAND --help says more."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in (
        redemption,
        accrual,
        returns,
        activity,
        adjustment,
        several_accounts,
        conversion,
        account,
        members,
        fraud,
        books,
        batch,
        explain,
        rules,
        configuration,
        conformance,
        replay,
        load,
    ):
        module.register(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
