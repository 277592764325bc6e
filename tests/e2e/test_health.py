"""Health as an orchestrator sees it, over HTTP and gRPC: starting, ready, a disk that is full, draining."""

import json
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.e2e.raw_calls import RPCS, RawCalls
from tests.support.server import ServerProcess, StartServer, run_server

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
WAIT_S = 20.0
# More than the log of a server has, less than its journal once it has as many requests as 512 bytes are in it.
FILE_BYTES = 16 * 1024


def readiness(server: ServerProcess) -> tuple[int, dict[str, Any]]:
    """Return the status and the page of /readyz."""
    status, text = server.get("/readyz")
    return status, json.loads(text)


def failing(page: dict[str, Any]) -> dict[str, str]:
    """Return the checks that fail, with their reasons."""
    return {name: check["detail"] for name, check in page["checks"].items() if not check["ok"]}


def grpc_health(server: ServerProcess, service: str = "pointguard.v1.TransactionService") -> Any:
    """Ask gRPC health."""
    with grpc.insecure_channel(server.address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        return stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5).status


def eventually(true: Callable[[], bool]) -> bool:
    """Whether something becomes true in time."""
    give_up = time.monotonic() + WAIT_S
    while time.monotonic() < give_up:
        if true():
            return True
        time.sleep(0.02)
    return False


@contextmanager
def full_disk(server: ServerProcess) -> Iterator[None]:
    """Keep the server's files from growing, as a full disk does."""
    _soft, hard = resource.prlimit(server.process_id, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process_id, resource.RLIMIT_FSIZE, (FILE_BYTES, hard))
    try:
        yield
    finally:
        resource.prlimit(server.process_id, resource.RLIMIT_FSIZE, (hard, hard))


def test_a_server_that_starts_lives_and_says_that_it_is_not_ready(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data")
    starting = threading.Thread(target=server.start)
    starting.start()
    try:
        assert eventually(lambda: server.running and bool(server.events()))
        first = server.events()[0]
        assert first["event"] == "starting"
        server.http_port = first["http_port"]
        assert server.get("/healthz")[0] == 200
        status, page = readiness(server)
        assert (status, page["ready"]) == (503, False)
        assert failing(page)["ledger_writable"] == "the server is starting"
        assert "pointguard_ready 0.0" in server.get("/metrics")[1]
    finally:
        starting.join()
        server.clean_up()


def test_a_server_that_serves_is_ready_and_says_by_which_rules(shared_server: ServerProcess) -> None:
    status, page = readiness(shared_server)
    assert (status, page["ready"], failing(page)) == (200, True, {})
    assert page["checks"]["rules_loaded"]["detail"] == "earn rules version 1, fraud rules version 1"
    assert grpc_health(shared_server) == SERVING


@pytest.mark.long
def test_a_server_whose_disk_is_full_is_not_ready_until_there_is_room_again(own_server: ServerProcess) -> None:
    with RawCalls(own_server) as raw:
        for _ in range(FILE_BYTES // 512):
            assert raw.call("Accrue", RPCS["Accrue"].request()).code == "OK"
        with full_disk(own_server):
            assert raw.call("Accrue", RPCS["Accrue"].request()).code == "UNAVAILABLE"
            status, page = readiness(own_server)
            assert (status, list(failing(page))) == (503, ["ledger_writable"])
            assert eventually(lambda: grpc_health(own_server) == NOT_SERVING)
            assert own_server.get("/healthz")[0] == 200
            assert 'pointguard_check_ok{check="ledger_writable"} 0.0' in own_server.get("/metrics")[1]
            assert raw.call("GetBalance", RPCS["GetBalance"].request()).code == "OK", "reads need no room"
            assert readiness(own_server)[0] == 503, "a read proves nothing"
        assert eventually(lambda: readiness(own_server)[0] == 200), "nobody writes; the server tries by itself"
        assert eventually(lambda: grpc_health(own_server) == SERVING)
        assert raw.call("Accrue", RPCS["Accrue"].request()).code == "OK"
    changes = [event for event in own_server.events() if event["event"] == "readiness"]
    assert [event["ready"] for event in changes] == [False, True]
    assert changes[0]["ledger_writable"].startswith("the latest write failed")


def test_a_server_that_drains_lives_but_is_not_ready(own_server: ServerProcess) -> None:
    with grpc.insecure_channel(own_server.address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        answers = stub.Watch(health_pb2.HealthCheckRequest(service=""), timeout=WAIT_S)
        assert next(answers).status == SERVING
        own_server.send_signal(signal.SIGTERM)
        # The watch keeps the drain from ending.
        assert next(answers).status == NOT_SERVING
        status, page = readiness(own_server)
        assert (status, failing(page)) == (503, {"not_draining": "the server is ending"})
        assert own_server.get("/healthz")[0] == 200
        answers.cancel()
        assert own_server.wait() == 0
    assert [event["event"] for event in own_server.events()][-2:] == ["draining", "stopped"]


def test_the_log_begins_at_the_level_that_was_asked_for(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server(("--sandbox", "--log-level", "debug"), data_directory=tmp_path / "debug")
    with RawCalls(server) as raw:
        answer = raw.call("Accrue", RPCS["Accrue"].request())
        refused = raw.call("GetTransaction", RPCS["GetTransaction"].request())
    calls = [event for event in server.events() if event["event"] == "call"]
    assert (calls[0]["rpc"], calls[0]["code"]) == ("Accrue", "OK")
    assert calls[0]["transaction_id"] == answer.message.transaction_id
    assert (calls[1]["rpc"], calls[1]["error_id"]) == ("GetTransaction", refused.error_id)


def test_a_level_that_there_is_not_is_refused() -> None:
    ended = run_server("--sandbox", environment={"POINTGUARD_LOG_LEVEL": "loud"})
    assert ended.returncode == 1
    assert ended.stderr.strip() == "pointguard-server: --log-level must be one of debug, info, warning, error"
