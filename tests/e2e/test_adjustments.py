"""Adjustments on a running server: the sandbox's agents, their limits, and corrections."""

import itertools
from datetime import timedelta

import pytest

from pointguard_client import (
    AdviceContext,
    AdvicePosture,
    CallError,
    Decision,
    EntryType,
    Identifier,
    Intervention,
    InterventionReason,
    Money,
    NotFound,
    Operation,
    PointguardClient,
    ReasonCode,
    TransactionKind,
    new_idempotency_key,
)
from tests.support.server import ServerProcess

numbers = itertools.count(1)


async def new_member(client: PointguardClient) -> Identifier:
    member = Identifier.loyalty_id(f"adjustments{next(numbers)}")
    await client.enroll_member([member])
    return member


def new_agent() -> str:
    return f"agent {new_idempotency_key()}"


async def test_a_credit_says_who_gave_it_and_why_and_is_given_once(client: PointguardClient) -> None:
    member, agent, key = await new_member(client), new_agent(), new_idempotency_key()
    given, again = [
        await client.adjust_points(member, 250, agent, "GOODWILL", "the parcel was late", idempotency_key=key)
        for _ in range(2)
    ]
    assert (given.decision, given.signed_points, given.balance.posted) == (Decision.APPROVED, 250, 250)
    assert again == given
    transaction = await client.get_transaction(given.transaction_id)
    assert (transaction.operation, transaction.kind) == (Operation.ADJUST, TransactionKind.DISCRETIONARY)
    assert (transaction.agent_id, transaction.points) == (agent, 250)
    assert transaction.adjustment is not None
    assert (transaction.adjustment.reason_code, transaction.adjustment.note) == ("GOODWILL", "the parcel was late")
    assert [(entry.entry_type, entry.signed_points) for entry in transaction.entries] == [(EntryType.CREDIT, 250)]
    assert (await client.explain_decision(given.transaction_id)).reproduced


async def test_what_passes_a_limit_is_declined_and_names_it(client: PointguardClient) -> None:
    agent, members = new_agent(), [await new_member(client) for _ in range(3)]
    member = members[1]
    given = [await client.adjust_points(members[n % 3], 1_000, agent, "GOODWILL", "much") for n in range(11)]
    assert [each.decision for each in given] == [Decision.APPROVED] * 10 + [Decision.DECLINED]
    assert [reason.code for reason in given[-1].reasons] == [ReasonCode.AGENT_DAILY_LIMIT]
    assert (given[-1].signed_points, given[-1].balance.posted) == (0, 3_000)
    too_much = await client.adjust_points(member, 1_001, new_agent(), "GOODWILL", "too much")
    assert [reason.code for reason in too_much.reasons] == [ReasonCode.CREDIT_LIMIT]
    for each in (given[-1], too_much):
        assert (await client.explain_decision(each.transaction_id)).reproduced


async def test_a_correction_points_to_what_it_corrects_and_leaves_it_alone(client: PointguardClient) -> None:
    member = await new_member(client)
    bought = await client.accrue(member, Money(100_00, "CAD"))
    before = await client.get_transaction(bought.transaction_id)

    async def correct(points: int, original: str = bought.transaction_id) -> str:
        made = await client.adjust_points(
            member, points, "agent 7", "MISSING_POINTS", "wrong", corrects_transaction_id=original
        )
        return made.transaction_id

    made = await client.get_transaction(await correct(-bought.points))
    assert (made.kind, made.original_transaction_id) == (TransactionKind.CORRECTION, bought.transaction_id)
    assert made.balance.posted == 0
    assert (await client.explain_decision(made.transaction_id)).reproduced
    assert await client.get_transaction(bought.transaction_id) == before
    for points, original, reason in (
        (-1, bought.transaction_id, "CORRECTION_ABOVE_ORIGINAL"),
        (-1, made.transaction_id, "NOT_CORRECTABLE"),
    ):
        with pytest.raises(CallError) as refused:
            await correct(points, original)
        assert refused.value.reason == reason
    with pytest.raises(NotFound):
        await correct(1, "01890000-0000-7000-8000-000000000000")


async def test_a_reason_code_that_the_program_has_not_is_refused(client: PointguardClient) -> None:
    with pytest.raises(CallError) as refused:
        await client.adjust_points(await new_member(client), 1, "agent 7", "WHIM", "why not")
    assert (refused.value.code, refused.value.reason) == ("FAILED_PRECONDITION", "REASON_CODE_UNKNOWN")


async def test_who_locks_or_overrides_stands_in_the_transaction(
    client: PointguardClient, shared_server: ServerProcess
) -> None:
    member, agent = await new_member(client), new_agent()
    locked = await client.set_redemption_lock(member, True, agent_id=agent)
    assert (await client.get_transaction(locked.transaction_id)).agent_id == agent
    why = Intervention(agent, InterventionReason.MEMBER_VERIFIED)
    raised = await client.fraud.raise_advice(
        member, AdviceContext.ADJUSTMENT, AdvicePosture.BLOCK, timedelta(days=1), why
    )
    blocked = await client.adjust_points(member, 1, "agent 8", "GOODWILL", "late")
    assert [reason.code for reason in blocked.reasons] == [ReasonCode.ADVICE_BLOCK]
    overridden = await client.fraud.override_advice(raised.advice_id, why)
    transaction = await client.get_transaction(overridden.transaction_id)
    assert (transaction.kind, transaction.agent_id) == (TransactionKind.OVERRIDE, agent)
    given = await client.adjust_points(member, 1, "agent 8", "GOODWILL", "late")
    assert given.decision is Decision.APPROVED
    for each in (locked, blocked, overridden, given):
        assert (await client.explain_decision(each.transaction_id)).reproduced
