"""``batch``: durable decisions through ProcessBatch, beside the same rows into SQLite by ``executemany``.

The batch size and the number of calls in flight that are best here are found first; both are in the settings. Random
idempotency keys are reported beside: they spread over the index where UUIDv7 append to it.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.bench.processes import ServerProcess, run_worker
from tests.bench.results import Result, Round, summarize
from tests.bench.stage import Stage, database_of
from tests.bench.unary import PROCESSOR_UNIT, facts_of, server_us

GOAL = "ratio ≥ 0.50"
TRIALS = ((500, 4), (1_000, 2), (1_000, 4), (2_000, 2), (2_000, 4))
TRIAL_SECONDS = 1.0
TRIAL_WARM_UP_S = 0.3
TRIAL_TURNS = 2
INSERTING_TIMEOUT_S = 120.0


def run(stage: Stage) -> list[Result]:
    """Measure with UUIDv7 and with random keys."""
    job, trials = find_best(stage, "batch")
    return [
        *measure(stage, "batch", GOAL, job | {"keys": "uuid7"}, trials),
        *measure(stage, "batch-random-keys", "", job | {"keys": "random"}, trials),
    ]


def measure(stage: Stage, name: str, goal: str, job: dict[str, Any], more: dict[str, Any]) -> list[Result]:
    """Measure one way: decisions a second, and what a decision costs the processor; ``more`` goes into the settings."""
    rounds, costs, runs = [], [], []
    for number in range(stage.rounds):
        stage.say(f"{name}: round {number + 1} of {stage.rounds}")
        ours, theirs = one_round(stage, job)
        rounds.append(Round(ours["requests_per_second"], theirs["decisions_per_second"]))
        costs.append(Round(server_us(ours), theirs["cpu_seconds"] / theirs["decisions"] * 1e6))
        runs.append(facts_of(ours) | {"decisions_a_commit": round(theirs["decisions"] / theirs["transactions"], 1)})
    settings = stage.settings(**(job | more), pointguard_runs=runs)
    return [
        summarize(name, "decisions/s", goal, rounds, settings),
        summarize(f"{name}-processor", PROCESSOR_UNIT, "", costs, settings),
    ]


def find_best(stage: Stage, mode: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the job of a mode that decides the most a second on one server, and all that was tried, for the settings.

    What varies is the batch size and the number of calls in flight.
    """
    stage.say(f"{mode}: looking for the best batch size")
    directory, api_key = stage.copy_ledger("trials")
    jobs = [{"mode": mode, "batch_size": size, "concurrency": calls} for size, calls in TRIALS]
    with stage.pointguard(directory) as server:
        turns = [[_trial(stage, server, api_key, job) for job in jobs] for _ in range(TRIAL_TURNS)]
    rates = [max(of_one) for of_one in zip(*turns, strict=True)]
    tried = [f"{size} × {calls}: {rate:,.0f}/s" for (size, calls), rate in zip(TRIALS, rates, strict=True)]
    return jobs[rates.index(max(rates))], {"trials": tried}


def _trial(stage: Stage, server: ServerProcess, api_key: str, job: dict[str, Any]) -> float:
    summary = stage.load(server, api_key, **job, seconds=TRIAL_SECONDS, warm_up_seconds=TRIAL_WARM_UP_S)
    return float(summary["requests_per_second"])


def one_round(stage: Stage, job: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Load a fresh server, then insert what it wrote; return what both came to."""
    directory, api_key = stage.copy_ledger("batch")
    database = database_of(directory)
    seeded = last_position(database)
    with stage.pointguard(directory) as server:
        ours = stage.load(server, api_key, **job)
    target = stage.folder / "inserted.sqlite3"
    for path in stage.folder.glob(f"{target.name}*"):
        path.unlink()
    inserting = {"source": str(database), "target": str(target), "after_position": seeded}
    return ours, run_worker("tests.bench.insert_rows", inserting, INSERTING_TIMEOUT_S)


def last_position(database: Path) -> int:
    """Return where a ledger that nobody serves ends."""
    with closing(sqlite3.connect(database)) as connection:
        (position,) = connection.execute("SELECT coalesce(max(position), 0) FROM legs").fetchone()
    return int(position)
