"""Prints explanations of decisions, for people. `explain` uses it."""

from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pointguard_client.commands.output import DECISION_STYLES, advice_cause, escape, plain_table
from pointguard_client.commands.rule_output import outcomes_table, shown_value, trace_table
from pointguard_client.explanation_values import (
    AccountBefore,
    ExplainedCheck,
    ExplainedEarning,
    ExplainedWindow,
    Explanation,
)
from pointguard_client.results import Advice, Transaction
from pointguard_client.words import FraudScope

SHOWN_MAX = 5


def explanation_view(found: Explanation, *, with_texts: bool = False) -> Group:
    """Return an explanation: the verdict first, then what it came from."""
    parts: list[RenderableType] = [_headline(found)]
    if found.transaction is not None:
        parts.append(_transaction(found, found.transaction))
    if found.differences:
        parts += ["", _differences(found)]
    parts += ["", _account(found.account_before), "", _inputs(found)]
    if found.checks:
        parts += ["", _checks(found.checks)]
        counting = [check for check in found.checks if check.seen is not None]
        parts += [_window_line(check.rule, check.window) for check in counting if check.window is not None]
    if found.earning is not None:
        parts += ["", *_earning(found.earning, found.decided_by.rule_set_source.splitlines())]
    if found.entries:
        entries = plain_table("entry", "points", "balance", title="entries")
        for entry in found.entries:
            what = f"{entry.entry_type.name} {entry.part.name} {entry.rule}".rstrip()
            entries.add_row(escape(what), f"{entry.signed_points:+,}", f"{entry.running_balance:,}")
        parts += ["", entries]
    parts += ["", *_decided_by(found, with_texts=with_texts)]
    return Group(*parts)


def _headline(found: Explanation) -> str:
    if found.reproduced:
        return "[bold green]reproduced[/]: decided again from the ledger alone, it comes out the same"
    return "[bold red]NOT reproduced[/]: decided again from the ledger alone, it does not come out as recorded"


def _transaction(found: Explanation, transaction: Transaction) -> str:
    style = DECISION_STYLES.get(transaction.decision, "bold")
    reasons = ", ".join(f"{reason.code.name} {reason.rule}".rstrip() for reason in transaction.reasons)
    why = f" · {escape(reasons)}" if reasons else ""
    what = f"{transaction.operation.name} {transaction.kind.name} {transaction.points:,} points"
    head = f"{transaction.transaction_id} · {what} · {_time(transaction.accepted_at)}"
    return f"[{style}]{transaction.decision.name}[/]{why}\n[dim]{escape(head)}[/]"


def _differences(found: Explanation) -> Table:
    table = Table(title="differences", title_justify="left", title_style="bold red", box=None, pad_edge=False)
    for column in ("part", "recorded", "comes out as"):
        table.add_column(column, overflow="fold")
    for each in found.differences:
        table.add_row(escape(each.part), escape(each.recorded), escape(each.reproduced))
    return table


def _account(account: AccountBefore) -> Table:
    table = _pairs("the account before")
    balance = account.balance
    figures = f"posted {balance.posted:,} · reserved {balance.reserved:,} · pending {balance.pending:,}"
    table.add_row("points", f"{figures} · [bold]available {balance.available:,}[/]")
    table.add_row("so far", f"earned {account.earned_total:,} · redeemed {account.redeemed_total:,}")
    table.add_row("spend", f"{account.spend_total.minor_units:,} minor units of {account.spend_total.currency_code}")
    table.add_row("member", escape(f"tier {account.tier or '–'} · province {account.province or '–'}"))
    if account.enrolled_at is not None:
        table.add_row("enrolled", f"{_time(account.enrolled_at)}, {account.transaction_count:,} transactions before")
    for flag, holds in (("redemptions are locked", account.redemption_locked), ("suspended", account.suspended)):
        if holds:
            table.add_row("[bold red]![/]", flag)
    for reservation in account.open_reservations:
        until = _time(reservation.expires_at)
        table.add_row("reservation", f"{reservation.points:,} points until {until} · {reservation.transaction_id}")
    for advice in account.standing_advice:
        table.add_row("advice", _advice(advice))
    for advice in account.overridden_advice:
        table.add_row("overridden", _advice(advice))
    return table


def _advice(advice: Advice) -> str:
    until = f"{advice.posture.name} {advice.context.name} until {_time(advice.ends_at)}"
    return escape(f"{until}: {advice_cause(advice)}")


