"""The commands about rules: the walk-through of docs/rule-versions.md as it stands, and what it does not show."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pointguard_client import Identifier, Money, SyncPointguardClient
from pointguard_client.__main__ import main
from tests.support.server import ROOT, ServerProcess

PAGE = (ROOT / "docs" / "rule-versions.md").read_text()
STEPS: list[tuple[str, str]] = re.findall(r"<!-- example -->\n```sh\n(.*?)```\n\n```printed\n(.*?)```", PAGE, re.DOTALL)
pytestmark = pytest.mark.long
WHO = ("--author", "staff 1", "--reason", "trial")


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, list[str]]]:
    """A sandbox on which the walk-through was done, and what each of its steps printed."""
    folder = tmp_path_factory.mktemp("walk")
    server = ServerProcess(folder / "data")
    try:
        server.start()
        yield server, [walk(server, folder, script) for script, _ in STEPS]
    finally:
        server.clean_up()


class Terminal:
    """Runs the client's commands in this process, which spares the start of one each; returns what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Return the exit code, and what was written to standard output and error."""
        try:
            code = main(["rules", *arguments])
        except SystemExit as ended:
            code = int(str(ended.code))
        printed = self._capsys.readouterr()
        return code, printed.out, printed.err

    def text(self, *arguments: str) -> str:
        """Return what a command that succeeds prints for people."""
        code, out, err = self.run(*arguments)
        assert code == 0, err
        return out

    def json(self, *arguments: str) -> Any:
        """Return what a command that succeeds prints for programs."""
        return json.loads(self.text(*arguments, "--json"))


