"""A tenant of one's own in place of the sandbox: its API keys from issue to revocation, and the wall to another."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pointguard_client import (
    AccountStatus,
    Accrue,
    AdviceContext,
    AdvicePosture,
    Allowance,
    Decision,
    Identifier,
    Intervention,
    InterventionReason,
    InvalidArgument,
    Money,
    NotFound,
    Occurrence,
    OfflineRedemption,
    Origin,
    PointguardClient,
    RefusedOccurrence,
    RuleChange,
    RuleChangeReason,
    SaidTransaction,
    Unauthenticated,
)
from tests.e2e.audit import audit
from tests.support.server import PROGRAM, ServerProcess, StartServer, issue_key, run_server, write_program

CHANGE = RuleChange("staff 12", RuleChangeReason.TRIAL)
MEMBER = Identifier.loyalty_id("1001")
LOGGED = (AdviceContext.EARNING, AdvicePosture.LOG, timedelta(days=1))
INTERVENTION = Intervention("staff 12", InterventionReason.SUSPECTED_FRAUD)


async def posted(server: ServerProcess, api_key: str) -> int:
    async with PointguardClient.connect(server.address, api_key=api_key) as client:
        return (await client.get_balance(MEMBER)).balance.posted


@pytest.mark.long
async def test_a_tenants_keys_open_its_ledger_until_they_are_revoked(start_server: StartServer, tmp_path: Path) -> None:
    options = ("--tenant", "acme", *write_program(tmp_path / "acme"))
    directory = tmp_path / "data"
    keys = [await asyncio.to_thread(issue_key, directory, *options) for _ in range(2)]
    assert len(set(keys)) == 2
    server = await asyncio.to_thread(start_server, options, api_key=keys[0])
    assert not (directory / "sandbox-api-key").exists()
    async with PointguardClient.connect(server.address, api_key=keys[0]) as client:
        await client.enroll_member([MEMBER])
        accrual = await client.accrue(MEMBER, Money(12_34, "CAD"), origin=Origin("s1"))
        assert (accrual.points, [award.rule for award in accrual.awards]) == (123, ["base"])
        with pytest.raises(InvalidArgument):
            await client.accrue(MEMBER, Money(12_34, "CAD"), origin=Origin("12"))
        assert (await client.authorise_redemption(MEMBER, 123, capture=True)).decision is Decision.APPROVED
    assert await posted(server, keys[1]) == 0
    assert await asyncio.to_thread(server.stop) == 0
    revoke(server.database, keys[0])
    await asyncio.to_thread(server.start)
    with pytest.raises(Unauthenticated):
        await posted(server, keys[0])
    assert await posted(server, keys[1]) == 0


def revoke(database: Path, api_key: str) -> None:
    """Revoke a key where the server keeps it; only its hash is there."""
    key_id = api_key.split("_")[1]
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        (stored,) = connection.execute("SELECT hash FROM api_keys WHERE key_id = ?", (key_id,)).fetchone()
        assert stored.startswith("$argon2id$")
        assert api_key not in stored
        connection.execute("UPDATE api_keys SET revoked_at = 1 WHERE key_id = ?", (key_id,))


def at_the_till() -> Origin:
    return Origin(store_id="s1", terminal_id="till-3", occurred_at=datetime.now(UTC))


async def gone_on_without_a_line(client: PointguardClient) -> Allowance:
    """Have points signed out, and upload a purchase."""
    issued = await client.offline.issue_allowance(MEMBER, 20, origin=at_the_till(), time_to_live=timedelta(hours=1))
    bought = Accrue(MEMBER, Money(1_00, "CAD"), at_the_till(), idempotency_key="key 2")
    await client.offline.upload("s1", "till-3", [Occurrence(7, bought)])
    assert issued.allowance is not None
    return issued.allowance


async def nothing_of_it_is_seen(client: PointguardClient, allowance: Allowance) -> None:
    """Another tenant's terminal of the same name spends nothing by it, and has uploaded nothing."""
    assert allowance.key_id not in {key.key_id for key in await client.offline.keys()}
    stolen = Occurrence(1, OfflineRedemption(allowance, 20, at_the_till()))
    (refused,) = (await client.offline.upload("s1", "till-3", [stolen])).results
    assert isinstance(refused, RefusedOccurrence)
    assert [violation.field for violation in refused.error.field_violations] == ["allowance"]
    seen = await client.offline.discrepancies("s1", "till-3")
    assert (seen.found, seen.last_sequence) == ((), 0)


