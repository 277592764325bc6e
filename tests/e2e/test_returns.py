"""Returns on a running server: what the member sees, what is refused, and that a restart changes nothing."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterator

import pytest

from pointguard_client import (
    Accrue,
    Basket,
    BasketLine,
    CallError,
    Decision,
    EntryType,
    Identifier,
    InvalidArgument,
    Money,
    NotFound,
    Operation,
    PointguardClient,
    Return,
    ReturnAboveOriginal,
    ReturnedLine,
    ReturnTransaction,
    new_idempotency_key,
)
from pointguard_client.requests import BatchRequest
from tests.e2e.audit import audit
from tests.e2e.shell import Shell
from tests.integration.test_returns import REDEEM_THEN_RETURN
from tests.support.server import PROGRAM, ServerProcess, issue_key, write_program

SETTINGS = """
[program.returns]
without_receipt = { points = 10, money_minor = 100 }
"""
BASKET = Basket("CAD", (BasketLine(10_05, sku="A"), BasketLine(20_00, sku="B"), BasketLine(0, sku="C")))
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("returns")
    options = ("--tenant", "plain", *write_program(folder / "program", PROGRAM + SETTINGS + REDEEM_THEN_RETURN))
    key = issue_key(folder / "data", *options, "--role", "till", "--role", "manager")
    process = ServerProcess(folder / "data", options, api_key=key)
    try:
        yield process.start()
        process.stop()
        audit(process.database)
    finally:
        process.clean_up()


@pytest.fixture
async def client(server: ServerProcess) -> AsyncIterator[PointguardClient]:
    async with PointguardClient.connect(server.address, api_key=server.api_key, timeout_seconds=30) as connected:
        yield connected


async def new_member(client: PointguardClient) -> Identifier:
    member = Identifier.loyalty_id(f"returns{next(numbers)}")
    await client.enroll_member([member])
    return member


def cad(minor_units: int) -> Money:
    return Money(minor_units, "CAD")


async def posted(client: PointguardClient, member: Identifier) -> int:
    return (await client.get_balance(member)).balance.posted


async def test_earn_refund_and_the_points_are_gone(client: PointguardClient) -> None:
    member = await new_member(client)
    bought = await client.accrue(member, cad(12_34))
    returned = await client.return_transaction(bought.transaction_id, member=member)
    assert (returned.signed_points, returned.points_not_moved, returned.money) == (-123, 0, cad(12_34))
    assert await posted(client, member) == 0
    kept = await client.get_transaction(returned.transaction_id)
    assert (kept.operation, kept.original_transaction_id) == (Operation.RETURN, bought.transaction_id)
    assert [(entry.entry_type, entry.signed_points, entry.rule) for entry in kept.entries] == [
        (EntryType.REVERSE, -123, "base")
    ]
    explained = await client.explain_decision(returned.transaction_id)
    assert explained.reproduced, explained.differences


async def test_lines_go_back_each_as_far_as_it_went(client: PointguardClient) -> None:
    member = await new_member(client)
    bought = (await client.accrue(member, BASKET)).transaction_id
    first = await client.return_transaction(bought, [ReturnedLine(1, 5_00), ReturnedLine(3)])
    assert (first.signed_points, first.money) == (-49, cad(5_00))  # 300 × 500 ÷ 3005, rounded down
    for lines in ([ReturnedLine(1)], [ReturnedLine(2), ReturnedLine(1, 5_06)]):
        with pytest.raises(ReturnAboveOriginal):
            await client.return_transaction(bought, lines)
    with pytest.raises(InvalidArgument) as refused:
        await client.return_transaction(bought, [ReturnedLine(4)])
    assert refused.value.field_violations[0].field == "lines.lines"
    second = await client.return_transaction(bought, [ReturnedLine(2), ReturnedLine(1, 5_05)])
    assert second.signed_points == -251
    assert await posted(client, member) == 0
    explained = await client.explain_decision(second.transaction_id)
    assert explained.reproduced, explained.differences


async def test_parts_by_call_batch_and_stream_come_to_the_whole_and_replays_to_nothing(
    client: PointguardClient,
) -> None:
    member = await new_member(client)
    bought = (await client.accrue(member, cad(10_00))).transaction_id
    key = new_idempotency_key()
    first = await client.return_transaction(bought, cad(3_33), idempotency_key=key)
    asked: list[BatchRequest] = [
        ReturnTransaction(bought, cad(3_33)),
        ReturnTransaction(bought, cad(3_35)),
        Accrue(member, cad(1_00)),
    ]
    done, refused, accrued = await client.process_batch(asked)
    assert isinstance(done, Return)
    assert isinstance(refused, ReturnAboveOriginal)
    assert not isinstance(accrued, CallError)
    async with client.stream() as stream:
        rest = await (await stream.send(ReturnTransaction(bought)))
    assert [each.signed_points for each in (first, done, rest)] == [-33, -33, -34]
    assert await client.return_transaction(bought, cad(3_33), idempotency_key=key) == first
    assert await posted(client, member) == 10


async def test_a_redemption_goes_back_and_a_debt_is_filled_first(client: PointguardClient) -> None:
    member = await new_member(client)
    bought = await client.accrue(member, cad(100_00))
    held = await client.authorise_redemption(member, 700)
    captured = await client.capture_redemption(held.transaction_id, points=600)
    with pytest.raises(CallError, match="NOT_RETURNABLE"):
        await client.return_transaction(held.transaction_id)
    owed = await client.return_transaction(bought.transaction_id)
    assert (owed.signed_points, owed.balance.posted) == (-1_000, -600)
    assert (await client.accrue(member, cad(10_00))).balance.posted == -500
    part = await client.return_transaction(captured.transaction_id, 550)
    assert (part.signed_points, part.money, part.balance.posted) == (550, cad(5_50), 50)
    with pytest.raises(ReturnAboveOriginal):
        await client.return_transaction(captured.transaction_id, 51)
    rest = await client.return_transaction(captured.transaction_id)
    assert (rest.signed_points, rest.balance.posted) == (50, 100)
    for made in (owed, part, rest):
        explained = await client.explain_decision(made.transaction_id)
        assert explained.reproduced, explained.differences


async def test_two_returns_at_once_stay_within_the_original(client: PointguardClient) -> None:
    member = await new_member(client)
    bought = (await client.accrue(member, cad(10_00))).transaction_id
    calls = (client.return_transaction(bought, cad(4_00)) for _ in range(8))
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(each, Return) for each in results) == 2
    assert sum(isinstance(each, ReturnAboveOriginal) for each in results) == 6
    assert await posted(client, member) == 20


async def test_redeem_then_return_stops_the_next_redemption(client: PointguardClient) -> None:
    member = await new_member(client)
    bought = await client.accrue(member, cad(100_00))
    spent = await client.authorise_redemption(member, 500, capture=True)
    assert spent.decision is Decision.APPROVED
    assert (await client.return_transaction(bought.transaction_id)).balance.posted == -500
    await client.accrue(member, cad(200_00))
    declined = await client.authorise_redemption(member, 10, capture=True)
    assert [(reason.code.name, reason.rule) for reason in declined.reasons] == [("ADVICE_BLOCK", "redeem-then-return")]


async def test_without_a_receipt_and_of_another_member(client: PointguardClient) -> None:
    member, other = await new_member(client), await new_member(client)
    bought = (await client.accrue(member, cad(10_00))).transaction_id
    returned = await client.return_transaction(member=member, amount=cad(2_59))
    assert (returned.signed_points, returned.balance.posted) == (-25, 75)
    explained = await client.explain_decision(returned.transaction_id)
    assert explained.reproduced, explained.differences
    with pytest.raises(NotFound):
        await client.return_transaction(bought, member=other)
    with pytest.raises(InvalidArgument) as refused:
        await client.return_transaction()
    assert {violation.field for violation in refused.value.field_violations} == {"member", "amount"}
    with pytest.raises(InvalidArgument) as refused:
        await client.return_transaction(bought, 5)
    assert refused.value.field_violations[0].field == "amount"


@pytest.mark.long
async def test_after_a_kill_no_more_is_left_than_before(server: ServerProcess, client: PointguardClient) -> None:
    member = await new_member(client)
    bought = (await client.accrue(member, cad(10_00))).transaction_id
    await client.return_transaction(bought, cad(6_00))
    server.kill()
    server.start()
    ended = Shell(server).run(
        "return", bought, "--money-minor", "300", "--loyalty-id", str(member.value), "--json",
        POINTGUARD_API_KEY=server.api_key,
    )  # fmt: skip
    assert (ended.returncode, json.loads(ended.stdout)["signed_points"]) == (0, -30)
    async with PointguardClient.connect(server.address, api_key=server.api_key, timeout_seconds=30) as again:
        with pytest.raises(ReturnAboveOriginal):
            await again.return_transaction(bought, cad(1_01))
        assert (await again.return_transaction(bought)).balance.posted == 0
