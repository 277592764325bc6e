"""A disk that fills up: nothing is acknowledged that is not durable, and the server recovers when there is room again.

A limit on the size of the server's files plays the disk everywhere; where the test may mount one, a small tmpfs is
filled as well.
"""

import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pointguard.v1 import common_pb2, transaction_pb2
from tests.e2e.audit import audit
from tests.e2e.raw_calls import RPCS, Answer, RawCalls
from tests.support.server import ServerProcess, StartServer

DISK_BYTES = 64 * 1024 * 1024
BATCH = 200
Room = Callable[[ServerProcess], Any]


@contextmanager
def limited_files(_directory: Path) -> Iterator[tuple[Room, Room]]:
    """Yield what fills the disk and what makes room: a limit on the size of the server's files, and none."""

    def fill(server: ServerProcess) -> None:
        largest = max(path.stat().st_size for path in server.data_directory.iterdir())
        _soft, hard = resource.prlimit(server.process_id, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process_id, resource.RLIMIT_FSIZE, (largest + 200_000, hard))

    def free(server: ServerProcess) -> None:
        _soft, hard = resource.prlimit(server.process_id, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process_id, resource.RLIMIT_FSIZE, (hard, hard))

    yield fill, free


@contextmanager
def small_disk(directory: Path) -> Iterator[tuple[Room, Room]]:
    """Mount a small disk at the directory; yield what fills it and what makes room."""
    ballast = directory / "ballast"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(directory)], check=False, capture_output=True
    )
    if mounted.returncode:
        # The limit on files, which needs no rights, is the other half of this test and always runs.
        pytest.skip("this account may not mount a disk; the limit on the size of files is tested instead")

    def fill(_server: ServerProcess) -> None:
        with ballast.open("wb", buffering=0) as file:
            while _wrote(file):
                pass

    def _wrote(file: Any) -> bool:
        try:
            file.write(bytes(65_536))
        except OSError:
            return False
        return True

    def free(_server: ServerProcess) -> None:
        ballast.unlink()

    try:
        yield fill, free
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


@pytest.mark.parametrize("disk", [limited_files, pytest.param(small_disk, marks=pytest.mark.long)])
def test_a_full_disk_loses_nothing_that_was_answered_and_is_recovered_from(
    start_server: StartServer, tmp_path: Path, disk: Callable[[Path], Any]
) -> None:
    directory = tmp_path / "disk"
    directory.mkdir()
    with disk(directory) as (fill, free):
        server = start_server(data_directory=directory / "data")
        with RawCalls(server) as raw:
            requests, answers = [RPCS["Accrue"].request()], [Answer("")]
            answers[0] = raw.call("Accrue", requests[0])
            fill(server)
            refused, batches = write_until_refused(raw)
            # Where a batch found no room, a few single calls may.
            singles = write_singles_until_refused(raw)
            for _ in range(3):
                assert_unavailable(raw.call("Accrue", RPCS["Accrue"].request()))
            assert server.running
            assert raw.call("GetBalance", RPCS["GetBalance"].request()).code == "OK", "reads need no room"
            free(server)
            found = raw.call("ProcessBatch", refused)
            assert found.code == "OK", "the same keys find out what happened, and do what was not done"
            assert raw.call("ProcessBatch", refused) == found
            for batch, answer in batches:
                assert raw.call("ProcessBatch", batch) == answer
            for request, answer in singles:
                assert raw.call("Accrue", request) == answer
            assert raw.call("Accrue", requests[0]) == answers[0]
            posted = raw.call("GetBalance", RPCS["GetBalance"].request()).message
        accounts = audit(server.database).accounts
        assert accounts[posted.account_id].posted == posted.balance.posted
        written = BATCH * (len(batches) + 1) + len(singles)
        assert accounts[posted.account_id].seq == posted.seq == 2 + written
        assert server.stop() == 0
        server.start()
        with RawCalls(server) as raw:
            assert raw.call("ProcessBatch", refused) == found
            assert raw.call("GetBalance", RPCS["GetBalance"].request()).message == posted
        assert server.stop() == 0


def write_until_refused(
    raw: RawCalls,
) -> tuple[transaction_pb2.ProcessBatchRequest, list[tuple[transaction_pb2.ProcessBatchRequest, Answer]]]:
    """Accrue until the disk is full; return the batch that found it so, and those before with their answers."""
    batches: list[tuple[transaction_pb2.ProcessBatchRequest, Answer]] = []
    while True:
        reference = "r" * 64
        batch = transaction_pb2.ProcessBatchRequest(
            items=[
                transaction_pb2.BatchItem(
                    accrue=RPCS["Accrue"].request(order_reference=reference, kind=common_pb2.TRANSACTION_KIND_ACTIVITY)
                )
                for _ in range(BATCH)
            ]
        )
        answer = raw.call("ProcessBatch", batch)
        if answer.code != "OK":
            assert_unavailable(answer)
            return batch, batches
        assert {result.WhichOneof("outcome") for result in answer.message.results} == {"accrue"}
        batches.append((batch, answer))
        assert len(batches) < 200, "the disk does not fill up"


def write_singles_until_refused(raw: RawCalls) -> list[tuple[transaction_pb2.AccrueRequest, Answer]]:
    """Accrue one by one until the disk is full; return what was taken, with the answers."""
    singles: list[tuple[transaction_pb2.AccrueRequest, Answer]] = []
    while True:
        request = RPCS["Accrue"].request()
        answer = raw.call("Accrue", request)
        if answer.code != "OK":
            assert_unavailable(answer)
            return singles
        singles.append((request, answer))
        assert len(singles) < 1_000, "the disk does not fill up"


def assert_unavailable(answer: Answer) -> None:
    assert (answer.code, answer.reason) == ("UNAVAILABLE", "STORAGE_UNAVAILABLE")
    assert "disk" not in answer.text
