"""``transfer``: transfers between two accounts, beside redemptions of one, by the server's decider in this process.

Both sides are batches of the same length over the same accounts in memory: decided, their records written, and
flushed to the journal. Reading and writing the messages is not in it.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from pointguard_server.domain.codes import Decision
from pointguard_server.engine.ask import Ask
from tests.bench.processes import Neighbors
from tests.bench.results import Result, Round, summarize
from tests.bench.stage import Stage
from tests.support.ledger import Ledger, compiled_rules_directory

GOAL = "ratio ≥ 0.50"
UNIT = "transactions/s"
ACCOUNTS = 1_000
OPENING_CENTS = 100_000_00
BETWEEN_BATCHES = 600_000_000  # microseconds
BATCHES_A_ROUND = 20


def run(stage: Stage) -> list[Result]:
    """Measure both in turn."""
    rounds: list[Round] = []
    with TemporaryDirectory(prefix="pointguard-bench-") as folder:
        ledger = Ledger(Path(folder), compiled_rules_directory(), journaled=True)
        try:
            enrolled = ledger.decide(*(ledger.enroll_ask(f"member {number}") for number in range(ACCOUNTS)))
            accounts = [verdict.account_id for verdict in enrolled]
            ledger.decide(*(ledger.accrue_ask(account, OPENING_CENTS) for account in accounts))
            neighbors = Neighbors()
            for number in range(stage.rounds + 1):
                stage.say(f"transfer: round {number} of {stage.rounds}")
                rates = Round(*(_rate(ledger, asks, accounts) for asks in (_transfers, _redemptions)))
                rounds += [rates] if number else []  # the first one is for warming up
        finally:
            ledger.close()
    settings = stage.settings(accounts=ACCOUNTS, pointguard_runs=[{"others_cores_busy": neighbors.cores_busy()}])
    return [summarize("transfer", UNIT, GOAL, rounds, settings)]


def _transfers(ledger: Ledger, accounts: Sequence[int]) -> list[Ask]:
    return [
        ledger.transfer_ask(giver, getter, 1)
        for giver, getter in zip(accounts, (*accounts[1:], accounts[0]), strict=True)
    ]


def _redemptions(ledger: Ledger, accounts: Sequence[int]) -> list[Ask]:
    return [ledger.authorise_ask(account, 1) for account in accounts]


def _rate(ledger: Ledger, asks: Callable[[Ledger, Sequence[int]], list[Ask]], accounts: Sequence[int]) -> float:
    """Return how many transactions fit into a second of the decider's."""
    seconds = 0.0
    for _ in range(BATCHES_A_ROUND):
        ledger.clock.moment += BETWEEN_BATCHES
        if {verdict.decision for verdict in ledger.decide(*asks(ledger, accounts))} != {int(Decision.APPROVED)}:
            raise ValueError("one was not approved")
        report = ledger.decider.last_report
        assert report is not None
        seconds += report.decide_s + report.append_s + report.commit_s
    return BATCHES_A_ROUND * ACCOUNTS / seconds
