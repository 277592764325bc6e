"""A server that keeps its ledger in PostgreSQL: as exact and as safe as on SQLite, through crashes of either."""

import asyncio
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointguard_client import Identifier, Money, PointguardClient
from tests.e2e.raw_calls import RPCS, RawCalls
from tests.e2e.workload import Workload
from tests.support.postgres import PostgresCluster, running_postgres
from tests.support.server import ServerProcess, issue_key, write_program
from tests.torture.checker import Checker, read_ledger
from tests.torture.history import read_history
from tests.torture.stage import TERMS, program_options

TILLS, GATEWAYS = 8, 1
BOUGHT = Money(200_00, "CAD")


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresCluster]:
    """A PostgreSQL that tests may stop."""
    with running_postgres() as running:
        yield running


@pytest.fixture(scope="module")
def server(cluster: PostgresCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of a database of its own."""
    folder = tmp_path_factory.mktemp("postgres")
    url = cluster.empty_database().replace("postgresql://", "postgresql+asyncpg://")
    options = ("--tenant", "plain", *write_program(folder / "program"), "--database", url)
    key = issue_key(folder / "data", *options, "--role", "till", "--role", "manager")
    process = ServerProcess(folder / "data", options, api_key=key)
    try:
        yield process.start()
    finally:
        process.clean_up()


def client_of(server: ServerProcess) -> PointguardClient:
    return PointguardClient.connect(server.address, api_key=server.api_key, timeout_seconds=10)


def test_what_needs_the_ledger_in_a_file_is_refused_by_name(server: ServerProcess) -> None:
    with RawCalls(server) as raw:
        for rpc in ("BacktestRuleSet", "StartShadow"):
            answer = raw.call(rpc, RPCS[rpc].request(version=1))
            assert (answer.code, answer.reason) == ("FAILED_PRECONDITION", "NOT_ON_THIS_DATABASE"), rpc


async def test_a_walk_through_the_money_path_goes_on_on_another_machine(server: ServerProcess, tmp_path: Path) -> None:
    walker = Identifier.loyalty_id("walker")
    async with client_of(server) as client:
        account = (await client.enroll_member([walker])).account_id
        earned = await client.accrue(walker, BOUGHT, idempotency_key="buy")
        reserved = await client.authorise_redemption(walker, 100)
        captured = await client.capture_redemption(reserved.transaction_id, points=60)
        assert await client.accrue(walker, BOUGHT, idempotency_key="buy") == earned
        assert (await client.get_transaction(earned.transaction_id)).points == earned.points == 2_000
        assert (await client.explain_decision(captured.transaction_id)).reproduced
    assert server.stop() == 0
    assert server.complaints() == []
    assert not server.database.exists(), "nothing of the ledger is on this machine"
    # The key ring is all that another machine needs.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    shutil.copy(server.data_directory / "keyring.json", elsewhere)
    other = ServerProcess(elsewhere, server.options, api_key=server.api_key)
    try:
        other.start()
        async with client_of(other) as client:
            found = await client.get_balance(walker)
            assert (found.account_id, found.balance.posted) == (account, 1_940)
            assert await client.accrue(walker, BOUGHT, idempotency_key="buy") == earned
    finally:
        other.clean_up()


@pytest.mark.long
@pytest.mark.parametrize("cuts", [1, 5])
async def test_nothing_answered_is_lost_when_the_server_or_the_database_is_killed_under_load(
    cluster: PostgresCluster, tmp_path: Path, cuts: int
) -> None:
    url = cluster.empty_database()
    options = (*program_options(tmp_path), "--database", url)
    server = ServerProcess(tmp_path / "data", options, api_key=issue_key(tmp_path / "data", *options))
    workload = Workload(17, tmp_path / "history")

    async def cut(plug: str) -> None:
        load = asyncio.create_task(workload.run(server, TILLS, GATEWAYS))
        await asyncio.sleep(0.4)
        assert not load.done(), "the load ended before the plug was pulled"
        if plug == "server":
            await asyncio.to_thread(server.kill)
            await asyncio.wait_for(load, 30)
            await asyncio.to_thread(server.start)
        else:
            await asyncio.to_thread(cluster.stop, signal.SIGQUIT)
            await asyncio.wait_for(load, 30)
            await asyncio.to_thread(cluster.start)
            await serves_again(server)
        assert await workload.find_out(server), "the cut must catch calls on their way"

    try:
        server.start()
        await workload.enroll(server)
        for _ in range(cuts):
            for plug in ("server", "database"):
                await cut(plug)
        await workload.replay_everything(server)
        assert server.stop() == 0
    finally:
        server.clean_up()
    rows = read_ledger(cluster.copy(url, tmp_path / "copy.sqlite3"))
    assert Checker(read_history(tmp_path / "history"), rows, TERMS).check() == []
    assert len(rows.legs) > 100, "there must be load"


async def serves_again(server: ServerProcess) -> None:
    """Wait until the server has its database again."""
    for _ in range(200):
        if (await asyncio.to_thread(server.get, "/readyz"))[0] == 200:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"it is not ready again:\n{server.log()}")