def _inputs(found: Explanation) -> Table:
    table = _pairs("what else it saw")
    for each in found.inputs:
        value = "[bold yellow]gone: the person was erased[/]" if each.gone else escape(each.value)
        table.add_row(escape(each.name), value)
    if found.basket is not None:
        for line in found.basket.lines[:SHOWN_MAX]:
            words = " ".join(word for word in (line.sku, line.category, line.brand) if word)
            table.add_row("basket", escape(f"{line.quantity} × {words or '–'}: {line.amount_minor_units:,}"))
        if len(found.basket.lines) > SHOWN_MAX:
            table.add_row("", f"… and {len(found.basket.lines) - SHOWN_MAX} more lines")
    return table


def _checks(checks: tuple[ExplainedCheck, ...]) -> Table:
    table = plain_table("rule", "before", "with this", "limit", "", title="fraud rules and controls")
    table.columns[-1].justify = "left"
    for check in checks:
        before = "" if check.window is None else f"{check.window.value:,}"
        seen = "[dim]not counted[/]" if check.seen is None else f"{check.seen:,}"
        table.add_row(escape(_rule_and_scope(check)), before, seen, f"{check.threshold:,}", _effect(check))
    return table


def _rule_and_scope(check: ExplainedCheck) -> str:
    """Return a check's name, and whose transactions it counts if not the account's."""
    if check.scope in (FraudScope.UNSPECIFIED, FraudScope.ACCOUNT):
        return check.rule
    whose = f"{check.scope.name.lower().replace('_', ' ')} {check.entity}".rstrip()
    return f"{check.rule} ({whose})"


def _effect(check: ExplainedCheck) -> str:
    """Return what a check did, in words."""
    if check.unavailable:
        return f"[bold yellow]unavailable: {'forbids it' if check.forbade else 'passed over'}[/]"
    if not check.tripped:
        return "[dim]passes[/]"
    said = f"trips, {check.posture.name} {check.context.name}"
    said += ": forbids it" if check.forbade else ""
    if check.exemption_id:
        return f"[bold yellow]{said}, but exemption {check.exemption_id} lets it pass[/]"
    if check.suppressed:
        return f"[bold yellow]{said}, but was overridden[/]"
    said += ": the member was verified" if check.verified else ""
    raised = ", extends its advice" if check.stood else ", raises advice"
    said += raised if check.raised else ", its advice stands already" if check.stood else ""
    return f"[bold {'red' if check.forbade else 'yellow'}]{said}[/]"


def _window_line(name: str, window: ExplainedWindow) -> str:
    """Return the transactions that a window held, the newest of them."""
    if not window.transactions:
        return f"  [dim]{escape(name)}: nothing since {_time(window.starts_after)}[/]"
    shown = window.transactions[-SHOWN_MAX:]
    listed = ", ".join(f"{each.transaction_id} ({each.amount:,})" for each in shown)
    hidden = window.transaction_count - len(shown)
    more = f"{hidden:,} older, " if hidden else ""
    return f"  [dim]{escape(name)}: since {_time(window.starts_after)} {more}{listed}[/]"


def _earning(earning: ExplainedEarning, source: list[str]) -> list[RenderableType]:
    parts: list[RenderableType] = [outcomes_table(earning.outcomes, earning.points, "earn rules")]
    if earning.failed_line:
        parts.append(
            f"[bold red]the arithmetic failed[/] in line {earning.failed_line}, column {earning.failed_column}"
        )
    parts += [_window_line(each.window, each.held) for each in earning.windows]
    for outcome in earning.outcomes:
        if outcome.trace is not None:
            parts += ["", trace_table(outcome, outcome.trace, source)]
    if earning.facts:
        facts = _pairs("what the rules looked at")
        for fact in earning.facts:
            facts.add_row(escape(fact.field), shown_value(fact.value))
        parts += ["", facts]
    return parts


def _decided_by(found: Explanation, *, with_texts: bool) -> list[RenderableType]:
    by = found.decided_by
    versions = (
        f"earn rules version {by.rule_set_version} [dim]{by.rule_set_digest[:12]}[/]",
        f"configuration version {by.configuration_version} [dim]{by.configuration_digest[:12]}[/]",
        f"program epoch {by.program_epoch}",
    )
    lines: list[RenderableType] = [f"[bold]decided by[/] {', '.join(versions)}"]
    if with_texts:
        lines += ["", Text(by.rule_set_source.rstrip("\n")), "", Text(by.configuration.rstrip("\n"))]
    return lines


def _pairs(title: str) -> Table:
    """Return a table of names and values."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _time(moment: datetime | None) -> str:
    return "–" if moment is None else moment.isoformat(sep=" ", timespec="milliseconds").replace("+00:00", "Z")
