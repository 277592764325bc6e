"""A disk that fails: nothing is acknowledged that is not there, and what could not be flushed is not flushed again."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.workload import Workload
from tests.support.server import ROOT, server_environment
from tests.support.tools import tool
from tests.torture import doomed_server
from tests.torture.checker import Checker, read_ledger
from tests.torture.doomed_server import DOOM_FILE
from tests.torture.faults import failing, read_calls
from tests.torture.history import read_history
from tests.torture.stage import TERMS, new_server


def test_whichever_write_or_flush_fails_what_was_told_is_there_and_the_ledger_goes_on_or_ends() -> None:
    tool("strace", "strace")
    ended = subprocess.run(
        [sys.executable, "-m", "tests.torture.faults", "--every-write", "150", "--every-flush", "40"],
        env=server_environment(), capture_output=True, text=True, timeout=100, cwd=ROOT, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    tried = re.match(r"(\d+) faults of the disk", ended.stdout)
    assert tried is not None
    assert int(tried.group(1)) >= 10


@pytest.mark.long
@pytest.mark.parametrize("file", ["ledger.sqlite3-wal", "journal/1"], ids=["database", "journal"])
async def test_a_server_whose_flush_fails_says_unavailable_and_ends_and_the_next_one_has_all_that_was_answered(
    tmp_path: Path, file: str
) -> None:
    server = new_server(tmp_path, module=doomed_server.__name__, environment={DOOM_FILE: str(tmp_path / "doom")})
    workload = Workload(5, tmp_path / "history")
    log = tmp_path / "calls"

    async def work_until_it_ends() -> None:
        load = asyncio.create_task(workload.run(server, tills=4, gateways=1))
        assert await asyncio.to_thread(server.wait) == 1, "its supervisor must start another one"
        await load

    try:
        await asyncio.to_thread(server.start)
        await workload.enroll(server)
        trace = failing(server.process_id, log, "fdatasync:error=EIO:when=3", "-P", str(server.data_directory / file))
        await asyncio.to_thread(trace.__enter__)
        await work_until_it_ends()
        await asyncio.to_thread(trace.__exit__, None, None, None)
        failed, flushed_again = read_calls(log)
        assert failed == (f"fdatasync {Path(file).name}",)
        assert flushed_again == ()
        assert any(sent.uncertain for sent in workload.history.values())
        await asyncio.to_thread(server.start)
        await workload.find_out(server)
        await workload.replay_everything(server)
    finally:
        server.clean_up()
    rows = await asyncio.to_thread(read_ledger, server.database)
    assert Checker(read_history(tmp_path / "history"), rows, TERMS).check() == []
