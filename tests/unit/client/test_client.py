"""The client against a real gRPC server: what it sends, what it makes of the answers, retries and deadlines."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo

from pointguard.v1 import transaction_pb2
from pointguard_client import (
    Accrual,
    Accrue,
    AuthoriseRedemption,
    Basket,
    BasketLine,
    CaptureRedemption,
    Channel,
    DeadlineExceeded,
    Decision,
    EntryType,
    Factor,
    Identifier,
    IdentifierKind,
    Money,
    NotFound,
    Origin,
    Overloaded,
    PointguardClient,
    Profile,
    ReasonCode,
    Redemption,
    ReturnedLine,
    TransactionKind,
    Unavailable,
    words,
)
from tests.unit.client.fake_server import API_KEY, FakeServer, PlannedFailure, running_fake_server

MEMBER = Identifier.loyalty_id("1001")
UNAVAILABLE = PlannedFailure(grpc.StatusCode.UNAVAILABLE)


def keys_of(server: FakeServer, rpc: str) -> list[str]:
    return [getattr(call.request, "idempotency_key", "") for call in server.calls_of(rpc)]


async def test_every_attempt_of_a_call_carries_the_same_key(server: FakeServer, client: PointguardClient) -> None:
    server.fail_next("Accrue", UNAVAILABLE, UNAVAILABLE, UNAVAILABLE)
    accrual = await client.accrue(MEMBER, Money(1250, "CAD"))
    assert accrual.points == 125
    keys = keys_of(server, "Accrue")
    assert len(keys) == 4
    assert len(set(keys)) == 1
    assert UUID(keys[0]).version == 7


async def test_two_calls_never_share_a_key_that_the_client_made(server: FakeServer, client: PointguardClient) -> None:
    await client.accrue(MEMBER, Money(1250, "CAD"))
    await client.accrue(MEMBER, Money(1250, "CAD"))
    first, second = keys_of(server, "Accrue")
    assert first < second


async def test_a_given_key_is_used_and_repeats_the_first_answer(server: FakeServer, client: PointguardClient) -> None:
    first = await client.accrue(MEMBER, Money(1250, "CAD"), idempotency_key="till-7-receipt-1")
    again = await client.accrue(MEMBER, Money(1250, "CAD"), idempotency_key="till-7-receipt-1")
    assert again == first
    assert server.transactions_written == 1


async def test_overload_is_tried_again_when_the_server_says_when(server: FakeServer, client: PointguardClient) -> None:
    retry = RetryInfo(retry_delay=Duration(nanos=50_000_000))
    server.fail_next("Accrue", PlannedFailure(grpc.StatusCode.RESOURCE_EXHAUSTED, details=(retry,)))
    started = time.monotonic()
    await client.accrue(MEMBER, Money(1250, "CAD"))
    assert time.monotonic() - started >= 0.05
    assert len(server.calls_of("Accrue")) == 2


async def test_overload_without_a_time_to_return_is_raised_at_once(
    server: FakeServer, client: PointguardClient
) -> None:
    server.fail_next("Accrue", PlannedFailure(grpc.StatusCode.RESOURCE_EXHAUSTED))
    with pytest.raises(Overloaded):
        await client.accrue(MEMBER, Money(1250, "CAD"))
    assert len(server.calls_of("Accrue")) == 1


async def test_a_delay_past_the_deadline_is_not_waited_for(server: FakeServer, client: PointguardClient) -> None:
    retry = RetryInfo(retry_delay=Duration(seconds=60))
    server.fail_next("Accrue", PlannedFailure(grpc.StatusCode.RESOURCE_EXHAUSTED, details=(retry,)))
    started = time.monotonic()
    with pytest.raises(Overloaded) as caught:
        await client.accrue(MEMBER, Money(1250, "CAD"))
    assert time.monotonic() - started < 1.0
    assert caught.value.retry_after == timedelta(seconds=60)


async def test_a_refusal_is_not_tried_again(server: FakeServer, client: PointguardClient) -> None:
    server.fail_next("GetBalance", PlannedFailure(grpc.StatusCode.NOT_FOUND))
    with pytest.raises(NotFound):
        await client.get_balance(MEMBER)
    assert len(server.calls_of("GetBalance")) == 1


async def test_every_call_has_a_deadline_of_two_seconds(server: FakeServer, client: PointguardClient) -> None:
    await client.get_balance(MEMBER)
    # gRPC rounds what it sends.
    assert 1.5 < server.calls[0].seconds_left < 2.1


async def test_retries_share_the_deadline_of_their_call(server: FakeServer, client: PointguardClient) -> None:
    retry = RetryInfo(retry_delay=Duration(nanos=200_000_000))
    overloaded = PlannedFailure(grpc.StatusCode.RESOURCE_EXHAUSTED, details=(retry,))
    server.fail_next("GetBalance", overloaded, overloaded)
    await client.get_balance(MEMBER, timeout_seconds=1.5)
    first, second, third = (call.seconds_left for call in server.calls)
    assert first < 1.6
    assert second < first - 0.15
    assert third < second - 0.15


async def test_a_server_that_is_too_slow_gives_an_error_with_the_key_to_use_again(
    server: FakeServer, client: PointguardClient
) -> None:
    server.delay_seconds["Accrue"] = 5.0
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded) as caught:
        await client.accrue(MEMBER, Money(1250, "CAD"), timeout_seconds=0.1)
    assert time.monotonic() - started < 2.0
    assert [caught.value.idempotency_key] == keys_of(server, "Accrue")


async def test_a_server_that_is_not_there_is_given_up_within_the_deadline() -> None:
    started = time.monotonic()
    async with PointguardClient.connect("127.0.0.1:1", api_key=API_KEY) as client:
        with pytest.raises(Unavailable) as caught:
            await client.accrue(MEMBER, Money(1250, "CAD"), timeout_seconds=0.3)
    assert time.monotonic() - started < 2.0
    assert UUID(caught.value.idempotency_key).version == 7


async def test_a_server_that_is_started_again_is_found_within_the_same_call() -> None:
    async with running_fake_server() as first:
        address = first.address
    async with PointguardClient.connect(address, api_key=API_KEY) as client:
        call = asyncio.create_task(client.accrue(MEMBER, Money(1250, "CAD")))
        await asyncio.sleep(0.3)
        assert not call.done()
        async with running_fake_server(address) as second:
            assert (await call).points == 125
            assert second.transactions_written == 1


async def test_the_api_key_goes_with_every_call(server: FakeServer, client: PointguardClient) -> None:
    await client.get_balance(MEMBER)
    await client.check_advice(MEMBER)
    await client.find_member(MEMBER)
    assert {call.metadata["authorization"] for call in server.calls} == {f"Bearer {API_KEY}"}


async def test_a_declined_redemption_is_an_answer(client: PointguardClient) -> None:
    redemption = await client.authorise_redemption(MEMBER, 500)
    assert redemption.decision is Decision.DECLINED
    assert [reason.code for reason in redemption.reasons] == [ReasonCode.INSUFFICIENT_POINTS]
    assert (redemption.points, redemption.money, redemption.expires_at) == (0, None, None)


async def test_points_are_set_aside_captured_and_voided(client: PointguardClient) -> None:
    await client.accrue(MEMBER, Money(10_000, "CAD"))
    reservation = await client.authorise_redemption(MEMBER, 600)
    assert (reservation.balance.posted, reservation.balance.reserved, reservation.balance.available) == (1000, 600, 400)
    capture = await client.capture_redemption(reservation.transaction_id, points=200)
    assert (capture.points, capture.points_released, capture.balance.available) == (200, 400, 800)
    other = await client.authorise_redemption(MEMBER, 100)
    void = await client.void_redemption(other.transaction_id)
    assert (void.points_released, void.balance.available) == (100, 800)


async def test_all_that_a_return_can_say_is_sent(server: FakeServer, client: PointguardClient) -> None:
    returned = await client.return_transaction(
        "original",
        Money(500, "CAD"),
        member=MEMBER,
        origin=Origin("s1"),
        order_reference="order-2",
        idempotency_key="r",
    )
    assert (returned.transaction_id, returned.account_id, returned.signed_points) == ("return-r", 7, -500)
    assert (returned.points_not_moved, returned.money, returned.balance.posted) == (0, None, 5)
    assert (await client.return_transaction("original", 40)).signed_points == 40
    assert (await client.return_transaction("original", [ReturnedLine(1), ReturnedLine(2, 99)])).points_not_moved == 2
    await client.return_transaction("original")
    sent = [cast("transaction_pb2.ReturnTransactionRequest", call.request) for call in server.calls]
    first, _, lines, _ = sent
    assert (first.original_transaction_id, first.member.loyalty_id) == ("original", MEMBER.value)
    assert (first.origin.store_id, first.order_reference) == ("s1", "order-2")
    assert [(each.line, each.amount_minor_units) for each in lines.lines.lines] == [(1, 0), (2, 99)]
    assert [each.WhichOneof("amount") for each in sent] == ["money", "points", "lines", None]


async def test_all_that_an_authorise_can_say_is_sent(server: FakeServer, client: PointguardClient) -> None:
    occurred_at = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    await client.authorise_redemption(
        MEMBER,
        Money(1250, "CAD"),
        origin=Origin("s1", "t1", "c1", Channel.ONLINE, occurred_at),
        kind=TransactionKind.PURCHASE,
        redemption_type="FUEL",
        time_to_live=timedelta(minutes=5),
        capture=True,
        allow_partial=True,
        order_reference="order-1",
    )
    sent = server.calls[0].request
    assert sent.money.minor_units == 1250  # type: ignore[attr-defined]
    assert sent.origin.occurred_at.ToDatetime(UTC) == occurred_at  # type: ignore[attr-defined]
    assert sent.time_to_live.ToTimedelta() == timedelta(minutes=5)  # type: ignore[attr-defined]
    without_key = str(sent).partition("\n")[2]
    for part in (
        "CHANNEL_ONLINE",
        "TRANSACTION_KIND_PURCHASE",
        '"FUEL"',
        "capture: true",
        "allow_partial: true",
        '"c1"',
    ):
        assert part in without_key


async def test_a_basket_is_sent_line_by_line(server: FakeServer, client: PointguardClient) -> None:
    lines = (BasketLine(599, "sku-1", "DAIRY", "Private", 2), BasketLine(401))
    accrual = await client.accrue(MEMBER, Basket("CAD", lines), coupon_used=True, tender="CASH")
    assert accrual.points == 100
    assert accrual.awards[0].part is words.TransactionPart.BASE
    sent = server.calls[0].request
    assert [(line.sku, line.quantity, line.amount_minor_units) for line in sent.basket.lines] == [  # type: ignore[attr-defined]
        ("sku-1", 2, 599),
        ("", 1, 401),
    ]
    assert sent.coupon_used  # type: ignore[attr-defined]
    assert not sent.HasField("origin")


async def test_a_time_without_a_zone_is_refused_before_anything_is_sent(
    server: FakeServer, client: PointguardClient
) -> None:
    naive = datetime(2026, 3, 1)  # noqa: DTZ001, that is the point
    with pytest.raises(ValueError, match="time zone"):
        await client.accrue(MEMBER, Money(1, "CAD"), origin=Origin(occurred_at=naive))
    assert server.calls == []


async def test_a_quote_says_what_may_be_spent(client: PointguardClient) -> None:
    await client.accrue(MEMBER, Money(1250, "CAD"))
    quote = await client.quote_redemption(MEMBER, origin=Origin(store_id="s1"))
    assert (quote.points_max, quote.money_max) == (125, Money(125, "CAD"))


async def test_a_transaction_comes_with_its_entries(client: PointguardClient) -> None:
    transaction = await client.get_transaction("t-1")
    assert transaction.accepted_at == datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
    assert transaction.occurred_at is None
    assert transaction.kind is TransactionKind.PURCHASE
    assert [(entry.entry_type, entry.signed_points) for entry in transaction.entries] == [(EntryType.EARN, 125)]


async def test_advice_is_reported_with_its_evidence(client: PointguardClient) -> None:
    for _ in range(11):
        await client.authorise_redemption(MEMBER, 1)
    report = await client.check_advice(MEMBER, context=words.AdviceContext.REDEMPTION)
    assert report.posture is words.AdvicePosture.BLOCK
    assert [advice.evidence.measured for advice in report.advice] == [11]


async def test_members_are_enrolled_found_linked_and_locked(server: FakeServer, client: PointguardClient) -> None:
    identifiers = [Identifier.loyalty_id("1"), Identifier.phone("+14165550123"), Identifier.email("a@example.com")]
    enrollment = await client.enroll_member(identifiers, profile=Profile("Ada", "Example", "CA-ON"), tier="GOLD")
    assert (enrollment.member_id, enrollment.account_id) == (5, 7)
    member = await client.find_member(Identifier.account_id(7))
    assert member.identifiers == (Identifier.loyalty_id("1001"),)
    assert member.profile == Profile("Ada", "Example", "CA-ON")
    link = await client.link_identifier(MEMBER, Identifier.card("token-1"))
    assert link.account_id == 7
    replacement = await client.replace_card(Identifier.card("token-1"), Identifier.card("token-2"))
    assert (replacement.transaction_id, replacement.account_id) == ("replacement", 7)
    assert (await client.update_member(MEMBER, groups=("VIP",))).transaction_id == "update"
    assert (await client.set_redemption_lock(MEMBER, True)).locked
    assert (await client.get_balance(MEMBER)).redemption_locked
    keys = [getattr(call.request, "idempotency_key", "") for call in server.calls]
    assert [bool(key) for key in keys] == [True, False, True, True, True, True, False]


def test_a_profile_never_shows_its_personal_data() -> None:
    assert "Ada" not in repr(Profile("Ada", "Example", "CA-ON", "1980-02-29"))


@pytest.mark.parametrize("kind", [kind for kind in IdentifierKind if kind])
async def test_every_kind_of_identifier_reaches_the_server(
    server: FakeServer, client: PointguardClient, kind: IdentifierKind
) -> None:
    value = 42 if kind is IdentifierKind.ACCOUNT_ID else "text"
    await client.get_balance(Identifier(kind, value))
    sent = server.calls[0].request.member  # type: ignore[attr-defined]
    assert sent.WhichOneof("identifier") == kind.name.lower()
    assert getattr(sent, kind.name.lower()) == value


async def test_a_batch_answers_each_request_in_its_order(client: PointguardClient) -> None:
    answers = await client.process_batch(
        [
            Accrue(MEMBER, Money(1000, "CAD")),
            AuthoriseRedemption(MEMBER, 60, capture=True),
            CaptureRedemption("unknown", idempotency_key="capture-1"),
            AuthoriseRedemption(MEMBER, 60, capture=True),
        ]
    )
    accrual, first, capture, second = answers
    assert isinstance(accrual, Accrual)
    assert isinstance(first, Redemption)
    assert isinstance(capture, NotFound)
    assert isinstance(second, Redemption)
    assert (accrual.points, first.decision, second.decision) == (100, Decision.APPROVED, Decision.DECLINED)
    assert (capture.reason, capture.idempotency_key) == ("RESERVATION_NOT_FOUND", "capture-1")
    assert capture.field_violations[0].field == "reservation_id"


async def test_a_batch_that_is_tried_again_repeats_all_its_keys(server: FakeServer, client: PointguardClient) -> None:
    server.fail_next("ProcessBatch", UNAVAILABLE)
    await client.process_batch([Accrue(MEMBER, Money(1000, "CAD")) for _ in range(3)])
    first, second = (call.request for call in server.calls)
    assert first == second
    assert len({item.accrue.idempotency_key for item in first.items}) == 3  # type: ignore[attr-defined]


async def test_points_are_transferred_and_spent_by_a_household(server: FakeServer, client: PointguardClient) -> None:
    friend = Identifier.loyalty_id("friend")
    moved = await client.transfer_points(
        Identifier.loyalty_id("giver"),
        friend,
        40,
        agent_id="agent 7",
        verified_by=(Factor.PIN,),
        order_reference="gift",
    )
    assert (moved.transaction_id, moved.points, moved.account_id) == ("giver friend agent 7", 40, 1)
    spent = await client.redeem_household([MEMBER, friend], 25, kind=TransactionKind.PURCHASE, redemption_type="GIFT")
    assert (spent.points, spent.account_id) == (25, int(TransactionKind.PURCHASE))
    first, second = (call.request for call in server.calls)
    assert isinstance(first, transaction_pb2.TransferPointsRequest)
    assert isinstance(second, transaction_pb2.RedeemHouseholdRequest)
    assert (first.order_reference, second.redemption_type) == ("gift", "GIFT")


async def test_points_are_adjusted_with_who_and_why(server: FakeServer, client: PointguardClient) -> None:
    given = await client.adjust_points(MEMBER, 250, "agent 7", "GOODWILL", "late", idempotency_key="k")
    assert (given.signed_points, given.transaction_id) == (250, "agent 7 GOODWILL late")
    await client.adjust_points(MEMBER, -5, "agent 7", "GOODWILL", "late", corrects_transaction_id="original")
    first, second = (cast("transaction_pb2.AdjustPointsRequest", call.request) for call in server.calls)
    assert (first.idempotency_key, int(first.kind)) == ("k", int(TransactionKind.DISCRETIONARY))
    assert (second.corrects_transaction_id, int(second.kind)) == ("original", int(TransactionKind.CORRECTION))
