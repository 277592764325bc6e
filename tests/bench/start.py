"""``start``: seconds until a server with warm caches answers its health check, and what memory it then holds.

Beside it a process that imports what the server is made of, and does nothing with it.
"""

import asyncio
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.bench.processes import ROOT, resident_mib
from tests.bench.results import Result, Round, summarize
from tests.bench.stage import Stage

TIME_GOAL = "≤ 5 s"
MEMORY_GOAL = "≤ 300 MiB"
# It tells when it is done and stays, so that its memory can be read.
IMPORTS = "import grpc, numba, sqlalchemy; print('done', flush=True); input()"


def run(stage: Stage) -> list[Result]:
    """Measure both sides in turn: the sandbox on a data directory that was served before."""
    directory = stage.folder / "sandbox"
    stage.say("start: filling the caches")
    with stage.pointguard(directory, sandbox=True):
        pass
    times, sizes, first_starts = [], [], []
    for number in range(stage.rounds):
        stage.say(f"start: round {number + 1} of {stage.rounds}")
        seconds, mib = start_once(stage, directory)
        imports_seconds, imports_mib = import_once()
        times.append(Round(seconds, imports_seconds))
        sizes.append(Round(mib, imports_mib))
        fresh = stage.folder / "sandbox-fresh"
        first_starts.append(round(start_once(stage, fresh)[0], 3))
        shutil.rmtree(fresh)
    settings = stage.facts | {
        "healthy": "the process was spawned → grpc.health.v1 says SERVING, compiled rules and kernels cached",
        "baseline": "a process that imports grpc, numba and sqlalchemy",
        "seconds_on_an_empty_data_directory": first_starts,
    }
    return [
        summarize("start", "s", TIME_GOAL, times, settings),
        summarize("start-memory", "MiB", MEMORY_GOAL, sizes, settings),
    ]


def start_once(stage: Stage, directory: Path) -> tuple[float, float]:
    """Start a server; return the seconds until it was healthy and the MiB that it held then."""
    with stage.pointguard(directory, sandbox=True) as server:
        asyncio.run(wait_until_serving(server.address))
        return time.perf_counter() - server.started, server.resident_mib()


async def wait_until_serving(address: str) -> None:
    """Return once the server's health check says that it serves."""
    async with grpc.aio.insecure_channel(address) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        while True:
            answer = await health.Check(health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=10)
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                return
            await asyncio.sleep(0.005)


def import_once() -> tuple[float, float]:
    """Run the bare imports; return the seconds that they took and the MiB that they hold."""
    started = time.perf_counter()
    command = [sys.executable, "-c", IMPORTS]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        seconds = time.perf_counter() - started
        mib = resident_mib(process.pid)
        process.communicate("\n", timeout=10)
    return seconds, mib
