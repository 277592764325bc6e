"""Hedging: off unless asked for; the first answer of two attempts under one key counts."""

import asyncio
import time

import grpc
import pytest

from pointguard_client import Accrue, Connection, Identifier, Money, NotFound, PointguardClient, RetryPolicy
from tests.unit.client.fake_server import API_KEY, FakeServer, PlannedFailure

MEMBER = Identifier.loyalty_id("1001")
HEDGE_AFTER_SECONDS = 0.05


def hedging(server: FakeServer) -> PointguardClient:
    return PointguardClient.connect(server.address, api_key=API_KEY, hedge_after_seconds=HEDGE_AFTER_SECONDS)


async def test_without_being_asked_nothing_is_hedged(server: FakeServer, client: PointguardClient) -> None:
    server.delay_seconds["Accrue"] = 0.2
    await client.accrue(MEMBER, Money(1250, "CAD"))
    assert len(server.calls) == 1


async def test_a_slow_call_is_sent_again_under_the_same_key(server: FakeServer) -> None:
    server.delay_seconds["Accrue"] = 0.2
    async with hedging(server) as client:
        accrual = await client.accrue(MEMBER, Money(1250, "CAD"))
    first, second = (call.request.idempotency_key for call in server.calls)  # type: ignore[attr-defined]
    assert first == second
    assert accrual.points == 125
    assert server.transactions_written == 1


async def test_the_first_answer_counts_and_the_slower_attempt_is_not_waited_for(server: FakeServer) -> None:
    server.delay_seconds["GetBalance"] = 1.5
    async with hedging(server) as client:
        call = asyncio.create_task(client.get_balance(MEMBER))
        await server.until_calls(1)
        server.delay_seconds["GetBalance"] = 0.0
        started = time.monotonic()
        await call
    assert time.monotonic() - started < 1.0
    assert len(server.calls) == 2


async def test_a_quick_call_is_sent_once(server: FakeServer) -> None:
    async with hedging(server) as client:
        await client.get_balance(MEMBER)
        await asyncio.sleep(2 * HEDGE_AFTER_SECONDS)
    assert len(server.calls) == 1


async def test_a_refusal_is_an_answer_too(server: FakeServer) -> None:
    server.delay_seconds["GetBalance"] = 1.0
    async with hedging(server) as client:
        call = asyncio.create_task(client.get_balance(MEMBER))
        await server.until_calls(1)
        server.fail_next("GetBalance", PlannedFailure(grpc.StatusCode.NOT_FOUND))
        started = time.monotonic()
        with pytest.raises(NotFound):
            await call
    assert time.monotonic() - started < 0.9


async def test_an_attempt_that_may_do_better_later_leaves_the_field_to_the_other(server: FakeServer) -> None:
    server.delay_seconds["GetBalance"] = 0.2
    async with hedging(server) as client:
        call = asyncio.create_task(client.get_balance(MEMBER))
        await server.until_calls(1)
        server.fail_next("GetBalance", PlannedFailure(grpc.StatusCode.UNAVAILABLE))
        assert (await call).account_id == 7
    assert len(server.calls) == 2


async def test_when_both_attempts_fail_the_call_is_tried_again(server: FakeServer) -> None:
    server.fail_next("GetBalance", *[PlannedFailure(grpc.StatusCode.UNAVAILABLE)] * 3)
    quick = RetryPolicy(first_delay_seconds=0.001)
    connected = PointguardClient.connect(
        server.address, api_key=API_KEY, retry_policy=quick, hedge_after_seconds=HEDGE_AFTER_SECONDS
    )
    async with connected as client:
        assert (await client.get_balance(MEMBER)).account_id == 7
    assert len(server.calls) == 4


async def test_a_batch_is_never_hedged(server: FakeServer) -> None:
    server.delay_seconds["ProcessBatch"] = 0.2
    async with hedging(server) as client:
        await client.process_batch([Accrue(MEMBER, Money(1250, "CAD"))])
    assert len(server.calls) == 1


async def test_a_hedge_after_no_time_at_all_is_refused(server: FakeServer) -> None:
    with pytest.raises(ValueError, match="hedge_after_seconds"):
        PointguardClient.connect(server.address, api_key=API_KEY, hedge_after_seconds=0)


async def test_a_connection_that_was_idle_is_made_again_by_the_next_call(server: FakeServer) -> None:
    # gRPC looks once a second at most whether a connection is idle.
    connected = PointguardClient.connect(server.address, api_key=API_KEY, connection=Connection(idle_seconds=1))
    async with connected as client:
        await client.get_balance(MEMBER)
        deadline = time.monotonic() + 10
        while client._channel.get_state() is not grpc.ChannelConnectivity.IDLE:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
        assert (await client.get_balance(MEMBER)).account_id == 7


async def test_close_lets_calls_under_way_end_within_its_grace(server: FakeServer, client: PointguardClient) -> None:
    server.delay_seconds["GetBalance"] = 0.2
    call = asyncio.create_task(client.get_balance(MEMBER))
    await server.until_calls(1)
    await client.close(grace_seconds=2.0)
    assert (await call).account_id == 7
