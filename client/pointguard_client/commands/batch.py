"""The command batch: mixed requests from a file of JSON lines.

Each line is a BatchItem of the contract in protobuf's JSON form, such as
{"accrue": {"member": {"loyalty_id": "1001"}, "total": {"currency_code": "CAD", "minor_units": 1250}}}.
A line without an idempotency_key gets a new one; the answers name the keys.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from google.protobuf import json_format
from rich.table import Table

from pointguard.v1 import transaction_pb2
from pointguard_client.commands.options import Subparsers, add_command, connect
from pointguard_client.commands.output import console, plain, plain_table, print_json
from pointguard_client.errors import CallError, ConfigurationError
from pointguard_client.idempotency import new_idempotency_key
from pointguard_client.replay.tally import reason_text
from pointguard_client.results import (
    Accrual,
    BatchResult,
    Capture,
    Extension,
    HouseholdRedemption,
    Redemption,
    Return,
    Transfer,
)


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = add_command(commands, "batch", "send up to 10,000 requests from a file of JSON lines", _batch)
    parser.add_argument("file", help="the file, or - for standard input")


def parse_items(lines: Iterable[str]) -> list[transaction_pb2.BatchItem]:
    """Return the requests of JSON lines, each with a key; raise ConfigurationError that names the line at fault."""
    items = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        item = transaction_pb2.BatchItem()
        try:
            json_format.Parse(line, item)
        except json_format.ParseError as error:
            raise ConfigurationError(f"line {number}: {error}") from error
        field = item.WhichOneof("request")
        if field is None:
            raise ConfigurationError(f"line {number}: it holds no request")
        request = getattr(item, field)
        request.idempotency_key = request.idempotency_key or new_idempotency_key()
        items.append(item)
    return items


async def _batch(arguments: argparse.Namespace) -> int:
    items = parse_items(_read_lines(arguments.file))
    async with connect(arguments) as client:
        results = await client.process_batch_items(items)
    keys = [getattr(item, item.WhichOneof("request") or "").idempotency_key for item in items]
    if arguments.json:
        for key, result in zip(keys, results, strict=True):
            print_json({"idempotency_key": key, "kind": _kind(result), "result": plain(result)})
    else:
        console().print(_table(keys, results))
    return 1 if any(isinstance(result, CallError) for result in results) else 0


def _read_lines(file: str) -> list[str]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file} is not UTF-8") from error
    return text.splitlines()


def _table(keys: list[str], results: Iterable[BatchResult]) -> Table:
    table = plain_table("idempotency key", "answer", "points")
    table.add_column("outcome", overflow="fold")
    for key, result in zip(keys, results, strict=True):
        table.add_row(key, _kind(result), *_points_and_outcome(result))
    return table


def _points_and_outcome(result: BatchResult) -> tuple[str, str]:
    if isinstance(result, CallError):
        return "", f"{result.code} {result.reason or result.failure.message}"
    if isinstance(result, Redemption | Accrual | Transfer | HouseholdRedemption):
        why = ", ".join(reason_text(reason) for reason in result.reasons)
        return f"{result.points:,}", f"{result.decision.name} {why}".rstrip()
    if isinstance(result, Return):
        return f"{result.signed_points:,}", "DONE"
    return f"{result.points if isinstance(result, Capture | Extension) else result.points_released:,}", "DONE"


def _kind(result: BatchResult) -> str:
    return "error" if isinstance(result, CallError) else type(result).__name__.lower()
