"""``activation``: what saving and activating a rule set adds to calls' latency at half of pointguard's saturation.

An open loop, as in ``latency``. A round is a turn of load while nothing changes, the baseline, and one in which a
manager makes a version that is new to the server, and so must be compiled, and activates it.
``activation-long-set`` is the same with a set of 100,000 articles, which comes with the version.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from secrets import choice
from time import perf_counter, sleep
from typing import Any

from pointguard_client import PointguardClient, RuleChange, RuleChangeReason
from tests.bench.processes import ProcessFailed
from tests.bench.results import Result, Round, summarize
from tests.bench.stage import Stage
from tests.bench.unary import CHANNELS, CONCURRENCY, facts_of

GOAL = "at most 20 ms added"
SHARE = 0.5  # of saturation
IN_FLIGHT_MAX = 4_096
SECONDS_LEAST = 15.0
HEAD_START_S = 2.0  # of the load, with its warm-up
LONG_SET = 100_000
TIMEOUT_S = 120.0
TERMS = 24
CHANGE = RuleChange("bench", RuleChangeReason.TRIAL)
PERCENTILES = {"-p99": ("ms, p99", "latency_ms_p99", ""), "": ("ms, p99.9", "latency_ms_p999", GOAL)}


@dataclass(frozen=True, slots=True)
class Change:
    """How long it took to make a version and to activate it, in seconds, and when it was done in the turn of load."""

    create_s: float
    activate_s: float
    done_after_s: float


def run(stage: Stage) -> list[Result]:
    """Measure turns without and with a change."""
    directory, api_key = stage.copy_ledger("activation")
    manager = stage.issue_key(directory, "manager")
    seconds = max(stage.seconds, SECONDS_LEAST)
    with stage.pointguard(directory) as pointguard:
        stage.say("activation: looking for saturation")
        closed = stage.load(pointguard, api_key, mode="unary", concurrency=CONCURRENCY, channels=CHANNELS)
        rate = round(closed["requests_per_second"] * SHARE)
        job = {"mode": "unary", "concurrency": IN_FLIGHT_MAX, "channels": CHANNELS, "rate": rate, "seconds": seconds}
        results: list[Result] = []
        for name, entries in (("activation", 0), ("activation-long-set", LONG_SET)):
            changed: list[dict[str, Any]] = []
            quiet: list[dict[str, Any]] = []
            changes: list[Change] = []
            for number in range(stage.rounds):
                stage.say(f"{name}: round {number + 1} of {stage.rounds}, {rate:,} calls a second")
                quiet.append(facts_of(stage.load(pointguard, api_key, **job)))
                with ThreadPoolExecutor(1) as pool:
                    change = pool.submit(_change, pointguard.address, manager, name, number, entries)
                    changed.append(facts_of(stage.load(pointguard, api_key, **job)))
                    changes.append(change.result())
                if changes[-1].done_after_s > seconds:
                    raise ProcessFailed(f"the change took longer than the load: {changes[-1]}; give --seconds")
            settings = stage.settings(
                loop="open, at a constant rate; a call's time counts from when it was due",
                turn_seconds=seconds,
                rate=rate,
                set_entries=entries,
                changes=[{"create_s": each.create_s, "activate_s": each.activate_s} for each in changes],
                pointguard_runs=changed,
                baseline_runs=quiet,
            )
            for suffix, (unit, field, goal) in PERCENTILES.items():
                rounds = [Round(after[field], before[field]) for after, before in zip(changed, quiet, strict=True)]
                added = sorted(turn.pointguard - turn.baseline for turn in rounds)
                added_ms = {"added_ms_median": added[len(added) // 2], "added_ms_most": added[-1]}
                results.append(summarize(f"{name}{suffix}", unit, goal, rounds, settings | added_ms))
    return results


def _change(address: str, api_key: str, name: str, number: int, entries: int) -> Change:
    """Make and activate a version that no server has compiled before; the load has begun."""
    began = perf_counter()
    sleep(HEAD_START_S)
    return asyncio.run(_make_and_activate(address, api_key, name, number, entries, began))


def _unheard_of() -> str:
    """Return a condition on lines that no machine has compiled before."""
    comparisons = (f"line.quantity {choice(('<', '<=', '>', '>='))} {number}" for number in range(TERMS))
    return " or ".join(comparisons)


async def _make_and_activate(address: str, api_key: str, name: str, number: int, entries: int, began: float) -> Change:
    connection = PointguardClient.connect(address, api_key=api_key, timeout_seconds=TIMEOUT_S)
    async with connection as client:
        page = await client.rules.list_versions(page_size=1)
        first = await client.rules.get_version(1)
        # A rule more, of another shape each time: what differs in its constants alone has the same machine code.
        of_article = "line.sku in articles" if entries else f'line.sku == "{name} {number}"'
        condition = f"{of_article} and ({_unheard_of()})"
        begin = 'set articles from "articles.txt"\n' if entries else ""
        rule = f'\nrule "{name} {number}"\n    when any(lines, {condition})\n    earn bonus {1_000 + number}\n'
        # A hundredth of the articles are others each time, as where a list is kept up.
        articles = "".join(f"{article:013} {number if article % 100 == 0 else 0}\n" for article in range(entries))
        started = perf_counter()
        made = await client.rules.create_version(
            begin + first.source + rule, CHANGE, files={"articles.txt": articles} if entries else {},
            timeout_seconds=TIMEOUT_S,
        )  # fmt: skip
        kept = perf_counter()
        await client.rules.activate_version(made.version, CHANGE, expected_active_version=page.active_version)
        done = perf_counter()
    return Change(kept - started, done - kept, done - began)
