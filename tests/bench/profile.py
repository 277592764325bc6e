"""``profile-unary`` and ``profile-batch``: where the server's threads spend their processor time under load. For whoever tunes it."""

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
CLIENT_START_S = 1.5
JOBS: dict[str, dict[str, Any]] = {
    "profile-unary": {"mode": "unary", "concurrency": unary.CONCURRENCY, "channels": unary.CHANNELS},
    "profile-batch": {"mode": "batch", "batch_size": batch.TRIALS[0][0], "concurrency": batch.TRIALS[0][1]},
}
THREADS = {"MainThread": "event loop", "writer": "writer"}


def run(stage: Stage, name: str, console: Console) -> None:
    """Load a sampled server and print the functions that cost the most, by thread."""
    directory, api_key = stage.copy_ledger("profiled")
    signs = stage.folder / "samples"
    signs.mkdir()
    arguments = [str(signs), *stage.server_arguments(directory)]
    stage.say(f"{name}: {stage.seconds:.0f} s")
    with ServerProcess("tests.bench.sampled_server", arguments, stage.folder / "sampled.log") as server:
        job = JOBS[name] | {"address": server.address, "api_key": api_key, "server_pid": server.pid}
        # The client goes on a little longer than the sampler looks.
        client = start_worker("tests.bench.load_client", job | {"seconds": stage.seconds + 2 * CLIENT_START_S})
        try:
            time.sleep(2 * CLIENT_START_S)
            (signs / "begin").touch()
            time.sleep(stage.seconds)
            (signs / "end").touch()
        finally:
            summary = finish_worker(client, stage.seconds + WORKER_MARGIN_S)
        document = read_samples(signs / "samples.json")
    console.print(
        f"{name}: {summary['requests_per_second']:,.0f} decisions a second while sampled, "
        f"{document['samples']:,} samples in {document['seconds']:.1f} s; every 5th thousandth of a second would be one sample in five"
        if False
        else f"{name}: {summary['requests_per_second']:,.0f} decisions a second while sampled, "
        f"{document['samples']:,} samples in {document['seconds']:.1f} s"
    )
    show(document, console)


def read_samples(path: Path, seconds_at_most: float = 10.0) -> dict[str, Any]:
    """Return what the sampler wrote.

    Raises:
        ProcessFailed: if it wrote nothing.
    """
    deadline = time.monotonic() + seconds_at_most
    while not path.exists():
        if time.monotonic() > deadline:
            raise ProcessFailed("the sampler wrote nothing")
        time.sleep(0.05)
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def show(document: dict[str, Any], console: Console) -> None:
    """Print a table for each thread that matters, and what all threads used."""
    seconds = document["seconds"]
    for thread, title in THREADS.items():
        total = document["cpu_ns"].get(thread, 0)
        table = Table(
            title=f"{title}: busy {total / 1e9 / seconds:.0%} of the time", title_justify="left", header_style="bold"
        )
        for column in ("own %", "with calls %"):
            table.add_column(column, justify="right")
        table.add_column("function", no_wrap=True)
        table.add_column("busiest line", justify="right")
        own = sorted(document["own"].get(thread, {}).items(), key=lambda item: -item[1])
        for function, spent in own[:FUNCTIONS]:
            whole = document["whole"][thread][function]
            table.add_row(f"{spent / total:.1%}", f"{whole / total:.1%}", function, busiest_line(document, thread, function))
        console.print(table)
    native = sorted(document["native_cpu_seconds"].items(), key=lambda item: -item[1])
    busy = ", ".join(f"{name} {used / seconds:.0%}" for name, used in native if used / seconds >= 0.005)
    console.print(f"threads as the system sees them: {busy}")


def busiest_line(document: dict[str, Any], thread: str, function: str) -> str:
    """Return the line of a function that was seen most, and its part of the function's own time."""
    spent = {
        line.rpartition(":")[2]: used
        for line, used in document["lines"][thread].items()
        if line.rpartition(":")[0] == function
    }
    line = max(spent, key=lambda number: spent[number])
    return f"{line} ({spent[line] / sum(spent.values()):.0%})"
