"""First calls with the Python client: every RPC, as someone who has just started the sandbox would try them."""

from datetime import UTC, datetime, timedelta

import pytest

from pointguard_client import (
    Accrual,
    Accrue,
    AdviceContext,
    AdvicePosture,
    AuthoriseRedemption,
    Basket,
    BasketLine,
    CallError,
    Capture,
    CaptureRedemption,
    Channel,
    Decision,
    EntryType,
    ExtendReservation,
    FailedPrecondition,
    Identifier,
    IdentifierTaken,
    InvalidArgument,
    Money,
    NotFound,
    Operation,
    Origin,
    PointguardClient,
    Profile,
    ReasonCode,
    Redemption,
    ReservationEnded,
    TransactionKind,
    TransactionPart,
    Unauthenticated,
    Void,
    VoidRedemption,
    new_idempotency_key,
)
from tests.support.server import ServerProcess

TOTAL = Money(100_00, "CAD")
TILL = Origin("12", "till-3", "cashier-7", Channel.IN_STORE, datetime(2026, 3, 1, 12, tzinfo=UTC))


async def enroll(client: PointguardClient, province: str = "CA-ON") -> Identifier:
    """Enroll a member and return what finds it."""
    member = Identifier.external_id(new_idempotency_key())
    await client.enroll_member([member], profile=Profile(province=province))
    return member


async def test_a_member_of_the_sample_earns_and_spends_in_three_calls(client: PointguardClient) -> None:
    member = Identifier.loyalty_id("13")
    accrual = await client.accrue(
        member, Basket("CAD", (BasketLine(20_00, category="PRODUCE", quantity=2),)), origin=TILL
    )
    assert accrual.decision is Decision.APPROVED
    assert accrual.points == sum(award.points for award in accrual.awards) > 0
    assert {award.rule for award in accrual.awards} >= {"everyday points", "fresh food", "tier"}
    redemption = await client.authorise_redemption(member, 10, origin=TILL)
    assert (redemption.decision, redemption.points) == (Decision.APPROVED, 10)
    assert redemption.money == Money(10, "CAD")
    report = await client.check_advice(member)
    assert (report.account_id, report.posture) == (accrual.account_id, AdvicePosture.UNSPECIFIED)


async def test_a_reservation_is_captured_in_part_and_the_rest_is_released(client: PointguardClient) -> None:
    member = await enroll(client)
    await client.accrue(member, TOTAL)
    reservation = await client.authorise_redemption(member, 100, time_to_live=timedelta(minutes=5))
    assert reservation.balance.available == reservation.balance.posted - 100
    assert reservation.expires_at is not None
    assert timedelta(minutes=4) < reservation.expires_at - datetime.now(UTC) < timedelta(minutes=6)
    with pytest.raises(FailedPrecondition) as refused:
        await client.capture_redemption(reservation.transaction_id, points=101)
    assert refused.value.reason == "CAPTURE_ABOVE_RESERVATION"
    capture = await client.capture_redemption(reservation.transaction_id, points=30)
    assert (capture.points, capture.points_released) == (30, 70)
    assert (capture.balance.reserved, capture.balance.posted) == (0, reservation.balance.posted - 30)
    with pytest.raises(ReservationEnded):
        await client.capture_redemption(reservation.transaction_id)


async def test_a_reservation_is_captured_in_parts_and_extended_alone_and_in_a_batch(client: PointguardClient) -> None:
    member = await enroll(client)
    await client.accrue(member, TOTAL)
    held = await client.authorise_redemption(member, 100, time_to_live=timedelta(minutes=5))
    first = await client.capture_redemption(held.transaction_id, points=30, keep_open=True)
    assert (first.points, first.points_released, first.expires_at) == (30, 0, held.expires_at)
    extended = await client.extend_reservation(held.transaction_id, timedelta(hours=1))
    assert (extended.points, extended.balance.reserved) == (70, 70)
    assert held.expires_at is not None
    assert extended.expires_at > held.expires_at
    results = await client.process_batch(
        [
            CaptureRedemption(held.transaction_id, 50, keep_open=True),
            CaptureRedemption(held.transaction_id, 21),
            ExtendReservation(held.transaction_id, timedelta(days=8)),
            ExtendReservation(held.transaction_id),
            CaptureRedemption(held.transaction_id, 15),
            ExtendReservation(held.transaction_id),
            VoidRedemption("01890000-0000-7000-8000-000000000000"),
        ]
    )
    told = [result.reason if isinstance(result, CallError) else type(result).__name__ for result in results]
    assert told == [
        "Capture", "CAPTURE_ABOVE_RESERVATION", "INVALID_REQUEST", "Extension", "Capture", "RESERVATION_ENDED",
        "NOT_FOUND",
    ]  # fmt: skip
    last = results[4]
    assert isinstance(last, Capture)
    assert (last.points, last.points_released, last.balance.reserved, last.expires_at) == (15, 5, 0, None)
    read = await client.get_transaction(extended.transaction_id)
    assert (read.operation, read.original_transaction_id) == (Operation.EXTEND, held.transaction_id)


