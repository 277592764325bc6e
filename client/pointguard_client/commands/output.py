"""Prints results: rich tables for people, JSON for programs. Every command file uses it."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table

from pointguard_client.errors import CallError, PointguardError
from pointguard_client.latency import LatencySummary
from pointguard_client.requests import Identifier, Money
from pointguard_client.results import Advice, Award, Balance, Entry, Reason
from pointguard_client.words import Decision, FraudScope

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]

DECISION_STYLES: Final = {
    Decision.APPROVED: "bold green",
    Decision.DECLINED: "bold red",
    Decision.REVIEW: "bold yellow",
}


def console() -> Console:
    """Return the console for people's output; results go to standard output."""
    return Console(highlight=False)


def plain_table(first_column: str, *number_columns: str, title: str | None = None) -> Table:
    """Return a table of a text column, never cut short, and number columns, in as little width as will do."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_edge=False)
    table.padding = (0, 1, 0, 0)
    table.add_column(first_column, no_wrap=True)
    for column in number_columns:
        table.add_column(column, justify="right")
    return table


def print_result(result: object, as_json: bool) -> None:
    """Print one result."""
    if as_json:
        print_json(plain(result))
    else:
        console().print(_result_table(result))


def print_json(value: Plain) -> None:
    """Print one JSON value on one line."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def print_error(error: PointguardError, as_json: bool) -> None:
    """Print a failure: as JSON to standard output for programs, as text to standard error for people."""
    if as_json:
        print_json({"error": error_as_plain(error)})
    else:
        Console(stderr=True, highlight=False).print(f"[bold red]error[/] {escape(str(error))}", soft_wrap=True)
        if isinstance(error, CallError) and error.idempotency_key:
            Console(stderr=True, highlight=False).print(f"idempotency key: {escape(error.idempotency_key)}")


def error_as_plain(error: PointguardError) -> Plain:
    """Return a failure as JSON's own types."""
    if not isinstance(error, CallError):
        return {"code": "CONFIGURATION", "message": str(error)}
    return {
        "rpc": error.rpc,
        "code": error.code,
        "reason": error.reason,
        "message": error.failure.message,
        "error_id": error.error_id,
        "idempotency_key": error.idempotency_key,
        "field_violations": plain(error.field_violations),
    }


def plain(value: object) -> Plain:
    """Return a result as JSON's own types: enums by name, times in ISO 8601."""
    if isinstance(value, CallError):
        return {"error": error_as_plain(value)}
    if isinstance(value, Enum):
        return value.name
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Iterable):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no JSON form")


def counts_table(title: str, name: str, counts: Mapping[str, int]) -> Table:
    """Return a table of names and how often each occurred."""
    table = plain_table(name, "count", title=title)
    for what, count in counts.items():
        table.add_row(escape(what), f"{count:,}")
    return table


def sections(parts: Iterable[RenderableType]) -> Group:
    """Return parts one below the other, a blank line between them."""
    return Group(*(Padding(part, (0, 0, 1, 0), expand=False) for part in parts))


ALL_LATENCY_COLUMNS: Final = ("p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "p99.99 ms", "max ms")
LATENCY_COLUMNS: Final = ("p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms")
"""What leaves room for other columns."""


def latency_cells(latency: LatencySummary, columns: Iterable[str] = LATENCY_COLUMNS) -> tuple[str, ...]:
    """Return the cells of latency columns."""
    shown = {
        "p50 ms": latency.latency_ms_p50,
        "p90 ms": latency.latency_ms_p90,
        "p99 ms": latency.latency_ms_p99,
        "p99.9 ms": latency.latency_ms_p999,
        "p99.99 ms": latency.latency_ms_p9999,
        "max ms": latency.latency_ms_max,
    }
    return tuple(f"{shown[column]:.2f}" for column in columns)


def _result_table(result: Any) -> Table:  # Any: is_dataclass accepts no less.
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    for field in fields(result):
        value = getattr(result, field.name)
        if value is not None and value not in ("", ()):
            table.add_row(field.name.replace("_", " "), _cell(value))
    return table


def _cell(value: object) -> str | Table:
    for kind, show in _SHOWN_AS.items():
        if isinstance(value, kind):
            return show(value)
    if is_dataclass(value):
        return _result_table(value)
    return escape(str(value))


def _show_tuple(values: tuple[object, ...]) -> str:
    return "\n".join(str(_cell(value)) for value in values)


def _show_decision(decision: Decision) -> str:
    return f"[{DECISION_STYLES.get(decision, 'bold')}]{decision.name}[/]"


def _show_balance(balance: Balance) -> str:
    parts = (f"{field.name} {getattr(balance, field.name):,}" for field in fields(balance))
    return " · ".join(parts)


def _show_reason(reason: Reason) -> str:
    return escape(f"{reason.code.name} {reason.rule}".rstrip() + (f": {reason.text}" if reason.text else ""))


def _show_award(award: Award) -> str:
    return escape(f"{award.points:,} {award.part.name} {award.rule}")


def _show_entry(entry: Entry) -> str:
    rule = f" {entry.rule}" if entry.rule else ""
    what = f"{entry.entry_type.name} {entry.part.name}{rule}"
    return escape(f"{entry.signed_points:+,} {what} → {entry.running_balance:,}")


def _show_advice(advice: Advice) -> str:
    until = f" until {_show_time(advice.ends_at)}" if advice.ends_at else ""
    shown = f": {advice.text}" if advice.text else ""
    return escape(f"{advice.posture.name} {advice.context.name}{until}: {advice_cause(advice)}{shown}")


def advice_cause(advice: Advice) -> str:
    """Return the rule that raised an advice and what it saw, or that no rule did."""
    if not advice.rule:
        return "raised by hand"
    whose = f", {advice.scope.name} {advice.scope_entity}".rstrip() if advice.scope > FraudScope.ACCOUNT else ""
    return f"{advice.rule} ({advice.evidence.measured:,} > {advice.evidence.threshold:,}{whose})"


def _show_time(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="milliseconds")


def escape(text: str) -> str:
    """Return a text so that rich prints it as it is."""
    return text.replace("[", r"\[")


# In order: bool is an int, and an enum's member may be one too.
_SHOWN_AS: Final[dict[type, Callable[[Any], str | Table]]] = {
    Decision: _show_decision,
    Enum: lambda value: escape(value.name),
    bool: lambda value: "yes" if value else "no",
    int: lambda value: f"{value}",
    datetime: _show_time,
    Balance: _show_balance,
    Reason: _show_reason,
    Award: _show_award,
    Entry: _show_entry,
    Advice: _show_advice,
    Money: lambda money: f"{money.minor_units:,} minor units of {escape(money.currency_code)}",
    Identifier: lambda identifier: escape(f"{identifier.kind.name} {identifier.value}"),
    tuple: _show_tuple,
}
