"""The command rules: what a manager does with a program's earn rules. Its API key must have the role of a manager."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pointguard_client.client import PointguardClient
from pointguard_client.commands import experiment, shadow
from pointguard_client.commands.accrual import basket_line
from pointguard_client.commands.backtest import register_backtest
from pointguard_client.commands.options import (
    Subparsers,
    add_command,
    add_currency_option,
    add_member_options,
    add_origin_options,
    connect,
    moment,
    money_of,
    origin_of,
    positive_integer,
    whole_number,
)
from pointguard_client.commands.output import console, error_as_plain, plain, print_error, print_json
from pointguard_client.commands.rule_output import (
    activation_line,
    activations_table,
    differences_view,
    problem_line,
    simulation_view,
    version_view,
    versions_table,
)
from pointguard_client.commands.who_and_why import add_change_options, change_of
from pointguard_client.errors import InvalidArgument
from pointguard_client.requests import Basket
from pointguard_client.rule_values import (
    FormattedRuleSet,
    RuleSetActivation,
    RuleSetReport,
    RuleSetVersion,
    SimulatedOrder,
)
from pointguard_client.words import TransactionKind

PAGE: Final = 100


def register(commands: Subparsers) -> None:
    """Add the command with those below it."""
    parser = commands.add_parser(
        "rules",
        help="check, compare, try out, activate and roll back earn rules",
        description="Versions of a program's earn rules. The API key must have the role of a manager.",
        parents=[],
    )
    below = parser.add_subparsers(metavar="COMMAND", required=True)
    validate = add_command(below, "validate", "tell the mistakes of files of earn rules", _validate)
    validate.add_argument("files", nargs="+", metavar="FILE", help="a file of earn rules, or - for standard input")
    _add_set_option(validate)
    layout = add_command(below, "format", "bring files of earn rules into their canonical layout", _format)
    layout.add_argument("files", nargs="+", metavar="FILE", help="a file of earn rules, or - for standard input")
    how = layout.add_mutually_exclusive_group()
    how.add_argument("--write", action="store_true", help="change the files (default: print the text)")
    how.add_argument("--check", action="store_true", help="only tell which files would change, and exit with 1 then")
    create = add_command(below, "create", "keep a file of earn rules as a new version", _create)
    create.add_argument("file", metavar="FILE", help="a file of earn rules, or - for standard input")
    _add_set_option(create)
    add_change_options(create)
    for name, summary, run in (
        ("list", "list the versions, newest first", _list),
        ("activations", "list the activations, newest first", _activations),
    ):
        listing = add_command(below, name, summary, run)
        listing.add_argument(
            "--count", type=positive_integer, default=20, help="how many at most (default: %(default)s)"
        )
    show = add_command(below, "show", "show a version with its text", _show)
    show.add_argument("version", type=positive_integer)
    show.add_argument("--source", action="store_true", help="print its text and nothing else, as it was given")
    diff = add_command(below, "diff", "compare two versions", _diff)
    diff.add_argument("from_version", type=positive_integer, metavar="FROM")
    diff.add_argument("to_version", type=positive_integer, metavar="TO")
    activate = add_command(below, "activate", "have a version decide, now or from a moment on", _activate)
    activate.add_argument("--at", type=moment, help="from when on, ISO 8601 with time zone (default: at once)")
    rollback = add_command(below, "rollback", "have an earlier version decide again, at once", _rollback)
    for changing in (activate, rollback):
        changing.add_argument("version", type=positive_integer)
        changing.add_argument(
            "--expected",
            type=positive_integer,
            metavar="VERSION",
            help="the version that it takes over from (default: the one that is active when the command looks)",
        )
        add_change_options(changing)
    cancel = add_command(below, "cancel", "call a planned activation off", _cancel)
    cancel.add_argument("activation", type=positive_integer, help="its number, as the command activations lists it")
    add_change_options(cancel)
    _register_simulate(below)
    register_backtest(below)
    experiment.register(below)
    shadow.register(below)


def _add_set_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set", type=Path, action="append", default=[], dest="sets", metavar="FILE",
        help="a file that a set of the rules names, may be given many times",
    )  # fmt: skip


def _register_simulate(commands: Subparsers) -> None:
    parser = add_command(commands, "simulate", "say what an order, or a past accrual, would earn", _simulate)
    looked_at = parser.add_mutually_exclusive_group(required=True)
    looked_at.add_argument("--transaction", default="", metavar="UUID", help="an accrual in the ledger")
    looked_at.add_argument("--total-minor", type=whole_number, help="an order's total in minor units")
    looked_at.add_argument(
        "--line",
        type=basket_line,
        action="append",
        metavar="sku=…,category=…,brand=…,quantity=…,amount_minor=…",
        help="one line of an order, may be given many times; all but amount_minor may be left out",
    )
    parser.add_argument(
        "--window",
        type=_window,
        action="append",
        default=[],
        metavar="WINDOW=NUMBER",
        help='what a window of the rules holds, such as "count(purchases, 7 days)=3" (default: what the ledger says)',
    )
    parser.add_argument("--trace", action="store_true", help="say how each outcome came about")
    rules = parser.add_mutually_exclusive_group()
    rules.add_argument("--version", type=positive_integer, default=0, help="by this version (default: the active one)")
    rules.add_argument("--source", metavar="FILE", help="by a file of earn rules, or - for standard input")
    order = parser.add_argument_group("the order")
    add_currency_option(parser)
    order.add_argument("--activity", action="store_true", help="it is not a purchase")
    order.add_argument("--tender", default="", help="the code of the means of payment")
    order.add_argument("--coupon-used", action="store_true", help="a coupon was used")
    order.add_argument("--tier", default="", help="the code of the member's tier")
    order.add_argument("--province", default="", help="the member's province, ISO 3166-2")
    order.add_argument("--days", type=whole_number, default=0, help="since the member was enrolled")
    order.add_argument("--posted", type=whole_number, default=0, help="points on the account before")
    order.add_argument("--reserved", type=whole_number, default=0, help="points of the account that are reserved")
    order.add_argument("--spend-minor", type=whole_number, default=0, help="spent since the program began")
    order.add_argument("--at", type=moment, help="when, ISO 8601 with time zone (default: now)")
    add_member_options(parser, required=False)
    add_origin_options(parser)


def _window(text: str) -> tuple[str, str]:
    window, _, value = text.rpartition("=")
    if not window:
        raise argparse.ArgumentTypeError("must be WINDOW=NUMBER")
    return window, value


def _read(name: str) -> str:
    return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")


def _sets(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the texts of the files of sets, by the names that rules give them."""
    return {path.name: path.read_text(encoding="utf-8") for path in arguments.sets}


