"""Every fraud rule that docs/fraud.md offers, on a running server: its kind of fraud is committed, and caught."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from pointguard_client import (
    Basket,
    BasketLine,
    Identifier,
    Money,
    Origin,
    PointguardClient,
    new_idempotency_key,
)
from tests.e2e.test_live_rule_changes import connect, replace, wait_for_events
from tests.support.server import PROGRAM, ROOT, STORES, ServerProcess

PAGE = ROOT / "docs" / "fraud.md"
TEMPLATES = ROOT / "docs" / "examples" / "fraud" / "templates.toml"
ADJUSTMENTS = '[program.adjustments]\nreason_codes = ["GOODWILL"]\n'
BASKET = Basket("CAD", (BasketLine(3_00, sku="bread"),))
Fraud = Callable[[PointguardClient], Awaitable[list[list[str]]]]
"""Commits a fraud; returns, transaction by transaction, which rules the reasons name."""


async def enroll(client: PointguardClient, spent: int = 0) -> Identifier:
    member = Identifier.loyalty_id(new_idempotency_key())
    await client.enroll_member([member])
    if spent:
        await client.accrue(member, Money(spent, "CAD"))
    return member


def at(store: int, cashier: str = "") -> Origin:
    return Origin(store_id=f"t{store}", cashier_id=cashier)


async def buy(client: PointguardClient, member: Identifier, order: Money | Basket = BASKET, **how: object) -> list[str]:
    answer = await client.accrue(member, order, **how)  # type: ignore[arg-type]
    return [reason.rule for reason in answer.reasons]


async def redeem(client: PointguardClient, member: Identifier, points: int, **how: object) -> list[str]:
    answer = await client.authorise_redemption(member, points, capture=True, **how)  # type: ignore[arg-type]
    return [reason.rule or reason.code.name for reason in answer.reasons]


async def an_employees_card(client: PointguardClient) -> list[list[str]]:
    """Four customers' purchases at one cashier's; another member's four go to two cashiers."""
    other, member = await enroll(client), await enroll(client)
    others = [await buy(client, other, origin=at(1, f"cashier {n % 2}")) for n in range(4)]
    return others + [await buy(client, member, origin=at(1, "cashier 0")) for _ in range(4)]


async def deliveries(client: PointguardClient) -> list[list[str]]:
    member = await enroll(client, spent=50_000_00)
    much = [await redeem(client, member, points, redemption_type="DELIVERY") for points in (19_999, 20_000)]
    again = [await redeem(client, member, 1, redemption_type="DELIVERY") for _ in range(2)]
    return much + again + [await redeem(client, member, 1)]


async def charges_by_a_stranger(client: PointguardClient) -> list[list[str]]:
    member = await enroll(client, spent=1_00)
    # In the third store, and at home again while the lock stands.
    return [await redeem(client, member, 1, origin=at(store)) for store in (1, 2, 3, 1)]


async def coupons(client: PointguardClient) -> list[list[str]]:
    member = await enroll(client)
    used = [await buy(client, member, coupon_used=True) for _ in range(5)]
    return [*used, await buy(client, member)]


async def a_stolen_payment_card(client: PointguardClient) -> list[list[str]]:
    member = await enroll(client)
    dear = Basket("CAD", (BasketLine(300_00, sku="television"),))
    cheaper = Basket("CAD", (BasketLine(299_99, sku="television"),))
    tenders = ((cheaper, "CREDIT"), (dear, "CASH"), (dear, "CREDIT"))
    return [await buy(client, member, order, tender=tender) for order, tender in tenders]


async def a_shared_card(client: PointguardClient) -> list[list[str]]:
    member = await enroll(client)
    return [await buy(client, member, origin=at(store)) for store in (1, 2, 3, 4)]


async def a_purchase_that_goes_back(client: PointguardClient) -> list[list[str]]:
    member, honest = await enroll(client, spent=1_00), await enroll(client, spent=1_00)
    bought = [await client.accrue(each, BASKET) for each in (honest, member)]
    found = [await redeem(client, member, 1)]
    for each in bought:
        await client.return_transaction(each.transaction_id)
    return [*found, await redeem(client, honest, 1), await redeem(client, member, 1)]


async def an_agents_own_friends(client: PointguardClient) -> list[list[str]]:
    """One agent gives to his limit and beyond, to another account too; another agent gives a little."""
    friend, stranger = await enroll(client), await enroll(client)

    async def give(member: Identifier, points: int, agent: str = "agent 7") -> list[str]:
        answer = await client.adjust_points(member, points, agent, "GOODWILL", "a parcel was late")
        return [reason.rule for reason in answer.reasons]

    given = [await give(friend, 4_999), await give(friend, 1), await give(friend, 1), await give(stranger, 1)]
    return [*given, await give(stranger, 1, "agent 8")]


async def accounts_that_are_emptied(client: PointguardClient) -> list[list[str]]:
    """Three friends give points, and a thief has a fourth one's and a fifth one's sent; who gives is not the thief."""
    thief, *others = [await enroll(client, spent=10_00) for _ in range(6)]

    async def send(giver: Identifier, getter: Identifier) -> list[str]:
        return [reason.rule for reason in (await client.transfer_points(giver, getter, 10)).reasons]

    return [*[await send(each, thief) for each in others], await send(thief, others[0])]


FRAUDS: dict[str, tuple[Fraud, list[list[str]]]] = {
    "employee-card": (an_employees_card, [[]] * 7 + [["employee-card"]]),
    "delivery": (deliveries, [[], ["delivery"], [], ["delivery"], []]),
    "many-stores-at-once": (charges_by_a_stranger, [[], [], ["many-stores-at-once"], ["many-stores-at-once"]]),
    "coupons": (coupons, [[]] * 4 + [["coupons"], []]),
    "new-account-dear-purchase": (a_stolen_payment_card, [[], [], ["new-account-dear-purchase"]]),
    "shared-card": (a_shared_card, [[], [], [], ["shared-card"]]),
    "redeem-then-return": (a_purchase_that_goes_back, [[], [], ["redeem-then-return"]]),
    "collecting-account": (accounts_that_are_emptied, [[]] * 3 + [["collecting-account"]] * 3),
    "agent-credits": (an_agents_own_friends, [[], [], ["agent-credits"], ["agent-credits"], []]),
}


def test_each_kind_of_fraud_is_caught_by_its_rule_and_what_is_just_below_is_not(
    plain_server: ServerProcess, tmp_path: Path
) -> None:
    stores = "".join(f"t{number},MAIN,CA,CA-ON\n" for number in range(1, 5))
    replace(tmp_path / "program" / "stores.csv", STORES + stores)
    replace(tmp_path / "program" / "program.toml", PROGRAM + ADJUSTMENTS + TEMPLATES.read_text())
    wait_for_events(plain_server, "program_taken_up", 1)

    async def commit_all() -> dict[str, list[list[str]]]:
        async with connect(plain_server) as client:
            return {name: await fraud(client) for name, (fraud, _) in FRAUDS.items()}

    assert asyncio.run(commit_all()) == {name: expected for name, (_, expected) in FRAUDS.items()}


def test_the_page_and_the_tests_know_every_rule_that_is_offered() -> None:
    offered = re.findall(r'(?m)^name = "(.*)"$', TEMPLATES.read_text())
    assert offered == list(FRAUDS)
    assert [name for name in offered if f"`{name}`" not in PAGE.read_text()] == []
