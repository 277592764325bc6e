"""The load tool against a real server of its own: what it redeems at random would get in the way of other tests."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.shell import Shell
from tests.support.server import ServerProcess


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    server = ServerProcess(tmp_path_factory.mktemp("load") / "data")
    try:
        yield Shell(server.start())
    finally:
        server.clean_up()


LOAD = ("load", "--members", "20", "--concurrency", "8")


@pytest.mark.long
@pytest.mark.parametrize(
    "mode", [("--mode", "unary"), pytest.param(("--mode", "batch", "--batch-size", "50"), marks=pytest.mark.long)]
)
def test_the_load_tool_counts_what_it_did(shell: Shell, mode: tuple[str, ...]) -> None:
    summary = shell.json(*LOAD, *mode, "--count", "200")
    assert (summary["requests"], summary["errors"]) == (200, {})
    assert sum(summary["outcomes"].values()) == 200


def test_an_open_loop_keeps_its_rate_whatever_it_asks(shell: Shell) -> None:
    every = ",".join(f"{name}=1" for name in ("authorise", "accrue", "quote", "balance", "advice"))
    paced = ("--rate", "100", "--arrivals", "poisson", "--duration", "1.5")
    summary = shell.json(*LOAD, *paced, "--mix", every, "--skew", "zipf:1.1")
    assert summary["errors"] == {}
    assert 90 < summary["requests"] + summary["unsent"] < 220
    assert summary["latency_by_call"].keys() == {
        "Accrue", "AuthoriseRedemption", "CheckAdvice", "GetBalance", "QuoteRedemption"
    }  # fmt: skip
    assert summary["latency"]["latency_ms_p50"] > 0
    assert summary["sent_late"]["samples"] == summary["calls"]


@pytest.mark.long
def test_several_client_processes_are_one_load(shell: Shell, tmp_path: Path) -> None:
    files = []
    for processes in ("1", "2"):
        summary = shell.json(*LOAD, "--processes", processes, "--count", "300")
        assert (summary["requests"], summary["latency"]["samples"], summary["errors"]) == (300, 300, {})
        files.append(tmp_path / f"{processes}.json")
        files[-1].write_text(json.dumps(summary))
    compared = shell.run("load", "compare", *map(str, files))
    assert compared.returncode == 0, compared.stderr
    assert "requests a second" in compared.stdout
    assert re.search(r"processes +1 +2", compared.stdout)
