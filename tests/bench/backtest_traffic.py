"""``backtest-traffic``: what live traffic keeps while a backtest runs, beside the same traffic alone.

One server with a history of batches. Of each round's two turns, one has backtests of that history running one after the
other; which of the two comes first changes with each round, since a ledger that grows gets slower by itself.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any

from pointguard_client import SyncPointguardClient
from pointguard_client.errors import CallError, Overloaded
from tests.bench.processes import ProcessFailed, ServerProcess
from tests.bench.results import Result, Round, summarize
from tests.bench.stage import Stage
from tests.bench.unary import CONCURRENCY, facts_of

GOAL = "ratio ≥ 0.90"
HISTORY_SECONDS = 6.0
RETRY_SECONDS = 0.05
VERSION = 1


class Backtests:
    """Backtests one after the other until told to stop; counts what they have come to."""

    def __init__(self, address: str, api_key: str) -> None:
        self.orders = self.finished = 0
        self._failure: BaseException | None = None
        self._stopped = threading.Event()
        self._client = SyncPointguardClient.connect(address, api_key=api_key)
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self.orders += self._client.rules.backtest(VERSION).orders
                self.finished += 1
            except Overloaded:
                # The one that the turn before gave up is still ending.
                self._stopped.wait(RETRY_SECONDS)
            except (CallError, CancelledError) as error:
                # The client is closed when the turn is over, which gives up the one that is under way.
                if not self._stopped.is_set():
                    self._failure = error
                    return

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wait_for_one(self) -> None:
        """Wait until one has finished, or all have failed."""
        while not self.finished and self._thread.is_alive():
            self._thread.join(0.1)

    def stop(self) -> None:
        """Give up the one that is under way, and wait for its end.

        Raises:
            ProcessFailed: if a backtest failed before.
        """
        self._stopped.set()
        self._client.close()
        self._thread.join()
        if self._failure is not None:
            raise ProcessFailed("no backtest ran beside the traffic") from self._failure


@contextmanager
def backtesting(server: ServerProcess, api_key: str) -> Iterator[Backtests]:
    """Have backtests run."""
    backtests = Backtests(server.address, api_key)
    backtests.start()
    try:
        yield backtests
    finally:
        backtests.stop()


def run(stage: Stage) -> list[Result]:
    """Measure both turns in each round."""
    directory, api_key = stage.copy_ledger("backtest-traffic")
    manager_key = stage.issue_key(directory, "manager")
    beside: list[dict[str, Any]] = []
    alone: list[dict[str, Any]] = []
    orders = finished = 0
    job = {"mode": "unary", "concurrency": CONCURRENCY}
    with stage.pointguard(directory) as server:
        stage.say("backtest-traffic: making a history")
        stage.load(server, api_key, mode="batch", batch_size=500, concurrency=2, seconds=HISTORY_SECONDS)
        with backtesting(server, manager_key) as first:
            # The first one compiles its kernels, if the machine has never had one.
            first.wait_for_one()
        for number in range(stage.rounds):
            for turn in (0, 1):
                stage.say(f"backtest-traffic: round {number + 1} of {stage.rounds}")
                if turn == number % 2:
                    alone.append(facts_of(stage.load(server, api_key, **job)))
                    continue
                with backtesting(server, manager_key) as backtests:
                    beside.append(facts_of(stage.load(server, api_key, **job)))
                orders, finished = orders + backtests.orders, finished + backtests.finished
    rate = "requests_per_second"
    rounds = [Round(mine[rate], other[rate]) for mine, other in zip(beside, alone, strict=True)]
    settings = stage.settings(
        concurrency=CONCURRENCY,
        loop="closed, one client process in Python; every turn keeps both cores busy",
        backtests_finished=finished,
        orders_looked_at=orders,
        pointguard_runs=beside,
        baseline_runs=alone,
    )
    return [summarize("backtest-traffic", "decisions/s", GOAL, rounds, settings)]
