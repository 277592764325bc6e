"""The same points asked for at once, from many connections."""

import asyncio
from collections import Counter
from typing import cast

import grpc

from pointguard.v1 import common_pb2, transaction_pb2, transaction_pb2_grpc
from pointguard_client import (
    AuthoriseRedemption,
    Decision,
    Identifier,
    KeyReused,
    Money,
    PointguardClient,
    ReasonCode,
    Redemption,
    new_idempotency_key,
)
from tests.e2e.audit import audit
from tests.support.server import ServerProcess

CONNECTIONS = 50


async def enroll_with_points(client: PointguardClient) -> tuple[Identifier, int]:
    """Enroll a member with some points; return what finds it, and the points."""
    member = Identifier.external_id(new_idempotency_key())
    await client.enroll_member([member])
    return member, (await client.accrue(member, Money(100_00, "CAD"))).balance.available


async def ask_from_everywhere(
    server: ServerProcess, requests: list[transaction_pb2.AuthoriseRedemptionRequest]
) -> list[transaction_pb2.AuthoriseRedemptionResponse | grpc.aio.AioRpcError]:
    """Send each request on a connection of its own, all at once."""
    # Without a pool of its own each channel would share one connection.
    options = (("grpc.use_local_subchannel_pool", 1),)
    channels = [grpc.aio.insecure_channel(server.address, options=options) for _ in requests]
    try:
        await asyncio.gather(*(channel.channel_ready() for channel in channels))
        stubs = [transaction_pb2_grpc.TransactionServiceStub(channel) for channel in channels]
        calls = [
            stub.AuthoriseRedemption(request, metadata=server.authorization, timeout=20)
            for stub, request in zip(stubs, requests, strict=True)
        ]
        answers = await asyncio.gather(*calls, return_exceptions=True)
    finally:
        await asyncio.gather(*(channel.close() for channel in channels))
    return cast("list[transaction_pb2.AuthoriseRedemptionResponse | grpc.aio.AioRpcError]", answers)


def redemption_request(member: Identifier, points: int, key: str = "") -> transaction_pb2.AuthoriseRedemptionRequest:
    return transaction_pb2.AuthoriseRedemptionRequest(
        idempotency_key=key or new_idempotency_key(),
        member=common_pb2.MemberReference(external_id=str(member.value)),
        points=points,
        capture=True,
    )


async def test_the_same_points_asked_for_at_once_from_50_connections_are_approved_once(
    client: PointguardClient, shared_server: ServerProcess
) -> None:
    member, points = await enroll_with_points(client)
    answers = await ask_from_everywhere(shared_server, [redemption_request(member, points) for _ in range(CONNECTIONS)])
    answered = [answer for answer in answers if isinstance(answer, transaction_pb2.AuthoriseRedemptionResponse)]
    assert len(answered) == CONNECTIONS
    assert Counter(answer.decision for answer in answered) == {Decision.APPROVED: 1, Decision.DECLINED: CONNECTIONS - 1}
    reasons = {ReasonCode(answer.reasons[0].code) for answer in answered if answer.reasons}
    # From the eleventh on it is the week's fraud rule, or its advice, that comes first.
    assert reasons <= {ReasonCode.INSUFFICIENT_POINTS, ReasonCode.FRAUD_RULE, ReasonCode.ADVICE_BLOCK}
    assert ReasonCode.INSUFFICIENT_POINTS in reasons
    balance = await client.get_balance(member)
    assert (balance.balance.posted, balance.balance.available, balance.seq) == (0, 0, 2 + CONNECTIONS)
    accounts = (await asyncio.to_thread(audit, shared_server.database)).accounts
    assert accounts[balance.account_id].posted == 0


async def test_one_key_sent_at_once_from_50_connections_is_one_transaction(
    client: PointguardClient, shared_server: ServerProcess
) -> None:
    member, points = await enroll_with_points(client)
    request = redemption_request(member, 10)
    answers = await ask_from_everywhere(shared_server, [request] * CONNECTIONS)
    first = answers[0]
    assert isinstance(first, transaction_pb2.AuthoriseRedemptionResponse)
    assert first.decision == common_pb2.DECISION_APPROVED
    assert all(answer == first for answer in answers)
    balance = await client.get_balance(member)
    assert (balance.balance.posted, balance.seq) == (points - 10, 3)


async def test_one_key_with_50_bodies_sent_at_once_is_one_transaction_and_49_refusals(
    client: PointguardClient, shared_server: ServerProcess
) -> None:
    member, points = await enroll_with_points(client)
    key = new_idempotency_key()
    answers = await ask_from_everywhere(
        shared_server, [redemption_request(member, 1 + number, key) for number in range(CONNECTIONS)]
    )
    refused = [answer.code() for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
    assert refused == [grpc.StatusCode.ALREADY_EXISTS] * (CONNECTIONS - 1)
    balance = await client.get_balance(member)
    assert balance.seq == 3
    assert points - CONNECTIONS <= balance.balance.posted < points


async def test_one_key_twice_in_a_batch_is_one_transaction_and_its_other_body_is_refused(
    client: PointguardClient,
) -> None:
    member, points = await enroll_with_points(client)
    key = new_idempotency_key()
    first, second, third = await client.process_batch(
        [AuthoriseRedemption(member, amount, capture=True, idempotency_key=key) for amount in (10, 10, 11)]
    )
    assert isinstance(first, Redemption)
    assert second == first
    assert isinstance(third, KeyReused)
    assert (await client.get_balance(member)).balance.posted == points - 10
