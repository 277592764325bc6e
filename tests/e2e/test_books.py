"""The books over gRPC: what was answered at a moment is what they say of it later, and reports add up."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pointguard_client import (
    DaySums,
    Decision,
    DifferenceKind,
    EntryType,
    Identifier,
    InvalidArgument,
    LiabilityProgress,
    Money,
    Operation,
    Origin,
    PointguardClient,
    SaidTotal,
    SaidTransaction,
    SyncPointguardClient,
    new_idempotency_key,
)
from pointguard_client.__main__ import main
from tests.e2e.test_rule_commands import walk
from tests.support.server import ROOT, ServerProcess

TICK = timedelta(microseconds=1)


async def lived(client: PointguardClient, loyalty_id: str) -> list[tuple[datetime, Any]]:
    """Have a member earn, reserve, capture and lock; return each moment with the balance that was answered."""
    member = Identifier.loyalty_id(loyalty_id)
    await client.enroll_member([member])
    seen = []

    async def note(transaction_id: str) -> None:
        accepted_at = (await client.get_transaction(transaction_id)).accepted_at
        assert accepted_at is not None
        balance = await client.get_balance(member)
        seen.append((accepted_at, balance))

    await note((await client.accrue(member, Money(100_00, "CAD"))).transaction_id)
    held = await client.authorise_redemption(member, 30)
    await note(held.transaction_id)
    await note((await client.capture_redemption(held.transaction_id, points=20)).transaction_id)
    await note((await client.set_redemption_lock(member, locked=True)).transaction_id)
    return seen


async def test_a_balance_of_an_earlier_moment_is_what_was_answered_then(client: PointguardClient) -> None:
    seen = await lived(client, "books-1")
    member, position = Identifier.loyalty_id("books-1"), 0
    for moment, answered in seen:
        then = await client.get_balance(member, as_of=moment)
        assert (then.balance, then.seq) == (answered.balance, answered.seq)
        assert (then.redemption_locked, then.next_expiry) == (answered.redemption_locked, answered.next_expiry)
        assert then.position > position
        position = then.position
    assert [balance.balance.reserved for _, balance in seen] == [0, 30, 0, 0]
    before = await client.get_balance(member, as_of=seen[0][0] - TICK)
    assert (before.balance.posted, before.seq) == (0, 1), "it was enrolled by then"
    nobody_yet = await client.get_balance(member, as_of=seen[0][0] - timedelta(days=900))
    assert (nobody_yet.balance.posted, nobody_yet.seq, nobody_yet.position) == (0, 0, 0)
    with pytest.raises(InvalidArgument) as error:
        await client.get_balance(member, as_of=datetime.now(UTC) + timedelta(minutes=1))
    assert [violation.field for violation in error.value.field_violations] == ["as_of"]


async def test_a_report_of_the_liability_adds_up_and_stays_the_same(client: PointguardClient) -> None:
    seen = await lived(client, "books-2")
    (earned_at, _), _, (captured_at, _), _ = seen
    told: list[LiabilityProgress] = []
    report = await client.books.liability(captured_at, since=earned_at - TICK, on_progress=told.append)
    assert report.movements[EntryType.REDEEM] == -20
    assert report.opening_points + sum(report.movements.values()) == report.balance.posted
    assert report.outstanding_points - report.owed_points == report.balance.posted
    assert sum(lot.points for lot in report.lots) == report.outstanding_points
    assert sum(lot.pending_points for lot in report.lots) == report.balance.pending
    assert report.breakage_points == -report.movements.get(EntryType.EXPIRE, 0)
    assert report.outstanding_money == Money(report.outstanding_points, "CAD"), "the sandbox's point is worth a cent"
    earlier = await client.books.liability(earned_at - TICK)
    assert (earlier.balance.posted, earlier.position) == (report.opening_points, report.position - 3)
    await lived(client, "books-3")
    assert await client.books.liability(captured_at, since=earned_at - TICK) == report
    assert all(each.accounts <= each.accounts_total for each in told)


def test_the_command_line_and_the_synchronous_client_say_the_same(
    shared_server: ServerProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    with SyncPointguardClient.connect(shared_server.address, api_key=shared_server.api_key) as client:
        report = client.books.liability()
    asked = ["--address", shared_server.address, "--api-key", shared_server.api_key, "--as-of", str(report.as_of)]
    assert main(["liability", "--json", *asked]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["position"], said["outstanding_points"]) == (report.position, report.outstanding_points)
    assert main(["liability", *asked]) == 0
    shown = capsys.readouterr().out
    assert f"{report.outstanding_points:,}" in shown
    assert "never ends" in shown
    assert main(["balance", "--loyalty-id", "1", "--json", *asked]) == 0
    assert json.loads(capsys.readouterr().out)["position"] == report.position


async def test_a_gateway_finds_what_differs_from_its_own_list(client: PointguardClient) -> None:
    store = Origin("34280", f"till {new_idempotency_key()[-12:]}")
    member, keys = Identifier.loyalty_id("5"), [new_idempotency_key() for _ in range(4)]
    earned = [await client.accrue(member, Money(20_00, "CAD"), origin=store, idempotency_key=key) for key in keys[:3]]
    today = (await client.get_transaction(earned[0].transaction_id)).accepted_at
    assert today is not None
    said = [SaidTransaction(keys[0], Decision.APPROVED, earned[0].points, 20_00), SaidTransaction(keys[3])]
    said.append(SaidTransaction(keys[1], Decision.APPROVED, earned[1].points + 1))
    totals = [SaidTotal(DaySums(2, earned[0].points * 2 + 1, 40_00), operation=Operation.ACCRUE)]
    asked: Any = {"store_id": "34280", "terminal_id": store.terminal_id, "totals": totals, "said": said}
    found = await client.books.reconcile_day(today.astimezone(ZoneInfo("America/Toronto")).date(), **asked)
    assert [(each.kinds, each.said) for each in found.differences] == [
        ((DifferenceKind.NOT_IN_LEDGER,), said[1]),
        ((DifferenceKind.POINTS,), said[2]),
        ((DifferenceKind.NOT_SAID,), None),
    ]
    assert [each.ledger and each.ledger.transaction_id for each in found.differences] == [
        None,
        earned[1].transaction_id,
        earned[2].transaction_id,
    ]
    (total,) = found.totals
    assert (total.terminal_id, total.approved) == (store.terminal_id, DaySums(3, earned[0].points * 3, 60_00))
    (differing,) = found.differing_totals
    assert (differing.index, differing.said, differing.ledger) == (0, totals[0].sums, total.approved)
    assert found.difference_count == 3


def test_a_day_is_reconciled_with_a_file_on_the_command_line(
    shared_server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    till, key = f"till {new_idempotency_key()[-12:]}", new_idempotency_key()
    with SyncPointguardClient.connect(shared_server.address, api_key=shared_server.api_key) as client:
        earned = client.accrue(
            Identifier.loyalty_id("5"), Money(8_00, "CAD"), origin=Origin("34280", till), idempotency_key=key
        )
        accepted_at = client.get_transaction(earned.transaction_id).accepted_at
    assert accepted_at is not None
    day = accepted_at.astimezone(ZoneInfo("America/Toronto")).date()
    file = tmp_path / "day.csv"
    asked = ["reconcile", day.isoformat(), "--store", "34280", "--terminal", till, "--said", str(file)]
    asked += ["--address", shared_server.address, "--api-key", shared_server.api_key]
    file.write_text(f"idempotency_key,decision,points,money_minor_units\n{key},APPROVED,{earned.points},800\n")
    assert main(asked) == 0
    assert "no transaction differs" in capsys.readouterr().out
    file.write_text("idempotency_key,decision,points\nnever-sent,,\n")
    assert main(asked) == 1
    shown = capsys.readouterr().out
    assert "NOT_IN_LEDGER" in shown
    assert earned.transaction_id in shown
    file.write_text("idempotency_key,points\nnever-sent,many\n")
    assert main(asked) == 1
    assert "line 2" in capsys.readouterr().err


@pytest.mark.long
def test_the_page_about_the_books_runs_as_it_stands(shared_server: ServerProcess, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "books.md").read_text()
    examples = re.findall(r"<!-- example -->\n```sh\n(.*?)```\n\n```printed\n(.*?)```", page, re.DOTALL)
    assert len(examples) == 1 == page.count("<!-- example -->")
    for script, said in examples:
        printed = walk(shared_server, tmp_path, script)
        assert all(line in printed for line in said.splitlines())
