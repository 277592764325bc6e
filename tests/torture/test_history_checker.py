"""The checker of histories finds nothing in what a real server did, and every fault that is planted there."""

import asyncio

import pytest

from tests.e2e.audit import LedgerRows
from tests.e2e.workload import Workload
from tests.torture.checker import Checker, kinds_of, read_ledger
from tests.torture.history import History, read_history
from tests.torture.planted import FAULTS, Evidence
from tests.torture.stage import TERMS, new_server

REQUESTS = 500


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[History, LedgerRows]:
    """What tills saw of a server, and its ledger."""
    directory = tmp_path_factory.mktemp("sound")
    server = new_server(directory)

    async def ring_up() -> None:
        workload = Workload(seed=3, path=directory / "history", members=4)
        await workload.enroll(server)
        load = asyncio.create_task(workload.run(server, tills=8, gateways=1))
        while len(workload.history) < REQUESTS:
            await asyncio.sleep(0.01)
            assert not load.done()
        workload.stopped = True
        await load
        await workload.replay_everything(server)

    try:
        server.start()
        asyncio.run(ring_up())
        return read_history(directory / "history"), read_ledger(server.database)
    finally:
        server.clean_up()


def test_what_a_real_server_did_has_no_fault(sound: tuple[History, LedgerRows]) -> None:
    assert Checker(*sound, TERMS).check() == []


def test_more_faults_are_planted_than_anybody_asked_for() -> None:
    assert len(FAULTS) >= 50
    assert len({plant for _, plant in FAULTS.values()}) == len(FAULTS)


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(sound: tuple[History, LedgerRows], name: str) -> None:
    kind, plant = FAULTS[name]
    evidence = Evidence.copy_of(*sound, TERMS)
    plant(evidence)
    found = Checker(evidence.history, evidence.rows, evidence.terms).check()
    assert kinds_of(found)[kind] > 0, found[:5]


def test_planting_has_spoiled_nothing_but_copies(sound: tuple[History, LedgerRows]) -> None:
    assert Checker(*sound, TERMS).check() == []
