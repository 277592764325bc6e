"""Fraud rules of wider scopes on a running server: many members and one cashier, through a change and a kill."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pointguard_client import (
    Decision,
    FraudScope,
    Identifier,
    Money,
    Origin,
    PointguardClient,
    new_idempotency_key,
)
from tests.e2e.test_live_rule_changes import connect, replace, wait_for_events
from tests.e2e.test_operations import scrape
from tests.support.server import PROGRAM, ServerProcess, StartServer, write_program

RULES = """
[[fraud_rule]]
name = "one-cashier"
context = "REDEMPTION"
scope = "CASHIER"
counts = {{ parts = ["REDEEM"], attempts = "ALL" }}
measure = "COUNT"
window = {{ rolling = "7d" }}
threshold = {most}
posture = "BLOCK"
duration = "1d"
"""
STAFF = """
[[fraud_rule]]
name = "staff-in-a-month"
context = "REDEMPTION"
scope = "GROUP"
counts = { parts = ["REDEEM"], attempts = "APPROVED" }
measure = "POINTS"
window = { calendar = "MONTH" }
threshold = 20
posture = "BLOCK"
duration = "0s"
"""


async def redeem(client: PointguardClient, cashier: str, *groups: str) -> tuple[str, list[str]]:
    """Redeem a point as a new member; return the transaction, and the rules that the reasons name."""
    member = Identifier.loyalty_id(new_idempotency_key())
    await client.enroll_member([member], groups=groups)
    await client.accrue(member, Money(1_00, "CAD"))
    answer = await client.authorise_redemption(member, 1, capture=True, origin=Origin("s1", cashier_id=cashier))
    assert (answer.decision is Decision.DECLINED) == bool(answer.reasons)
    if answer.reasons:
        (advice,) = (await client.check_advice(member)).advice
        assert advice.rule == "one-cashier"
        assert advice.evidence.measured > advice.evidence.threshold
    return answer.transaction_id, [reason.rule for reason in answer.reasons]


async def redemptions(server: ServerProcess, *expected: list[str], cashier: str = "ann", groups: str = "") -> str:
    """Redeem as so many new members, and compare; return the last transaction."""
    async with connect(server) as client:
        made = [await redeem(client, cashier, *groups.split()) for _ in expected]
    assert [rules for _, rules in made] == list(expected)
    return made[-1][0]


async def check_explained(server: ServerProcess, transaction_id: str) -> None:
    async with connect(server) as client:
        explanation = await client.explain_decision(transaction_id)
    (check,) = (each for each in explanation.checks if each.rule == "one-cashier")
    assert explanation.reproduced, explanation.differences
    assert (check.scope, check.entity, check.seen, check.forbade) == (FraudScope.CASHIER, "ann", 11, True)
    assert check.window is not None
    assert (check.window.value, check.window.transaction_count) == (10, 10)


@pytest.fixture
def server(start_server: StartServer, tmp_path: Path, plain_data: tuple[Path, str]) -> ServerProcess:
    """A server whose key may ask for explanations, too."""
    directory, api_key = plain_data
    shutil.copytree(directory, tmp_path / "data")
    with closing(sqlite3.connect(tmp_path / "data" / "ledger.sqlite3")) as connection, connection:
        connection.execute("UPDATE api_keys SET role = 'till manager'")
    return start_server(("--tenant", "plain", *write_program(tmp_path / "program")), api_key=api_key)


@pytest.mark.long
def test_the_eleventh_redemption_by_one_cashier_over_many_members_is_declined_before_and_after_a_kill(
    server: ServerProcess, tmp_path: Path
) -> None:
    program, blocked = tmp_path / "program" / "program.toml", ["one-cashier"]
    asyncio.run(redemptions(server, *([[]] * 8), groups="staff"))
    # The rules are new: what the ledger has counts for them.
    replace(program, PROGRAM + RULES.format(most=10) + STAFF)
    wait_for_events(server, "program_taken_up", 1)
    eleventh = asyncio.run(redemptions(server, [], [], blocked))
    asyncio.run(redemptions(server, [], cashier="bob"))
    asyncio.run(check_explained(server, eleventh))
    assert scrape(server)["pointguard_scope_windows", ()] == 3

    server.kill()
    server.start()
    asyncio.run(check_explained(server, eleventh))
    asyncio.run(redemptions(server, blocked))
    asyncio.run(redemptions(server, [], cashier="bob"))
    assert scrape(server)["pointguard_scope_windows", ()] == 3

    replace(program, PROGRAM + RULES.format(most=12) + STAFF)
    wait_for_events(server, "program_taken_up", 1)
    asyncio.run(redemptions(server, blocked))
    asyncio.run(redemptions(server, [], [], cashier="bob"))
