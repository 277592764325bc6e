"""``--on-ready``, as ``make run`` uses it: the replay of real baskets against the server that has just started."""

import json
import shlex
import sys
import time
from typing import Any

import pytest

from tests.e2e.audit import audit
from tests.support.server import ServerProcess, StartServer

REPLAY = shlex.join([sys.executable, "-m", "pointguard_client", "replay", "--limit", "50", "--json", "--timeout", "20"])


def replayed(server: ServerProcess) -> Any:
    """Wait for the replay to end and return its summary."""
    give_up = time.monotonic() + 60
    while "until Ctrl-C" not in server.log():
        assert server.running
        assert time.monotonic() < give_up
        time.sleep(0.05)
    (line,) = server.output().splitlines()
    return json.loads(line)


@pytest.mark.long
def test_real_baskets_are_replayed_on_each_start_and_the_second_start_finds_the_ledger_of_the_first(
    start_server: StartServer,
) -> None:
    server = start_server(("--sandbox", "--on-ready", REPLAY))
    summary = replayed(server)
    assert (summary["baskets"], summary["errors"], summary["gave_up"]) == (50, [], "")
    assert summary["accruals"]["approved"] == 50
    assert summary["points_issued"] > 0
    assert summary["latency"]["latency_ms_p99"] > 0
    assert server.get("/readyz")[0] == 200, "it goes on serving"
    first = audit(server.database)
    assert server.stop() == 0
    server.start()
    assert server.events()[-1]["position"] == len(first.legs)
    again = replayed(server)
    assert (again["baskets"], again["errors"]) == (50, [])
    second = audit(server.database)
    assert first.transactions_by_key.items() < second.transactions_by_key.items()
    assert set(second.accounts) == set(first.accounts), "no member was enrolled a second time"
    assert server.stop() == 0


@pytest.mark.long
def test_a_command_that_cannot_be_run_does_not_end_the_server(start_server: StartServer) -> None:
    server = start_server(("--sandbox", "--on-ready", shlex.join([sys.executable, "-c", "raise SystemExit(3)"])))
    while "until Ctrl-C" not in server.log():
        time.sleep(0.05)
    assert server.get("/readyz")[0] == 200
    assert server.stop() == 0


def test_a_command_under_way_is_ended_with_the_server(start_server: StartServer) -> None:
    server = start_server(
        ("--sandbox", "--on-ready", shlex.join([sys.executable, "-c", "import time; time.sleep(600)"]))
    )
    started = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - started < 20
