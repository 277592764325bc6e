"""A real Prometheus for tests, with the repository's own configuration and rules, on a free port of the loopback."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import yaml

from tests.support.tools import tool

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "docker" / "prometheus"
ALERTS = PROMETHEUS / "alerts.yml"
WAIT_S = 30.0


def alert_rules() -> list[dict[str, Any]]:
    """Return the repository's alert rules."""
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


class Prometheus:
    """A running Prometheus."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def get(self, path: str, **parameters: str) -> Any:
        """Return the data of an answer of its HTTP interface.

        Raises:
            AssertionError: with what it says of a bad query.
            OSError: if it takes no queries yet.
        """
        url = f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310
                return json.loads(response.read())["data"]
        except urllib.error.HTTPError as error:
            with error:
                if error.code == HTTPStatus.SERVICE_UNAVAILABLE:
                    raise ConnectionError("it is starting") from None
                raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return the labels and the value of each sample of an expression."""
        result = self.get("query", query=expression)["result"]
        return [(sample["metric"], float(sample["value"][1])) for sample in result]

    def value(self, expression: str) -> float | None:
        """Return the value of an expression that gives one sample; None if it gives none."""
        samples = self.query(expression)
        assert len(samples) <= 1, expression
        return samples[0][1] if samples else None

    def await_value(self, expression: str, value: float) -> None:
        """Wait until an expression has a value."""
        give_up = time.monotonic() + WAIT_S
        while (found := self.value(expression)) != value:
            assert time.monotonic() < give_up, f"{expression} is {found}, not {value}"
            time.sleep(0.1)


@contextmanager
def run_prometheus(directory: Path, target: str) -> "Iterator[Prometheus]":
    """Run a Prometheus that scrapes a target every second and evaluates the alert rules, while the context lasts."""
    program = tool("prometheus", "prometheus")
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(PROMETHEUS / name) for name in config["rule_files"]]
    config["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    directory.mkdir()
    (directory / "prometheus.yml").write_text(yaml.safe_dump(config))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    options = [
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen([program, *options], stdout=log, stderr=log)
        try:
            prometheus = Prometheus(port)
            _await_up(prometheus, process, directory / "log")
            yield prometheus
        finally:
            process.terminate()
            process.wait(WAIT_S)


def _await_up(prometheus: Prometheus, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + WAIT_S
    while time.monotonic() < give_up:
        assert process.poll() is None, log.read_text()
        try:
            if prometheus.value("up") == 1:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"Prometheus scrapes nothing:\n{log.read_text()}")
