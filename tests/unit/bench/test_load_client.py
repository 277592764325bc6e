"""The client that drives both sides, here against the echo in the same process."""

import os
import re
from pathlib import Path
from typing import Any

import grpc
import pytest

from pointguard.v1 import common_pb2, transaction_pb2
from pointguard_client.idempotency import uuid_text
from tests.bench.echo_server import handlers
from tests.bench.load_client import Job, drive, random_key


def test_random_keys_are_version_4_uuids_and_differ() -> None:
    keys = {uuid_text(random_key()) for _ in range(1_000)}
    assert len(keys) == 1_000
    assert all(
        re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", key) for key in keys
    )


async def drive_echo(folder: Path, **options: Any) -> dict[str, Any]:
    """Drive an echo in this process and return what came of it."""
    approved = common_pb2.DECISION_APPROVED
    answers = {
        "authorise": transaction_pb2.AuthoriseRedemptionResponse(decision=approved),
        "accrue": transaction_pb2.AccrueResponse(decision=approved),
    }
    for name, answer in answers.items():
        (folder / f"{name}.bin").write_bytes(answer.SerializeToString())
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((handlers(folder),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    job = Job(
        address=f"127.0.0.1:{port}",
        api_key="none",
        server_pid=os.getpid(),
        mode="unary",
        warm_up_seconds=0.05,
        concurrency=4,
        **({"seconds": 0.3} | options),
    )
    try:
        return await drive(job)
    finally:
        await server.stop(None)


@pytest.mark.parametrize("channels", [1, 2])
async def test_the_client_counts_what_the_echo_answers(tmp_path: Path, channels: int) -> None:
    summary = await drive_echo(tmp_path, channels=channels)
    assert summary["errors"] == {}
    assert summary["outcomes"].keys() == {"authorise approved", "accrue approved"}
    assert sum(summary["outcomes"].values()) == summary["requests"] == summary["calls"]
    assert summary["requests_per_second"] == pytest.approx(summary["requests"] / summary["elapsed_seconds"])


@pytest.mark.parametrize("channels", [1, 2])
async def test_an_open_loop_sends_at_its_rate_whatever_the_number_of_channels(tmp_path: Path, channels: int) -> None:
    summary = await drive_echo(tmp_path, channels=channels, rate=200.0, seconds=0.5)
    assert summary["requests"] == pytest.approx(100, abs=4)
