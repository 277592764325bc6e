"""The Python client through a restart of the server: its callers see a slow call, never a failed or a doubled one."""

import asyncio

import pytest

from pointguard_client import Decision, Identifier, Money, PointguardClient, RetryPolicy
from tests.e2e.audit import audit
from tests.support.server import StartServer

pytestmark = pytest.mark.long

TILLS = 8
PATIENT = RetryPolicy(attempts_max=1_000, delay_max_seconds=0.2)


async def test_no_call_fails_while_the_server_is_drained_and_started_again(start_server: StartServer) -> None:
    first = start_server()
    address = ("--sandbox", "--grpc-address", first.address)
    member = Identifier.loyalty_id("5")
    ended = asyncio.Event()

    async def ring_up(client: PointguardClient) -> list[str]:
        answers = []
        while not ended.is_set():
            accrual = await client.accrue(member, Money(1_00, "CAD"))
            assert accrual.decision is Decision.APPROVED
            answers.append(accrual.transaction_id)
        return answers

    connected = PointguardClient.connect(
        first.address, api_key=first.api_key, timeout_seconds=100, retry_policy=PATIENT
    )
    async with connected as client:
        load = asyncio.gather(*(ring_up(client) for _ in range(TILLS)))
        await asyncio.sleep(0.5)
        assert await asyncio.to_thread(first.stop) == 0
        second = await asyncio.to_thread(start_server, address, data_directory=first.data_directory)
        await asyncio.sleep(0.5)
        ended.set()
        answers = [transaction_id for till in await load for transaction_id in till]
        balance = await client.get_balance(member)
    assert len(set(answers)) == len(answers)
    ledger = await asyncio.to_thread(audit, second.database)
    assert set(answers) <= set(ledger.transactions_by_key.values())
    # The member's enrollment comes first; everything else was answered to somebody.
    assert balance.seq == 1 + len(answers)
