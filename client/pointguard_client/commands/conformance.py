"""The command conformance: tries what a till relies on against a server or a gateway, and says what does not hold."""

import argparse
import asyncio
import shutil
import sys
from pathlib import Path

from pointguard_client.commands.options import Subparsers, add_command, read_root_certificates
from pointguard_client.commands.output import print_json
from pointguard_client.conformance.performance import Part, Result, Verdict
from pointguard_client.conformance.report import as_plain, junit_text, text_lines
from pointguard_client.conformance.run import PROGRAM, SCENARIOS, TIMEOUT_SECONDS, Restart, load_parts, play
from pointguard_client.conformance.wire import Endpoint
from pointguard_client.errors import ConfigurationError


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = add_command(commands, "conformance", "try a server or a gateway by the conformance kit", conform)
    parser.set_defaults(timeout=TIMEOUT_SECONDS)
    parser.add_argument("--target", dest="address", metavar="HOST:PORT", help="the same as --address")
    parser.add_argument(
        "--only", action="append", default=[], metavar="TEXT", help="scenarios with this in their name or title"
    )
    parser.add_argument("--scenarios", type=Path, default=SCENARIOS, metavar="FOLDER", help="scenarios of your own")
    parser.add_argument(
        "--restart", metavar="COMMAND", help="kills the target at once, starts it again, and ends when it takes calls"
    )
    parser.add_argument("--verbose", action="store_true", help="a line for each scenario, too")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the report as JUnit XML, too")
    parser.add_argument("--list", action="store_true", help="list the scenarios and ask nobody")
    parser.add_argument("--show", metavar="NAME", help="print the table of one scenario and ask nobody")
    parser.add_argument(
        "--write-program",
        type=Path,
        metavar="FOLDER",
        help="write the program that the target must serve, and ask nobody",
    )


async def conform(arguments: argparse.Namespace, restart: Restart | None = None) -> int:
    """Do what the command's arguments say, and return the exit code. ``restart`` stands for `--restart`."""
    if arguments.write_program is not None:
        shutil.copytree(PROGRAM, arguments.write_program, dirs_exist_ok=True)
        return 0
    parts = load_parts(arguments.scenarios, arguments.only)
    if not parts:
        raise ConfigurationError("no scenario has that in its name or title; --list lists them")
    if arguments.show is not None:
        return _show(arguments.show, parts)
    if arguments.list:
        for part in parts:
            print(f"{part.scenario.name}: {part.scenario.title}")
        return 0
    endpoint = Endpoint.of(arguments.address, arguments.api_key, arguments.plaintext, read_root_certificates(arguments))
    if arguments.restart is not None:
        restart = _restart_by(arguments.restart)
    told = _tell if arguments.verbose and not arguments.json else _tell_nobody
    report = await play(parts, endpoint, restart=restart, timeout_seconds=arguments.timeout, told=told)
    if arguments.junit is not None:
        arguments.junit.write_text(junit_text(report), encoding="utf-8")
    if arguments.json:
        print_json(as_plain(report))
    else:
        sys.stdout.write("\n".join(text_lines(report)) + "\n")
    return 1 if report.count(Verdict.FAILED) or not report.count(Verdict.PASSED) else 0


def _show(name: str, parts: list[Part]) -> int:
    for part in parts:
        if part.scenario.name == name:
            sys.stdout.write(part.scenario.path.read_text(encoding="utf-8"))
            return 0
    raise ConfigurationError(f"there is no scenario {name!r}; --list lists them")


def _restart_by(command: str) -> Restart:
    async def restart() -> None:
        process = await asyncio.create_subprocess_shell(command, stdin=asyncio.subprocess.DEVNULL)
        if code := await process.wait():
            raise ConfigurationError(f"--restart: the command ended with {code}")

    return restart


def _tell(result: Result) -> None:
    print(f"{result.verdict:<8}{result.scenario.name}: {result.scenario.title}", flush=True)


def _tell_nobody(result: Result) -> None:
    del result
