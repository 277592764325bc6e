"""The load: requests that are serialized beforehand, and the loop that sends them."""

import time
from collections import Counter

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointguard.v1 import transaction_pb2
from pointguard_client.channel import call_metadata, open_channel
from pointguard_client.idempotency import new_idempotency_key
from pointguard_client.load.runner import LoadMode, LoadOptions, LoadRunner, LoadSummary
from pointguard_client.load.templates import (
    LoadMember,
    LoadOperation,
    LoadShape,
    TemplatePool,
    make_template,
)
from tests.unit.client.fake_server import API_KEY, FakeServer, PlannedFailure

HALF_AND_HALF = {LoadOperation.AUTHORISE: 1, LoadOperation.ACCRUE: 1}
MEMBERS = [LoadMember(f"m{number}", "s1") for number in range(10)]
SHAPES = st.builds(
    LoadShape,
    basket_lines=st.integers(min_value=0, max_value=40),
    line_amount_minor=st.integers(min_value=0, max_value=10**9),
    points=st.integers(min_value=1, max_value=10**9),
    capture=st.booleans(),
)
SAMPLE_MEMBERS = st.builds(LoadMember, loyalty_id=st.text(max_size=60), store_id=st.text(max_size=20))


def parsed(operation: LoadOperation, request: bytes) -> object:
    kind = (
        transaction_pb2.AccrueRequest
        if operation is LoadOperation.ACCRUE
        else transaction_pb2.AuthoriseRedemptionRequest
    )
    return kind.FromString(request)


@given(member=SAMPLE_MEMBERS, operation=st.sampled_from(LoadOperation), shape=SHAPES)
def test_a_template_is_the_request_that_protobuf_would_serialize(
    member: LoadMember, operation: LoadOperation, shape: LoadShape
) -> None:
    template = make_template(member, operation, shape)
    first, second = new_idempotency_key(), new_idempotency_key()
    request = parsed(operation, template.request(first.encode()))
    assert request.idempotency_key == first  # type: ignore[attr-defined]
    assert request.member.loyalty_id == member.loyalty_id  # type: ignore[attr-defined]
    batch = transaction_pb2.ProcessBatchRequest.FromString(
        template.batch_item(first.encode()) + template.batch_item(second.encode())
    )
    items = [item.accrue if operation is LoadOperation.ACCRUE else item.authorise_redemption for item in batch.items]
    assert items[0] == request
    assert [item.idempotency_key for item in items] == [first, second]


def test_members_and_operations_are_chosen_by_weight_and_repeatably() -> None:
    weights = {LoadOperation.AUTHORISE: 1, LoadOperation.ACCRUE: 3}
    pool, same = (TemplatePool(MEMBERS, LoadShape(), weights, seed=5) for _ in range(2))
    chosen = [pool.choose() for _ in range(4000)]
    assert chosen == [same.choose() for _ in range(4000)]
    counts = Counter(template.operation for template in chosen)
    assert 900 < counts[LoadOperation.AUTHORISE] < 1100
    assert len(set(chosen)) == 2 * len(MEMBERS)


async def load(server: FakeServer, options: LoadOptions) -> LoadSummary:
    pool = TemplatePool(MEMBERS, LoadShape(), HALF_AND_HALF, seed=1)
    async with open_channel(server.address) as channel:
        return await LoadRunner(channel, call_metadata(API_KEY), pool, options).run()


async def test_a_unary_load_makes_exactly_so_many_requests(server: FakeServer) -> None:
    summary = await load(server, LoadOptions(concurrency=8, count=203))
    assert (summary.calls, summary.requests, len(server.calls)) == (203, 203, 203)
    assert sum(summary.outcomes.values()) == 203
    assert summary.latency.samples == 203
    assert server.transactions_written == 203
    assert server.in_flight_max <= 8


async def test_a_batch_load_makes_exactly_so_many_requests(server: FakeServer) -> None:
    options = LoadOptions(mode=LoadMode.BATCH, concurrency=3, batch_size=50, count=220)
    summary = await load(server, options)
    assert (summary.calls, summary.requests) == (5, 220)
    sizes = [len(call.request.items) for call in server.calls]  # type: ignore[attr-defined]
    assert sorted(sizes) == [20, 50, 50, 50, 50]
    assert sum(summary.outcomes.values()) == 220


async def test_what_the_server_decided_is_what_is_counted(server: FakeServer) -> None:
    summary = await load(server, LoadOptions(concurrency=4, count=300))
    accruals, redemptions = len(server.calls_of("Accrue")), len(server.calls_of("AuthoriseRedemption"))
    assert summary.outcomes["accrue approved"] == accruals
    assert summary.outcomes["authorise approved"] + summary.outcomes["authorise declined"] == redemptions


async def test_a_load_ends_with_its_time(server: FakeServer) -> None:
    started = time.monotonic()
    summary = await load(server, LoadOptions(concurrency=2, duration_seconds=0.3))
    assert 0.3 <= time.monotonic() - started < 2.0
    assert summary.requests > 0
    assert not summary.interrupted


async def test_failures_are_counted_apart_from_decisions(server: FakeServer) -> None:
    server.fail_next("Accrue", *[PlannedFailure(grpc.StatusCode.UNAVAILABLE)] * 4)
    summary = await load(server, LoadOptions(concurrency=2, count=100))
    assert summary.errors == {"UNAVAILABLE": 4}
    assert summary.requests == 96


async def test_stop_ends_a_load_early(server: FakeServer) -> None:
    pool = TemplatePool(MEMBERS, LoadShape(), HALF_AND_HALF, seed=1)
    async with open_channel(server.address) as channel:
        runner = LoadRunner(channel, call_metadata(API_KEY), pool, LoadOptions(duration_seconds=60))
        runner.stop()
        summary = await runner.run()
    assert summary.interrupted
    assert summary.requests == 0


@pytest.mark.parametrize("members", [[], MEMBERS])
def test_a_load_of_nothing_is_refused(members: list[LoadMember]) -> None:
    weights = dict.fromkeys(LoadOperation, 0) if members else HALF_AND_HALF
    with pytest.raises(ValueError, match="at least one"):
        TemplatePool(members, LoadShape(), weights, seed=1)
