"""The two processes of a server: each notices when the other is gone, and none of them is left behind."""

import os
import signal
import socket
from pathlib import Path

import pytest

from tests.e2e.raw_calls import RPCS, RawCalls
from tests.support.processes import child_running, ends_soon
from tests.support.server import ServerProcess


def front_of(server: ServerProcess) -> int:
    """Return the number of the process that speaks gRPC."""
    front = child_running(server.process_id, "pointguard_server.rpc.front")
    assert front is not None
    return front


def test_a_front_that_dies_ends_the_server_in_order(own_server: ServerProcess) -> None:
    with RawCalls(own_server) as raw:
        request = RPCS["Accrue"].request()
        assert raw.call("Accrue", request).code == "OK"
        os.kill(front_of(own_server), signal.SIGKILL)
        assert own_server.wait() == 1
        assert "front_lost" in own_server.log()
        own_server.start()
    with RawCalls(own_server) as raw:
        assert raw.call("Accrue", request).code == "OK"


def switches_of_the_pool(front: int) -> int:
    """Return how often threads of gRPC's pool have waited for something."""
    found = 0
    for thread in Path(f"/proc/{front}/task").iterdir():
        if (thread / "comm").read_text().startswith("event_engine"):
            status = dict(line.split(":\t") for line in (thread / "status").read_text().splitlines() if ":\t" in line)
            found += int(status["voluntary_ctxt_switches"])
    return found


@pytest.mark.long
def test_calls_do_not_pass_through_the_threads_of_grpcs_pool(own_server: ServerProcess) -> None:
    front, calls = front_of(own_server), 200
    with RawCalls(own_server) as raw:
        before = switches_of_the_pool(front)
        for _ in range(calls):
            assert raw.call("CheckAdvice", RPCS["CheckAdvice"].request()).code == "OK"
        assert switches_of_the_pool(front) - before < calls / 2
    assert "Unknown experiment" not in own_server.log(), "gRPC no longer knows what the front is started with"


def test_a_server_that_is_killed_takes_its_front_along_and_frees_the_port(own_server: ServerProcess) -> None:
    front = front_of(own_server)
    own_server.kill()
    assert ends_soon(front)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", own_server.grpc_port))


@pytest.mark.long
def test_a_server_that_stops_leaves_no_process_behind(own_server: ServerProcess) -> None:
    front = front_of(own_server)
    assert own_server.stop() == 0
    assert ends_soon(front)


@pytest.mark.long
def test_an_interrupt_of_the_whole_terminal_is_the_server_s_to_answer(own_server: ServerProcess) -> None:
    front = front_of(own_server)
    os.kill(front, signal.SIGINT)
    with RawCalls(own_server) as raw:
        assert raw.call("Accrue", RPCS["Accrue"].request()).code == "OK"
    assert own_server.stop(signal.SIGINT) == 0