async def test_a_voided_reservation_gives_all_of_its_points_back(client: PointguardClient) -> None:
    member = await enroll(client)
    posted = (await client.accrue(member, TOTAL)).balance.posted
    reservation = await client.authorise_redemption(member, Money(50, "CAD"))
    void = await client.void_redemption(reservation.transaction_id)
    assert void.points_released == reservation.points == 50
    assert (void.balance.posted, void.balance.available) == (posted, posted)


async def test_a_partial_approval_is_given_to_those_who_ask_for_it_alone(client: PointguardClient) -> None:
    member = await enroll(client)
    available = (await client.accrue(member, Money(10_00, "CAD"))).balance.available
    declined = await client.authorise_redemption(member, available + 1)
    assert (declined.decision, declined.points) == (Decision.DECLINED, 0)
    assert [reason.code for reason in declined.reasons] == [ReasonCode.INSUFFICIENT_POINTS]
    partial = await client.authorise_redemption(member, available + 1, allow_partial=True, capture=True)
    assert (partial.decision, partial.points) == (Decision.APPROVED, available)
    assert partial.balance.posted == 0
    assert partial.expires_at is None


async def test_a_quote_is_what_an_authorise_then_approves(client: PointguardClient) -> None:
    member = await enroll(client)
    await client.accrue(member, TOTAL)
    quote = await client.quote_redemption(member, origin=TILL)
    assert quote.points_max == quote.balance.available
    approved = await client.authorise_redemption(member, quote.points_max, origin=TILL)
    assert approved.decision is Decision.APPROVED
    assert (await client.quote_redemption(member, origin=TILL)).points_max == 0


async def test_a_transaction_is_read_back_as_it_was_decided(client: PointguardClient) -> None:
    member = await enroll(client)
    accrual = await client.accrue(member, TOTAL, origin=TILL, order_reference="receipt 1", tender="DEBIT")
    earned = await client.get_transaction(accrual.transaction_id)
    assert (earned.account_id, earned.seq, earned.operation) == (accrual.account_id, 2, Operation.ACCRUE)
    assert (earned.kind, earned.decision) == (TransactionKind.PURCHASE, Decision.APPROVED)
    assert (earned.store_id, earned.terminal_id, earned.cashier_id) == ("12", "till-3", "cashier-7")
    assert (earned.channel, earned.occurred_at) == (Channel.IN_STORE, TILL.occurred_at)
    assert (earned.order_reference, earned.money) == ("receipt 1", TOTAL)
    assert [entry.signed_points for entry in earned.entries] == [award.points for award in accrual.awards]
    assert earned.entries[-1].running_balance == accrual.balance.posted == earned.balance.posted
    reservation = await client.authorise_redemption(member, 40)
    capture = await client.capture_redemption(reservation.transaction_id)
    spent = await client.get_transaction(capture.transaction_id)
    assert spent.original_transaction_id == reservation.transaction_id
    assert [(entry.entry_type, entry.part, entry.signed_points) for entry in spent.entries] == [
        (EntryType.REDEEM, TransactionPart.REDEEM, -40)
    ]


async def test_a_member_is_found_by_every_kind_of_identifier(client: PointguardClient) -> None:
    unique = new_idempotency_key()
    digits = str(int(unique.replace("-", ""), 16))[-10:]
    identifiers = (
        Identifier.loyalty_id(f"loyal {unique}"),
        Identifier.external_id(f"external {unique}"),
        Identifier.card(f"card {unique}"),
        Identifier.phone(f"+1416{digits}"),
        Identifier.email(f"{unique}@example.com"),
        Identifier.device_guid(unique),
    )
    profile = Profile("Ada", "Løvelace", "CA-ON", "1980-02-29")
    enrolled = await client.enroll_member(identifiers, profile=profile, tier="GOLD")
    for identifier in (
        *identifiers,
        Identifier.account_id(enrolled.account_id),
        Identifier.email(f" {unique.upper()}@EXAMPLE.com"),
    ):
        found = await client.find_member(identifier)
        assert (found.member_id, found.account_id) == (enrolled.member_id, enrolled.account_id)
        assert found.profile == profile
        assert {identifier.kind for identifier in found.identifiers} == {identifier.kind for identifier in identifiers}
    assert (await client.get_transaction(enrolled.transaction_id)).operation is Operation.ENROLL


async def test_a_linked_card_finds_the_account_and_nobody_else_can_have_it(client: PointguardClient) -> None:
    member, other = await enroll(client), await enroll(client)
    card = Identifier.card(new_idempotency_key())
    with pytest.raises(NotFound):
        await client.get_balance(card)
    link = await client.link_identifier(member, card)
    assert (await client.get_balance(card)).account_id == link.account_id
    with pytest.raises(IdentifierTaken):
        await client.link_identifier(other, card)


