"""The client process: drives a server and says what came of it. Started by the benchmarks.

It reads its job from standard input (see ``Job``) and writes one JSON object. Pointguard and the echo are driven by it
alike.
"""

import asyncio
import gc
import json
import random
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

import grpc
import uvloop

from pointguard_client.channel import MESSAGE_BYTES_MAX, Metadata, call_metadata
from pointguard_client.load.exchange import LoadMode
from pointguard_client.load.runner import LoadOptions, LoadRunner
from pointguard_client.load.tally import LoadTally
from pointguard_client.load.templates import LoadOperation, TemplatePool
from tests.bench.processes import machine_seconds, processor_seconds
from tests.bench.program import MEMBERS, SHAPE, load_members

CHANNEL_OPTIONS = (
    # Without it the channels of one process share one connection.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
)


@dataclass(frozen=True, slots=True)
class Job:
    """What to do: load `address` for `warm_up_seconds`, then for `seconds`, of which alone is told.

    `concurrency` calls are in flight, spread over `channels` connections; `keys` is "uuid7" or "random". With a `rate`
    so many requests are due in a second, and `concurrency` only bounds those in flight. `operations` are asked alike
    often, of `members` members.
    """

    address: str
    api_key: str
    server_pid: int
    mode: str
    seconds: float
    warm_up_seconds: float = 1.0
    concurrency: int = 64
    channels: int = 1
    batch_size: int = 500
    keys: str = "uuid7"
    rate: float | None = None
    timeout_seconds: float = 20.0
    operations: tuple[str, ...] = ("authorise", "accrue")
    members: int = MEMBERS


def random_key() -> int:
    """Return a UUIDv4 as an integer."""
    return random.getrandbits(128) & ~(0xF << 76 | 0x3 << 62) | 4 << 76 | 2 << 62


async def drive(job: Job) -> dict[str, Any]:
    """Do a job and return what came of it."""
    metadata = call_metadata(job.api_key)
    members = load_members(job.members)
    weights = {LoadOperation(operation): 1 for operation in job.operations}
    channels = [grpc.aio.insecure_channel(job.address, options=CHANNEL_OPTIONS) for _ in range(job.channels)]
    try:
        pools = [TemplatePool(members, SHAPE, weights, seed=1 + number) for number in range(job.channels)]
        _fill(pools, len(members) * len(weights))
        await _load(job, channels, metadata, pools, job.warm_up_seconds)
        server_before, machine_before, started = (
            processor_seconds(job.server_pid),
            machine_seconds(),
            time.perf_counter(),
        )
        summary = await _load(job, channels, metadata, pools, job.seconds)
        server_cpu = processor_seconds(job.server_pid) - server_before
        others_cpu = machine_seconds() - machine_before - server_cpu - summary["client_cpu_seconds"]
        wall = time.perf_counter() - started
        return summary | {
            "wall_seconds": wall,
            "server_cpu_seconds": server_cpu,
            "others_cpu_seconds": max(others_cpu, 0.0),
        }
    finally:
        for channel in channels:
            await channel.close()


def _fill(pools: list[TemplatePool], templates: int) -> None:
    """Have nearly every request serialized before the clock starts: choosing makes what was never chosen before."""
    for pool in pools:
        for _ in range(templates * 8):
            pool.choose_template()
    # A collection that walks them all would hold up every call for 20 ms.
    gc.collect()
    gc.freeze()


async def _load(
    job: Job, channels: list[grpc.aio.Channel], metadata: Metadata, pools: list[TemplatePool], seconds: float
) -> dict[str, Any]:
    options = LoadOptions(
        mode=LoadMode(job.mode),
        concurrency=max(job.concurrency // job.channels, 1),
        batch_size=job.batch_size,
        duration_seconds=seconds,
        timeout_seconds=job.timeout_seconds,
        rate=job.rate / job.channels if job.rate else None,
    )
    next_key = random_key if job.keys == "random" else None
    runners = [
        LoadRunner(channel, metadata, pool, options, next_key) for channel, pool in zip(channels, pools, strict=True)
    ]
    cpu_started = time.process_time()
    whole = LoadTally()
    for tally in await asyncio.gather(*(runner.run() for runner in runners)):
        whole.add(tally)
    # Each runner took the time of the whole process.
    return asdict(whole.summary()) | {"client_cpu_seconds": time.process_time() - cpu_started}


if __name__ == "__main__":
    print(json.dumps(uvloop.run(drive(Job(**json.load(sys.stdin))))))
