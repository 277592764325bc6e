"""``unary``: durable decisions one by one over gRPC, beside an echo of the same messages.

AuthoriseRedemption and Accrue half each, with an API key, earn rules, and every fraud rule and control of the
program.
"""

import asyncio
from pathlib import Path
from typing import Any

import grpc

from pointguard_client.channel import call_metadata
from pointguard_client.idempotency import new_idempotency_key
from pointguard_client.load.exchange import RawCall
from pointguard_client.load.templates import LoadOperation, make_template
from tests.bench.processes import ServerProcess
from tests.bench.program import SHAPE, load_members
from tests.bench.results import Result, Round, summarize
from tests.bench.stage import Stage

GOAL = "ratio ≥ 0.70"
PROCESSOR_UNIT = "µs of processor a decision"
CONCURRENCY = 64
CHANNELS = 1
SERVICE = "/pointguard.v1.TransactionService/"
METHODS = {LoadOperation.AUTHORISE: "AuthoriseRedemption", LoadOperation.ACCRUE: "Accrue"}


def run(stage: Stage) -> list[Result]:
    """Measure both sides in turn."""
    directory, api_key = stage.copy_ledger("unary")
    rounds: list[Round] = []
    ours: list[dict[str, Any]] = []
    theirs: list[dict[str, Any]] = []
    job = {"mode": "unary", "concurrency": CONCURRENCY, "channels": CHANNELS}
    with stage.pointguard(directory) as pointguard:
        answers = stage.folder / "answers"
        keep_answers(asyncio.run(ask_once(pointguard.address, api_key)), answers)
        with echo(stage, answers) as baseline:
            for number in range(stage.rounds):
                stage.say(f"unary: round {number + 1} of {stage.rounds}")
                ours.append(stage.load(pointguard, api_key, **job))
                theirs.append(stage.load(baseline, api_key, **job))
                rounds.append(Round(ours[-1]["requests_per_second"], theirs[-1]["requests_per_second"]))
    settings = stage.settings(
        concurrency=CONCURRENCY,
        channels=CHANNELS,
        loop="closed; one client process in Python, the same for both sides",
        pointguard_runs=[facts_of(summary) for summary in ours],
        baseline_runs=[facts_of(summary) for summary in theirs],
    )
    costs = [Round(server_us(mine), server_us(echoed)) for mine, echoed in zip(ours, theirs, strict=True)]
    return [
        summarize("unary", "decisions/s", GOAL, rounds, settings),
        summarize("unary-processor", PROCESSOR_UNIT, "", costs, settings),
    ]


def server_us(summary: dict[str, Any]) -> float:
    """Return the server's processor time for a request, in microseconds: it tells on a busy machine too."""
    return float(summary["server_cpu_seconds"] / summary["requests"] * 1e6)


def echo(stage: Stage, answers: Path) -> ServerProcess:
    """Return the echo server, to be used in a ``with``."""
    return ServerProcess("tests.bench.echo_server", [str(answers)], stage.folder / "echo.log")


async def ask_once(address: str, api_key: str) -> dict[str, bytes]:
    """Ask pointguard for one decision of each kind; return the serialized answers by operation."""
    member = load_members(1)[0]
    answers = {}
    async with grpc.aio.insecure_channel(address) as channel:
        for operation, method in METHODS.items():
            request = make_template(member, operation, SHAPE).request(new_idempotency_key().encode())
            call: RawCall = channel.unary_unary(SERVICE + method)
            answers[operation.value] = await call(request, metadata=call_metadata(api_key), timeout=10)
    return answers


def keep_answers(answers: dict[str, bytes], folder: Path) -> None:
    """Write the answers that the echo repeats."""
    folder.mkdir(exist_ok=True)
    for name, answer in answers.items():
        (folder / f"{name}.bin").write_bytes(answer)


def facts_of(summary: dict[str, Any]) -> dict[str, float]:
    """Return what of a client's summary goes into a result: who was busy, and how long calls took."""
    requests, wall, latency = summary["requests"], summary["wall_seconds"], summary["latency"]
    return {
        "requests_per_second": round(summary["requests_per_second"], 1),
        **{f"latency_ms_{name}": round(latency[f"latency_ms_{name}"], 3) for name in ("p50", "p99", "p999")},
        # Of an open loop: where the client itself was late, its latencies say little.
        "sent_late_ms_p99": round(summary["sent_late"]["latency_ms_p99"], 3),
        "held_back": summary["held_back"],
        "server_cpu_us_a_request": round(server_us(summary), 1),
        "client_cpu_us_a_request": round(summary["client_cpu_seconds"] / requests * 1e6, 1),
        "server_cores_busy": round(summary["server_cpu_seconds"] / wall, 2),
        "client_cores_busy": round(summary["client_cpu_seconds"] / wall, 2),
        # What had nothing to do with the benchmark: much of it, and the round says little.
        "others_cores_busy": round(summary["others_cpu_seconds"] / wall, 2),
    }
