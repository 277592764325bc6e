"""Streams against the stand-in server: pipelining, order, backpressure, broken connections, the end."""

import asyncio
import time

import grpc
import pytest

from pointguard_client import (
    Accrual,
    Accrue,
    AuthoriseRedemption,
    Basket,
    BasketLine,
    Decision,
    Identifier,
    Money,
    NotFound,
    PointguardClient,
    Redemption,
    Unauthenticated,
    Unavailable,
    VoidRedemption,
    new_idempotency_key,
)
from tests.unit.client.fake_server import FakeServer

MEMBER = Identifier.loyalty_id("1001")


def accruals(count: int) -> list[Accrue]:
    """Accruals of one point each, with keys."""
    return [Accrue(MEMBER, Money(10, "CAD"), idempotency_key=new_idempotency_key()) for _ in range(count)]


async def test_answers_find_their_requests_though_they_overtake_one_another(client: PointguardClient) -> None:
    members = [Identifier.loyalty_id(f"m{number}") for number in range(50)]
    async with client.stream() as stream:
        pending = [await stream.send(Accrue(member, Money(10 * at, "CAD"))) for at, member in enumerate(members)]
        answers = [await answer for answer in pending]
    assert [answer.points for answer in answers] == list(range(50))


async def test_every_kind_of_request_gets_its_own_kind_of_answer(client: PointguardClient) -> None:
    async with client.stream() as stream:
        accrual = await stream.send(Accrue(MEMBER, Money(1000, "CAD")))
        redemption = await stream.send(AuthoriseRedemption(MEMBER, 1000, capture=True))
        refused = await stream.send(VoidRedemption("unknown", idempotency_key="void-1"))
        assert isinstance(await accrual, Accrual)
        assert isinstance(await redemption, Redemption)
        assert (await redemption).decision is Decision.DECLINED
        with pytest.raises(NotFound, match="StreamTransactions") as caught:
            await refused
    assert caught.value.idempotency_key == "void-1"


async def test_what_is_queued_goes_out_as_one_message(server: FakeServer, client: PointguardClient) -> None:
    async with client.stream() as stream:
        for request in accruals(2_500):
            await stream.send(request)
    assert sum(server.streams.messages) == 2_500
    assert max(server.streams.messages) == 1_000
    assert len(server.streams.messages) < 50


async def test_a_message_holds_no_more_basket_lines_than_the_contract_allows(
    server: FakeServer, client: PointguardClient
) -> None:
    basket = Basket("CAD", tuple(BasketLine(1) for _ in range(900)))
    async with client.stream() as stream:
        for _ in range(24):
            await stream.send(Accrue(MEMBER, basket))
    assert sum(server.streams.messages) == 24
    assert max(server.streams.messages) <= 11


async def test_send_waits_while_too_many_requests_have_no_answer(server: FakeServer, client: PointguardClient) -> None:
    server.streams.may_answer.clear()
    async with client.stream(in_flight_max=3) as stream:
        for request in accruals(3):
            await stream.send(request)
        fourth = asyncio.create_task(stream.send(accruals(1)[0]))
        await asyncio.sleep(0.05)
        assert (fourth.done(), stream.in_flight) == (False, 3)
        server.streams.may_answer.set()
        assert (await (await fourth)).points == 1


@pytest.mark.parametrize("answer_before_breaking", [True, False])
async def test_a_broken_stream_loses_nothing_and_does_nothing_twice(
    server: FakeServer, client: PointguardClient, answer_before_breaking: bool
) -> None:
    server.streams.break_at = [1, 40, 100]
    server.streams.answer_before_breaking = answer_before_breaking
    requests = accruals(200)
    async with client.stream(in_flight_max=20) as stream:
        pending = [await stream.send(request) for request in requests]
        answers = [await answer for answer in pending]
    assert server.streams.opened == 4
    assert [answer.transaction_id for answer in answers] == [f"accrual-{r.idempotency_key}" for r in requests]
    assert (await client.get_balance(MEMBER)).balance.posted == 200
    first_sent = list(dict.fromkeys(server.streams.keys))
    assert first_sent == [request.idempotency_key for request in requests]


async def test_a_server_that_falls_silent_is_connected_again(server: FakeServer, client: PointguardClient) -> None:
    server.streams.silent = True
    async with client.stream(silence_seconds_max=0.1) as stream:
        answer = await stream.send(accruals(1)[0])
        await server.streams.until_opened(2)
        server.streams.silent = False
        assert (await answer).points == 1


