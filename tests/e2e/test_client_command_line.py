"""The command line against a real server, each command in a process of its own, as a shell would run it."""

import json
from pathlib import Path

import pytest

from pointguard_client import new_idempotency_key
from tests.e2e.shell import Shell
from tests.support.server import ServerProcess


@pytest.fixture
def shell(shared_server: ServerProcess) -> Shell:
    return Shell(shared_server)


def test_the_three_main_calls_work_from_a_shell(shell: Shell) -> None:
    loyalty_id = new_idempotency_key()
    member = ("--loyalty-id", loyalty_id)
    shell.json("enroll", *member, "--province", "CA-ON")
    accrual = shell.json("accrue", *member, "--line", "category=DAIRY,quantity=2,amount_minor=10000", "--store", "12")
    assert (accrual["decision"], accrual["points"]) == ("APPROVED", 205)
    key = new_idempotency_key()
    redemption = shell.json("authorise", *member, "--points", "150", "--key", key)
    assert (redemption["decision"], redemption["balance"]["available"]) == ("APPROVED", 55)
    assert shell.json("authorise", *member, "--points", "150", "--key", key) == redemption
    assert shell.json("advice", *member)["posture"] == "UNSPECIFIED"
    captured = shell.json("capture", redemption["transaction_id"], "--points", "50")
    assert (captured["points"], captured["points_released"]) == (50, 100)
    assert shell.json("balance", *member)["balance"]["posted"] == 155


def test_a_refusal_exits_with_1_and_names_the_field(shell: Shell) -> None:
    ended = shell.run("authorise", "--loyalty-id", "1", "--points", str(10**15), "--json")
    assert ended.returncode == 1
    error = json.loads(ended.stdout)["error"]
    assert (error["code"], error["field_violations"][0]["field"]) == ("INVALID_ARGUMENT", "points")


def test_people_read_tables_and_errors_on_standard_error(shell: Shell) -> None:
    shown = shell.run("balance", "--loyalty-id", "1")
    assert (shown.returncode, "available" in shown.stdout) == (0, True)
    refused = shell.run("balance", "--loyalty-id", "nobody at all")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "NOT_FOUND" in refused.stderr


def test_a_file_of_requests_is_sent_as_one_batch(shell: Shell, tmp_path: Path) -> None:
    total = {"currency_code": "CAD", "minor_units": 1250}
    lines = [{"accrue": {"member": {"loyalty_id": name}, "total": total}} for name in ("5", "nobody at all")]
    file = tmp_path / "requests.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    ended = shell.run("batch", str(file), "--json")
    first, second = (json.loads(line) for line in ended.stdout.splitlines())
    assert (ended.returncode, first["kind"], second["kind"]) == (1, "accrual", "error")
    assert second["result"]["error"]["code"] == "NOT_FOUND"


def test_without_a_key_or_a_server_the_command_line_says_so(shell: Shell, tmp_path: Path) -> None:
    no_key = shell.run("balance", "--loyalty-id", "1", POINTGUARD_DATA_DIR=str(tmp_path))
    assert (no_key.returncode, "no API key" in no_key.stderr) == (1, True)
    no_server = shell.run("balance", "--loyalty-id", "1", "--timeout", "0.5", POINTGUARD_ADDRESS="127.0.0.1:1")
    assert (no_server.returncode, "UNAVAILABLE" in no_server.stderr) == (1, True)
