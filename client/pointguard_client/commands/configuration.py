"""The command configuration: what managers and the fraud team do with a program's configuration."""

import argparse
import sys
from pathlib import Path

from rich.syntax import Syntax
from rich.table import Table

from pointguard_client.client import PointguardClient
from pointguard_client.commands.options import Subparsers, add_command, connect, positive_integer
from pointguard_client.commands.output import console, error_as_plain, plain, print_error, print_json
from pointguard_client.commands.rule_output import change_cells, table_of, time_text
from pointguard_client.commands.who_and_why import add_change_options, change_of
from pointguard_client.configuration_values import ConfigurationActivation, ConfigurationProblem
from pointguard_client.errors import InvalidArgument


def register(commands: Subparsers) -> None:
    """Add the command with those below it."""
    parser = commands.add_parser(
        "configuration",
        help="check, compare, activate and roll back a program's configuration",
        description="Versions of a program's configuration, in TOML: its rate, controls and fraud rules. The API key"
        " must have the role of a manager or that of the fraud team.",
        parents=[],
    )
    below = parser.add_subparsers(metavar="COMMAND", required=True)
    validate = add_command(below, "validate", "tell the mistakes of a configuration", _validate)
    validate.add_argument("file", metavar="FILE", help="a configuration, or - for standard input")
    create = add_command(below, "create", "keep a configuration as a new version", _create)
    create.add_argument("file", metavar="FILE", help="a configuration, or - for standard input")
    add_change_options(create)
    for name, summary, run in (
        ("list", "list the versions, newest first", _list),
        ("activations", "list the activations, newest first", _activations),
    ):
        listing = add_command(below, name, summary, run)
        listing.add_argument("--count", type=positive_integer, default=20, help="at most, to 100 (default: 20)")
        listing.add_argument("--page", default="", help="the token of a further page, which the page before ends with")
    show = add_command(below, "show", "print a version's text", _show)
    show.add_argument("version", type=positive_integer, nargs="?", default=0, help="its number (default: the active)")
    diff = add_command(below, "diff", "compare two versions", _diff)
    diff.add_argument("from_version", type=positive_integer, metavar="FROM")
    diff.add_argument("to_version", type=positive_integer, metavar="TO")
    for name, summary, run in (
        ("activate", "have a version decide, at once", _activate),
        ("rollback", "have an earlier version decide again, at once", _rollback),
    ):
        changing = add_command(below, name, summary, run)
        changing.add_argument("version", type=positive_integer)
        changing.add_argument(
            "--expected",
            type=positive_integer,
            metavar="VERSION",
            help="the version that it takes over from (default: the one that is active when the command looks)",
        )
        add_change_options(changing)


def _read(name: str) -> str:
    return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")


async def _validate(arguments: argparse.Namespace) -> int:
    source = _read(arguments.file)
    async with connect(arguments) as client:
        problems = await client.configuration.validate(source)
    if arguments.json:
        print_json(plain(problems))
    else:
        _print_problems(arguments.file, problems)
        if not problems:
            console().print(f"{arguments.file}: no mistakes", markup=False, soft_wrap=True)
    return int(bool(problems))


def _print_problems(name: str, problems: tuple[ConfigurationProblem, ...]) -> None:
    """Print each mistake in a line, its place first, as editors and CI understand it."""
    for problem in problems:
        place = f"{name}:{problem.line}" if problem.line else name
        console().print(f"{place}: {problem.field}: {problem.message}", markup=False, soft_wrap=True)


async def _create(arguments: argparse.Namespace) -> int:
    source = _read(arguments.file)
    async with connect(arguments) as client:
        try:
            version = await client.configuration.create_version(
                source, change_of(arguments), idempotency_key=arguments.key
            )
        except InvalidArgument as error:
            if all(violation.field != "source" for violation in error.field_violations):
                raise
            # The refusal does not quote the text, so that it may be logged; the answer to this does.
            problems = await client.configuration.validate(source)
            if arguments.json:
                print_json({"error": error_as_plain(error), "problems": plain(problems)})
            else:
                print_error(error, as_json=False)
                _print_problems(arguments.file, problems)
            return 1
    if arguments.json:
        print_json(plain(version))
    else:
        console().print(f"version {version.version} is kept; it decides nothing until it is activated")
    return 0


async def _list(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        page = await client.configuration.list_versions(page_size=arguments.count, page_token=arguments.page)
    if arguments.json:
        print_json(plain(page))
        return 0
    table = table_of("version", "active", "created", "author", "reason", "note", "digest")
    for version in page.versions:
        is_active = "●" if version.version == page.active_version else ""
        cells = (time_text(version.created_at), *change_cells(version.change), version.digest[:12])
        table.add_row(str(version.version), is_active, *cells)
    return _print_page(table, page.next_page_token)


async def _activations(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        page = await client.configuration.list_activations(page_size=arguments.count, page_token=arguments.page)
    if arguments.json:
        print_json(plain(page))
        return 0
    table = table_of("activation", "version", "before", "kind", "from", "author", "reason", "note")
    for each in page.activations:
        numbers = (str(each.activation), str(each.version), str(each.previous_version or "–"))
        table.add_row(*numbers, each.kind.name, time_text(each.activated_at), *change_cells(each.change))
    return _print_page(table, page.next_page_token)


def _print_page(table: Table, token: str) -> int:
    console().print(table)
    if token:
        console().print(f"more: --page {token}")
    return 0


async def _show(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        version = await client.configuration.get_version(arguments.version)
    if arguments.json:
        print_json(plain(version))
    else:
        sys.stdout.write(version.source)
    return 0


async def _diff(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        found = await client.configuration.diff_versions(arguments.from_version, arguments.to_version)
    if arguments.json:
        print_json({"text_diff": found})
    elif found:
        console().print(Syntax(found.rstrip("\n"), "diff", background_color="default"))
    else:
        console().print("the texts are the same")
    return 0


async def _activate(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        activation = await client.configuration.activate_version(
            arguments.version,
            change_of(arguments),
            expected_active_version=await _expected(client, arguments),
            idempotency_key=arguments.key,
        )
    return _print_activation(activation, arguments.json)


async def _rollback(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        activation = await client.configuration.roll_back(
            arguments.version,
            change_of(arguments),
            expected_active_version=await _expected(client, arguments),
            idempotency_key=arguments.key,
        )
    return _print_activation(activation, arguments.json)


async def _expected(client: PointguardClient, arguments: argparse.Namespace) -> int:
    """Return the version to take over from: the one that was named, or the one that is active."""
    named: int | None = arguments.expected
    return named or (await client.configuration.list_versions(page_size=1)).active_version


def _print_activation(activation: ConfigurationActivation, as_json: bool) -> int:
    if as_json:
        print_json(plain(activation))
    else:
        went_back = " (back)" if activation.kind.name == "ROLLBACK" else ""
        console().print(
            f"version {activation.version} decides from {time_text(activation.activated_at)} on{went_back},"
            f" in place of version {activation.previous_version}"
        )
    return 0
