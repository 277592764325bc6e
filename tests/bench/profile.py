"""``profile-unary``, ``-advice`` and ``-batch``: where the engine's threads spend their processor time under load.

The process of the front is not looked into.
"""

import json
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench import batch, unary
from tests.bench.processes import ProcessFailed, ServerProcess, finish_worker, start_worker
from tests.bench.stage import WORKER_MARGIN_S, Stage

FUNCTIONS = 30
WARM_UP_S = 3.0
WRITING_TIMEOUT_S = 10.0
_UNARY = {"mode": "unary", "concurrency": unary.CONCURRENCY, "channels": unary.CHANNELS}
JOBS: dict[str, dict[str, Any]] = {
    "profile-unary": _UNARY,
    "profile-advice": _UNARY | {"operations": ("advice",)},
    "profile-batch": {"mode": "batch", "batch_size": batch.TRIALS[0][0], "concurrency": batch.TRIALS[0][1]},
}


def run(name: str, stage: Stage, console: Console) -> None:
    """Load a profiled server and print the functions that cost the most, by thread."""
    directory, api_key = stage.copy_ledger(name)
    signs = stage.folder / f"{name}-signs"
    signs.mkdir()
    arguments = [str(signs), *stage.server_arguments(directory)]
    stage.say(f"{name}: {stage.seconds:.0f} s")
    with ServerProcess("tests.bench.profiled_server", arguments, stage.folder / "profiled.log") as server:
        job = JOBS[name] | {"address": server.address, "api_key": api_key, "server_pid": server.pid}
        # The client goes on a little longer than the profiler looks.
        client = start_worker("tests.bench.load_client", job | {"seconds": stage.seconds + WARM_UP_S})
        try:
            time.sleep(WARM_UP_S)
            (signs / "begin").touch()
            time.sleep(stage.seconds)
            (signs / "end").touch()
        finally:
            summary = finish_worker(client, stage.seconds + WORKER_MARGIN_S)
        document = read_profile(signs / "profile.json")
    rate = summary["requests_per_second"]
    console.print(f"[bold]{name}[/]: {rate:,.0f} decisions a second while profiled, which costs a good part of them")
    show(document, console)


def read_profile(path: Path) -> dict[str, Any]:
    """Return what the profiled server wrote.

    Raises:
        ProcessFailed: if it wrote nothing.
    """
    deadline = time.monotonic() + WRITING_TIMEOUT_S
    while not path.exists():
        if time.monotonic() > deadline:
            raise ProcessFailed("the profiled server wrote nothing")
        time.sleep(0.05)
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def show(document: dict[str, Any], console: Console) -> None:
    """Print a table for each thread, and what all threads used."""
    for thread, profile in document["threads"].items():
        console.print(thread_table(thread, profile, document["seconds"]))
    native = sorted(document["native_cpu_s"].items(), key=lambda item: -item[1])
    busy = ", ".join(f"{name} {used / document['seconds']:.0%}" for name, used in native if used > 0)
    console.print(f"processor time of all threads, as the system counts them: {busy}\n", highlight=False)


def thread_table(thread: str, profile: dict[str, Any], seconds: float) -> Table:
    """Return a thread's dearest functions, shares being of the thread's processor time."""
    total = profile["cpu_s"]
    title = f"{thread}: {total / seconds:.0%} of the time on a processor"
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in ("own", "with what it calls", "calls/s", "own µs a call"):
        table.add_column(column, justify="right")
    table.add_column("function", no_wrap=True)
    functions = sorted(profile["functions"], key=lambda function: -function["own_s"])
    for function in functions[:FUNCTIONS]:
        own, whole, calls = function["own_s"], function["whole_s"], function["calls"]
        each = own / calls * 1e6
        table.add_row(
            f"{own / total:.1%}", f"{whole / total:.1%}", f"{calls / seconds:,.0f}", f"{each:.1f}", function["name"]
        )
    rest = sum(function["own_s"] for function in functions[FUNCTIONS:])
    table.add_section()
    table.add_row(f"{rest / total:.1%}", "", "", "", f"{max(len(functions) - FUNCTIONS, 0)} other functions")
    unseen = total - sum(function["own_s"] for function in functions)
    table.add_row(f"{unseen / total:.1%}", "", "", "", "outside Python functions: uvloop, gRPC, the profiler")
    return table