async def test_two_tenants_of_one_ledger_see_nothing_of_each_other(start_server: StartServer, tmp_path: Path) -> None:
    directory = tmp_path / "data"
    acme = ("--tenant", "acme", *write_program(tmp_path / "acme"))
    other_program = PROGRAM.replace('code = "plain"', 'code = "other"')
    other = ("--tenant", "other", *write_program(tmp_path / "other", other_program))
    all_roles = ("--role", "till", "--role", "manager", "--role", "fraud")
    acme_key = await asyncio.to_thread(issue_key, directory, *acme, *all_roles)
    other_key = await asyncio.to_thread(issue_key, directory, *other, *all_roles)
    server = await asyncio.to_thread(start_server, acme, api_key=acme_key)
    async with PointguardClient.connect(server.address, api_key=acme_key) as client:
        enrolled = await client.enroll_member([MEMBER])
        accrual = await client.accrue(MEMBER, Money(50_00, "CAD"), idempotency_key="key 1")
        held = await client.authorise_redemption(MEMBER, 10)
        raised = await client.fraud.raise_advice(MEMBER, *LOGGED, INTERVENTION)
        rules = 'rule "theirs"\n    earn base 1\n'
        theirs = await client.rules.create_version(rules, CHANGE, idempotency_key="rules 1")
        allowance = await gone_on_without_a_line(client)
    with pytest.raises(Unauthenticated):
        await posted(server, other_key)
    assert await asyncio.to_thread(server.stop) == 0

    server = await asyncio.to_thread(start_server, other, data_directory=directory, api_key=other_key)
    with pytest.raises(Unauthenticated):
        await posted(server, acme_key)
    async with PointguardClient.connect(server.address, api_key=other_key) as client:
        for ask in (
            client.get_balance(MEMBER),
            client.get_balance(Identifier.account_id(enrolled.account_id)),
            client.find_member(Identifier.account_id(enrolled.account_id)),
            client.get_transaction(accrual.transaction_id),
            client.accrue(Identifier.account_id(enrolled.account_id), Money(1_00, "CAD")),
            client.capture_redemption(held.transaction_id),
            client.void_redemption(held.transaction_id),
            client.link_identifier(Identifier.account_id(enrolled.account_id), Identifier.card("stolen")),
            client.update_member(Identifier.account_id(enrolled.account_id), tier="GOLD"),
            client.set_redemption_lock(Identifier.account_id(enrolled.account_id), locked=True),
            client.fraud.list_advice(Identifier.account_id(enrolled.account_id)),
            client.fraud.override_advice(raised.advice_id, INTERVENTION),
            client.fraud.remove_advice(raised.advice_id, INTERVENTION),
            client.fraud.raise_advice(Identifier.account_id(enrolled.account_id), *LOGGED, INTERVENTION),
            client.fraud.set_account_status(
                Identifier.account_id(enrolled.account_id), AccountStatus.SUSPENDED, INTERVENTION
            ),
            client.rules.get_version(theirs.version),
            client.rules.diff_versions(1, theirs.version),
            client.rules.simulate(accrual.transaction_id),
            client.rules.activate_version(theirs.version, CHANGE, expected_active_version=1),
        ):
            with pytest.raises(NotFound):
                await ask
        assert (await client.fraud.list_advice(include_ended=True)).advice == ()
        await nothing_of_it_is_seen(client, allowance)
        report = await client.books.liability()
        assert (report.accounts, report.outstanding_points, report.movements) == (0, 0, {})
        said = [SaidTransaction("key 1")]
        day = await client.books.reconcile_day(report.as_of.date(), said=said)
        assert (day.totals, [each.ledger for each in day.differences]) == ((), [None])
        listed = await client.rules.list_versions()
        assert [version.change.author for version in listed.versions] == ["file"]
        assert len((await client.rules.list_activations()).activations) == 1
        again = await client.rules.create_version(rules, CHANGE, idempotency_key="rules 1")
        assert again.version == theirs.version == 2, "numbers and keys are a tenant's own"
        own = await client.enroll_member([MEMBER])
        assert own.account_id != enrolled.account_id
        earned = await client.accrue(MEMBER, Money(1_00, "CAD"), idempotency_key="key 1")
        assert (earned.points, earned.account_id) == (10, own.account_id), "a key is unique in its tenant alone"
    accounts = (await asyncio.to_thread(audit, server.database)).accounts
    assert (accounts[enrolled.account_id].posted, accounts[enrolled.account_id].reserved) == (510, 30)


@pytest.mark.long
def test_keys_cannot_be_issued_beside_a_running_server_and_the_message_says_why(
    plain_server: ServerProcess, tmp_path: Path
) -> None:
    ended = run_server(
        "--data-dir",
        str(plain_server.data_directory),
        "--issue-key",
        "--tenant",
        "plain",
        *write_program(tmp_path / "program"),
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "another server uses the data directory" in ended.stderr


def test_a_program_with_mistakes_is_refused_with_the_place_of_each(tmp_path: Path) -> None:
    options = write_program(tmp_path / "program", PROGRAM.replace('currency = "CAD"', 'currency = "cad"'))
    ended = run_server("--tenant", "acme", "--data-dir", str(tmp_path / "data"), *options)
    assert ended.returncode == 1
    assert "program.toml" in ended.stderr
    assert "currency" in ended.stderr
    assert "Traceback" not in ended.stderr
    write_program(tmp_path / "program")
    (tmp_path / "program" / "earn.rules").write_text('rule "base"\n    earn base order.totl * 10\n')
    ended = run_server("--tenant", "acme", "--data-dir", str(tmp_path / "data"), *options)
    assert ended.returncode == 1
    assert "earn.rules:2:" in ended.stderr
    assert not (tmp_path / "data").exists()
