"""``make torture``: crashes, power cuts and faults of the disk for as long as they take, and a log of it all.

    python -m tests.torture --minutes 15 --log docs/evidence/torture.md

Without options as much as a release is to survive: 1,000 crashes, 100,000 power cuts, a fault at every write and every
flush. ``--minutes`` bounds each of the three; what was done then is what the log says.
"""

import argparse
import os
import platform
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from textwrap import fill

from tests.support.server import ROOT
from tests.torture.crashes import Crashes, crash_migrations
from tests.torture.faults import FLUSHES, WRITES, Tellers
from tests.torture.faults import run as run_faults
from tests.torture.power import Cuts

WHOLE = (
    "A whole run is 1,000 crashes, 100,000 power cuts, and a fault at every write and at every flush. This one has as"
    " much of it as is said below: the minutes of the settings bound each of the three."
)


def main() -> int:
    """Do all three, one after the other, and write the log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crashes", type=int, default=1_000)
    parser.add_argument("--migrations", type=int, default=100)
    parser.add_argument("--cuts", type=int, default=100_000)
    parser.add_argument("--every-write", type=int, default=1)
    parser.add_argument("--every-flush", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=24 * 60.0, help="for each part")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path)
    given = parser.parse_args()
    begun = datetime.now(UTC)
    parts: list[tuple[str, str, list[str]]] = []
    for name, part in (("Crashes", crashes), ("Power cuts", power_cuts), ("Faults of the disk", faults)):
        started = time.monotonic()
        summary, found = part(given, started + 60 * given.minutes)
        summary += f"; {time.monotonic() - started:,.0f} s"
        print(f"{name}: {summary}", *found, sep="\n", flush=True)
        parts.append((name, summary, found))
    if given.log is not None:
        given.log.parent.mkdir(parents=True, exist_ok=True)
        given.log.write_text(log_of(given, begun, parts))
    return 1 if any(found for _, _, found in parts) else 0


def crashes(given: argparse.Namespace, until: float) -> tuple[str, list[str]]:
    """Kill servers; return what was done and what was found."""
    ends, found = crash_migrations(given.seed, given.migrations, until)
    crashes = Crashes(given.seed)
    crashes.run(given.crashes, until=until)
    found += crashes.faults
    return f"{crashes.summary}; {ends} first starts killed in their migrations; {len(found)} faults", found


def power_cuts(given: argparse.Namespace, until: float) -> tuple[str, list[str]]:
    """Cut the power, likewise."""
    cuts = Cuts()
    cuts.run(given.cuts, given.seed, os.cpu_count() or 1, until)
    return cuts.summary, [*cuts.found.faults, *(f"a control found nothing: {name}" for name in cuts.in_vain)]


def faults(given: argparse.Namespace, until: float) -> tuple[str, list[str]]:
    """Have writes and flushes fail, likewise."""
    found = run_faults(Tellers(), {WRITES: given.every_write, FLUSHES: given.every_flush}, given.seed, until)
    return found.summary, found.faults


def log_of(given: argparse.Namespace, begun: datetime, parts: list[tuple[str, str, list[str]]]) -> str:
    """Return the log: the settings, the machine, and for each part what was done and what was found."""
    settings = ", ".join(f"{name.replace('_', '-')} {value}" for name, value in vars(given).items() if name != "log")
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    machine = f"{os.cpu_count()} processors, {platform.system()} {platform.release()}"
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    text = [
        "# A run of `make torture`",
        f"Begun {begun:%Y-%m-%d %H:%M} UTC at commit {commit.stdout.strip() or 'unknown'}. Settings: {settings}.",
        f"The machine: {machine}, {versions}.",
        WHOLE,
    ]
    for name, summary, found in parts:
        text += [f"## {name}", f"{summary}.", *(f"* {fault}" for fault in found)]
    return "\n\n".join(fill(each, 120, break_long_words=False, break_on_hyphens=False) for each in text) + "\n"


if __name__ == "__main__":
    sys.exit(main())
