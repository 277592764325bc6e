"""What the benchmarks play on: a working folder, a ledger with enrolled members to copy, and the servers."""

import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from pointguard_server.storage.database import DATABASE_FILE
from tests.bench.machine import machine_facts
from tests.bench.processes import ROOT, ProcessFailed, ServerProcess, run_worker
from tests.bench.program import describe_program, enroll_members, load_members, write_program

RESULTS = ROOT / "bench" / "results"
TENANT = "bench"
DURABILITY = "every answer follows the flush of its batch in the journal; SQLite (WAL) follows behind"
WORKER_MARGIN_S = 60.0


@dataclass
class Stage:
    """One run's working folder on the disk that holds the project, and what every benchmark needs of it.

    Each side has ``rounds`` turns of ``seconds`` of load; ``full`` asks for the sizes of a goal where others are usual.
    """

    rounds: int
    seconds: float
    say: Callable[[str], None]
    full: bool = False
    folder: Path = field(init=False)

    def __enter__(self) -> Self:
        # Not the system's folder for temporary files: where that is in memory, flushing would cost nothing.
        RESULTS.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="work-", dir=RESULTS))
        self.program, self.stores = write_program(self.folder / "program")
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The machine."""
        return machine_facts(self.folder)

    def settings(self, **more: Any) -> dict[str, Any]:
        """Return the settings of a result: the machine, the program, the run, and what is told here."""
        return (
            self.facts | {"durability": DURABILITY} | describe_program(self.program) | {"seconds": self.seconds} | more
        )

    def server_arguments(self, data_directory: Path, *, sandbox: bool = False) -> list[str]:
        """Return the command line of a server of the bench program, or of the sandbox, on free ports."""
        program = ["--tenant", TENANT, "--program", str(self.program), "--stores", str(self.stores)]
        return [
            *(["--sandbox"] if sandbox else program),
            *("--data-dir", str(data_directory)),
            *("--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0"),
        ]

    def pointguard(self, data_directory: Path, *, sandbox: bool = False) -> ServerProcess:
        """Return a server on a data directory, to be used in a ``with``."""
        arguments = self.server_arguments(data_directory, sandbox=sandbox)
        return ServerProcess("pointguard_server", arguments, self.folder / "pointguard.log")

    @cached_property
    def seeded(self) -> tuple[Path, str]:
        """A data directory with enrolled members and opening balances, and its API key. Copy it; do not serve it."""
        directory = self.folder / "seeded"
        self.say("enrolling members")
        api_key = self.issue_key(directory)
        with self.pointguard(directory) as server:
            asyncio.run(enroll_members(server.address, api_key, load_members()))
        return directory, api_key

    def issue_key(self, directory: Path, role: str = "till") -> str:
        """Return a new API key of a data directory that nobody serves."""
        issue = ("--issue-key", "--role", role)
        command = [sys.executable, "-m", "pointguard_server", *self.server_arguments(directory), *issue]
        issued = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)
        if issued.returncode != 0:
            raise ProcessFailed(f"no API key was issued: {issued.stderr[-2000:]}")
        return issued.stdout.strip()

    def copy_ledger(self, name: str) -> tuple[Path, str]:
        """Return a new copy of the seeded data directory, and its API key."""
        seeded, api_key = self.seeded
        directory = self.folder / name
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(seeded, directory)
        return directory, api_key

    def load(self, server: ServerProcess, api_key: str, **job: Any) -> dict[str, Any]:
        """Load a server by a client process and return its summary.

        Raises:
            ProcessFailed: if a request failed or was declined: such a figure would mean nothing.
        """
        job = {"seconds": self.seconds} | job
        whom = {"address": server.address, "api_key": api_key, "server_pid": server.pid}
        summary = run_worker("tests.bench.load_client", whom | job, job["seconds"] + WORKER_MARGIN_S)
        unwanted = [outcome for outcome in summary["outcomes"] if not outcome.endswith((" approved", " answered"))]
        if summary["errors"] or summary["gave_up"] or unwanted:
            raise ProcessFailed(f"the load was not answered as it should be: {summary}")
        return summary


def database_of(data_directory: Path) -> Path:
    """Return the ledger's file."""
    return data_directory / DATABASE_FILE
