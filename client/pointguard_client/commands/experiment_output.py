"""Prints what the commands about experiments found, for people. `experiment` uses it."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table

from pointguard_client.commands.output import escape, plain_table
from pointguard_client.commands.rule_output import time_text
from pointguard_client.experiment_values import Experiment, ExperimentResults, ExperimentStep, MetricResult
from pointguard_client.words import ExperimentState


def experiment_line(experiment: Experiment) -> str:
    """Return in a sentence where an experiment is."""
    head = f"experiment {experiment.experiment_id} ({experiment.name})"
    arms = ", ".join(f"{arm.label}: version {arm.version}" for arm in experiment.arms)
    if experiment.state is ExperimentState.CREATED:
        return f"{head} is kept; it decides nothing until it is started"
    if experiment.state is ExperimentState.RUNNING:
        return f"{head} runs from {_at(experiment.started)} on: {arms}"
    promoted = f", arm {experiment.promoted_arm}" if experiment.promoted_arm else ""
    return f"{head} is over from {_at(experiment.ended)} on: {experiment.ended_by.name}{promoted}"


def experiments_table(experiments: Sequence[Experiment]) -> Table:
    """Return experiments as a table."""
    table = plain_table("experiment")
    for column in ("name", "arms", "metric", "state", "started", "ended", "by"):
        table.add_column(column)
    for experiment in experiments:
        table.add_row(
            str(experiment.experiment_id),
            escape(experiment.name),
            escape(", ".join(f"{arm.label}={arm.version}:{arm.weight}" for arm in experiment.arms)),
            experiment.primary_metric.name,
            experiment.state.name,
            _at(experiment.started),
            _at(experiment.ended),
            experiment.ended_by.name if experiment.ended_by else "",
            style="bold green" if experiment.state is ExperimentState.RUNNING else None,
        )
    return table


def results_view(results: ExperimentResults) -> Group:
    """Return an experiment with its results: a table of the arms, and one for each metric."""
    parts: list[RenderableType] = [escape(experiment_line(results.experiment))]
    labels = {arm.arm: f"{arm.arm} {arm.label}" for arm in results.experiment.arms}
    if not results.arms:
        return Group(*parts)
    arms = plain_table("arm", "members", "share", "by weight", "transactions")
    for arm in results.arms:
        arms.add_row(
            escape(labels[arm.arm]),
            f"{arm.members:,}",
            f"{arm.member_share:.1%}",
            f"{arm.weight_share:.1%}",
            f"{arm.transactions:,}",
        )
    parts += ["", arms, _ratio(results)]
    for number, metric in enumerate(results.arms[0].metrics):
        title = metric.metric.name + (" (primary)" if number == 0 else "")
        table = plain_table("arm", "in all", "per member", "95 %", "beside the first", "95 %", "p", title=title)
        for arm in results.arms:
            table.add_row(escape(labels[arm.arm]), *_cells(arm.metrics[number]))
        parts += ["", table]
    return Group(*parts)


def _ratio(results: ExperimentResults) -> str:
    if results.sample_ratio_p_value is None:
        return "too few members to tell whether they are divided by the weights"
    if results.mismatch:
        return (
            f"[bold red]the members are not divided by the weights (p = {results.sample_ratio_p_value:.2g}):"
            " the arms cannot be compared[/]"
        )
    return f"the members are divided by the weights (p = {results.sample_ratio_p_value:.2g})"


def _cells(result: MetricResult) -> tuple[str, ...]:
    return (
        f"{result.total:,}",
        _number(result.mean),
        _interval(result.low, result.high),
        _number(result.difference, "+"),
        _interval(result.difference_low, result.difference_high),
        "–" if result.p_value is None else f"{result.p_value:.2g}",
    )


def _number(value: float | None, sign: str = "") -> str:
    return "–" if value is None else f"{value:{sign},.2f}"


def _interval(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{low:,.2f} … {high:,.2f}"


def _at(step: ExperimentStep | None) -> str:
    return "" if step is None else time_text(step.at)
