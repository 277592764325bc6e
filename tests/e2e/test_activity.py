"""Activity told by another system: one by one, in batches and on streams, by the client, against a running server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest

from pointguard.v1 import activity_pb2
from pointguard_client import (
    Activity,
    Decision,
    Identifier,
    InvalidArgument,
    KeyReused,
    Money,
    NotFound,
    Operation,
    Origin,
    PointguardClient,
    ReasonCode,
    RecordedActivity,
    SyncPointguardClient,
    TransactionKind,
    TransactionPart,
    Unavailable,
    new_idempotency_key,
)
from tests.e2e.audit import audit
from tests.e2e.raw_calls import RPCS, RawCalls
from tests.support.server import ServerProcess

WEEK = "ADVICE_CHECK_ACCOUNT_BURN_WEEK"


@pytest.fixture
def client(shared_server: ServerProcess) -> Iterator[SyncPointguardClient]:
    with SyncPointguardClient.connect(shared_server.address, api_key=shared_server.api_key) as client:
        yield client


@pytest.fixture
def member(client: SyncPointguardClient) -> Identifier:
    member = Identifier.external_id(new_idempotency_key())
    client.enroll_member([member])
    client.accrue(member, Money(100_00, "CAD"))
    return member


def redeemed(member: Identifier, hours_ago: float = 0) -> Activity:
    """Points redeemed elsewhere, some time ago."""
    return Activity(
        new_idempotency_key(),
        member,
        TransactionKind.ADHOC_REDEEM,
        datetime.now(UTC) - timedelta(hours=hours_ago),
        points=100,
        origin=Origin(cashier_id="elsewhere 7"),
    )


def test_what_was_redeemed_elsewhere_blocks_redemptions_here(client: SyncPointguardClient, member: Identifier) -> None:
    before = client.get_balance(member).balance
    told = [redeemed(member, hours_ago=12 * number) for number in range(10)]
    for answer in client.activity.record_all(told):
        assert isinstance(answer, RecordedActivity)
        assert not [advice for advice in answer.advice if advice.rule == WEEK]
    eleventh = redeemed(member, hours_ago=1)
    made = client.activity.record(eleventh)
    assert WEEK in {advice.rule for advice in made.advice}
    assert ReasonCode.FRAUD_RULE in {reason.code for reason in made.reasons}
    assert client.activity.record(eleventh) == made
    with pytest.raises(KeyReused):
        client.activity.record(replace(eleventh, points=101))
    assert client.get_balance(member).balance == before
    assert client.authorise_redemption(member, 1).decision is Decision.DECLINED
    kept = client.get_transaction(made.transaction_id)
    assert (kept.operation, kept.kind, kept.points) == (Operation.RECORD_ACTIVITY, TransactionKind.ADHOC_REDEEM, 100)
    assert (kept.decision, kept.entries, kept.cashier_id) == (Decision.APPROVED, (), "elsewhere 7")
    assert kept.occurred_at == eleventh.occurred_at
    explained = client.explain_decision(made.transaction_id)
    assert explained.reproduced, explained.differences
    assert {each.name: each.value for each in explained.inputs}["request.parts"] == TransactionPart.REDEEM.name


def test_in_a_batch_each_activity_has_its_own_answer(client: SyncPointguardClient, member: Identifier) -> None:
    good, nobody = redeemed(member), redeemed(Identifier.loyalty_id("nobody at all"))
    wrong = replace(redeemed(member), points=-1)
    first, second, third, again = client.activity.record_all([good, nobody, wrong, good])
    assert isinstance(first, RecordedActivity)
    assert again == first
    assert isinstance(second, NotFound)
    assert isinstance(third, InvalidArgument)
    assert [violation.field for violation in third.field_violations] == ["points"]


@pytest.mark.long
def test_a_stream_tells_at_its_end_what_became_of_all(client: SyncPointguardClient, member: Identifier) -> None:
    told = [replace(redeemed(member, hours_ago=900), kind=TransactionKind.ACTIVITY) for _ in range(1_200)]
    told[7] = replace(told[7], points=-1)
    told[1_100] = replace(told[1_100], member=Identifier.loyalty_id("nobody at all"))
    told[1_199] = told[0]
    done = client.activity.stream(told, timeout_seconds=60)
    assert (done.received, done.recorded, done.replayed, done.refused) == (1_200, 1_198, 1, 2)
    assert [(fault.place, type(fault.error)) for fault in done.faults] == [(7, InvalidArgument), (1_100, NotFound)]
    assert done.faults[0].event_id == told[7].event_id
    again = client.activity.stream(told[:1_000], timeout_seconds=60)
    assert (again.recorded, again.replayed) == (999, 999)


def test_faults_of_a_stream_are_bounded_and_an_empty_one_has_recorded_nothing(client: SyncPointguardClient) -> None:
    nobody = [redeemed(Identifier.loyalty_id("nobody at all")) for _ in range(150)]
    done = client.activity.stream(nobody, timeout_seconds=60)
    assert (done.refused, len(done.faults)) == (150, 100)
    assert client.activity.stream([]).received == 0


def test_a_message_that_is_none_ends_its_stream_and_what_came_before_it_is_recorded(
    shared_server: ServerProcess, client: SyncPointguardClient, member: Identifier
) -> None:
    before = client.get_balance(member).seq
    one = RPCS["RecordActivity"].request()
    one.member.external_id = str(member.value)
    whole = activity_pb2.StreamActivitiesRequest(activities=[one]).SerializeToString()
    with RawCalls(shared_server) as raw:
        method: Any = raw.channel.stream_unary(
            "/pointguard.v1.ActivityService/StreamActivities", request_serializer=None, response_deserializer=None
        )
        with pytest.raises(grpc.RpcError) as refused:
            method(iter((whole, b"\xff\xff", whole)), metadata=shared_server.authorization, timeout=20)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert client.get_balance(member).seq == before + 1
    audit(shared_server.database)


@pytest.mark.long
async def test_a_stream_that_the_servers_end_cuts_off_fails_and_is_sent_again(own_server: ServerProcess) -> None:
    told: list[Activity] = []

    async def some_and_no_end() -> AsyncIterator[Activity]:
        for activity in told:
            yield activity
        await asyncio.sleep(60)

    async with PointguardClient.connect(own_server.address, api_key=own_server.api_key) as client:
        member = Identifier.external_id(new_idempotency_key())
        await client.enroll_member([member])
        told += [replace(redeemed(member), kind=TransactionKind.ACTIVITY) for _ in range(1_000)]
        stream = asyncio.create_task(client.activity.stream(some_and_no_end()))
        for _ in range(400):
            if (await client.get_balance(member)).seq == 1_001:
                break
            await asyncio.sleep(0.05)
        assert await asyncio.to_thread(own_server.stop) == 0
        with pytest.raises(Unavailable):
            await stream
    await asyncio.to_thread(own_server.start)
    async with PointguardClient.connect(own_server.address, api_key=own_server.api_key) as client:
        done = await client.activity.stream(told)
        assert (done.recorded, done.replayed) == (1_000, 1_000)
    assert await asyncio.to_thread(own_server.stop) == 0
    assert own_server.complaints() == []
    audit(own_server.database)
