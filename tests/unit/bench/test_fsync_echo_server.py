"""The echo that flushes: the baseline of ``latency`` must pay for what it is compared for."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.bench.fsync_echo_server import FlushedFile


async def test_what_was_appended_is_in_the_file_before_the_caller_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "requests.bin"
    with FlushedFile(path) as file:
        for number in range(3):
            await file.append(b"%d\n" % number)
            assert path.read_bytes().endswith(b"%d\n" % number)


async def test_requests_that_come_together_are_flushed_together_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushes: list[int] = []
    monkeypatch.setattr(os, "fsync", flushes.append)
    path = tmp_path / "requests.bin"
    file = FlushedFile(path)
    together = [asyncio.create_task(file.append(b"%03d" % number)) for number in range(100)]
    await asyncio.sleep(0)
    with file:
        await asyncio.gather(*together)
        assert len(flushes) == 1
    assert path.read_bytes() == b"".join(b"%03d" % number for number in range(100))


async def test_who_gave_up_does_not_keep_the_others_waiting(tmp_path: Path) -> None:
    with FlushedFile(tmp_path / "requests.bin") as file:
        impatient = asyncio.create_task(file.append(b"a"))
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.wait_for(file.append(b"b"), 10)
