"""``latency``: how long calls take at half of pointguard's saturation, beside an echo that flushes each request.

An open loop: calls are due at a constant rate whatever the server does, and a call's time counts from when it was due,
so that a stall is not hidden. Both sides get the same rate: half of what pointguard does in the closed loop of
``unary`` at the beginning of the run.
"""

import asyncio
from typing import Any

from tests.bench.processes import ServerProcess
from tests.bench.results import Result, Round, summarize
from tests.bench.stage import Stage
from tests.bench.unary import CHANNELS, CONCURRENCY, ask_once, facts_of, keep_answers

GOAL = "ratio ≤ 2.00"
SHARE = 0.5  # of saturation
IN_FLIGHT_MAX = 4_096  # not a limit in practice: calls that it holds back are in the settings
PERCENTILES = {
    "latency": ("ms, p99", "latency_ms_p99", GOAL),
    "latency-p50": ("ms, p50", "latency_ms_p50", ""),
    "latency-p99.9": ("ms, p99.9", "latency_ms_p999", ""),
}


def run(stage: Stage) -> list[Result]:
    """Measure both sides in turn."""
    directory, api_key = stage.copy_ledger("latency")
    answers = stage.folder / "answers"
    ours: list[dict[str, Any]] = []
    theirs: list[dict[str, Any]] = []
    with stage.pointguard(directory) as pointguard:
        keep_answers(asyncio.run(ask_once(pointguard.address, api_key)), answers)
        arguments = [str(answers), str(stage.folder / "requests.bin")]
        with ServerProcess("tests.bench.fsync_echo_server", arguments, stage.folder / "fsync-echo.log") as baseline:
            stage.say("latency: looking for saturation")
            closed = stage.load(pointguard, api_key, mode="unary", concurrency=CONCURRENCY, channels=CHANNELS)
            rate = round(closed["requests_per_second"] * SHARE)
            job = {"mode": "unary", "concurrency": IN_FLIGHT_MAX, "channels": CHANNELS, "rate": rate}
            for number in range(stage.rounds):
                stage.say(f"latency: round {number + 1} of {stage.rounds}, {rate:,} calls a second")
                ours.append(facts_of(stage.load(pointguard, api_key, **job)))
                theirs.append(facts_of(stage.load(baseline, api_key, **job)))
    settings = stage.settings(
        loop="open, at a constant rate; a call's time counts from when it was due",
        saturation=round(closed["requests_per_second"]),
        rate=rate,
        channels=CHANNELS,
        pointguard_runs=ours,
        baseline_runs=theirs,
    )
    results = []
    for name, (unit, field, goal) in PERCENTILES.items():
        rounds = [Round(mine[field], echoed[field]) for mine, echoed in zip(ours, theirs, strict=True)]
        results.append(summarize(name, unit, goal, rounds, settings))
    return results
