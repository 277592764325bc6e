"""The command that shows the books: liability."""

import argparse

from rich.table import Table

from pointguard_client.books_values import Liability
from pointguard_client.commands.options import Subparsers, add_command, connect, moment
from pointguard_client.commands.output import console, plain, plain_table, print_json, sections
from pointguard_client.requests import Money


def register(commands: Subparsers) -> None:
    """Add the command."""
    liability = add_command(commands, "liability", "show what the points of all members come to", _liability)
    liability.add_argument("--as-of", type=moment, help="as of an earlier moment, ISO 8601 with time zone")
    liability.add_argument("--since", type=moment, help="show what has moved since then (default: all)")


async def _liability(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        report = await client.books.liability(arguments.as_of, since=arguments.since)
    if arguments.json:
        print_json(plain(report))
    else:
        console().print(sections((_outstanding(report), _moved(report))))
    return 0


def _outstanding(report: Liability) -> Table:
    title = f"{report.accounts:,} accounts as of {report.as_of.isoformat(sep=' ')} (position {report.position:,})"
    table = plain_table("last day", "points", "pending", "worth", title=title)
    for lot in report.lots:
        day = lot.last_day.isoformat() if lot.last_day else "never ends"
        table.add_row(day, f"{lot.points:,}", f"{lot.pending_points:,}", _worth(lot.money))
    worth = _worth(report.outstanding_money)
    table.add_row("outstanding", f"{report.outstanding_points:,}", f"{report.balance.pending:,}", worth)
    table.add_row("owed", f"{report.owed_points:,}", "", "")
    return table


def _moved(report: Liability) -> Table:
    since = f"since {report.since.isoformat(sep=' ')}" if report.since else "since the beginning"
    table = plain_table("moved", "points", title=since)
    table.add_row("opening", f"{report.opening_points:,}")
    for entry_type, points in report.movements.items():
        table.add_row(entry_type.name, f"{points:+,}")
    table.add_row("posted", f"{report.balance.posted:,}")
    return table


def _worth(money: Money | None) -> str:
    return f"{money.minor_units:,}" if money else ""