async def test_a_stream_with_nothing_to_do_is_left_in_peace(server: FakeServer, client: PointguardClient) -> None:
    async with client.stream(silence_seconds_max=0.05) as stream:
        await (await stream.send(accruals(1)[0]))
        await asyncio.sleep(0.2)
        await (await stream.send(accruals(1)[0]))
    assert server.streams.opened == 1


async def test_a_stream_that_cannot_be_used_is_given_up_with_the_servers_word(
    server: FakeServer, client: PointguardClient
) -> None:
    server.streams.break_at = [1]
    server.streams.answer_before_breaking = False
    server.streams.code = grpc.StatusCode.UNAUTHENTICATED
    request = accruals(1)[0]
    stream = await client.stream().__aenter__()
    answer = await stream.send(request)
    with pytest.raises(Unauthenticated, match="StreamTransactions") as caught:
        await answer
    assert caught.value.idempotency_key == request.idempotency_key
    with pytest.raises(Unauthenticated):
        await stream.send(accruals(1)[0])
    with pytest.raises(Unauthenticated):
        await stream.close()


async def test_a_server_that_does_not_come_back_is_given_up_and_nobody_waits_for_ever(
    server: FakeServer, client: PointguardClient
) -> None:
    server.streams.break_at = [1] * 20
    server.streams.answer_before_breaking = False
    started = time.monotonic()
    stream = await client.stream(in_flight_max=1).__aenter__()
    first = await stream.send(accruals(1)[0])
    others = await asyncio.gather(*(stream.send(a) for a in accruals(5)), return_exceptions=True)
    assert {type(other) for other in others} == {Unavailable}
    with pytest.raises(Unavailable):
        await first
    with pytest.raises(Unavailable):
        await stream.close()
    assert server.streams.opened == 10, "as often as the retry policy allows"
    assert time.monotonic() - started < 5.0


async def test_leaving_the_block_half_closes_and_drains(server: FakeServer, client: PointguardClient) -> None:
    async with client.stream() as stream:
        pending = [await stream.send(request) for request in accruals(300)]
    assert all(answer.done() for answer in pending)
    assert server.streams.half_closes == 1


async def test_a_stream_that_nobody_used_is_never_opened(server: FakeServer, client: PointguardClient) -> None:
    async with client.stream():
        pass
    assert server.streams.opened == 0


async def test_an_error_inside_the_block_breaks_the_stream_off(server: FakeServer, client: PointguardClient) -> None:
    server.streams.may_answer.clear()
    answers = []

    async def fail() -> None:
        async with client.stream() as stream:
            answers.append(await stream.send(accruals(1)[0]))
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert answers[0].cancelled()


async def test_nobody_waits_for_room_in_a_stream_that_was_broken_off(
    server: FakeServer, client: PointguardClient
) -> None:
    server.streams.may_answer.clear()
    stream = await client.stream(in_flight_max=1).__aenter__()
    await stream.send(accruals(1)[0])
    waiting = [asyncio.create_task(stream.send(request)) for request in accruals(3)]
    await asyncio.sleep(0.02)
    await stream.abort()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert {str(outcome) for outcome in outcomes} == {"the stream is not open: use it inside `async with`"}


async def test_a_caller_that_does_not_wait_any_more_disturbs_nobody(client: PointguardClient) -> None:
    async with client.stream() as stream:
        first, second = [await stream.send(request) for request in accruals(2)]
        first.cancel()
        assert (await second).points == 1
    assert stream.in_flight == 0


async def test_a_key_that_is_under_way_is_not_sent_again(server: FakeServer, client: PointguardClient) -> None:
    server.streams.may_answer.clear()
    request = accruals(1)[0]
    async with client.stream(in_flight_max=2) as stream:
        first = await stream.send(request)
        with pytest.raises(ValueError, match="idempotency_key"):
            await stream.send(request)
        server.streams.may_answer.set()
        answer = await first
        assert await (await stream.send(request)) == answer


async def test_a_closed_stream_takes_nothing_more(client: PointguardClient) -> None:
    async with client.stream() as stream:
        await stream.close()
        with pytest.raises(ValueError, match="not open"):
            await stream.send(accruals(1)[0])
    with pytest.raises(ValueError, match="in_flight_max"):
        client.stream(in_flight_max=0)
