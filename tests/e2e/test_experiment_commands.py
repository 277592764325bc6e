"""The commands about experiments: the walk-through of docs/experiments.md as it stands, and what it does not show."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from pointguard_client.__main__ import main
from tests.e2e.test_rule_commands import walk
from tests.support.server import ROOT, ServerProcess

pytestmark = pytest.mark.long

PAGE = (ROOT / "docs" / "experiments.md").read_text()
STEPS: list[tuple[str, str]] = re.findall(r"<!-- example -->\n```sh\n(.*?)```\n\n```printed\n(.*?)```", PAGE, re.DOTALL)
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


@pytest.fixture(autouse=True)
def connection(walked: tuple[ServerProcess, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the commands that run in this process find the server."""
    server, _ = walked
    monkeypatch.setenv("POINTGUARD_ADDRESS", server.address)
    monkeypatch.setenv("POINTGUARD_DATA_DIR", str(server.data_directory))
    monkeypatch.delenv("POINTGUARD_API_KEY", raising=False)
    monkeypatch.setenv("COLUMNS", "200")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Return the exit code of a command about experiments, and what it wrote to standard output and error."""
    try:
        code = main(["rules", "experiment", *arguments])
    except SystemExit as ended:
        code = int(str(ended.code))
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def read(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """Return what a command that succeeds prints for programs."""
    code, out, err = run(capsys, *arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_every_step_of_the_walk_through_prints_what_it_says(walked: tuple[ServerProcess, list[str]]) -> None:
    assert len(STEPS) == PAGE.count("```sh") == PAGE.count("```printed") == 5
    for (script, said), printed in zip(STEPS, walked[1], strict=True):
        for line in said.splitlines():
            assert line in printed, script


def test_results_are_tables_for_people_and_the_same_figures_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    found = read(capsys, "show", "1")
    assert (found["experiment"]["state"], found["experiment"]["ended_by"]) == ("OVER", "PROMOTED")
    assert sum(arm["members"] for arm in found["arms"]) > 100
    assert found["mismatch"] is False
    first, second = found["arms"]
    spend = second["metrics"][0]
    assert spend["difference"] == pytest.approx(spend["mean"] - first["metrics"][0]["mean"])
    assert spend["difference_low"] < spend["difference"] < spend["difference_high"]
    assert first["metrics"][0]["difference"] is None
    _, told, _ = run(capsys, "show", "1")
    assert f"{second['members']:,}" in told
    assert f"{spend['total']:,}" in told
    assert "the members are divided by the weights" in told


def test_an_experiment_that_has_not_begun_and_one_that_ends_without_members(capsys: pytest.CaptureFixture[str]) -> None:
    made = read(capsys, "create", "empty", "--arm", "x=1", "--arm", "y=2:3", "--metric", "points", *WHO)
    assert [(arm["label"], arm["version"], arm["weight"]) for arm in made["arms"]] == [("x", 1, 1), ("y", 2, 3)]
    number = str(made["experiment_id"])
    assert read(capsys, "show", number)["arms"] == []
    assert read(capsys, "start", number, *WHO)["state"] == "RUNNING"
    _, told, _ = run(capsys, "show", number)
    assert "too few members" in told
    assert "–" in told
    assert "nan" not in told
    code, _, refused = run(capsys, "start", number, *WHO)
    assert (code, "has been started before" in refused) == (1, True)
    assert read(capsys, "end", number, *WHO)["ended_by"] == "ENDED"
    assert [each["experiment_id"] for each in read(capsys, "list", "--count", "1")] == [made["experiment_id"]]


@pytest.mark.parametrize("arm", ["x", "x=", "=1", "x=1:", "x=one", "x=1:two"])
def test_an_arm_that_is_written_wrong_is_told(capsys: pytest.CaptureFixture[str], arm: str) -> None:
    code, _, told = run(capsys, "create", "wrong", "--arm", arm, "--metric", "points", *WHO)
    assert code == (1 if arm == "x=1:" else 2)
    assert arm == "x=1:" or "must be LABEL=VERSION" in told
