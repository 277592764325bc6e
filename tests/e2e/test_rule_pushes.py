"""Pushing rule sets from files: the page's steps as they stand, twice, at once, after a rollback, with mistakes."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pointguard_client import RuleChange, RuleChangeReason, SyncPointguardClient
from pointguard_rules.__main__ import main
from tests.support.rule_files import STEPS, walk
from tests.support.server import ServerProcess

pytestmark = pytest.mark.long

WHO = ("--author", "ci", "--reason", "trial")


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, Path, list[list[str]]]]:
    """A sandbox on which the page's steps were done, their folder, and what each should have printed and has not."""
    folder = tmp_path_factory.mktemp("pushes")
    server = ServerProcess(folder / "data")
    try:
        server.start()
        yield server, folder, [walk(step, folder, settings(server)) for step in STEPS]
    finally:
        server.clean_up()


def settings(server: ServerProcess) -> dict[str, str]:
    return {"POINTGUARD_ADDRESS": server.address, "POINTGUARD_DATA_DIR": str(server.data_directory)}


class Pipeline:
    """Runs the command in this process."""

    def __init__(self, server: ServerProcess, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._server, self._folder, self._capsys = server, folder, capsys
        self.client = SyncPointguardClient.connect(server.address, api_key=server.api_key)

    def write(self, name: str, text: str) -> Path:
        path = self._folder / name
        path.write_text(text)
        return path

    def push(self, path: Path, *options: str) -> tuple[int, str, str]:
        """Return the exit code, and what was printed to standard output and error."""
        code = main(["push", str(path), *WHO, *options])
        printed = self._capsys.readouterr()
        return code, printed.out, printed.err

    def pushed(self, path: Path, *options: str) -> Any:
        code, out, err = self.push(path, "--json", *options)
        assert code == 0, err
        return json.loads(out)


@pytest.fixture
def pipeline(
    walked: tuple[ServerProcess, Path, list[list[str]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Pipeline]:
    server = walked[0]
    for name, value in settings(server).items():
        monkeypatch.setenv(name, value)
    made = Pipeline(server, tmp_path, capsys)
    with made.client:
        yield made


def test_every_step_prints_what_the_page_says(walked: tuple[ServerProcess, Path, list[list[str]]]) -> None:
    assert walked[2] == [[] for _ in STEPS]


def test_a_changed_set_is_a_change_and_layout_of_its_file_is_none(pipeline: Pipeline) -> None:
    rules = pipeline.write(
        "sets.rules", 'set few from "few.txt"\n\nrule "few"\n    when store.id in few\n    earn base 1\n'
    )
    pipeline.write("few.txt", "12\n13\n")
    first = pipeline.pushed(rules)
    assert (first["is_new"], first["activation"]) == (True, None)
    pipeline.write("few.txt", "# the few\n12\n\n13\n12\n")
    assert pipeline.pushed(rules) == first | {"is_new": False}
    pipeline.write("few.txt", "12\n14\n")
    assert pipeline.pushed(rules)["version"] == first["version"] + 1


def test_two_pipelines_that_push_the_same_at_once_make_one_version(pipeline: Pipeline) -> None:
    rules = pipeline.write("two.rules", 'rule "two"\n    earn base 2\n')
    before = pipeline.client.rules.list_versions(page_size=1).versions[0].version
    with ThreadPoolExecutor(2) as pool:
        codes = list(pool.map(lambda note: main(["push", str(rules), *WHO, "--note", note, "--activate"]), ("a", "b")))
    assert codes == [0, 0]
    listed = pipeline.client.rules.list_versions(page_size=2)
    assert [version.version for version in listed.versions] == [before + 1, before]
    assert listed.active_version == before + 1
    newest, other = pipeline.client.rules.list_activations(page_size=2).activations
    assert (newest.version, other.version == before + 1) == (before + 1, False)


def test_a_push_after_a_rollback_activates_again(pipeline: Pipeline) -> None:
    rules = pipeline.write("back.rules", 'rule "back"\n    earn base 3\n')
    version = pipeline.pushed(rules, "--activate")["version"]
    pipeline.client.rules.roll_back(
        1, RuleChange("staff 1", RuleChangeReason.INCIDENT), expected_active_version=version
    )
    again = pipeline.pushed(rules, "--activate")
    assert (again["version"], again["is_new"], again["activation"]["version"]) == (version, False, version)
    assert pipeline.client.rules.list_versions(page_size=1).active_version == version


def test_a_push_for_a_moment_plans_once(pipeline: Pipeline) -> None:
    rules = pipeline.write("later.rules", 'rule "later"\n    earn base 4\n')
    options = ("--activate", "--at", "2027-01-01T00:00:00-05:00")
    planned = pipeline.pushed(rules, *options)["activation"]
    assert planned["effective_at"] == "2027-01-01T05:00:00+00:00"
    assert pipeline.pushed(rules, *options)["activation"] is None


def test_what_is_wrong_here_never_reaches_the_server(pipeline: Pipeline) -> None:
    before = pipeline.client.rules.list_versions(page_size=1).versions
    rules = pipeline.write("wrong.rules", 'rule "wrong"\n    earn base order.totl\n')
    code, _, told = pipeline.push(rules)
    assert code == 1
    assert re.search(r"wrong\.rules:2:15: unknown field", told)
    right = pipeline.write("right.rules", 'rule "right"\n    earn base 5\n')
    pipeline.write("right.cases.yaml", "cases:\n- {name: a, awards: {right: 6}}\n")
    assert pipeline.push(right)[0] == 1
    assert pipeline.client.rules.list_versions(page_size=1).versions == before


def test_what_the_server_cannot_do_is_told_with_its_place(pipeline: Pipeline) -> None:
    rules = pipeline.write("more.rules", 'rule "more"\n    when order.points > 5\n    earn base 1\n')
    code, _, told = pipeline.push(rules)
    assert code == 1
    assert re.search(r"more\.rules:2:10: `order\.points` is for the conditions of fraud rules", told)


def test_a_refusal_and_wrong_use_have_codes_of_their_own(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rules = pipeline.write("one.rules", 'rule "one"\n    earn base 1\n')
    assert pipeline.push(rules, "--at", "2027-01-01T00:00:00Z")[0] == 2
    monkeypatch.setenv("POINTGUARD_API_KEY", "pg_none")
    assert pipeline.push(rules)[0] == 3
    pipeline.write("other.rules", 'rule "other"\n    earn base 1\n')
    code, _, told = pipeline.push(tmp_path)
    assert code == 2
    assert "a program has one rule set, so name one of" in told
