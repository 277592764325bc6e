"""Streams and columns of the Python client: the same decisions as one by one, also over a connection that breaks.

`bulk` gives the client of the server that these tests talk to.
"""

import asyncio
from array import array

import pytest

from pointguard_client import (
    Accrual,
    Accrue,
    AuthoriseRedemption,
    BatchColumns,
    Decision,
    Identifier,
    Money,
    NotFound,
    Operation,
    PointguardClient,
    Redemption,
    new_idempotency_key,
    new_idempotency_keys,
)


@pytest.fixture
def bulk(client: PointguardClient) -> PointguardClient:
    """A client of the shared server."""
    return client


async def enroll(client: PointguardClient) -> Identifier:
    """Enroll a member and return what finds it."""
    member = Identifier.loyalty_id(new_idempotency_key())
    await client.enroll_member([member])
    return member


async def test_a_stream_decides_as_single_calls_do(bulk: PointguardClient) -> None:
    streamed, single = await enroll(bulk), await enroll(bulk)
    requests = [(Money(1_00 * number, "CAD"), number) for number in range(1, 6)]
    one_by_one = []
    for total, points in requests:
        one_by_one.append((await bulk.accrue(single, total)).points)
        redemption = await bulk.authorise_redemption(single, points, capture=True)
        one_by_one.append(redemption.points)
    async with bulk.stream() as stream:
        pending: list[asyncio.Future[Accrual] | asyncio.Future[Redemption]] = []
        for total, points in requests:
            pending.append(await stream.send(Accrue(streamed, total)))
            pending.append(await stream.send(AuthoriseRedemption(streamed, points, capture=True)))
        answers = [await answer for answer in pending]
    assert [answer.points for answer in answers] == one_by_one
    assert (await bulk.get_balance(streamed)).balance == (await bulk.get_balance(single)).balance


async def test_a_request_of_a_stream_that_is_sent_again_gets_its_first_answer(bulk: PointguardClient) -> None:
    member = await enroll(bulk)
    request = Accrue(member, Money(5_00, "CAD"), idempotency_key=new_idempotency_key())
    answers = []
    for _ in range(2):
        async with bulk.stream() as stream:
            answers.append(await (await stream.send(request)))
    assert answers[0] == answers[1]
    assert (await bulk.get_balance(member)).balance.posted == answers[0].points


async def test_thousands_of_requests_of_a_stream_are_each_answered_once(bulk: PointguardClient) -> None:
    member = await enroll(bulk)
    async with bulk.stream() as stream:
        pending = [await stream.send(Accrue(member, Money(1_00, "CAD"))) for _ in range(3_000)]
        answers = [await answer for answer in pending]
    assert len({answer.transaction_id for answer in answers}) == 3_000
    # In the order of sending, for it is one account.
    posted = [answer.balance.posted for answer in answers]
    assert posted == sorted(posted)


async def test_columns_are_decided_in_order_and_refusals_named_by_row(bulk: PointguardClient) -> None:
    member = (await enroll(bulk)).value
    assert isinstance(member, str)
    columns = BatchColumns(
        new_idempotency_keys(4),
        operations=array("b", [Operation.ACCRUE, Operation.AUTHORISE, Operation.VOID, Operation.AUTHORISE]),
        loyalty_ids=[member, member, "", member],
        points=array("q", [0, 3, 0, 1_000_000]),
        money_minor_units=array("q", [10_00, 0, 0, 0]),
        currency_code="CAD",
        captures=bytes([0, 1, 0, 1]),
        reservation_ids=bytes(32) + bytes([1]) * 16 + bytes(16),
    )
    answers = await bulk.process_batch_columns(columns)
    assert list(answers.decisions) == [Decision.APPROVED, Decision.APPROVED, 0, Decision.DECLINED]
    assert answers.points[1] == 3
    assert answers.posted[1] == answers.points[0] - 3
    assert isinstance(answers.errors[2], NotFound)
    assert list(answers.reasons) == [3]
    again = await bulk.process_batch_columns(columns)
    assert (again.transaction_ids, again.points) == (answers.transaction_ids, answers.points)
