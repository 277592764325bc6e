"""Prints what the commands about rules found, for people. `rules` and `configuration` use it."""

from datetime import datetime

from rich.console import Group, RenderableType
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from pointguard_client.commands.output import escape, plain_table
from pointguard_client.rule_values import (
    RuleChange,
    RuleOutcome,
    RuleProblem,
    RuleSetActivation,
    RuleSetDifferences,
    RuleSetVersion,
    RuleTrace,
    Simulation,
)


def problem_line(name: str, problem: RuleProblem) -> str:
    """Return a mistake in one line, its place first, as editors and CI understand it."""
    expected = f"expected {problem.expected}" if problem.expected else ""
    told = "; ".join(part for part in (problem.message, expected, problem.hint) if part)
    return f"{name}:{problem.line}:{problem.column}: {told}"


def versions_table(versions: tuple[RuleSetVersion, ...], active_version: int) -> Table:
    """Return versions as a table, the active one marked."""
    table = table_of("version", "active", "created", "author", "reason", "note", "digest")
    for version in versions:
        is_active = version.version == active_version
        table.add_row(
            str(version.version),
            "●" if is_active else "",
            time_text(version.created_at),
            *change_cells(version.change),
            version.digest[:12],
            style="bold green" if is_active else None,
        )
    return table


def activations_table(activations: tuple[RuleSetActivation, ...]) -> Table:
    """Return activations as a table."""
    table = table_of("activation", "version", "before", "kind", "effective", "author", "reason", "note")
    for activation in activations:
        table.add_row(
            str(activation.activation),
            str(activation.version),
            str(activation.previous_version or "–"),
            activation.kind.name,
            time_text(activation.effective_at),
            *change_cells(activation.change),
            style=None if activation.cancellation is None else "dim",
        )
        if activation.cancellation is not None:
            ended = activation.cancellation
            table.add_row(
                "", "", "", "CANCELLED", time_text(ended.cancelled_at), *change_cells(ended.change), style="dim"
            )
    return table


def activation_line(activation: RuleSetActivation) -> str:
    """Return in a sentence what an activation does."""
    if activation.cancellation is not None:
        at = time_text(activation.effective_at)
        return f"activation {activation.activation}, of version {activation.version} from {at} on, is called off"
    went_back = " (back)" if activation.kind.name == "ROLLBACK" else ""
    return (
        f"version {activation.version} decides from {time_text(activation.effective_at)} on{went_back},"
        f" in place of version {activation.previous_version}"
    )


def version_view(version: RuleSetVersion) -> Group:
    """Return a version with its source text."""
    change = version.change
    note = f": {change.note}" if change.note else ""
    head = f"version {version.version} · {time_text(version.created_at)} · {change.author} · {change.reason.name}{note}"
    files = [f"{file.name}: {file.entry_count:,} entries, digest {file.digest[:12]}" for file in version.files]
    return Group(f"[bold]{escape(head)}[/]", *map(escape, files), Text(version.source.rstrip("\n")))


def differences_view(found: RuleSetDifferences) -> RenderableType:
    """Return how two versions differ."""
    if not found.text_diff and not found.changed_files:
        return "the texts are the same"
    summary = [
        f"[{style}]{what}[/] {escape(name)}"
        for what, style, names in (
            ("added", "green", found.added_rules),
            ("removed", "red", found.removed_rules),
            ("changed", "yellow", found.changed_rules),
        )
        for name in names
    ]
    summary += [
        f"[yellow]changed[/] file {escape(file.name)}: {file.added_count:,} entries more, {file.removed_count:,} fewer"
        for file in found.changed_files
    ]
    diff = Syntax(found.text_diff.rstrip("\n"), "diff", background_color="default")
    return Group(diff, "", *(summary or ["the rules mean the same"]))


def simulation_view(found: Simulation, source: str = "") -> Group:
    """Return what an order would earn; the `source` text is for what was traced."""
    rules = outcomes_table(found.outcomes, found.points, f"version {found.version}" if found.version else "source text")
    place = f" in line {found.failed_line}, column {found.failed_column}" if found.failed_line else ""
    parts: list[RenderableType] = [rules]
    parts += [f"[bold red]nothing is earned[/]: {reason.code.name}{place}" for reason in found.reasons]
    for outcome in found.outcomes:
        if outcome.trace is not None:
            parts += ["", trace_table(outcome, outcome.trace, source.splitlines())]
    if found.trace_is_cut:
        parts.append("[bold red]more was seen than is shown[/]")
    if found.facts:
        facts = plain_table("fact", "value")
        for fact in found.facts:
            facts.add_row(fact.field, shown_value(fact.value))
        parts += ["", facts]
    return Group(*parts)


def outcomes_table(outcomes: tuple[RuleOutcome, ...], points: int, title: str) -> Table:
    """Return what each rule gave, and the points in all."""
    rules = plain_table("rule", "part", "points", title=title)
    for outcome in outcomes:
        limit = f" ({outcome.limit.name})" if outcome.limit else ""
        style = None if outcome.points else "dim"
        rules.add_row(escape(outcome.rule), outcome.part.name, f"{outcome.points:,}{limit}", style=style)
    rules.add_row("[bold]in all[/]", "", f"[bold]{points:,}[/]")
    return rules


def trace_table(outcome: RuleOutcome, trace: RuleTrace, lines: list[str]) -> Table:
    """Return how a rule came to its outcome."""
    table = plain_table("", "", title=escape(outcome.rule))
    table.columns[0].no_wrap = False
    for what, answer in (("within its dates", trace.valid), ("its condition holds", trace.held)):
        if answer is not None:
            table.add_row(what, shown_value(answer))
    for seen in trace.seen:
        if seen.line == seen.end_line and seen.line <= len(lines):
            words = lines[seen.line - 1][seen.column - 1 : seen.end_column - 1]
        else:
            words = f"lines {seen.line} to {seen.end_line}"
        where = f" (line {seen.basket_line} of the basket)" if seen.basket_line else ""
        table.add_row(f"  [dim]{seen.line}:{seen.column}[/] {escape(words)}{where}", shown_value(seen.value))
    if trace.computed:
        table.add_row("computed, whole, under its caps", f"{trace.computed} → {trace.rounded:,} → {trace.capped:,}")
    return table


def shown_value(value: str | bool | None) -> str:
    """Return a value of the rules in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else escape(value)


def table_of(first: str, *others: str) -> Table:
    """Return a table of text columns."""
    table = plain_table(first)
    for column in others:
        table.add_column(column)
    return table


def change_cells(change: RuleChange) -> tuple[str, str, str]:
    """Return who changed something and why, as cells of a table."""
    return escape(change.author), change.reason.name, escape(change.note)


def time_text(moment: datetime | None) -> str:
    """Return a moment as people read it; empty for none."""
    return "" if moment is None else moment.isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")