async def test_a_redemption_lock_stops_redemptions_and_nothing_else(client: PointguardClient) -> None:
    member = await enroll(client)
    await client.accrue(member, TOTAL)
    earlier = await client.authorise_redemption(member, 10)
    assert (await client.set_redemption_lock(member, locked=True)).locked
    declined = await client.authorise_redemption(member, 10)
    assert [reason.code for reason in declined.reasons] == [ReasonCode.REDEMPTION_LOCKED]
    assert (await client.check_advice(member)).redemption_locked
    assert (await client.get_balance(member)).redemption_locked
    assert (await client.capture_redemption(earlier.transaction_id)).points == 10
    assert (await client.accrue(member, TOTAL)).decision is Decision.APPROVED
    assert not (await client.set_redemption_lock(member, locked=False)).locked
    assert (await client.authorise_redemption(member, 10)).decision is Decision.APPROVED


async def test_redemptions_out_of_the_members_province_are_declined(client: PointguardClient) -> None:
    member = await enroll(client, "CA-QC")
    await client.accrue(member, TOTAL)
    declined = await client.authorise_redemption(member, 10, origin=Origin("12"))
    assert [reason.code for reason in declined.reasons] == [ReasonCode.OUT_OF_PROVINCE]


async def test_the_eleventh_redemption_in_a_week_raises_advice_that_the_twelfth_obeys(client: PointguardClient) -> None:
    member = await enroll(client)
    await client.accrue(member, TOTAL)
    first_ten = [await client.authorise_redemption(member, 1, capture=True) for _ in range(10)]
    assert {redemption.decision for redemption in first_ten} == {Decision.APPROVED}
    eleventh = await client.authorise_redemption(member, 1, capture=True)
    assert (eleventh.decision, eleventh.reasons[0].code) == (Decision.DECLINED, ReasonCode.FRAUD_RULE)
    assert eleventh.reasons[0].rule == "ADVICE_CHECK_ACCOUNT_BURN_WEEK"
    report = await client.check_advice(member, context=AdviceContext.REDEMPTION)
    strongest = report.advice[0]
    assert (report.posture, strongest.rule) == (AdvicePosture.BLOCK, "ADVICE_CHECK_ACCOUNT_BURN_WEEK")
    assert (strongest.evidence.measured, strongest.evidence.threshold) == (11, 10)
    assert strongest.evidence.transaction_id == eleventh.transaction_id
    assert (await client.check_advice(member, context=AdviceContext.EARNING)).advice == ()
    twelfth = await client.authorise_redemption(member, 1, capture=True)
    assert twelfth.reasons[0].code is ReasonCode.ADVICE_BLOCK
    assert (await client.quote_redemption(member)).points_max == 0
    assert (await client.accrue(member, TOTAL)).decision is Decision.APPROVED


async def test_the_daily_cap_stops_the_redemption_that_would_pass_it(client: PointguardClient) -> None:
    member = await enroll(client)
    await client.accrue(member, Money(20_000_00, "CAD"))
    assert (await client.authorise_redemption(member, Money(200_00, "CAD"))).decision is Decision.APPROVED
    declined = await client.authorise_redemption(member, 1)
    assert [reason.code for reason in declined.reasons] == [ReasonCode.DAILY_REDEMPTION_CAP]


async def test_a_mixed_batch_is_answered_item_by_item_in_order(client: PointguardClient) -> None:
    member = await enroll(client)
    await client.accrue(member, TOTAL)
    held = [await client.authorise_redemption(member, 10) for _ in range(2)]
    results = await client.process_batch(
        [
            Accrue(member, TOTAL),
            CaptureRedemption(held[0].transaction_id),
            VoidRedemption(held[1].transaction_id),
            Accrue(Identifier.loyalty_id("nobody at all"), TOTAL),
            AuthoriseRedemption(member, 0),
            AuthoriseRedemption(member, 25, capture=True),
            VoidRedemption(held[1].transaction_id),
        ]
    )
    assert [type(result) for result in results] == [
        Accrual, Capture, Void, NotFound, InvalidArgument, Redemption, ReservationEnded
    ]  # fmt: skip
    refused = results[4]
    assert isinstance(refused, CallError)
    assert [violation.field for violation in refused.field_violations] == ["points"]
    last = results[5]
    assert isinstance(last, Redemption)
    assert (await client.get_balance(member)).balance == last.balance


async def test_a_batch_sees_its_own_earlier_items(client: PointguardClient) -> None:
    member = await enroll(client)
    requests = [Accrue(member, Money(1_00, "CAD"))] + [AuthoriseRedemption(member, 2, capture=True) for _ in range(3)]
    earned, *spent = await client.process_batch(requests)
    assert isinstance(earned, Accrual)
    assert earned.points == 2
    assert [result.decision for result in spent if isinstance(result, Redemption)] == [
        Decision.APPROVED, Decision.DECLINED, Decision.DECLINED
    ]  # fmt: skip


async def test_a_wrong_api_key_is_refused(shared_server: ServerProcess) -> None:
    wrong = shared_server.api_key[:-1] + ("A" if shared_server.api_key[-1] != "A" else "B")
    async with PointguardClient.connect(shared_server.address, api_key=wrong) as stranger:
        with pytest.raises(Unauthenticated):
            await stranger.get_balance(Identifier.loyalty_id("1"))
