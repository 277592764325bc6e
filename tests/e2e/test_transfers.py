"""Transfers and household redemptions on a running server: by call, batch and stream, and what is told of them."""

import itertools

import pytest

from pointguard_client import (
    CallError,
    Decision,
    EntryType,
    Identifier,
    InvalidArgument,
    Money,
    NotFound,
    Operation,
    PointguardClient,
    ReasonCode,
    RedeemHousehold,
    TransactionPart,
    TransferPoints,
    new_idempotency_key,
)

numbers = itertools.count(1)


async def new_member(client: PointguardClient, dollars: int = 0) -> Identifier:
    member = Identifier.loyalty_id(f"transfers{next(numbers)}")
    await client.enroll_member([member])
    if dollars:
        await client.accrue(member, Money(dollars * 100, "CAD"))
    return member


async def posted(client: PointguardClient, *members: Identifier) -> list[int]:
    return [(await client.get_balance(member)).balance.posted for member in members]


async def test_a_transfer_is_told_with_both_legs_and_each_is_explained(client: PointguardClient) -> None:
    giver, getter, key = await new_member(client, 100), await new_member(client), new_idempotency_key()
    (before,) = await posted(client, giver)
    moved, again = [await client.transfer_points(giver, getter, 40, idempotency_key=key) for _ in range(2)]
    assert (moved.decision, moved.points, moved.balance.posted) == (Decision.APPROVED, 40, before - 40)
    assert again == moved
    assert await posted(client, giver, getter) == [before - 40, 40]
    out = await client.get_transaction(moved.transaction_id)
    (got,) = out.other_legs
    assert out.transaction_id == got.transaction_id == moved.transaction_id
    assert (out.operation, got.operation) == (Operation.TRANSFER, Operation.TRANSFER)
    assert [(each.entry_type, each.part, each.signed_points) for each in (*out.entries, *got.entries)] == [
        (EntryType.TRANSFER_OUT, TransactionPart.TRANSFER_OUT, -40),
        (EntryType.TRANSFER_IN, TransactionPart.TRANSFER_IN, 40),
    ]
    for leg, account in enumerate((out.account_id, got.account_id)):
        explained = await client.explain_decision(moved.transaction_id, leg=leg)
        assert explained.reproduced, explained.differences
        assert explained.transaction is not None
        assert explained.transaction.account_id == account
    with pytest.raises(NotFound):
        await client.explain_decision(moved.transaction_id, leg=2)


async def test_what_one_account_cannot_be_asked_for_is_refused_and_what_it_has_not_is_declined(
    client: PointguardClient,
) -> None:
    giver, getter = await new_member(client), await new_member(client)
    with pytest.raises(InvalidArgument) as refused:
        await client.transfer_points(giver, giver, 1)
    assert refused.value.field_violations[0].field == "to"
    with pytest.raises(NotFound):
        await client.transfer_points(giver, Identifier.card("nobody's"), 1)
    declined = await client.transfer_points(giver, getter, 1)
    assert (declined.decision, declined.points) == (Decision.DECLINED, 0)
    assert [reason.code for reason in declined.reasons] == [ReasonCode.INSUFFICIENT_POINTS]
    assert (await client.explain_decision(declined.transaction_id, leg=1)).reproduced


async def test_batches_and_streams_take_them_among_others_and_in_order(client: PointguardClient) -> None:
    giver, getter = await new_member(client, 100), await new_member(client)
    (had,) = await posted(client, giver)
    results = await client.process_batch(
        [
            TransferPoints(giver, getter, had),
            TransferPoints(giver, getter, 1),
            RedeemHousehold([giver, getter], 10),
            TransferPoints(giver, giver, 1),
        ]
    )
    assert [each.decision for each in results[:3] if not isinstance(each, CallError | tuple)] == [  # type: ignore[union-attr]
        Decision.APPROVED,
        Decision.DECLINED,
        Decision.APPROVED,
    ]
    assert isinstance(results[3], InvalidArgument)
    async with client.stream() as stream:
        back = await (await stream.send(TransferPoints(getter, giver, 5)))
        spent = await (await stream.send(RedeemHousehold([getter, giver], had - 10)))
    assert (back.points, spent.points) == (5, had - 10)
    assert await posted(client, giver, getter) == [0, 0]
    told = await client.get_transaction(spent.transaction_id)
    shares = [sum(entry.signed_points for entry in leg.entries) for leg in (told, *told.other_legs)]
    assert shares == [15 - had, -5]
    assert (await client.explain_decision(spent.transaction_id, leg=1)).reproduced
