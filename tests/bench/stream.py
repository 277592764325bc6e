"""``stream``: durable decisions through StreamTransactions, beside single calls to the same server.

Both over one connection. A stream takes what is queued while a message is under way together, so it pays off with many
callers behind a connection, as in a store's gateway; single calls are measured with as many callers as suit them best.
"""

from typing import Any

from tests.bench.results import Result, Round, summarize
from tests.bench.stage import Stage
from tests.bench.unary import CONCURRENCY, facts_of

GOAL = "ratio ≥ 3.00"
CALLERS = 1_024


def run(stage: Stage) -> list[Result]:
    """Measure both ways in turn."""
    directory, api_key = stage.copy_ledger("stream")
    streamed: list[dict[str, Any]] = []
    single: list[dict[str, Any]] = []
    with stage.pointguard(directory) as server:
        for number in range(stage.rounds):
            stage.say(f"stream: round {number + 1} of {stage.rounds}")
            streamed.append(facts_of(stage.load(server, api_key, mode="stream", concurrency=CALLERS)))
            single.append(facts_of(stage.load(server, api_key, mode="unary", concurrency=CONCURRENCY)))
    settings = stage.settings(
        connections=1,
        callers_of_the_stream=CALLERS,
        callers_of_single_calls=CONCURRENCY,
        loop="closed; one client process in Python, the same for both sides",
        pointguard_runs=streamed,
        baseline_runs=single,
    )
    rate = "requests_per_second"
    rounds = [Round(mine[rate], other[rate]) for mine, other in zip(streamed, single, strict=True)]
    return [summarize("stream", "decisions/s", GOAL, rounds, settings)]
