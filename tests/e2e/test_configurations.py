"""A program's configuration by RPC on a running server: tuned, by whom and why, and what outlives a kill."""

import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pointguard_client import (
    ActiveVersionDiffers,
    Decision,
    Explanation,
    FailedPrecondition,
    Identifier,
    InvalidArgument,
    Money,
    PermissionDenied,
    RuleChange,
    RuleChangeReason,
    RuleSetActivationKind,
    SyncPointguardClient,
    new_idempotency_key,
)
from pointguard_client.__main__ import main
from pointguard_server.service.credentials import issue
from tests.e2e.test_live_rule_changes import replace, wait_for_events
from tests.e2e.test_operations import scrape
from tests.support.server import PROGRAM, ServerProcess, write_program

WHY = RuleChange("analyst 7", RuleChangeReason.INCIDENT, "three redemptions within minutes")
RULE = """
[[fraud_rule]]
name = "burn"
context = "REDEMPTION"
counts = {{ parts = ["REDEEM"], attempts = "ALL" }}
measure = "COUNT"
window = {{ rolling = "1h" }}
threshold = {threshold}
posture = "BLOCK"
duration = "0s"
"""


def tuned(threshold: int) -> str:
    return PROGRAM + RULE.format(threshold=threshold)


@pytest.fixture(scope="module")
def keys() -> dict[str, str]:
    """API keys by their roles."""
    return {}


@pytest.fixture(scope="module")
def server(
    plain_data: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory, keys: dict[str, str]
) -> Iterator[ServerProcess]:
    """A server of a program that counts redemptions, and keys of each role."""
    folder = tmp_path_factory.mktemp("configurations")
    shutil.copytree(plain_data[0], folder / "data")
    with closing(sqlite3.connect(folder / "data" / "ledger.sqlite3", isolation_level=None)) as connection:
        for roles in ("till", "manager", "fraud", "till manager fraud"):
            key = issue()
            connection.execute(
                "INSERT INTO api_keys (key_id, tenant_id, role, hash, created_at) VALUES (?, 1, ?, ?, 1)",
                (key.key_id, roles, key.hash),
            )
            keys[roles] = key.raw_key
    options = ("--tenant", "plain", *write_program(folder / "program", tuned(3)))
    server = ServerProcess(folder / "data", options, api_key=keys["till manager fraud"])
    try:
        yield server.start()
        assert server.complaints() == []
    finally:
        server.clean_up()


def connect(server: ServerProcess, api_key: str = "") -> SyncPointguardClient:
    key = api_key or server.api_key
    return SyncPointguardClient.connect(server.address, api_key=key, timeout_seconds=20)


def enroll(client: SyncPointguardClient) -> Identifier:
    member = Identifier.external_id(new_idempotency_key())
    client.enroll_member([member])
    client.accrue(member, Money(20_00, "CAD"))
    return member


def activations(server: ServerProcess) -> dict[str, float]:
    """Return how many activations of each kind the metrics say there were."""
    metrics = scrape(server)
    return {
        kind: metrics["pointguard_configuration_activations_total", (("kind", kind),)]
        for kind in ("ACTIVATE", "ROLLBACK", "FILE")
    }


def redeem(client: SyncPointguardClient, member: Identifier) -> tuple[bool, int, Explanation]:
    """Return whether a redemption was approved, the configuration that it names, and why it was decided so."""
    decided = client.authorise_redemption(member, 1, capture=True)
    named = client.get_transaction(decided.transaction_id).fraud_rules_version
    return decided.decision is Decision.APPROVED, named, client.explain_decision(decided.transaction_id)


def test_a_threshold_is_tuned_by_call_and_rolled_back_and_transactions_name_the_version(server: ServerProcess) -> None:
    with connect(server) as client:
        calls, member = client.configuration, enroll(client)
        before = calls.get_version()
        assert (before.source, before.change.author, before.change.reason.name) == (tuned(3), "file", "FILE")
        for _ in range(2):
            approved, named, _ = redeem(client, member)
            assert (approved, named) == (True, before.version)
        version = calls.create_version(tuned(2), WHY).version
        assert "-threshold = 3\n+threshold = 2\n" in calls.diff_versions(before.version, version)
        counted = activations(server)
        activation = calls.activate_version(version, WHY, expected_active_version=before.version)
        approved, named, explained = redeem(client, member)
        assert (approved, named) == (False, version), "the window counts what happened before"
        assert explained.reproduced, explained.differences
        assert (explained.decided_by.configuration_version, explained.decided_by.configuration) == (version, tuned(2))
        (kept,) = [each for each in calls.list_versions().versions if each.version == version]
        assert kept.change == activation.change
        assert (kept.change.author, kept.change.note, len(kept.change.api_key_id)) == (WHY.author, WHY.note, 12)
        back = calls.roll_back(before.version, WHY, expected_active_version=version)
        assert (back.kind, back.previous_version) == (RuleSetActivationKind.ROLLBACK, version)
        assert redeem(client, enroll(client))[:2] == (True, before.version)
        assert calls.list_activations(page_size=2).activations == (back, activation)
        after = activations(server)
        assert {kind: after[kind] - counted[kind] for kind in after} == {"ACTIVATE": 1, "ROLLBACK": 1, "FILE": 0}
        with pytest.raises(ActiveVersionDiffers):
            calls.activate_version(version, WHY, expected_active_version=version)
        with pytest.raises(FailedPrecondition, match="is active already"):
            calls.activate_version(before.version, WHY, expected_active_version=before.version)


