"""``kill -9`` in the middle of load, again and again: nothing that was answered is lost, and nothing is spent twice."""

import asyncio
import random
import uuid

import grpc

from pointguard.v1 import transaction_pb2
from tests.e2e.audit import Audit, audit
from tests.e2e.workload import Workload
from tests.support.server import ServerProcess

CUTS = 5
TILLS, GATEWAYS = 12, 2


async def test_nothing_answered_is_lost_and_nothing_spent_twice_when_the_plug_is_pulled_under_load(
    plain_server: ServerProcess,
) -> None:
    server = plain_server
    workload = Workload(seed=7)
    await workload.enroll(server)
    chance = random.Random(11)
    in_doubt = 0
    for _ in range(CUTS):
        load = asyncio.create_task(workload.run(server, TILLS, GATEWAYS))
        await asyncio.sleep(chance.uniform(0.2, 0.55))
        assert not load.done(), "the load ended before the plug was pulled"
        await asyncio.to_thread(server.kill)
        await asyncio.wait_for(load, 30)
        check_against(await asyncio.to_thread(audit, server.database), workload)
        await asyncio.to_thread(server.start)
        in_doubt += await workload.find_out(server)
        await workload.replay_everything(server)
        found = await asyncio.to_thread(audit, server.database)
        check_against(found, workload)
        check_totals(found, workload)
        assert server.complaints() == []
    assert in_doubt >= CUTS, "the cuts must catch requests on their way"
    assert sum(sent.answer is not None for sent in workload.history.values()) > 500, "there must be load"
    decisions = {sent.answer.decision for sent in workload.history.values() if hasattr(sent.answer, "decision")}
    assert decisions == {1, 2}, "both approved and declined"


def check_against(found: Audit, workload: Workload) -> None:
    """Every answer is in the ledger under its key, and nothing that was refused is."""
    for key, sent in workload.history.items():
        kept = found.transactions_by_key.get(uuid.UUID(key).bytes)
        if sent.answer is not None:
            assert kept == sent.answer.transaction_id, f"{sent.request} was answered and is not in the ledger"
        elif sent.refused is not None:
            assert kept is None, f"{sent.request} was refused and is in the ledger"
        else:
            assert sent.uncertain, "a request without any outcome"
            assert set(sent.uncertain) <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}


def check_totals(found: Audit, workload: Workload) -> None:
    """Once nothing is in doubt, what the tills were told adds up to what the ledger holds."""
    told = workload.posted_by_account()
    assert {account_id: account.posted for account_id, account in found.accounts.items()} == told
    keys = {uuid.UUID(key).bytes for key, sent in workload.history.items() if sent.answer is not None}
    others = set(found.transactions_by_key) - keys
    assert len(others) == len(workload.members), "only the enrollments were not sent by the tills"
    approved = [
        sent.answer
        for sent in workload.history.values()
        if isinstance(sent.answer, transaction_pb2.CaptureRedemptionResponse)
    ]
    assert approved, "reservations must have been captured"
