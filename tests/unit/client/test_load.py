"""The load: requests that are serialized beforehand, and the loops that send them."""

import asyncio
import time
from collections import Counter

import grpc
import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from pointguard.v1 import advice_pb2, transaction_pb2
from pointguard_client.channel import call_metadata, open_channel
from pointguard_client.idempotency import new_idempotency_key
from pointguard_client.load.exchange import LoadMode
from pointguard_client.load.members import LoadMember
from pointguard_client.load.runner import LoadOptions, LoadRunner
from pointguard_client.load.schedule import Arrivals
from pointguard_client.load.tally import LoadTally
from pointguard_client.load.templates import (
    WRITES,
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
REQUESTS: dict[LoadOperation, type[Message]] = {
    LoadOperation.AUTHORISE: transaction_pb2.AuthoriseRedemptionRequest,
    LoadOperation.ACCRUE: transaction_pb2.AccrueRequest,
    LoadOperation.QUOTE: transaction_pb2.QuoteRedemptionRequest,
    LoadOperation.BALANCE: transaction_pb2.GetBalanceRequest,
    LoadOperation.ADVICE: advice_pb2.CheckAdviceRequest,
}


@given(member=SAMPLE_MEMBERS, operation=st.sampled_from(sorted(WRITES, key=str)), shape=SHAPES)
def test_a_template_is_the_request_that_protobuf_would_serialize(
    member: LoadMember, operation: LoadOperation, shape: LoadShape
) -> None:
    template = make_template(member, operation, shape)
    first, second = new_idempotency_key(), new_idempotency_key()
    request = REQUESTS[operation].FromString(template.request(first.encode()))
    assert request.idempotency_key == first  # type: ignore[attr-defined]
    assert request.member.loyalty_id == member.loyalty_id  # type: ignore[attr-defined]
    batch = transaction_pb2.ProcessBatchRequest.FromString(
        template.batch_item(first.encode()) + template.batch_item(second.encode())
    )
    items = [item.accrue if operation is LoadOperation.ACCRUE else item.authorise_redemption for item in batch.items]
    assert items[0] == request
    assert [item.idempotency_key for item in items] == [first, second]


@given(member=SAMPLE_MEMBERS, operation=st.sampled_from(sorted(set(LoadOperation) - WRITES, key=str)))
def test_a_read_has_no_key(member: LoadMember, operation: LoadOperation) -> None:
    template = make_template(member, operation, LoadShape())
    request = REQUESTS[operation].FromString(template.request(new_idempotency_key().encode()))
    assert request.member.loyalty_id == member.loyalty_id  # type: ignore[attr-defined]
    assert template.request(b"") == template.request(new_idempotency_key().encode())


def test_members_and_operations_are_chosen_by_weight_and_repeatably() -> None:
    weights = {LoadOperation.AUTHORISE: 1, LoadOperation.ACCRUE: 3}
    pool, same = (TemplatePool(MEMBERS, LoadShape(), weights, seed=5) for _ in range(2))
    chosen = [pool.choose_template() for _ in range(4000)]
    assert chosen == [same.choose_template() for _ in range(4000)]
    counts = Counter(template.operation for template in chosen)
    assert 900 < counts[LoadOperation.AUTHORISE] < 1100
    assert len(set(chosen)) == 2 * len(MEMBERS)


async def load(
    server: FakeServer, options: LoadOptions, weights: dict[LoadOperation, int] = HALF_AND_HALF
) -> LoadTally:
    pool = TemplatePool(MEMBERS, LoadShape(), weights, seed=1)
    async with open_channel(server.address) as channel:
        return await LoadRunner(channel, call_metadata(API_KEY), pool, options).run()


async def test_a_unary_load_makes_exactly_so_many_requests(server: FakeServer) -> None:
    summary = (await load(server, LoadOptions(concurrency=8, count=203))).summary()
    assert (summary.calls, summary.requests, len(server.calls)) == (203, 203, 203)
    assert sum(summary.outcomes.values()) == 203
    assert summary.latency.samples == 203
    assert sum(latency.samples for latency in summary.latency_by_call.values()) == 203
    assert server.transactions_written == 203
    assert server.in_flight_max <= 8


async def test_a_unary_load_may_read_too(server: FakeServer) -> None:
    summary = (await load(server, LoadOptions(count=100), dict.fromkeys(LoadOperation, 1))).summary()
    called = Counter(call.rpc for call in server.calls)
    assert called.keys() == {"AuthoriseRedemption", "Accrue", "QuoteRedemption", "GetBalance", "CheckAdvice"}
    assert {name: latency.samples for name, latency in summary.latency_by_call.items()} == called
    assert summary.outcomes["balance answered"] == called["GetBalance"]


async def test_a_batch_load_makes_exactly_so_many_requests(server: FakeServer) -> None:
    options = LoadOptions(mode=LoadMode.BATCH, concurrency=3, batch_size=50, count=220)
    summary = (await load(server, options)).summary()
    assert (summary.calls, summary.requests) == (5, 220)
    sizes = [len(call.request.items) for call in server.calls]  # type: ignore[attr-defined]
    assert sorted(sizes) == [20, 50, 50, 50, 50]
    assert sum(summary.outcomes.values()) == 220


async def test_what_the_server_decided_is_what_is_counted(server: FakeServer) -> None:
    outcomes = (await load(server, LoadOptions(concurrency=4, count=300))).outcomes
    accruals, redemptions = len(server.calls_of("Accrue")), len(server.calls_of("AuthoriseRedemption"))
    assert outcomes["accrue approved"] == accruals
    assert outcomes["authorise approved"] + outcomes["authorise declined"] == redemptions


async def test_a_stream_load_makes_exactly_so_many_requests_over_one_stream(server: FakeServer) -> None:
    summary = (await load(server, LoadOptions(mode=LoadMode.STREAM, concurrency=50, count=1_000))).summary()
    assert (summary.requests, summary.latency.samples, summary.errors) == (1_000, 1_000, {})
    assert (server.streams.opened, len(set(server.streams.keys))) == (1, 1_000)
    assert max(server.streams.messages) > 1
    assert sum(summary.outcomes.values()) == 1_000


async def test_a_stream_that_breaks_fails_what_is_under_way_and_the_load_goes_on(server: FakeServer) -> None:
    server.streams.break_at = [100]
    server.streams.answer_before_breaking = False
    tally = await load(server, LoadOptions(mode=LoadMode.STREAM, concurrency=10, count=500))
    assert 0 < tally.errors["UNAVAILABLE"] <= 10
    assert tally.requests + tally.errors["UNAVAILABLE"] == 500
    assert server.streams.opened == 2


async def test_a_stream_that_is_silent_is_not_waited_for_longer_than_a_call(server: FakeServer) -> None:
    server.streams.silent = True
    options = LoadOptions(mode=LoadMode.STREAM, concurrency=5, count=5, timeout_seconds=0.2)
    started = time.monotonic()
    tally = await load(server, options)
    assert time.monotonic() - started < 2.0
    assert (tally.requests, tally.errors.total()) == (0, 5)


async def test_a_load_of_columns_is_decided_row_by_row(server: FakeServer) -> None:
    options = LoadOptions(mode=LoadMode.COLUMNS, concurrency=2, batch_size=40, count=100)
    summary = (await load(server, options)).summary()
    assert (summary.calls, summary.requests, summary.errors) == (3, 100, {})
    assert sum(summary.outcomes.values()) == 100
    assert summary.outcomes.keys() <= {"accrue approved", "authorise approved", "authorise declined"}


async def test_an_open_loop_sends_when_it_is_due_and_no_sooner(server: FakeServer) -> None:
    options = LoadOptions(rate=200, duration_seconds=0.5, concurrency=100)
    tally = await load(server, options)
    assert (tally.requests, tally.lateness.samples, tally.unsent) == (100, 100, 0)
    assert 0.49 <= tally.elapsed_seconds < 2.0


async def test_in_an_open_loop_a_stall_is_in_the_latency_of_all_that_was_due_meanwhile(server: FakeServer) -> None:
    server.delay_seconds["Accrue"] = 0.3
    weights = {LoadOperation.ACCRUE: 1}
    options = LoadOptions(rate=100, count=20, concurrency=1)
    load_under_way = asyncio.create_task(load(server, options, weights))
    await server.until_calls(1)
    server.delay_seconds["Accrue"] = 0.0
    tally = await load_under_way
    # The first took 0.3 s; those that were due 10, 20 … ms later had to wait for it.
    slow = sum(bucket.count for bucket in tally.every_latency().buckets() if bucket.highest_ns > 50_000_000)
    assert slow == 20
    assert tally.held_back >= 15
    assert tally.lateness.summary().latency_ms_max > 200


async def test_what_an_open_loop_never_sent_is_told(server: FakeServer) -> None:
    server.delay_seconds["Accrue"] = server.delay_seconds["AuthoriseRedemption"] = 0.2
    tally = await load(server, LoadOptions(rate=100, duration_seconds=0.5, concurrency=2))
    assert tally.requests + tally.unsent == 50
    assert tally.unsent >= 40


@pytest.mark.parametrize("mode", LoadMode)
async def test_every_mode_has_an_open_loop(server: FakeServer, mode: LoadMode) -> None:
    options = LoadOptions(
        mode=mode, rate=1_000, batch_size=50, duration_seconds=0.3, arrivals=Arrivals.POISSON, concurrency=100
    )
    tally = await load(server, options)
    # What is due does not depend on how soon this machine answers.
    assert 100 < tally.requests + tally.unsent < 600
    assert tally.requests > 0
    assert tally.errors == {}


async def test_a_caller_of_a_closed_loop_thinks_before_it_goes_on(server: FakeServer) -> None:
    tally = await load(server, LoadOptions(concurrency=2, duration_seconds=0.5, think_seconds=0.1))
    assert 4 <= tally.requests <= 10


async def test_a_load_ends_with_its_time_though_somebody_thinks_for_longer(server: FakeServer) -> None:
    started = time.monotonic()
    tally = await load(server, LoadOptions(concurrency=2, duration_seconds=0.3, think_seconds=60))
    assert 0.3 <= time.monotonic() - started < 2.0
    assert tally.requests == 2
    assert not tally.interrupted


async def test_failures_are_counted_apart_from_decisions(server: FakeServer) -> None:
    server.fail_next("Accrue", *[PlannedFailure(grpc.StatusCode.UNAVAILABLE)] * 4)
    tally = await load(server, LoadOptions(concurrency=2, count=100))
    assert tally.errors == {"UNAVAILABLE": 4}
    assert tally.requests == 96


async def test_a_server_that_always_fails_is_given_up(server: FakeServer) -> None:
    for rpc in ("Accrue", "AuthoriseRedemption"):
        server.fail_next(rpc, *[PlannedFailure(grpc.StatusCode.INTERNAL)] * 1_000)
    tally = await load(server, LoadOptions(concurrency=100, duration_seconds=60))
    assert tally.gave_up == "200 calls in a row failed, the last with INTERNAL"
    assert not tally.interrupted


@pytest.mark.parametrize("rate", [None, 10.0])
async def test_stop_ends_a_load_early(server: FakeServer, rate: float | None) -> None:
    pool = TemplatePool(MEMBERS, LoadShape(), HALF_AND_HALF, seed=1)
    async with open_channel(server.address) as channel:
        options = LoadOptions(duration_seconds=60, rate=rate)
        runner = LoadRunner(channel, call_metadata(API_KEY), pool, options)
        runner.stop()
        tally = await runner.run()
    assert tally.interrupted
    assert tally.requests == 0


@pytest.mark.parametrize("members", [[], MEMBERS])
def test_a_load_of_nothing_is_refused(members: list[LoadMember]) -> None:
    weights = dict.fromkeys(LoadOperation, 0) if members else HALF_AND_HALF
    with pytest.raises(ValueError, match="at least one"):
        TemplatePool(members, LoadShape(), weights, seed=1)


async def test_a_load_without_an_end_is_refused(server: FakeServer) -> None:
    with pytest.raises(ValueError, match="a duration or a count"):
        await load(server, LoadOptions())


COUNTS = st.dictionaries(st.sampled_from("abc"), st.integers(1, 5)).map(Counter)
TALLIES = st.builds(
    LoadTally,
    started_ns=st.integers(1, 100),
    ended_ns=st.integers(100, 200),
    cpu_ns=st.integers(0, 9),
    requests=st.integers(0, 9),
    held_back=st.integers(0, 9),
    unsent=st.integers(0, 9),
    outcomes=COUNTS,
    errors=COUNTS,
    interrupted=st.booleans(),
)


@given(st.lists(TALLIES, min_size=1, max_size=4), st.lists(st.sampled_from("xy"), max_size=8))
def test_the_tallies_of_several_processes_add_up(tallies: list[LoadTally], called: list[str]) -> None:
    for number, name in enumerate(called):
        tallies[number % len(tallies)].latencies[name].record(number)
    whole = LoadTally()
    for tally in tallies:
        whole.add(tally)
    for name in ("cpu_ns", "requests", "held_back", "unsent"):
        assert getattr(whole, name) == sum(getattr(tally, name) for tally in tallies)
    assert whole.outcomes == sum((tally.outcomes for tally in tallies), Counter())
    assert whole.errors == sum((tally.errors for tally in tallies), Counter())
    first, last = min(tally.started_ns for tally in tallies), max(tally.ended_ns for tally in tallies)
    assert whole.elapsed_seconds == (last - first) / 1e9
    assert {name: histogram.samples for name, histogram in whole.latencies.items()} == Counter(called)
    assert whole.interrupted == any(tally.interrupted for tally in tallies)
