"""The command line `pointguard-rules`.

Exit codes: 0 all is as it should be, 1 mistakes or failing cases, 2 wrong use, 3 the server refused or was not reached,
130 interrupted.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from pointguard_rules.findings import Suite, joined

EXIT_MISTAKES: Final = 1
EXIT_WRONG_USE: Final = 2
EXIT_INTERRUPTED: Final = 130
MISSING: Final = "pip install 'pointguard[rules]' brings what this command needs"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = parser().parse_args(argv)
    try:
        run: Callable[[argparse.Namespace], int] = arguments.run
        return run(arguments)
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
        description="Checks, formats and tests folders of earn rules, without a server.",
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
    return parser


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


def finish(suites: Sequence[Suite], junit: Path | None = None) -> int:
    """Print what was found, and return the exit code. Mistakes go to standard error."""
    from pointguard_rules.junit import junit_text

    for suite in suites:
        for check in suite.failed:
            print(check.problem, file=sys.stderr)
        count = len(suite.checks)
        said = f"{len(suite.failed)} of {count} checks failed" if suite.failed else f"{count} checks passed"
        print(f"{suite.path}: {said}" + (f" ({suite.note})" if suite.note else ""))
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


if __name__ == "__main__":
    sys.exit(main())
