"""Ctrl-C and SIGTERM under load, and what a second server finds."""

import asyncio
import signal
from pathlib import Path

import grpc
import pytest

from tests.e2e.audit import audit
from tests.e2e.workload import Workload
from tests.support.server import ServerProcess, StartServer, run_server
from tests.torture.checker import Checker, Terms, read_ledger
from tests.torture.history import read_history

TILLS, GATEWAYS = 12, 2


@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGINT, marks=pytest.mark.long), signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"]
)
async def test_no_answer_that_was_owed_is_lost_when_the_server_is_told_to_end(
    plain_server: ServerProcess, tmp_path: Path, number: signal.Signals
) -> None:
    server = plain_server
    workload = Workload(int(number), tmp_path / "history")
    await workload.enroll(server)
    load = asyncio.create_task(workload.run(server, TILLS, GATEWAYS))
    await asyncio.sleep(0.6)
    assert not load.done()
    assert await asyncio.to_thread(server.stop, number) == 0
    await asyncio.wait_for(load, 30)
    assert server.complaints() == []
    assert [event["event"] for event in server.events()][-3:] == ["ready", "draining", "stopped"]
    undone = [sent for sent in workload.history.values() if sent.open]
    assert undone, "the end must have caught calls on their way"
    for sent in undone:
        # CANCELLED is what gRPC says to a call that reached the port and that the server had not taken up yet.
        assert set(sent.uncertain) <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    found = (await asyncio.to_thread(audit, server.database)).transactions_by_key
    for sent in workload.history.values():
        kept = found.get(bytes.fromhex(sent.request.idempotency_key.replace("-", "")))
        if sent.answer is not None:
            assert kept == sent.answer.transaction_id
        else:
            # The server was not killed: what it decided it has also answered.
            assert kept is None, "decided, written and never answered"
    await asyncio.to_thread(server.start)
    assert await workload.find_out(server) == len(undone)
    await workload.replay_everything(server)
    rows = await asyncio.to_thread(read_ledger, server.database)
    assert Checker(read_history(tmp_path / "history"), rows, Terms()).check() == []


@pytest.mark.long
def test_an_idle_server_ends_at_once_and_leaves_its_files_to_the_next(own_server: ServerProcess) -> None:
    assert own_server.stop(signal.SIGINT) == 0
    assert not own_server.database.with_name("ledger.sqlite3-wal").exists(), "the log was not brought into the database"
    position = own_server.events()[-1]["position"]
    own_server.start()
    assert own_server.events()[-1]["position"] == position, "the sandbox was seeded twice"
    assert own_server.stop() == 0


@pytest.mark.long
def test_a_server_without_writes_since_its_start_can_be_killed_and_started_again(own_server: ServerProcess) -> None:
    before = audit(own_server.database)
    own_server.kill()
    own_server.start()
    assert audit(own_server.database).transactions_by_key == before.transactions_by_key


def test_a_second_server_on_the_same_data_directory_says_so_and_ends(shared_server: ServerProcess) -> None:
    ended = run_server(
        "--sandbox", "--data-dir", str(shared_server.data_directory),
        "--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0",
    )  # fmt: skip
    assert ended.returncode == 1
    message = ended.stderr.splitlines()[-1]
    assert message == f"pointguard-server: another server uses the data directory {shared_server.data_directory}"
    assert shared_server.get("/readyz")[0] == 200


@pytest.mark.parametrize("option", ["--grpc-address", "--http-address"])
def test_a_second_server_on_the_same_port_says_so_and_ends(
    shared_server: ServerProcess, tmp_path: Path, option: str
) -> None:
    port = shared_server.grpc_port if option == "--grpc-address" else shared_server.http_port
    other = "--http-address" if option == "--grpc-address" else "--grpc-address"
    ended = run_server(
        "--sandbox", "--data-dir", str(tmp_path), option, f"127.0.0.1:{port}", other, "127.0.0.1:0"
    )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == f"pointguard-server: cannot listen on 127.0.0.1:{port}"
    assert "Traceback" not in ended.stderr
    assert shared_server.get("/readyz")[0] == 200


@pytest.mark.long
def test_a_server_that_could_not_listen_leaves_a_ledger_that_the_next_one_opens(
    shared_server: ServerProcess, start_server: StartServer, tmp_path: Path
) -> None:
    directory = tmp_path / "data"
    ended = run_server(
        "--sandbox",
        "--data-dir",
        str(directory),
        "--grpc-address",
        shared_server.address,
        "--http-address",
        "127.0.0.1:0",
    )
    assert ended.returncode == 1
    server = start_server(data_directory=directory)
    assert audit(server.database).legs
