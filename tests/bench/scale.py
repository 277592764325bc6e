"""``scale``: what a decision costs on a large ledger, beside a small one.

In process, without gRPC: the server's decider on its journal and database, batches of 500, each flushed; the time lasts
until the database has caught up. Three ways to choose
accounts: *warm* (any of them, all in memory), *zipf* (some far more often than others, a fifth of the large ledger's
accounts in memory), *cold* (each one read from the ledger, whose file the system may have in its cache).
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np

from tests.bench.big_ledger import asks_of, bring_into_memory, grow, inbox_of, now, open_big_ledger
from tests.bench.processes import Neighbors
from tests.bench.results import Result, Round, summarize
from tests.bench.stage import Stage
from tests.support.ledger import Ledger

UNIT = "µs a decision"
GOALS = {"warm": "ratio ≤ 1.30", "zipf": "ratio ≤ 1.50", "cold": ""}
BATCH = 500
BATCHES = {"warm": 40, "zipf": 40, "cold": 10}
WARM_UP_BATCHES = 5
LEGS_EACH = 10
LARGE_ACCOUNTS, LARGE_ACCOUNTS_FULL, SMALL_ACCOUNTS = 100_000, 1_000_000, 10_000
IN_MEMORY = 5  # of zipf: one in so many of the large ledger's accounts
ZIPF_EXPONENT = 1.0


class Side(NamedTuple):
    """A ledger, its number of accounts, and the accounts in the order of how often ``zipf`` chooses them."""

    ledger: Ledger
    accounts: int
    by_rank: "np.ndarray[Any, np.dtype[np.int64]]"
    random: np.random.Generator

    def choose(self, way: str, count: int) -> list[int]:
        """Return accounts of so many requests."""
        if way == "cold":
            return self._numbers(self.random.choice(self.accounts, count, replace=False))
        if way == "warm":
            return self._numbers(self.random.integers(0, self.accounts, count))
        weights = np.cumsum(1 / np.arange(1, self.accounts + 1) ** ZIPF_EXPONENT)
        return self._numbers(np.searchsorted(weights, self.random.random(count) * weights[-1]))

    def _numbers(self, ranks: "np.ndarray[Any, np.dtype[np.int64]]") -> list[int]:
        chosen: list[int] = self.by_rank[ranks].tolist()
        return chosen


def run(stage: Stage) -> list[Result]:
    """Make both ledgers, and measure both in turn, one way after the other."""
    large = LARGE_ACCOUNTS_FULL if stage.full else LARGE_ACCOUNTS
    return measure(stage, large, SMALL_ACCOUNTS, BATCHES)


def measure(stage: Stage, large: int, small: int, batches: dict[str, int]) -> list[Result]:
    """Measure ledgers of so many accounts, and so many batches a round."""
    results = []
    with ExitStack() as opened:
        sides = []
        for name, accounts in (("large", large), ("small", small)):
            stage.say(f"scale: making a ledger of {accounts:,} accounts and {accounts * LEGS_EACH:,} legs")
            ledger = opened.enter_context(open_big_ledger(stage.folder / f"scale-{name}", stage.program, accounts))
            grow(ledger, accounts, LEGS_EACH)
            ledger.open_journal()
            random = np.random.default_rng(1)
            sides.append(Side(ledger, accounts, random.permutation(accounts) + 1, random))
        for way, goal in GOALS.items():
            neighbors = Neighbors()
            in_memory = large // IN_MEMORY if way == "zipf" else large
            rounds = _rounds(stage, way, sides, in_memory, batches[way])
            settings = stage.settings(
                accounts={"pointguard": large, "baseline": small},
                legs={"pointguard": large * LEGS_EACH, "baseline": small * LEGS_EACH},
                sizes_of_the_goal=large >= LARGE_ACCOUNTS_FULL,
                accounts_in_memory_max=in_memory,
                zipf_exponent=ZIPF_EXPONENT,
                basket_lines=1,
                batch_size=BATCH,
                batches_a_round=batches[way],
                pointguard_runs=[{"others_cores_busy": round(neighbors.cores_busy(), 2)}],
            )
            results.append(summarize(f"scale-{way}", UNIT, goal, rounds, settings))
    return results


def _rounds(stage: Stage, way: str, sides: Sequence[Side], in_memory: int, batches: int) -> list[Round]:
    """Measure one way, with at most so many accounts in memory."""
    for side in sides:
        stage.say(f"scale, {way}: filling memory")
        side.ledger.accounts_max = max(in_memory, BATCH)
        side.ledger.restart_decider()
        if way != "cold":
            bring_into_memory(side.ledger, side.by_rank[:in_memory].tolist())
            _decide(side, way, WARM_UP_BATCHES)
    rounds = []
    for number in range(stage.rounds):
        stage.say(f"scale, {way}: round {number + 1} of {stage.rounds}")
        rounds.append(Round(*[_decide(side, way, batches) for side in sides]))
    return rounds


def _decide(side: Side, way: str, batches: int) -> float:
    """Decide so many batches, and return microseconds a decision."""
    ledger = side.ledger
    if way == "cold":
        ledger.restart_decider()
    accounts = side.choose(way, batches * BATCH)
    inboxes = [inbox_of(asks_of(ledger, accounts[first : first + BATCH])) for first in range(0, len(accounts), BATCH)]
    started = time.perf_counter()
    for inbox in inboxes:
        ledger.clock.moment = now()
        ledger.decider.decide_inbox(inbox)
    ledger.catch_up()
    return (time.perf_counter() - started) * 1e6 / len(accounts)
