"""Conditions of fraud rules on a running server: decided by, changed, refused where they are wrong, and kept."""

import asyncio
from pathlib import Path

import pytest

from pointguard_client import (
    Channel,
    Decision,
    Identifier,
    Money,
    Origin,
    PointguardClient,
    new_idempotency_key,
)
from tests.e2e.audit import ledger_copy
from tests.e2e.test_live_rule_changes import connect, events, gauges, replace, wait_for, wait_for_events
from tests.e2e.test_operations import scrape
from tests.support.server import PROGRAM, ServerProcess

RULES = """
[[fraud_rule]]
name = "gift-cards"
context = "REDEMPTION"
when = '''
    store.id == "s1" and order.channel == "ONLINE" and order.redemption_type == "GIFT_CARD"
    and count(redemptions, 7 days) > {most}
'''
posture = "BLOCK"
duration = "0s"

[[fraud_rule]]
name = "watched"
context = "EARNING"
when = "order.total > 5.00 CAD and any(lines, line.amount > 4)"
mode = "SHADOW"
posture = "BLOCK"
duration = "1d"
"""
SPEND_ACCESS = PROGRAM.replace(
    "money_minor = 1\n",
    'money_minor = 1\nspend_access = { money_minor = 10_00, bypassing_types = ["DONATION"], posture = "BLOCK" }\n',
)
ONLINE = Origin(store_id="s1", channel=Channel.ONLINE)


async def enroll(client: PointguardClient, spent: int = 10_00) -> Identifier:
    member = Identifier.loyalty_id(new_idempotency_key())
    await client.enroll_member([member])
    await client.accrue(member, Money(spent, "CAD"))
    return member


async def redeem(client: PointguardClient, member: Identifier, **how: object) -> list[str]:
    """Redeem a point; return the rules that the reasons name, none where it was approved."""
    asked = {"origin": ONLINE, "redemption_type": "GIFT_CARD"} | how
    answer = await client.authorise_redemption(member, 1, capture=True, **asked)  # type: ignore[arg-type]
    assert (answer.decision is Decision.DECLINED) == bool(answer.reasons)
    return [reason.rule for reason in answer.reasons]


@pytest.mark.long
def test_conditions_decide_on_a_server_change_while_it_runs_and_outlive_it(
    plain_server: ServerProcess, tmp_path: Path
) -> None:
    program = tmp_path / "program" / "program.toml"
    replace(program, PROGRAM + RULES.format(most=2))
    wait_for_events(plain_server, "program_taken_up", 1)

    async def below_at_and_above() -> Identifier:
        async with connect(plain_server) as client:
            member = await enroll(client)
            assert await redeem(client, member) == []
            assert (await client.quote_redemption(member, origin=ONLINE, redemption_type="GIFT_CARD")).points_max == 99
            assert await redeem(client, member) == []
            assert await redeem(client, member) == ["gift-cards"]
            assert (await client.quote_redemption(member, origin=ONLINE, redemption_type="GIFT_CARD")).points_max == 0
            assert await redeem(client, member, redemption_type="CASH") == []
            assert await redeem(client, member, origin=Origin(store_id="s2", channel=Channel.ONLINE)) == []
            assert await redeem(client, member, origin=Origin(store_id="s1", channel=Channel.IN_STORE)) == []
            return member

    async def redeems(member: Identifier, expected: list[list[str]]) -> None:
        async with connect(plain_server) as client:
            assert [await redeem(client, member) for _ in expected] == expected

    member = asyncio.run(below_at_and_above())
    labels = (("mode", "SHADOW"), ("posture", "BLOCK"), ("rule", "watched"))
    assert scrape(plain_server)["pointguard_rules_tripped_total", labels] == 1

    replace(program, PROGRAM + RULES.format(most=2).replace("store.id", "stor.id"))
    wait_for_events(plain_server, "program_refused", 1)
    (problem,) = (line for line in events(plain_server, "program_refused")[0]["problems"] if "gift-cards" in line)  # type: ignore[attr-defined]
    assert "fraud_rule[1].when: in gift-cards, 1:5: unknown field `stor.id`" in problem
    assert "did you mean `store.id`?" in problem
    asyncio.run(redeems(member, [["gift-cards"]]))

    replace(program, PROGRAM + RULES.format(most=6))
    wait_for(lambda: gauges(plain_server) == (1, 0), plain_server)
    asyncio.run(redeems(member, [[], ["gift-cards"]]))

    plain_server.kill()
    plain_server.start()
    asyncio.run(redeems(member, [["gift-cards"]]))
    with ledger_copy(plain_server.database) as database:
        versions = [row[0] for row in database.execute("SELECT DISTINCT fraud_rules_version FROM legs ORDER BY 1")]
    assert versions == [2, 3]


def test_members_redeem_once_they_have_spent_enough_or_in_a_way_that_bypasses_it(
    plain_server: ServerProcess, tmp_path: Path
) -> None:
    replace(tmp_path / "program" / "program.toml", SPEND_ACCESS)
    wait_for_events(plain_server, "program_taken_up", 1)

    async def below_and_at() -> None:
        async with connect(plain_server) as client:
            member = await enroll(client, spent=9_99)
            assert await redeem(client, member) == ["SPEND_BASED_REDEMPTION_ACCESS"]
            assert await redeem(client, member, redemption_type="") == ["SPEND_BASED_REDEMPTION_ACCESS"]
            assert (await client.quote_redemption(member)).points_max == 0
            assert await redeem(client, member, redemption_type="DONATION") == []
            await client.accrue(member, Money(1, "CAD"))
            assert await redeem(client, member) == []

    asyncio.run(below_and_at())


@pytest.mark.long
def test_an_earn_rule_does_not_read_what_is_for_conditions_alone(plain_server: ServerProcess, tmp_path: Path) -> None:
    replace(tmp_path / "program" / "earn.rules", 'rule "base"\n    when order.points > 5\n    earn base 1\n')
    wait_for_events(plain_server, "program_refused", 1)
    assert "`order.points` is for the conditions of fraud rules" in str(events(plain_server, "program_refused")[0])
