"""The conformance kit against our own server: all of it passes, and the command tells what it found."""

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pointguard_client.__main__ import parse
from pointguard_client.commands.conformance import conform
from pointguard_client.conformance.performance import Verdict
from pointguard_client.conformance.report import text_lines
from pointguard_client.conformance.run import PROGRAM, load_parts, play
from pointguard_client.conformance.target import UnfitTarget
from pointguard_client.conformance.wire import Endpoint
from tests.support.certificates import make_certificate
from tests.support.conformance import KitServer
from tests.support.server import ServerProcess

A_FEW = ("redemption/spend", "wire/answer-lost", "agents/credit")


@pytest.fixture(scope="module")
def kit_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KitServer]:
    server = KitServer(tmp_path_factory.mktemp("kit"))
    try:
        server.process.start()
        yield server
    finally:
        server.process.clean_up()


async def test_every_scenario_passes_through_power_cuts_too(kit_server: KitServer) -> None:
    report = await play(load_parts(), kit_server.endpoint, restart=kit_server.restart)
    assert not report.count(Verdict.FAILED), "\n".join(text_lines(report))
    assert not report.count(Verdict.SKIPPED), "\n".join(text_lines(report))
    assert report.count(Verdict.PASSED) >= 150


async def run(server: KitServer, *options: str, only: tuple[str, ...] = A_FEW) -> int:
    chosen = [word for text in only for word in ("--only", text)]
    target = ["--target", server.process.address, "--api-key", server.api_key]
    return await conform(parse(["conformance", *target, *chosen, *options]))


async def test_the_report_ends_with_how_many_passed(
    kit_server: KitServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert await run(kit_server, "--junit", str(tmp_path / "report.xml"), "--verbose") == 0
    printed = capsys.readouterr().out.splitlines()
    assert "passed  wire/answer-lost: The answer is lost after the commit" in printed
    assert printed[-1] == "6 passed, 0 failed"
    report = ET.parse(tmp_path / "report.xml").getroot()  # noqa: S314, our own
    assert (report.get("tests"), report.get("failures"), report.get("skipped")) == ("6", "0", "0")
    assert [suite.get("name") for suite in report] == ["agents", "redemption", "wire"]


async def test_json_tells_each_scenario(kit_server: KitServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(kit_server, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["passed"], report["failed"], report["skipped"]) == (6, 0, 0)
    assert {each["verdict"] for each in report["scenarios"]} == {"passed"}


async def test_a_mismatch_is_told_with_its_line_and_what_came(
    kit_server: KitServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    wrong = tmp_path / "own" / "wrong.md"
    wrong.parent.mkdir()
    wrong.write_text(
        "# A purchase earns too much\n\nAnd so this fails.\n\n| member |\n| --- |\n| anna |\n\n"
        "| who | does | answer | points | posted |\n| --- | --- | --- | --- | --- |\n"
        "| anna | buys for 9.99 | APPROVED | 9 | 9 |\n| anna | buys for 9.99 | APPROVED | 10 | 19 |\n"
    )
    report = tmp_path / "report.xml"
    assert await run(kit_server, "--scenarios", str(tmp_path), "--junit", str(report), only=()) == 1
    printed = capsys.readouterr().out
    assert "FAILED own/wrong: A purchase earns too much\n  line 12: anna buys for 9.99\n" in printed
    assert "points: expected 10, found 9\n    posted: expected 19, found 18\n" in printed
    assert printed.endswith("0 passed, 1 failed\n")
    failure = ET.parse(report).getroot().find("testsuite/testcase/failure")  # noqa: S314, our own
    assert failure is not None
    assert "expected 10, found 9" in (failure.text or "")


async def test_power_cuts_are_skipped_and_said_where_nobody_says_how(
    kit_server: KitServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(kit_server, only=("power-cuts/keys", "streams/in-order")) == 0
    printed = capsys.readouterr().out
    assert "1 skipped: it kills the target, and no --restart says how" in printed
    assert printed.endswith("1 passed, 0 failed\n")


async def test_a_key_that_nobody_knows_is_said_so(kit_server: KitServer) -> None:
    with pytest.raises(UnfitTarget, match="does not know the API key"):
        await play(load_parts(only=A_FEW), Endpoint.of(kit_server.process.address, "pgk_nobody"))


async def test_a_target_that_serves_another_program_is_told_which_one_it_should(
    shared_server: ServerProcess, tmp_path: Path
) -> None:
    sandbox = Endpoint.of(shared_server.address, shared_server.api_key)
    with pytest.raises(UnfitTarget, match=r"refuses origin\.store_id: it does not serve the kit's program"):
        await play(load_parts(only=A_FEW), sandbox)
    assert await conform(parse(["conformance", "--write-program", str(tmp_path / "kit")])) == 0
    assert {path.name for path in (tmp_path / "kit").iterdir()} == {path.name for path in PROGRAM.iterdir()}


@pytest.mark.long
async def test_the_wire_fails_alike_under_tls(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    server = KitServer(tmp_path, "--tls-certificate", str(certificate), "--tls-key", str(key))
    try:
        server.process.start()
        secured = Endpoint.of(server.process.address, server.api_key, roots=certificate.read_bytes())
        report = await play(load_parts(only=("wire/answer", "wire/request-lost", "wire/a-late")), secured)
        assert (report.count(Verdict.PASSED), report.count(Verdict.FAILED)) == (5, 0), "\n".join(text_lines(report))
        plain = Endpoint.of(server.process.address, server.api_key)
        with pytest.raises(UnfitTarget, match="cannot be reached"):
            await play(load_parts(only=A_FEW), plain, timeout_seconds=0.5)
    finally:
        server.process.clean_up()


async def test_nobody_at_the_target_is_said_so() -> None:
    with pytest.raises(UnfitTarget, match="cannot be reached"):
        await play(load_parts(only=A_FEW), Endpoint.of("127.0.0.1:1", "pgk_nobody"), timeout_seconds=0.3)
