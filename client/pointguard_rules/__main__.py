"""The command line `pointguard-rules`.

Exit codes: 0 all is as it should be, 1 mistakes or failing cases, 2 wrong use, 3 the server refused or was not reached,
130 interrupted.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Final, TextIO

from pointguard_client.commands.options import Subparsers, add_command, connect, moment
from pointguard_client.commands.output import plain, print_error, print_json
from pointguard_client.commands.rule_output import activation_line
from pointguard_client.commands.who_and_why import add_change_options, change_of
from pointguard_client.errors import PointguardError
from pointguard_rules.findings import Suite, joined

EXIT_MISTAKES: Final = 1
EXIT_WRONG_USE: Final = 2
EXIT_REFUSED: Final = 3
EXIT_INTERRUPTED: Final = 130
MISSING: Final = "pip install 'pointguard[rules]' brings what this command needs"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = parser().parse_args(argv)
    try:
        run: Callable[[argparse.Namespace], int | Coroutine[None, None, int]] = arguments.run
        code = run(arguments)
        return code if isinstance(code, int) else asyncio.run(code)
    except PointguardError as error:
        print_error(error, as_json=False)
        return EXIT_REFUSED
    except (ValueError, OSError) as error:
        # What was named holds no rule set; a report that cannot be written.
        print(f"pointguard-rules: {error}", file=sys.stderr)
        return EXIT_WRONG_USE
    except ModuleNotFoundError as error:
        print(f"pointguard-rules: {error.name} is not installed: {MISSING}", file=sys.stderr)
        return EXIT_WRONG_USE
    except (KeyboardInterrupt, asyncio.CancelledError):
        return EXIT_INTERRUPTED


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = argparse.ArgumentParser(
        prog="pointguard-rules",
        description="Checks, formats and tests folders of earn rules without a server, and pushes them to one.",
        epilog="Exit codes: 0 as it should be, 1 mistakes, 2 wrong use, 3 the server refused or was not reached.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, summary, run in (
        ("check", "tell the mistakes of rule sets", _check),
        ("format", "bring rule sets into their canonical layout", _format),
        ("test", "decide the cases of rule sets, and tell what differs", _test),
        ("verify", "all three: check, format --check and test", _verify),
    ):
        command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        command.set_defaults(run=run)
        command.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a folder of rule sets, or a file")
        if name == "format":
            command.add_argument("--check", action="store_true", help="change nothing, and exit with 1 if it would")
        if name in ("test", "verify"):
            add_report_options(command)
    _register_push(commands)
    return parser


def _register_push(commands: Subparsers) -> None:
    command = add_command(commands, "push", "verify a rule set, and keep it as a version if it is new", _push)
    command.add_argument("path", type=Path, metavar="PATH", help="a folder with one rule set, or its file")
    add_report_options(command)
    deciding = command.add_argument_group("deciding")
    deciding.add_argument("--activate", action="store_true", help="have the version decide at once, unless it does")
    deciding.add_argument("--at", type=moment, help="with --activate: from when on, ISO 8601 with time zone")
    add_change_options(command, keyed=False)


def add_report_options(command: argparse.ArgumentParser) -> None:
    """Add the options of commands that decide cases."""
    command.add_argument("--junit", type=Path, metavar="FILE", help="write the findings as JUnit XML, too")
    command.add_argument(
        "--every-rule", action="store_true", help="take a rule that gives no points in any case for a mistake"
    )


def verified(arguments: argparse.Namespace, paths: Iterable[Path]) -> tuple[Suite, ...]:
    """Check, compare the layout and decide the cases of rule sets."""
    from pointguard_rules import verification
    from pointguard_rules.folder import find_rule_sets

    suites = []
    for files in find_rule_sets(paths):
        found = verification.check(files)
        suites += [found, verification.check_layout(files)]
        # Cases of rules that have mistakes would only tell of them again.
        if not found.failed:
            suites.append(verification.decide(files, every_rule=arguments.every_rule))
    return joined(suites)


def finish(suites: Sequence[Suite], junit: Path | None = None, out: TextIO | None = None) -> int:
    """Print what was found, to standard output unless ``out`` is another, and return the exit code.

    Mistakes go to standard error.
    """
    from pointguard_rules.junit import junit_text

    for suite in suites:
        for check in suite.failed:
            print(check.problem, file=sys.stderr)
        count = len(suite.checks)
        said = f"{len(suite.failed)} of {count} checks failed" if suite.failed else f"{count} checks passed"
        print(f"{suite.path}: {said}" + (f" ({suite.note})" if suite.note else ""), file=out)
    if junit is not None:
        junit.write_text(junit_text(suites), encoding="utf-8")
    return EXIT_MISTAKES if any(suite.failed for suite in suites) else 0


def _check(arguments: argparse.Namespace) -> int:
    from pointguard_rules import verification
    from pointguard_rules.folder import find_rule_sets

    return finish([verification.check(files) for files in find_rule_sets(arguments.paths)])


def _format(arguments: argparse.Namespace) -> int:
    from pointguard_rules import verification
    from pointguard_rules.folder import find_rule_sets

    found = find_rule_sets(arguments.paths)
    if arguments.check:
        return finish([verification.check_layout(files) for files in found])
    rewritten = [verification.rewrite(files) for files in found]
    for suite, is_changed in rewritten:
        if is_changed:
            print(f"{suite.path}: changed")
    return finish([suite for suite, is_changed in rewritten if not is_changed])


def _test(arguments: argparse.Namespace) -> int:
    from pointguard_rules import verification
    from pointguard_rules.folder import find_rule_sets

    suites = [verification.decide(files, every_rule=arguments.every_rule) for files in find_rule_sets(arguments.paths)]
    return finish(suites, arguments.junit)


def _verify(arguments: argparse.Namespace) -> int:
    return finish(verified(arguments, arguments.paths), arguments.junit)


async def _push(arguments: argparse.Namespace) -> int:
    from pointguard_rules import pushing
    from pointguard_rules.folder import FolderError, find_rule_sets

    if arguments.at is not None and not arguments.activate:
        raise FolderError("--at says from when a version decides: give --activate too")
    found = find_rule_sets([arguments.path])
    if len(found) > 1:
        names = ", ".join(str(files.rules) for files in found)
        raise FolderError(f"{arguments.path}: a program has one rule set, so name one of {names}")
    suites = verified(arguments, [arguments.path])
    code = finish(suites, arguments.junit, sys.stderr if arguments.json else None)
    if code:
        return code
    async with connect(arguments) as client:
        try:
            pushed = await pushing.push(
                client, found[0], change_of(arguments), activate=arguments.activate, at=arguments.at
            )
        except pushing.NotPushed as error:
            print(error, file=sys.stderr)
            return EXIT_MISTAKES
    if arguments.json:
        print_json(plain(pushed))
        return 0
    said = "is kept" if pushed.is_new else "has these rules already: nothing is new"
    print(f"{found[0].rules}: version {pushed.version} {said}")
    if pushed.activation is not None:
        print(activation_line(pushed.activation))
    elif arguments.activate:
        print(f"version {pushed.version} decides {'then' if arguments.at else 'now'} already")
    return 0


if __name__ == "__main__":
    sys.exit(main())
