"""The command line: what it sends, what it prints, how it exits."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import grpc
import pytest

from pointguard_client.__main__ import main, parse, run
from tests.unit.client.fake_server import API_KEY, FakeServer, PlannedFailure


class Terminal:
    """Runs commands against the stand-in server and keeps what they print."""

    def __init__(self, server: FakeServer, capture: pytest.CaptureFixture[str]) -> None:
        self.server = server
        self._capture = capture

    async def run(self, *arguments: str) -> tuple[int, str, str]:
        connection = ["--address", self.server.address, "--api-key", API_KEY]
        code = await run(parse([*arguments, *connection]))
        printed = self._capture.readouterr()
        return code, printed.out, printed.err

    def printed(self) -> str:
        return self._capture.readouterr().out

    async def json(self, *arguments: str) -> Any:
        code, out, _err = await self.run(*arguments, "--json")
        assert code == 0
        return json.loads(out)


@pytest.fixture
def terminal(server: FakeServer, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(server, capsys)


async def test_the_main_calls_in_a_row(terminal: Terminal) -> None:
    member = ("--loyalty-id", "1001")
    accrual = await terminal.json("accrue", *member, "--line", "category=DAIRY,quantity=2,amount_minor=9990")
    assert (accrual["decision"], accrual["points"]) == ("APPROVED", 999)
    quote = await terminal.json("quote", *member, "--store", "s1")
    assert quote["points_max"] == 999
    reservation = await terminal.json("authorise", *member, "--points", "500", "--time-to-live", "60")
    assert reservation["balance"] == {"posted": 999, "reserved": 500, "pending": 0, "available": 499}
    capture = await terminal.json("capture", reservation["transaction_id"], "--points", "100")
    assert (capture["points"], capture["points_released"]) == (100, 400)
    other = await terminal.json("authorise", *member, "--points", "10")
    assert (await terminal.json("void", other["transaction_id"]))["points_released"] == 10
    assert (await terminal.json("balance", *member))["balance"]["available"] == 899
    assert (await terminal.json("transaction", "t-1"))["accepted_at"] == "2026-03-01T12:00:00.500000+00:00"
    assert (await terminal.json("advice", *member, "--context", "redemption"))["posture"] == "UNSPECIFIED"


async def test_members_are_enrolled_found_linked_and_locked(terminal: Terminal) -> None:
    enrolled = await terminal.json("enroll", "--loyalty-id", "1", "--email", "a@example.com", "--province", "CA-ON")
    assert enrolled["account_id"] == 7
    assert [call.request.identifiers[1].email for call in terminal.server.calls] == ["a@example.com"]  # type: ignore[attr-defined]
    assert (await terminal.json("find", "--account-id", "7"))["identifiers"] == [
        {"kind": "LOYALTY_ID", "value": "1001"}
    ]
    assert (await terminal.json("link", "--loyalty-id", "1", "--new-card", "token-1"))["account_id"] == 7
    assert (await terminal.json("lock", "--loyalty-id", "1"))["locked"] is True
    assert (await terminal.json("lock", "--loyalty-id", "1", "--unlock"))["locked"] is False


async def test_a_card_is_replaced_by_another(terminal: Terminal) -> None:
    replaced = await terminal.json("replace-card", "--card", "token-1", "--new-loyalty-id", "1002", "--store", "s1")
    assert replaced["transaction_id"] == "replacement"
    (call,) = terminal.server.calls_of("ReplaceCard")
    asked: Any = call.request
    assert (asked.card.card, asked.replacement.loyalty_id, asked.origin.store_id) == ("token-1", "1002", "s1")
    with pytest.raises(SystemExit):
        await terminal.run("replace-card", "--card", "token-1")


async def test_members_are_put_into_a_group_taken_out_and_listed(terminal: Terminal) -> None:
    who = ("--author", "analyst 7", "--reason", "policy-abuse", "--session", "console 3", "--key", "k")
    members = ("--loyalty-id", "1", "--account-id", "7")
    for command, rpc in (("add-to-group", "AddToGroup"), ("remove-from-group", "RemoveFromGroup")):
        assert len(await terminal.json("fraud", command, "ring", *members, *who)) == 2
        (call,) = terminal.server.calls_of(rpc)
        asked: Any = call.request
        assert (asked.idempotency_key, asked.group) == ("k", "ring")
        assert {each.WhichOneof("identifier") for each in asked.members} == {"loyalty_id", "account_id"}
        assert (asked.intervention.author, asked.intervention.session_id) == ("analyst 7", "console 3")
        _code, out, _err = await terminal.run("fraud", command, "ring", *members, *who)
        assert out.count("account 7") == 2
        terminal.server.calls.clear()
    _code, out, _err = await terminal.run("fraud", "group", "ring", "--count", "2", "--page", "6")
    assert out.split("\n")[:3] == ["account 7", "account 8", "more: --page 8"]
    (call,) = terminal.server.calls_of("ListGroupMembers")
    asked = call.request
    assert (asked.group, asked.page_size, asked.page_token) == ("ring", 2, "6")
    assert (await terminal.json("fraud", "group", "ring"))["account_ids"] == [7, 8]


async def test_a_declined_redemption_is_shown_and_exits_with_0(terminal: Terminal) -> None:
    code, out, _err = await terminal.run("authorise", "--loyalty-id", "1001", "--points", "5")
    assert code == 0
    assert "DECLINED" in out
    assert "INSUFFICIENT_POINTS" in out


async def test_people_see_advice_and_entries_in_full(terminal: Terminal) -> None:
    for _ in range(11):
        await terminal.run("authorise", "--loyalty-id", "1001", "--points", "1")
    _code, out, _err = await terminal.run("advice", "--loyalty-id", "1001")
    assert "BLOCK REDEMPTION: ADVICE_CHECK_ACCOUNT_BURN_WEEK (11 > 10)" in out
    _code, out, _err = await terminal.run("transaction", "t-1")
    assert "+125 EARN BASE everyday points → 125" in out


async def test_a_refusal_exits_with_1_and_names_its_reason(terminal: Terminal) -> None:
    failure = PlannedFailure(grpc.StatusCode.NOT_FOUND, "no such member")
    terminal.server.fail_next("GetBalance", failure, failure)
    code, out, err = await terminal.run("balance", "--loyalty-id", "x[bold]")
    assert (code, out) == (1, "")
    assert "GetBalance: NOT_FOUND no such member" in err
    code, out, err = await terminal.run("balance", "--loyalty-id", "x", "--json")
    assert (code, err) == (1, "")
    assert json.loads(out)["error"]["code"] == "NOT_FOUND"


async def test_a_failed_change_tells_the_key_to_use_again(terminal: Terminal) -> None:
    terminal.server.fail_next("Accrue", PlannedFailure(grpc.StatusCode.INTERNAL))
    arguments = ("accrue", "--loyalty-id", "1", "--total-minor", "100", "--key", "till-1-42")
    code, _out, err = await terminal.run(*arguments)
    assert code == 1
    assert "till-1-42" in err


async def test_a_number_that_no_message_can_carry_is_an_error_not_a_traceback(terminal: Terminal) -> None:
    code, _out, err = await terminal.run("authorise", "--loyalty-id", "1", "--points", str(2**70))
    assert code == 1
    assert "error" in err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["unknown"],
        ["balance"],
        ["balance", "--loyalty-id", "1", "--card", "2"],
        ["authorise", "--loyalty-id", "1"],
        ["authorise", "--loyalty-id", "1", "--points", "0"],
        ["accrue", "--loyalty-id", "1", "--line", "price=5"],
        ["accrue", "--loyalty-id", "1", "--total-minor", "5", "--occurred-at", "2026-03-01T12:00:00"],
        ["load", "--mix", "accrue=0"],
        ["load", "--duration", "0"],
    ],
)
def test_wrong_use_exits_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(arguments)
    assert caught.value.code == 2


def test_without_an_api_key_it_says_where_one_would_be_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["balance", "--loyalty-id", "1"]) == 1
    assert "sandbox-api-key" in capsys.readouterr().err.replace("\n", "")


async def test_a_batch_is_read_line_by_line_and_every_answer_has_its_key(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "batch.jsonl"
    total = {"currency_code": "CAD", "minor_units": 1250}
    lines = [
        {"accrue": {"idempotency_key": "k-1", "member": {"loyalty_id": "1"}, "total": total}},
        {"authoriseRedemption": {"member": {"loyaltyId": "1"}, "points": "20", "capture": True}},
        {"capture_redemption": {"reservation_id": "unknown"}},
    ]
    file.write_text("\n\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    code, out, _err = await terminal.run("batch", str(file), "--json")
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [answer["kind"] for answer in answers] == ["accrual", "redemption", "error"]
    assert answers[0]["idempotency_key"] == "k-1"
    assert answers[1]["result"]["points"] == 20
    assert answers[2]["result"]["error"]["reason"] == "RESERVATION_NOT_FOUND"
    code, out, _err = await terminal.run("batch", str(file))
    assert code == 1
    assert "k-1" in out


@pytest.mark.parametrize("line", ["{", '{"accrue": {"unknown": 1}}', "{}", "[]"])
async def test_a_batch_line_that_makes_no_sense_is_named_and_nothing_is_sent(
    terminal: Terminal, tmp_path: Path, line: str
) -> None:
    file = tmp_path / "batch.jsonl"
    file.write_text('{"accrue": {}}\n' + line, encoding="utf-8")
    code, _out, err = await terminal.run("batch", str(file))
    assert code == 1
    assert "line 2" in err
    assert terminal.server.calls == []


async def test_a_replay_sums_up_what_happened(terminal: Terminal) -> None:
    summary = await terminal.json("replay", "--limit", "60", "--run-id", "r", "--redeem-every", "2")
    assert (summary["baskets"], summary["run_id"], summary["errors"]) == (60, "r", [])
    assert summary["by_rpc"]["Accrue"]["latency"]["latency_ms_p999"] > 0
    code, out, _err = await terminal.run("replay", "--limit", "60", "--run-id", "r", "--redeem-every", "2")
    assert code == 0
    for part in ("60 baskets", "points issued", "AuthoriseRedemption", "redemptions approved", "p99.9 ms", "run id r"):
        assert part in out


@pytest.mark.parametrize("mode", ["unary", "batch", "stream", "columns"])
async def test_a_load_reports_rate_and_percentiles(terminal: Terminal, mode: str) -> None:
    size = ("--batch-size", "40") if mode in ("batch", "columns") else ()
    summary = await terminal.json("load", "--mode", mode, "--count", "120", "--members", "5", *size)
    assert (summary["settings"]["mode"], summary["requests"], summary["errors"]) == (mode, 120, {})
    assert summary["latency"]["latency_ms_p50"] > 0
    members = ("--members", "3", "--loyalty-prefix", "bench-", "--store", "s1")
    code, out, _err = await terminal.run("load", "--mode", mode, "--count", "120", *members)
    assert code == 0
    assert "120 answers" in out
    assert {"bench-1", "bench-2", "bench-3"} <= set(terminal.server.accounts)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--members", "1000000"], "--members: the sample has 574 members; use --loyalty-prefix for more"),
        (
            ["--mode", "stream", "--mix", "balance=1"],
            "--mix: --mode stream has authorise and accrue alone, not balance",
        ),
        (["--batch-size", "5"], "--batch-size makes no sense with --mode unary"),
        (["--rate", "5", "--think-time", "1"], "--think-time makes no sense with --rate"),
        (["--arrivals", "poisson"], "--arrivals makes no sense without --rate"),
        (["--store", "12"], "--store makes no sense without --loyalty-prefix"),
        (["--processes", "5", "--concurrency", "4"], "--processes must be at most --concurrency, which is 4"),
    ],
)
async def test_options_that_do_not_go_together_are_named(terminal: Terminal, options: list[str], said: str) -> None:
    code, _out, err = await terminal.run("load", "--count", "100", *options)
    assert (code, terminal.server.calls) == (1, [])
    assert said in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--skew", "zipf"], "--skew: must be uniform, zipf:S"),
        (["--count", "many"], "--count: must be a whole number of 1 or more"),
        (["--rate", "0"], "--rate: must be a number above 0"),
        (["--mix", "spend=1"], "--mix: 'spend' is none of"),
        (["--processes", "0"], "--processes: must be a whole number of 1 or more"),
        (["--mode", "multi"], "--mode: invalid choice"),
    ],
)
def test_an_option_that_cannot_be_is_named(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["load", *options])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


async def test_several_processes_are_told_of_as_one(terminal: Terminal) -> None:
    summary = await terminal.json("load", "--processes", "3", "--count", "100", "--mix", "accrue=1")
    assert (summary["requests"], summary["calls"], summary["latency"]["samples"]) == (100, 100, 100)
    assert (len(terminal.server.calls), terminal.server.transactions_written) == (100, 100)
    peers = {call.metadata["x-peer"] for call in terminal.server.calls}
    assert len(peers) == 3


async def test_a_histogram_is_drawn_and_written_for_plotters(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "load.hgrm"
    code, out, _err = await terminal.run("load", "--count", "300", "--histogram-file", str(file))
    assert (code, "Distribution" in out, "█" in out) == (0, True, True)
    lines = file.read_text().splitlines()
    assert lines[0].split() == ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]
    rows = [[float(cell) for cell in line.split()] for line in lines[2:] if not line.startswith("#")]
    for (value, share, count, *inverse), (next_value, next_share, next_count, *_) in pairwise(rows):
        assert value < next_value
        assert share < next_share
        assert count < next_count
        assert share == pytest.approx(count / 300)
        assert inverse == [pytest.approx(1 / (1 - share), rel=0.01)]
    assert rows[-1][1:] == [1.0, 300.0]


async def test_two_runs_are_compared(terminal: Terminal, tmp_path: Path) -> None:
    files = []
    for count in ("50", "100"):
        code, out, _err = await terminal.run("load", "--count", count, "--json")
        assert code == 0
        files.append(tmp_path / f"{count}.json")
        files[-1].write_text(out)
    code = await run(parse(["load", "compare", *map(str, files)]))
    shown = terminal.printed()
    assert code == 0
    assert re.search(r"^requests +50 +100 +2\.00 ×", shown, re.MULTILINE)
    assert re.search(r"^count +50 +100", shown, re.MULTILINE)
    assert await run(parse(["load", "compare", *map(str, files), "--json"])) == 0
    compared = json.loads(terminal.printed())
    assert compared["settings"] == {"count": [50, 100]}
    assert {"name": "requests", "first": 50, "second": 100, "ratio": 2.0} in compared["figures"]


async def test_what_is_no_run_is_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "other.json"
    for content in ("{}", "[]", "nothing"):
        file.write_text(content)
        assert await run(parse(["load", "compare", str(file), str(tmp_path / "missing.json")])) == 1
        assert "other.json is not the --json output of a load" in capsys.readouterr().err.replace("\n", "")


@asynccontextmanager
async def started(server: FakeServer, *command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "pointguard_client", *command, "--json", "--address", server.address, "--api-key", API_KEY),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        # A group of its own: a terminal's Ctrl-C goes to every process of the group.
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(20):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize(
    "command", [["replay", "--rapid-households", "0"], ["load", "--duration", "60", "--processes", "2"]]
)
async def test_ctrl_c_prints_the_summary_of_what_was_done(server: FakeServer, command: list[str]) -> None:
    for rpc in ("Accrue", "AuthoriseRedemption"):
        server.delay_seconds[rpc] = 0.02
    async with started(server, *command) as process:
        await server.until_calls(100)
        os.killpg(process.pid, signal.SIGINT)
        out, err = await process.communicate()
    assert process.returncode == 130, err.decode()
    summary = json.loads(out)
    assert summary["interrupted"] is True
    assert summary["calls"] >= 50
    assert summary["errors"] in ([], {})


async def test_a_second_ctrl_c_cuts_off_what_is_under_way(server: FakeServer) -> None:
    for rpc in ("Accrue", "AuthoriseRedemption"):
        server.delay_seconds[rpc] = 60.0
    async with started(server, "load", "--duration", "60", "--timeout", "60") as process:
        await server.until_calls(32)
        os.killpg(process.pid, signal.SIGINT)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(process.wait(), 0.3)
        os.killpg(process.pid, signal.SIGINT)
        out, err = await process.communicate()
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in err
