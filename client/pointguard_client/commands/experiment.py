"""The commands below ``rules experiment``: what a manager does with experiments. ``rules`` registers them."""

import argparse

from pointguard_client.commands.experiment_output import experiment_line, experiments_table, results_view
from pointguard_client.commands.options import Subparsers, add_command, connect, positive_integer
from pointguard_client.commands.output import console, plain, print_json
from pointguard_client.commands.who_and_why import add_change_options, change_of
from pointguard_client.experiment_values import Experiment, ExperimentArm
from pointguard_client.words import ExperimentMetric

PAGE = 100
METRICS = {metric.name.lower(): metric for metric in ExperimentMetric if metric}


def register(commands: Subparsers) -> None:
    """Add the command with those below it."""
    parser = commands.add_parser(
        "experiment",
        help="divide live traffic among versions, and see what becomes of it",
        description="Experiments with versions of a program's earn rules.",
        parents=[],
    )
    below = parser.add_subparsers(metavar="COMMAND", required=True)
    create = add_command(below, "create", "keep an experiment, which decides nothing until it is started", _create)
    create.add_argument("name", help="what people call it")
    create.add_argument(
        "--arm",
        type=_arm,
        action="append",
        required=True,
        metavar="LABEL=VERSION[:WEIGHT]",
        help="an arm, given 2 to 8 times; the others are compared with the first one (default weight: 1)",
    )
    create.add_argument("--metric", choices=METRICS, required=True, help="what it is to move, of each member")
    add_change_options(create)
    for name, summary, run in (
        ("start", "have the arms decide, at once", _start),
        ("end", "have the active version decide for everyone again, at once", _end),
        ("promote", "activate an arm's version for everyone, which ends the experiment", _promote),
    ):
        step = add_command(below, name, summary, run)
        step.add_argument("experiment", type=positive_integer)
        if name == "promote":
            step.add_argument("arm", type=positive_integer, help="the arm's number")
        add_change_options(step)
    listing = add_command(below, "list", "list the experiments, newest first", _list)
    listing.add_argument("--count", type=positive_integer, default=20, help="how many at most (default: %(default)s)")
    show = add_command(below, "show", "show an experiment with its results", _show)
    show.add_argument("experiment", type=positive_integer)


def _arm(text: str) -> ExperimentArm:
    label, _, rest = text.rpartition("=")
    version, _, weight = rest.partition(":")
    if not label or not version.isdecimal() or not (weight or "1").isdecimal():
        raise argparse.ArgumentTypeError("must be LABEL=VERSION or LABEL=VERSION:WEIGHT")
    return ExperimentArm(label, int(version), int(weight or "1"))


async def _create(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        made = await client.experiments.create(
            arguments.name,
            arguments.arm,
            METRICS[arguments.metric],
            change_of(arguments),
            idempotency_key=arguments.key,
        )
    return _print(made, arguments.json)


async def _start(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        started = await client.experiments.start(
            arguments.experiment, change_of(arguments), idempotency_key=arguments.key
        )
    return _print(started, arguments.json)


async def _end(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        ended = await client.experiments.end(arguments.experiment, change_of(arguments), idempotency_key=arguments.key)
    return _print(ended, arguments.json)


async def _promote(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        promoted = await client.experiments.promote(
            arguments.experiment, arguments.arm, change_of(arguments), idempotency_key=arguments.key
        )
    return _print(promoted, arguments.json)


def _print(experiment: Experiment, as_json: bool) -> int:
    if as_json:
        print_json(plain(experiment))
    else:
        console().print(experiment_line(experiment), markup=False, soft_wrap=True)
    return 0


async def _list(arguments: argparse.Namespace) -> int:
    experiments: list[Experiment] = []
    token = ""
    async with connect(arguments) as client:
        while len(experiments) < arguments.count:
            size = min(PAGE, arguments.count - len(experiments))
            page = await client.experiments.list(page_size=size, page_token=token)
            experiments += page.experiments
            token = page.next_page_token
            if not token:
                break
    if arguments.json:
        print_json(plain(experiments))
    else:
        console().print(experiments_table(experiments))
    return 0


async def _show(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        results = await client.experiments.get(arguments.experiment)
    if arguments.json:
        print_json(plain(results))
    else:
        console().print(results_view(results))
    return 0