@pytest.fixture
def terminal(
    walked: tuple[ServerProcess, list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    server, _ = walked
    monkeypatch.setenv("POINTGUARD_ADDRESS", server.address)
    monkeypatch.setenv("POINTGUARD_DATA_DIR", str(server.data_directory))
    monkeypatch.delenv("POINTGUARD_API_KEY", raising=False)
    monkeypatch.delenv("POINTGUARD_AUTHOR", raising=False)
    monkeypatch.setenv("COLUMNS", "160")
    return Terminal(capsys)


def walk(server: ServerProcess, folder: Path, script: str) -> str:
    """Do a step of the walk-through in a folder, and return what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("POINTGUARD_")}
    environment |= {"POINTGUARD_ADDRESS": server.address, "POINTGUARD_DATA_DIR": str(server.data_directory)}
    ended = subprocess.run(
        ["bash", "-euc", script.replace(".venv/bin/", f"{Path(sys.executable).parent}/")],
        cwd=folder,
        env=environment | {"COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_every_step_of_the_walk_through_prints_what_it_says(walked: tuple[ServerProcess, list[str]]) -> None:
    assert len(STEPS) == PAGE.count("```sh") == PAGE.count("```printed") > 5
    for (script, said), printed in zip(STEPS, walked[1], strict=True):
        for line in said.splitlines():
            assert leaving_out_sizes(line) in leaving_out_sizes(printed), script


def leaving_out_sizes(text: str) -> str:
    """Return a text without what depends on how long the sandbox's own rules are."""
    return re.sub(r"(offers\.rules:) ?\d+(:\d+:| rules)", r"\1\2", text)


def test_reasons_are_listed_as_they_are(terminal: Terminal) -> None:
    cells = re.findall(r"^\| (`\w[^|]*`) \|", PAGE, re.MULTILINE)
    listed = {name for cell in cells for name in re.findall(r"`([\w-]+)`", cell)}
    _, told, _ = terminal.run("create", "--help")
    found = re.search(r"REASON is one of ([\w, -]+)\.", " ".join(told.split()))
    assert found
    assert set(found[1].split(", ")) == listed


def test_people_see_tables(terminal: Terminal) -> None:
    listed = terminal.text("list")
    assert re.search(r"^1 +● .* file +FILE", listed, re.MULTILINE)
    assert re.search(r"^2 .* staff 12 +NEW_OFFER +spring berries", listed, re.MULTILINE)
    activations = terminal.text("activations")
    assert re.search(r"^4 +1 +2 +ROLLBACK .* staff 7 +INCIDENT +the tills show 500", activations, re.MULTILINE)
    shown = terminal.text("show", "2")
    assert shown.startswith("version 2 ")
    assert 'rule "spring berries"' in shown
    assert terminal.text("diff", "1", "1") == "the texts are the same\n"


def test_programs_see_json(terminal: Terminal, tmp_path: Path) -> None:
    version = terminal.json("show", "2")
    assert (version["change"]["author"], version["change"]["reason"]) == ("staff 12", "NEW_OFFER")
    assert terminal.json("diff", "1", "2")["added_rules"] == ["spring berries"]
    assert len(terminal.json("activations", "--count", "2")) == 2
    assert terminal.json("list", "--count", "1")["active_version"] == 1
    rules = tmp_path / "one.rules"
    rules.write_text('rule "one"\n    earn base 1\n')
    simulated = terminal.json("simulate", "--total-minor", "100", "--source", str(rules))
    (outcome,) = simulated["outcomes"]
    assert (simulated["points"], outcome["rule"], outcome["part"], outcome["points"]) == (1, "one", "BASE", 1)
    assert outcome["trace"] is None
    (traced,) = terminal.json("simulate", "--total-minor", "100", "--source", str(rules), "--trace")["outcomes"]
    assert (traced["trace"]["computed"], traced["trace"]["rounded"]) == ("1", 1)


def test_a_trace_shows_the_words_of_the_text_with_what_they_came_to(terminal: Terminal, tmp_path: Path) -> None:
    rules = tmp_path / "one.rules"
    conditions = 'when order.total > 2 CAD earn base count(lines where line.brand == "OWN") / 2'
    rules.write_text(f'rule "one" {conditions}\n')
    order = ("simulate", "--line", "brand=OWN,amount_minor=300", "--source", str(rules))
    shown = terminal.text(*order, "--trace")
    for words, value in (("order.total > 2 CAD", "yes"), ("line.brand (line 1 of the basket)", "OWN")):
        assert re.search(rf"{re.escape(words)} +{value}", shown)
    assert "0.5 → 0 → 0" in shown
    assert "0.5" not in terminal.text(*order)


def test_files_are_brought_into_their_canonical_layout(terminal: Terminal, tmp_path: Path) -> None:
    rules, wrong = tmp_path / "a.rules", tmp_path / "wrong.rules"
    rules.write_text('rule "a" earn base 1')
    laid_out = 'rule "a"\n    earn base 1\n'
    assert terminal.text("format", str(rules)) == laid_out
    assert terminal.run("format", "--check", str(rules))[:2] == (1, f"{rules}: would change\n")
    assert terminal.text("format", "--write", str(rules)) == f"{rules}: changed\n"
    assert rules.read_text() == laid_out
    assert terminal.text("format", "--check", str(rules)) == f"{rules}: as it should be\n"
    wrong.write_text('rule "a" earn base (1')
    code, out, _ = terminal.run("format", "--write", str(wrong))
    assert code == 1
    assert out.startswith(f"{wrong}:1:22: ")
    assert wrong.read_text() == 'rule "a" earn base (1'
    code, out, _ = terminal.run("format", str(rules), str(wrong), "--json")
    assert (code, json.loads(out)[str(rules)]["source"]) == (1, laid_out)


def test_a_past_purchase_is_tried_out_by_its_id(terminal: Terminal, walked: tuple[ServerProcess, list[str]]) -> None:
    server, _ = walked
    with SyncPointguardClient.connect(server.address, api_key=server.api_key) as client:
        earned = client.accrue(Identifier.loyalty_id("385"), Money(10_00, "CAD"))
    again = terminal.json("simulate", "--transaction", earned.transaction_id)
    assert (again["version"], again["points"]) == (1, earned.points)


def test_mistakes_exit_with_1_and_are_told_in_full(terminal: Terminal, tmp_path: Path) -> None:
    wrong, right = tmp_path / "wrong.rules", tmp_path / "right.rules"
    wrong.write_text('rule "a"\n    earn bonis 10\n')
    right.write_text('rule "a"\n    earn bonus 10\n')
    code, out, _ = terminal.run("validate", str(right), str(wrong), "--json")
    reports = json.loads(out)
    assert (code, reports[str(right)]["rules"]) == (1, ["a"])
    problems = [(problem["line"], problem["hint"]) for problem in reports[str(wrong)]["problems"]]
    assert problems == [(2, "did you mean `bonus`?")]
    code, out, err = terminal.run("create", str(wrong), *WHO)
    assert code == 1
    assert "source: must be without mistakes" in err
    assert f"{wrong}:2:10: unknown part `bonis`" in out
    code, out, _ = terminal.run("create", str(wrong), *WHO, "--json")
    assert (code, json.loads(out)["problems"][0]["text"]) == (1, "bonis")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("activate", "2", "--expected", "2"), "version 1 is active, not the one that was expected"),
        (("rollback", "1"), "version 1 is active already"),
        (("activate", "99"), "NOT_FOUND"),
    ],
    ids=["another is active", "active already", "not there"],
)
def test_a_refusal_exits_with_1_and_says_why(terminal: Terminal, arguments: tuple[str, ...], told: str) -> None:
    code, out, err = terminal.run(*arguments, *WHO)
    assert (code, out) == (1, "")
    assert told in err


def test_an_author_is_named_by_option_or_environment_and_other_reasons_need_a_note(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = tmp_path / "a.rules"
    rules.write_text('rule "a"\n    earn bonus 10\n')
    assert terminal.run("create", str(rules), "--reason", "trial")[0] == 2
    code, _, err = terminal.run("create", str(rules), "--author", "staff 1", "--reason", "other")
    assert code == 1
    assert "change.note" in err
    monkeypatch.setenv("POINTGUARD_AUTHOR", "staff 9")
    assert terminal.json("create", str(rules), "--reason", "trial")["change"]["author"] == "staff 9"


def test_a_backtest_for_programs_and_its_refusals(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    with SyncPointguardClient.connect() as client:
        client.accrue(Identifier.loyalty_id("1"), Money(10_00, "CAD"))
    found = terminal.json("backtest", "1", "--examples", "3")
    assert found["side"]["version"] == 1
    assert found["other"] is None
    assert sum(group["orders"] for group in found["tiers"]) == found["orders"] > 0
    code, _, err = terminal.run("backtest", "1", "--against", "1")
    assert code == 1
    assert "other_version" in err
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    code, _, err = terminal.run("backtest", "1", "--plots", "pictures")
    assert code != 0
    assert "extra plots" in err