def test_mistakes_are_told_whole_and_what_only_the_file_may_change_is_named(server: ServerProcess) -> None:
    with connect(server) as client:
        calls, faulty = client.configuration, tuned(2).replace('"1h"', '"1 hour"').replace("BLOCK", "BLOK")
        problems = calls.validate(faulty)
        assert [problem.field for problem in problems] == ["fraud_rule[1].posture", "fraud_rule[1].window.rolling"]
        assert [faulty.splitlines()[problem.line - 1].split()[0] for problem in problems] == ["posture", "window"]
        with pytest.raises(InvalidArgument) as refused:
            calls.create_version(faulty, WHY)
        assert [violation.field for violation in refused.value.field_violations] == ["source"]
        with pytest.raises(InvalidArgument, match=r"program\.currency cannot change in a running server"):
            calls.create_version(tuned(2).replace("CAD", "USD"), WHY)


@pytest.mark.long
def test_the_command_line_tells_mistakes_with_their_places_and_lists_what_was_done(
    server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POINTGUARD_ADDRESS", server.address)
    monkeypatch.setenv("POINTGUARD_API_KEY", server.api_key)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> tuple[int, str]:
        return main(["configuration", *arguments]), capsys.readouterr().out

    file = tmp_path / "tuned.toml"
    file.write_text(tuned(2).replace("BLOCK", "BLOK"))
    line = tuned(2).splitlines().index('posture = "BLOCK"') + 1
    for command in (("validate",), ("create", "--author", "staff 3", "--reason", "trial")):
        status, told = run(command[0], str(file), *command[1:])
        assert status == 1
        assert f"{file}:{line}: fraud_rule[1].posture: must be one of" in told
    file.write_text(tuned(6))
    assert run("validate", str(file)) == (0, f"{file}: no mistakes\n")
    status, told = run("create", str(file), "--author", "staff 3", "--reason", "trial")
    assert (status, told.split()[0]) == (0, "version")
    number = told.split()[1]
    assert run("show", number) == (0, tuned(6))
    before = run("show")[1]
    assert run("activate", number, "--author", "staff 3", "--reason", "trial")[0] == 0
    assert run("show") == (0, tuned(6))
    listed = [line.split() for line in run("list")[1].splitlines()]
    (own,) = [cells for cells in listed if cells[:2] == [number, "●"]]
    assert own[4:7] == ["staff", "3", "TRIAL"]
    status, told = run("rollback", "1", "--author", "staff 3", "--reason", "incident", "--note", "too many")
    assert (status, "(back)" in told) == (0, True)
    newest = run("activations", "--count", "1")[1]
    assert all(word in newest for word in ("ROLLBACK", "staff 3", "INCIDENT", "too many", "more: --page"))
    assert run("diff", "1", "1") == (0, "the texts are the same\n")
    assert run("show") == (0, before)


@pytest.mark.parametrize("role", ["till", "manager", "fraud"])
def test_managers_and_the_fraud_team_change_the_configuration_and_tills_do_not(
    server: ServerProcess, keys: dict[str, str], role: str
) -> None:
    with connect(server, keys[role]) as client:
        calls = client.configuration
        if role != "till":
            assert calls.validate(tuned(4)) == ()
            assert calls.create_version(tuned(4), WHY).change.api_key_id == keys[role].split("_")[1]
            return
        for refused in (
            lambda: calls.validate(PROGRAM),
            lambda: calls.create_version(PROGRAM, WHY),
            calls.get_version,
            calls.list_versions,
            lambda: calls.diff_versions(1, 1),
            lambda: calls.activate_version(1, WHY, expected_active_version=1),
            lambda: calls.roll_back(1, WHY, expected_active_version=1),
            calls.list_activations,
        ):
            with pytest.raises(PermissionDenied):
                refused()


def test_what_a_call_activated_outlives_a_kill_until_the_file_changes(server: ServerProcess) -> None:
    file = Path(server.options[server.options.index("--program") + 1])
    with connect(server) as client:
        calls = client.configuration
        before = calls.list_versions(page_size=1).active_version
        version = calls.create_version(tuned(0), WHY).version
        calls.activate_version(version, WHY, expected_active_version=before)
        member = enroll(client)
    server.kill()
    server.start()
    with connect(server) as client:
        assert redeem(client, member)[:2] == (False, version)
        replace(file, tuned(5))
        server.send_signal(signal.SIGHUP)
        wait_for_events(server, "program_taken_up", 1)
        (last,) = client.configuration.list_activations(page_size=1).activations
        assert (last.kind, last.previous_version) == (RuleSetActivationKind.FILE, version)
        assert redeem(client, member)[:2] == (True, last.version)
