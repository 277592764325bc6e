"""Points turned into something else over gRPC: what is answered, kept, and refused."""

import json
import re
from pathlib import Path

import pytest

from pointguard_client import (
    AlreadyExists,
    Conversion,
    Decision,
    EntryType,
    FailedPrecondition,
    Identifier,
    InvalidArgument,
    Money,
    Origin,
    PointguardClient,
    ReasonCode,
    RuleChange,
    RuleChangeReason,
    TransactionKind,
    new_idempotency_key,
)
from pointguard_client.__main__ import main
from tests.e2e.test_rule_commands import walk
from tests.support.server import PROGRAM, ROOT, ServerProcess, StartServer, issue_key, write_program

CARD = Conversion("GIFT_CARD", 500, "cents of a gift card")
MILES = """
[[program.conversion]]
code = "MILES"
points = 10
gives = 3
unit = "miles"
"""


async def test_a_conversion_spends_points_and_says_what_they_became(client: PointguardClient) -> None:
    member = Identifier.loyalty_id(new_idempotency_key())
    await client.enroll_member([member])
    await client.accrue(member, Money(1_000_00, "CAD"))
    before = (await client.get_balance(member)).balance.posted
    key = new_idempotency_key()
    made = await client.convert_points(
        member, "GIFT_CARD", 500, origin=Origin("34280"), order_reference="card 9", idempotency_key=key
    )
    assert (made.decision, made.points, made.conversion) == (Decision.APPROVED, 500, CARD)
    assert made.balance.posted == before - 500
    assert (
        await client.convert_points(
            member, "GIFT_CARD", 500, origin=Origin("34280"), order_reference="card 9", idempotency_key=key
        )
        == made
    )
    with pytest.raises(AlreadyExists):
        await client.convert_points(member, "GIFT_CARD", 1_000, idempotency_key=key)
    kept = await client.get_transaction(made.transaction_id)
    assert (kept.kind, kept.conversion, kept.order_reference) == (TransactionKind.CONVERSION, CARD, "card 9")
    assert {entry.entry_type for entry in kept.entries} == {EntryType.CONVERT}
    assert (await client.explain_decision(made.transaction_id)).reproduced
    with pytest.raises(FailedPrecondition):
        await client.return_transaction(made.transaction_id)
    await client.set_redemption_lock(member, locked=True)
    declined = await client.convert_points(member, "GIFT_CARD", 500)
    assert (declined.decision, declined.points, declined.conversion) == (Decision.DECLINED, 0, None)
    assert declined.reasons[0].code == ReasonCode.REDEMPTION_LOCKED


def test_the_command_converts(shared_server: ServerProcess, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--address", shared_server.address, "--api-key", shared_server.api_key, "--json"]
    assert main(["convert", "--loyalty-id", "1", "--conversion", "GIFT_CARD", "--points", "501", *asked]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["field_violations"][0]["field"] == "points"


@pytest.mark.long
async def test_a_retry_gets_the_first_answer_after_the_rate_has_changed(
    start_server: StartServer, tmp_path: Path
) -> None:
    options = ("--tenant", "plain", *write_program(tmp_path / "program", PROGRAM + MILES))
    key = issue_key(tmp_path / "data", *options, "--role", "till", "--role", "manager")
    server = start_server(options, data_directory=tmp_path / "data", api_key=key)
    change = RuleChange("staff 9", RuleChangeReason.TRIAL)
    async with PointguardClient.connect(server.address, api_key=key, timeout_seconds=60) as client:
        member = Identifier.loyalty_id("1")
        await client.enroll_member([member])
        await client.accrue(member, Money(100_00, "CAD"))
        first = await client.convert_points(member, "MILES", 100, idempotency_key="first")
        assert first.conversion == Conversion("MILES", 30, "miles")

        async def activate(text: str) -> None:
            active = await client.configuration.get_version()
            made = await client.configuration.create_version(text, change)
            await client.configuration.activate_version(made.version, change, expected_active_version=active.version)
            assert await client.convert_points(member, "MILES", 100, idempotency_key="first") == first

        await activate(PROGRAM + MILES.replace("gives = 3", "gives = 4"))
        second = await client.convert_points(member, "MILES", 100)
        assert second.conversion == Conversion("MILES", 40, "miles")
        await activate(PROGRAM)
        with pytest.raises(InvalidArgument):
            await client.convert_points(member, "MILES", 100)
        for each in (first, second):
            assert (await client.explain_decision(each.transaction_id)).reproduced


@pytest.mark.long
def test_the_page_about_conversions_runs_as_it_stands(shared_server: ServerProcess, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "conversions.md").read_text()
    examples = re.findall(r"<!-- example -->\n```sh\n(.*?)```\n\n```printed\n(.*?)```", page, re.DOTALL)
    assert len(examples) == page.count("```sh") == 1
    for script, said in examples:
        printed = walk(shared_server, tmp_path, script)
        assert all(line in printed for line in said.splitlines())
