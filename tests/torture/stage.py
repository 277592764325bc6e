"""What the servers that are tormented serve: a program with windows that everybody runs into, and its first files."""

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from tests.support.server import PROGRAM, ServerProcess, issue_key, write_program
from tests.torture.checker import Terms

POINTS_MAX = 20_000
RULES = f"""
[[fraud_rule]]
name = "points"
context = "REDEMPTION"
counts = {{ parts = ["REDEEM"], attempts = "APPROVED" }}
measure = "POINTS"
window = {{ rolling = "7d" }}
threshold = {POINTS_MAX}
posture = "BLOCK"
duration = "0s"
net_of_reversals = true

[[fraud_rule]]
name = "attempts"
context = "REDEMPTION"
counts = {{ parts = ["REDEEM"], attempts = "ALL" }}
measure = "COUNT"
window = {{ rolling = "7d" }}
threshold = 20
posture = "WARN"
duration = "1s"
"""
"""A limit that declines, and advice that is raised again and again: there is a feed."""
TERMS = Terms(POINTS_MAX, points_measure=0, attempts_measure=1)
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
"""For files of which only the calls matter, or what is left of them: faster than a disk, where there is one."""
ROLES = ("--role", "till", "--role", "agent", "--role", "fraud")


@cache
def _first_files() -> tuple[Path, str]:
    """Return a folder with a data directory that has an API key and nothing else, and the key."""
    directory = Path(mkdtemp())
    atexit.register(shutil.rmtree, directory)
    return directory, issue_key(directory / "data", *program_options(directory), *ROLES)


def program_options(directory: Path) -> tuple[str, ...]:
    """Write the program's files, and return the options that serve it."""
    return ("--tenant", "plain", *write_program(directory / "program", PROGRAM + RULES))


def new_server(directory: Path, **settings: Any) -> ServerProcess:
    """Return a server with a fresh ledger in ``directory``, not started yet; ``settings`` are a ``ServerProcess``'s."""
    first, api_key = _first_files()
    shutil.copytree(first / "data", directory / "data")
    return ServerProcess(directory / "data", program_options(directory), api_key=api_key, **settings)
