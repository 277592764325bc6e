"""A real server in a process of its own, for end-to-end tests: free ports, a data directory that goes away, its log.

``shared_server`` is one sandbox for the whole session: tests use members that they enroll themselves. ``start_server``
starts servers of a test's own. Both end only what they started. A room that wants them imports them in its
``conftest.py``.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pytest

ROOT = Path(__file__).parents[2]
START_SECONDS_MAX = 110.0
"""The first start on a machine compiles the kernels; every later one takes a second or two."""
END_SECONDS_MAX = 30.0
COMPILING = {"compiling", "rules_interpreted", "rules_compiled"}
"""What the log tells where the cache of compiled code is empty."""
SANDBOX = ("--sandbox",)
FREE_PORTS = ("--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0")

PROGRAM = """
[program]
code = "plain"
name = "Plain"
time_zone = "America/Toronto"
currency = "CAD"

[program.redemption]
points = 1
money_minor = 1

[program.earn]
rules = "earn.rules"
"""
"""A program that earns ten points a dollar and watches nothing: whatever is available may be spent."""
EARN_RULES = 'rule "base"\n    earn base order.total * 10\n'
STORES = "store_id,business_unit,country,province\ns1,MAIN,CA,CA-ON\ns2,MAIN,CA,CA-QC\n"


def server_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment without anything that would set the server up, and with ``extra``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POINTGUARD_")}
    kept["PYTHONPATH"] = os.pathsep.join(str(ROOT / folder) for folder in ("server", "client", "generated"))
    return kept | {"POINTGUARD_BACKGROUND_REST": "0"} | dict(extra or {})


def run_server(*options: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a server that is expected to end by itself, and return how it ended."""
    return subprocess.run(
        [sys.executable, "-m", "pointguard_server", *options],
        env=server_environment(environment),
        capture_output=True,
        text=True,
        timeout=START_SECONDS_MAX,
        check=False,
    )


