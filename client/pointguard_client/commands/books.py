"""The commands about the books: liability, reconcile."""

import argparse
import csv
from datetime import date
from pathlib import Path

from rich.table import Table

from pointguard_client.books_values import Liability, ReconciledDay, SaidTransaction
from pointguard_client.commands.options import Subparsers, add_command, connect, moment
from pointguard_client.commands.output import console, escape, plain, plain_table, print_json, sections
from pointguard_client.requests import Money
from pointguard_client.words import Decision


def register(commands: Subparsers) -> None:
    """Add the commands."""
    liability = add_command(commands, "liability", "show what the points of all members come to", _liability)
    liability.add_argument("--as-of", type=moment, help="as of an earlier moment, ISO 8601 with time zone")
    liability.add_argument("--since", type=moment, help="show what has moved since then (default: all)")
    reconcile = add_command(
        commands,
        "reconcile",
        "compare a day with what a terminal says; exit with 1 if a transaction differs",
        _reconcile,
    )
    reconcile.add_argument("day", type=date.fromisoformat, help="the business day, such as 2026-11-23")
    reconcile.add_argument("--unit", default="", help="of the stores of this business unit (default: all)")
    reconcile.add_argument("--store", default="", help="of this store (default: all)")
    reconcile.add_argument("--terminal", default="", help="on this terminal, with --store (default: all)")
    reconcile.add_argument(
        "--said", type=Path, help="a CSV file with idempotency_key and, optional, decision, points, money_minor_units"
    )


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


async def _reconcile(arguments: argparse.Namespace) -> int:
    said = None if arguments.said is None else read_said(arguments.said)
    async with connect(arguments) as client:
        day = await client.books.reconcile_day(
            arguments.day,
            business_unit_id=arguments.unit,
            store_id=arguments.store,
            terminal_id=arguments.terminal,
            said=said,
        )
    if arguments.json:
        print_json(plain(day))
    else:
        console().print(sections((_totals(day), _differences(day) if said is not None else "")), soft_wrap=True)
    return 1 if day.difference_count else 0


def read_said(path: Path) -> list[SaidTransaction]:
    """Return what a CSV file says of transactions.

    Raises:
        ValueError: naming the line that is wrong.
    """
    said = []
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        if "idempotency_key" not in (rows.fieldnames or ()):
            raise ValueError(f"{path}, line 1: there must be a column idempotency_key")
        for row in rows:
            try:
                money = row.get("money_minor_units")
                said.append(
                    SaidTransaction(
                        idempotency_key=row["idempotency_key"],
                        decision=Decision[row.get("decision") or "UNSPECIFIED"],
                        points=int(row.get("points") or 0),
                        money_minor_units=int(money) if money else None,
                    )
                )
            except (KeyError, ValueError) as error:
                raise ValueError(f"{path}, line {rows.line_num}: {error} is not understood") from error
    return said


def _totals(day: ReconciledDay) -> Table:
    over = "" if day.over else ", which is not over"
    title = f"{day.begins_at.isoformat(sep=' ')} to {day.ends_before.isoformat(sep=' ')}{over}"
    table = plain_table("place", "approved", "points", "money", "declined", title=title)
    for total in day.totals:
        where = " ".join(each for each in (total.business_unit_id, total.store_id, total.terminal_id) if each) or "-"
        sums = total.approved
        table.add_row(
            escape(f"{where}: {total.operation.name} {total.kind.name}"),
            *(f"{number:,}" for number in (sums.count, sums.points, sums.money_minor_units, total.declined_count)),
        )
    return table


def _differences(day: ReconciledDay) -> str:
    lines = []
    for difference in day.differences:
        parts = [" ".join(kind.name for kind in difference.kinds)]
        if (said := difference.said) is not None:
            parts.append(f"said {said.idempotency_key}: {said.decision.name} {said.points:,}")
        if (leg := difference.ledger) is not None:
            parts.append(
                f"ledger {leg.transaction_id}: {leg.decision.name} {leg.points:,} {leg.order_reference}".rstrip()
            )
        lines.append(escape("; ".join(parts)))
    return "\n".join(lines) if lines else "no transaction differs"
