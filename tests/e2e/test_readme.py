"""The documents are true: the README's examples run against a real server, and lists name what there is and no more."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Table

from pointguard_client import Identifier, Money, PointguardClient, Profile, new_idempotency_key
from pointguard_server.settings import _parser
from pointguard_server.storage import tables
from tests.support.server import ROOT, ServerProcess

README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = dict(re.findall(r"<!-- example: ([a-z ]+) -->\n```[a-z]+\n(.*?)```", README, re.DOTALL))


def run(server: ServerProcess, command: list[str]) -> str:
    environment = os.environ | {
        "POINTGUARD_ADDRESS": server.address,
        "POINTGUARD_DATA_DIR": str(server.data_directory),
    }
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def run_shell(server: ServerProcess, script: str) -> str:
    """Run a shell example against this test's server and environment."""
    localized = (
        script.replace(".venv/bin/", f"{Path(sys.executable).parent}/")
        .replace("127.0.0.1:50051", server.address)
        .replace(".pointguard/", f"{server.data_directory}/")
    )
    return run(server, ["bash", "-c", localized])


def section(page: str, title: str) -> str:
    """Return what stands under a heading, whatever its level, up to the next one."""
    found = re.search(rf"^#+ {re.escape(title)}[^\n]*\n(.*?)(?=^#|\Z)", page, re.DOTALL | re.MULTILINE)
    assert found, f"no heading {title!r}"
    return found[1]


def first_cells(text: str) -> list[str]:
    """Return the first cell of each row of a table, its head left out."""
    return [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| `")]


def test_the_first_calls_of_the_readme_earn_spend_and_look(shared_server: ServerProcess) -> None:
    assert list(EXAMPLES) == ["buf", "python", "command line"]
    earned = run_shell(shared_server, EXAMPLES["buf"])
    assert '"decision": "DECISION_APPROVED"' in earned
    assert run_shell(shared_server, EXAMPLES["buf"]) == earned, "the same key, the same answer"
    spent = run(shared_server, [sys.executable, "-c", EXAMPLES["python"]])
    assert "<Decision.APPROVED: " in spent
    assert "points=10," in spent
    assert "redemption locked" in run_shell(shared_server, EXAMPLES["command line"])


def test_the_options_of_the_readme_have_the_variables_and_defaults_that_it_says() -> None:
    rows = [line.split("|")[1:4] for line in README.splitlines() if line.startswith("| `--")]
    assert len(rows) > 5
    for options, variables, default in rows:
        names = re.findall(r"`(--[a-z-]+)`", options)
        assert len(names) == len(re.findall(r"`POINTGUARD_\w+`", variables))
        for name, variable in zip(names, re.findall(r"`(POINTGUARD_\w+)`", variables), strict=True):
            field = name.removeprefix("--").replace("-", "_")
            value = "on" if name == "--reflection" else "77"
            assert str(vars(_parser({variable: value}).parse_args([]))[field]).startswith(value), variable
            said = re.match(r" `([^`]*)`", default)
            if said and name != "--cache-dir":
                kind = type(meant := vars(_parser({}).parse_args([]))[field])
                assert kind(said[1]) == meant, name


def test_every_link_and_every_file_that_the_documents_name_is_there() -> None:
    missing = []
    for page in PAGES:
        text = page.read_text()
        for link in re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", text):
            missing += [] if (page.parent / link).exists() else [f"{page.name}: {link}"]
        for name in re.findall(r"`((?:protos|server|client|generated|tests|docs)/[\w./-]+)`", text):
            missing += [] if (ROOT / name).exists() else [f"{page.name}: {name}"]
        for name in re.findall(r"`((?:domain|engine|http|rpc|rules|service|storage|velocity)/[\w./-]+)`", text):
            missing += [] if (ROOT / "server/pointguard_server" / name).exists() else [f"{page.name}: {name}"]
        for name in re.findall(r"`(test_\w+\.py)`", text):
            missing += [] if list((ROOT / "tests").rglob(name)) else [f"{page.name}: {name}"]
    assert not missing


@pytest.mark.parametrize("table", [tables.legs, tables.entries, tables.advice, tables.batches], ids=str)
def test_every_column_of_the_ledger_is_explained(table: Table) -> None:
    page = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
    explained = [
        name for cell in first_cells(section(page, f"`{table.name}`")) for name in re.findall(r"`(\w+)`", cell)
    ]
    assert sorted(explained) == sorted(column.name for column in table.columns)


def test_operators_find_every_metric_and_no_other(shared_server: ServerProcess) -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    listed = {cell.strip("`") for cell in first_cells(section(page, "Metrics"))}
    _status, text = shared_server.get("/metrics")
    served = set(re.findall(r"^# TYPE (pointguard_\w+)", text, re.MULTILINE))
    assert listed == served


def test_the_architecture_lists_every_decision_record() -> None:
    records = sorted(path.name for path in (ROOT / "docs" / "adr").glob("*.md"))
    listed = re.findall(r"\(adr/([\w-]+\.md)\)", section((ROOT / "docs" / "ARCHITECTURE.md").read_text(), "Decisions"))
    assert listed == records
    assert [name[:4] for name in records] == [f"{number:04}" for number in range(1, len(records) + 1)]


async def test_nothing_personal_lies_readable_in_any_file_of_a_server(
    shared_server: ServerProcess, client: PointguardClient
) -> None:
    unique = new_idempotency_key().replace("-", "")
    digits = str(int(unique, 16))[-10:]
    personal = [f"given{unique}", f"family{unique}", f"mail{unique}@example.com", f"+1416{digits}", f"card{unique}"]
    given, family, mail, phone, card = personal
    member = Identifier.email(mail)
    profile = Profile(given, family, "CA-ON", "1980-02-29")
    await client.enroll_member([member, Identifier.phone(phone)], profile=profile)
    await client.link_identifier(member, Identifier.card(card))
    await client.accrue(Identifier.card(card), Money(50_00, "CAD"), order_reference=f"order{unique}")
    assert (await client.find_member(Identifier.phone(phone))).profile == profile
    files = [path for path in shared_server.data_directory.rglob("*") if path.is_file()]
    content = b"".join(path.read_bytes() for path in files) + shared_server.log().encode()
    assert f"order{unique}".encode() in content, "the ledger itself must be among the files"
    assert [value for value in personal if value.encode() in content] == []
