"""``waterfall``: where the time of one call goes under load, from the client's clock and the server's own histograms.

The load is that of ``unary``, and then that of ``latency``. A call waits for its whole batch, so that a stage's time is
a call's too; the stages are means over batches, and the calls of large ones wait longer than the mean.
"""

import urllib.request
from collections import defaultdict
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table

from tests.bench.latency import IN_FLIGHT_MAX, SHARE
from tests.bench.processes import ServerProcess
from tests.bench.stage import Stage
from tests.bench.unary import CHANNELS, CONCURRENCY

CALLS, STAGES = "pointguard_call_seconds", "pointguard_stage_seconds"
STEPS = {
    "queue": "waits for the batch before, or is held for more to come (oldest call of a batch)",
    "decide": "keys, accounts, the kernel",
    "append": "records and digests",
    "commit": "written and flushed",
}
Sums = dict[tuple[str, str], tuple[float, float]]
"""By family and label: (seconds, how many)."""


def run(stage: Stage, console: Console) -> None:
    """Load a server and print the steps of a call."""
    directory, api_key = stage.copy_ledger("waterfall")
    with stage.pointguard(directory) as server:

        def take_apart(title: str, **load: Any) -> float:
            stage.say(f"waterfall: {title}, {stage.seconds:.0f} s")
            before = read_sums(server)
            summary = stage.load(server, api_key, mode="unary", channels=CHANNELS, warm_up_seconds=0.1, **load)
            steps = steps_of(before, read_sums(server), summary["latency"]["latency_ms_mean"])
            rate: float = summary["requests_per_second"]
            console.print(_table(f"{title}, at {rate:,.0f} a second", steps))
            return rate

        saturation = take_apart(f"A call among {CONCURRENCY}", concurrency=CONCURRENCY)
        take_apart("A call at half of that", concurrency=IN_FLIGHT_MAX, rate=round(saturation * SHARE))


def _table(title: str, steps: dict[str, float]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("step")
    table.add_column("ms", justify="right")
    table.add_column("of it", justify="right")
    whole = sum(steps.values())
    for name, milliseconds in steps.items():
        table.add_row(name, f"{milliseconds:.2f}", f"{milliseconds / whole:.0%}")
    table.add_section()
    table.add_row("as the client sees it", f"{whole:.2f}", "")
    return table


def read_sums(server: ServerProcess) -> Sums:
    """Return the server's histograms of calls and stages as they stand."""
    with urllib.request.urlopen(f"http://{server.http_address}/metrics", timeout=10) as response:
        text = response.read().decode()
    found: defaultdict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for family in text_string_to_metric_families(text):
        if family.name in (CALLS, STAGES):
            for sample in family.samples:
                label = sample.labels.get("stage") or sample.labels.get("rpc", "")
                found[family.name, label][sample.name.rpartition("_")[2]] = sample.value
    return {key: (values["sum"], values["count"]) for key, values in found.items()}


def steps_of(before: Sums, after: Sums, latency_ms: float) -> dict[str, float]:
    """Return a call's steps in order, in milliseconds; together they are the client's latency."""
    rise = {
        key: (seconds - before.get(key, (0.0, 0.0))[0], count - before.get(key, (0.0, 0.0))[1])
        for key, (seconds, count) in after.items()
    }
    calls = [
        value for (family, rpc), value in rise.items() if family == CALLS and rpc in ("AuthoriseRedemption", "Accrue")
    ]
    in_engine = _mean_ms(sum(seconds for seconds, _ in calls), sum(count for _, count in calls))
    stages = {f"{name}: {what}": _mean_ms(*rise[STAGES, name]) for name, what in STEPS.items()}
    return {
        "front: client, transport, gRPC, the link, both ways": latency_ms - in_engine,
        **stages,
        "read, write and turns of the engine's loop": in_engine - sum(stages.values()),
    }


def _mean_ms(seconds: float, count: float) -> float:
    return seconds / count * 1e3 if count else 0.0