async def _validate(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        sets = _sets(arguments)
        reports = {name: await client.rules.validate(_read(name), files=sets) for name in arguments.files}
    if arguments.json:
        print_json({name: plain(report) for name, report in reports.items()})
    else:
        for name, report in reports.items():
            _print_report(name, report)
    return int(any(report.problems for report in reports.values()))


def _print_report(name: str, report: RuleSetReport) -> None:
    for problem in report.problems:
        console().print(problem_line(name, problem), markup=False, soft_wrap=True)
    if not report.problems:
        count = len(report.rules)
        console().print(f"{name}: {count} rule{'s' if count != 1 else ''}, no mistakes", markup=False, soft_wrap=True)


async def _format(arguments: argparse.Namespace) -> int:
    sources = {name: _read(name) for name in arguments.files}
    async with connect(arguments) as client:
        found = {name: await client.rules.format(source) for name, source in sources.items()}
    changed = {
        name for name, formatted in found.items() if not formatted.problems and formatted.source != sources[name]
    }
    if arguments.write:
        _write({name: found[name].source for name in changed})
    if arguments.json:
        print_json({name: plain(formatted) for name, formatted in found.items()})
    else:
        said = "would change" if arguments.check else "changed" if arguments.write else ""
        for name, formatted in found.items():
            _print_formatted(name, formatted, said if name in changed or not said else "as it should be")
    wrong = any(formatted.problems for formatted in found.values())
    return int(wrong or (arguments.check and bool(changed)))


def _write(sources: Mapping[str, str]) -> None:
    for name, source in sources.items():
        if name != "-":
            Path(name).write_text(source, encoding="utf-8")


def _print_formatted(name: str, formatted: FormattedRuleSet, said: str) -> None:
    """Print what is wrong, or what is said of a file, or else its text."""
    for problem in formatted.problems:
        console().print(problem_line(name, problem), markup=False, soft_wrap=True)
    if formatted.problems:
        return
    if said:
        console().print(f"{name}: {said}", markup=False, soft_wrap=True)
    else:
        sys.stdout.write(formatted.source)


async def _create(arguments: argparse.Namespace) -> int:
    source, sets = _read(arguments.file), _sets(arguments)
    async with connect(arguments) as client:
        try:
            version = await client.rules.create_version(
                source, change_of(arguments), files=sets, idempotency_key=arguments.key
            )
        except InvalidArgument as error:
            if all(violation.field != "source" for violation in error.field_violations):
                raise
            # The refusal does not quote the text, so that it may be logged; the answer to this does.
            report = await client.rules.validate(source, files=sets)
            if arguments.json:
                print_json({"error": error_as_plain(error), "problems": plain(report.problems)})
            else:
                print_error(error, as_json=False)
                _print_report(arguments.file, report)
            return 1
    if arguments.json:
        print_json(plain(version))
    else:
        console().print(f"version {version.version} is kept; it decides nothing until it is activated")
    return 0


async def _list(arguments: argparse.Namespace) -> int:
    versions: list[RuleSetVersion] = []
    token, active = "", 0
    async with connect(arguments) as client:
        while len(versions) < arguments.count:
            size = min(PAGE, arguments.count - len(versions))
            page = await client.rules.list_versions(page_size=size, page_token=token)
            versions += page.versions
            token, active = page.next_page_token, page.active_version
            if not token:
                break
    if arguments.json:
        print_json({"active_version": active, "versions": plain(versions)})
    else:
        console().print(versions_table(tuple(versions), active))
    return 0


async def _activations(arguments: argparse.Namespace) -> int:
    activations: list[RuleSetActivation] = []
    token = ""
    async with connect(arguments) as client:
        while len(activations) < arguments.count:
            size = min(PAGE, arguments.count - len(activations))
            page = await client.rules.list_activations(page_size=size, page_token=token)
            activations += page.activations
            token = page.next_page_token
            if not token:
                break
    if arguments.json:
        print_json(plain(activations))
    else:
        console().print(activations_table(tuple(activations)))
    return 0


async def _show(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        version = await client.rules.get_version(arguments.version)
    if arguments.source:
        sys.stdout.write(version.source)
    elif arguments.json:
        print_json(plain(version))
    else:
        console().print(version_view(version), soft_wrap=True)
    return 0


async def _diff(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        found = await client.rules.diff_versions(arguments.from_version, arguments.to_version)
    if arguments.json:
        print_json(plain(found))
    else:
        console().print(differences_view(found))
    return 0


async def _activate(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        activation = await client.rules.activate_version(
            arguments.version,
            change_of(arguments),
            expected_active_version=await _expected(client, arguments),
            effective_at=arguments.at,
            idempotency_key=arguments.key,
        )
    _print_activation(activation, arguments.json)
    return 0


async def _rollback(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        activation = await client.rules.roll_back(
            arguments.version,
            change_of(arguments),
            expected_active_version=await _expected(client, arguments),
            idempotency_key=arguments.key,
        )
    _print_activation(activation, arguments.json)
    return 0


async def _cancel(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        cancelled = await client.rules.cancel_activation(
            arguments.activation, change_of(arguments), idempotency_key=arguments.key
        )
    _print_activation(cancelled, arguments.json)
    return 0


async def _expected(client: PointguardClient, arguments: argparse.Namespace) -> int:
    """Return the version to take over from: the one that was named, or the one that is active."""
    named: int | None = arguments.expected
    return named or (await client.rules.list_versions(page_size=1)).active_version


def _print_activation(activation: RuleSetActivation, as_json: bool) -> None:
    if as_json:
        print_json(plain(activation))
    else:
        console().print(activation_line(activation))


async def _simulate(arguments: argparse.Namespace) -> int:
    total = money_of(arguments.total_minor, arguments)
    order = SimulatedOrder(
        total or Basket(arguments.currency, tuple(arguments.line or ())),
        origin=origin_of(arguments),
        kind=TransactionKind.ACTIVITY if arguments.activity else TransactionKind.UNSPECIFIED,
        tender=arguments.tender,
        coupon_used=arguments.coupon_used,
        tier=arguments.tier,
        province=arguments.province,
        days_since_enrolment=arguments.days,
        posted=arguments.posted,
        reserved=arguments.reserved,
        spend_minor_units=arguments.spend_minor,
        accepted_at=arguments.at,
        member=arguments.member,
    )
    source = _read(arguments.source) if arguments.source else ""
    async with connect(arguments) as client:
        found = await client.rules.simulate(
            arguments.transaction or order, version=arguments.version, source=source, trace=arguments.trace,
            windows=dict(arguments.window),
        )  # fmt: skip
        if arguments.trace and not arguments.json:
            # What was seen is shown with the words that it stands at.
            source = source or (await client.rules.get_version(found.version)).source
    if arguments.json:
        print_json(plain(found))
    else:
        console().print(simulation_view(found, source))
    return 0