def write_program(directory: Path, program: str = PROGRAM) -> tuple[str, ...]:
    """Write a program with stores and earn rules, and return the options that serve it."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "program.toml").write_text(program)
    (directory / "earn.rules").write_text(EARN_RULES)
    (directory / "stores.csv").write_text(STORES)
    return ("--program", str(directory / "program.toml"), "--stores", str(directory / "stores.csv"))


def issue_key(data_directory: Path, *options: str) -> str:
    """Have an API key made for the tenant that the options name, and return it."""
    ended = run_server("--data-dir", str(data_directory), "--issue-key", *options)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


class ServerProcess:
    """One server process. ``options`` say what it serves; without addresses it takes free ports of the loopback."""

    def __init__(
        self,
        data_directory: Path,
        options: Sequence[str] = SANDBOX,
        *,
        environment: Mapping[str, str] | None = None,
        api_key: str = "",
        module: str = "pointguard_server",
    ) -> None:
        self.module = module
        self.behind: tuple[str, ...] = ()  # a command that is put before the server's, and that does not fork before it
        self.data_directory = data_directory
        self.options = tuple(options)
        self.environment = environment
        self.grpc_port = 0
        self.http_port = 0
        self._api_key = api_key
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0
        self._log = self._output = data_directory.with_name(f"{data_directory.name}.log")

    @property
    def address(self) -> str:
        """Host and port that gRPC clients connect to."""
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def api_key(self) -> str:
        """The key that was given, or else the sandbox's own."""
        return self._api_key or (self.data_directory / "sandbox-api-key").read_text().strip()

    @property
    def authorization(self) -> tuple[tuple[str, str], ...]:
        """The metadata of a call that may pass."""
        return (("authorization", f"Bearer {self.api_key}"),)

    @property
    def database(self) -> Path:
        """The ledger's file."""
        return self.data_directory / "ledger.sqlite3"

    @property
    def process_id(self) -> int:
        """The number of the process, which must have been started."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start, or start again on the same data directory, and return when requests are taken."""
        self.begin()
        self.await_ready()
        return self

    def begin(self) -> None:
        """Start, or start again on the same data directory; ``await_ready`` before it is asked for anything."""
        assert not self.running
        self._starts += 1
        stem = f"{self.data_directory.name}.{self._starts}"
        self._log, self._output = (self.data_directory.with_name(f"{stem}.{what}") for what in ("log", "out"))
        command = [*self.behind, sys.executable, "-m", self.module, "--data-dir", str(self.data_directory), *FREE_PORTS]
        with self._log.open("wb") as log, self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [*command, *self.options], env=server_environment(self.environment), stdout=output, stderr=log, cwd=ROOT
            )

    def await_ready(self) -> None:
        """Return when requests are taken."""
        give_up = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < give_up:
            for event in self.events():
                if event["event"] == "ready":
                    self.grpc_port, self.http_port = event["grpc_port"], event["http_port"]
                    return
            assert self.running, f"the server ended before it was ready:\n{self.log()}"
            time.sleep(0.02)
        self.kill()
        raise AssertionError(f"the server was not ready in time:\n{self.log()}")

    def log(self) -> str:
        """What the newest process wrote to standard error."""
        return self._log.read_text(errors="replace")

    def output(self) -> str:
        """What the newest process wrote to standard output."""
        return self._output.read_text(errors="replace")

    def events(self) -> list[dict[str, Any]]:
        """The lines of the newest process's log that are JSON."""
        return [json.loads(line) for line in self.log().splitlines() if line.startswith("{") and line.endswith("}")]

    def complaints(self) -> list[str]:
        """The lines of the newest process's log that tell of anything but its start, its end and what it was asked."""
        usual = {*COMPILING, "starting", "rules_loaded", "journal_recovered", "ready", "swept", "draining", "stopped"}
        usual |= {"duty_taken", "duty_lost", "program_followed"}
        usual |= {
            "program_taken_up",
            "configuration_activated",
            "experiment_changed",
            "shadow_started",
            "shadow_stopped",
            "backtest_started",
            "backtest_ended",
            "redemptions_stopped",
            "redemptions_released",
        }
        known = [json.dumps(event) for event in self.events() if event["event"] not in usual]
        return known + [line for line in self.log().splitlines() if line.strip() and not line.startswith("{")]

    def send_signal(self, number: signal.Signals) -> None:
        """Send the process a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait until the process has ended by itself, and return its exit status."""
        assert self._process is not None
        return self._process.wait(END_SECONDS_MAX)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask the process to end, and return its exit status."""
        self.send_signal(number)
        return self.wait()

    def kill(self) -> None:
        """End the process at once, as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(END_SECONDS_MAX)

    def clean_up(self) -> None:
        """End the process, if it still runs, in whatever way it takes."""
        if not self.running:
            return
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.kill()

    def get(self, path: str) -> tuple[int, str]:
        """Return status and text of a page of the HTTP server."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.http_port}{path}")
        try:
            with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


StartServer = Callable[..., ServerProcess]


@pytest.fixture(scope="session")
def shared_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A sandbox that all tests share; with ``--postgres`` its ledger is there."""
    options: tuple[str, ...] = SANDBOX
    if request.config.getoption("postgres"):
        options += ("--database", request.getfixturevalue("postgres_cluster").empty_database())
    server = ServerProcess(tmp_path_factory.mktemp("shared") / "data", options)
    try:
        yield server.start()
    finally:
        server.clean_up()


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Starts servers of the test's own: ``start_server(options, data_directory=…, environment=…, api_key=…)``."""
    started: list[ServerProcess] = []

    def start(
        options: Sequence[str] = SANDBOX, *, data_directory: Path | None = None, **settings: Any
    ) -> ServerProcess:
        server = ServerProcess(data_directory or tmp_path / "data", options, **settings)
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.clean_up()


@pytest.fixture
def own_server(start_server: StartServer) -> ServerProcess:
    """A sandbox of the test's own."""
    return start_server()


@pytest.fixture(scope="session")
def plain_data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A data directory of the tenant that ``plain_server`` serves, for copies, and its API key."""
    directory = tmp_path_factory.mktemp("plain")
    options = ("--tenant", "plain", *write_program(directory / "program"))
    return directory / "data", issue_key(directory / "data", *options, "--role", "till", "--role", "agent")


@pytest.fixture
def plain_server(start_server: StartServer, tmp_path: Path, plain_data: tuple[Path, str]) -> ServerProcess:
    """A server of the test's own for a tenant whose program watches nothing, with an API key."""
    directory, api_key = plain_data
    shutil.copytree(directory, tmp_path / "data")
    return start_server(("--tenant", "plain", *write_program(tmp_path / "program")), api_key=api_key)
