"""``fraud-rules``: what a decision costs with 200 active fraud rules, beside the same with 5.

Both sides are the server's decider, in this process: redemptions of accounts in memory, decided, and their records
written; nothing is stored. The rules are those of a large program: five postures and limits on each of forty windows,
which rules of both contexts count in, over the account and some wider scopes. All are evaluated, none trips.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pointguard_server.domain.codes import Decision
from pointguard_server.engine.ask import Ask
from pointguard_server.engine.batch import Decider
from pointguard_server.engine.memory import Memory
from pointguard_server.engine.ports import LedgerStore, Rows
from tests.bench.processes import Neighbors
from tests.bench.program import OUT_OF_REACH
from tests.bench.results import Result, Round, summarize
from tests.bench.stage import Stage
from tests.support.ledger import Ledger, Where, compiled_rules_directory

GOAL = "ratio ≥ 0.33"
UNIT = "decisions/s"
MANY, FEW = 200, 5
ACCOUNTS = 1_000
OPENING_CENTS = 100_000_00
STORES, CASHIERS = 10, 50
BETWEEN_BATCHES = 600_000_000  # microseconds
BATCHES_A_ROUND = 20
BATCHES_BEFORE = 10
_WINDOWS = (
    *(f'rolling = "{length}"' for length in ("10m", "1h", "6h", "1d", "7d", "14d", "30d")),
    *(f'calendar = "{unit}"' for unit in ("DAY", "WEEK", "MONTH")),
)
_CONTEXTS = {"REDEMPTION": "REDEEM", "EARNING": "BASE"}
_POSTURES = ("LOG", "WARN", "REVIEW", "BLOCK", "SUSPEND")
_WIDE = {'rolling = "1h"': "STORE", 'calendar = "DAY"': "CASHIER"}


def rules_of(count: int) -> str:
    """Return so many fraud rules as a configuration has them: one of each window first."""
    kinds = product(_POSTURES, ("COUNT", "MONEY"), _CONTEXTS, _WINDOWS)
    return "".join(
        f"""
[[fraud_rule]]
name = "rule-{number}"
context = "{context}"
scope = "{_WIDE.get(window, "ACCOUNT")}"
counts = {{ parts = ["{_CONTEXTS[context]}"], attempts = "APPROVED" }}
measure = "{measure}"
window = {{ {window} }}
threshold = {OUT_OF_REACH - number}
posture = "{posture}"
duration = "7d"
"""
        for number, (posture, measure, context, window) in enumerate(islice(kinds, count))
    )


class _Nowhere:
    """A ledger store that stores nothing."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def append(self, rows: Rows) -> None:
        """Forget a batch's rows."""


class Side:
    """A decider with so many fraud rules, and accounts with some points."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        memory = Memory(ACCOUNTS, ledger.programs.measures_max, ledger.programs.counters_max)
        self._decider = Decider(_Nowhere(ledger.store), memory, ledger.programs, ledger.clock)
        enrolled = self._decider.decide([ledger.enroll_ask(f"member {number}") for number in range(ACCOUNTS)])
        self._accounts = [verdict.account_id for verdict in enrolled]
        self._decider.decide([ledger.accrue_ask(account, OPENING_CENTS) for account in self._accounts])
        for _ in range(BATCHES_BEFORE):
            self.batch()

    def batch(self) -> float:
        """Decide a redemption of each account; return the seconds that it took."""
        ledger = self._ledger
        ledger.clock.moment += BETWEEN_BATCHES
        verdicts = self._decider.decide(self._asks())
        if {verdict.decision for verdict in verdicts} != {int(Decision.APPROVED)}:
            raise ValueError("a redemption was not approved")
        report = self._decider.last_report
        assert report is not None
        return report.decide_s + report.append_s

    def _asks(self) -> list[Ask]:
        places = [
            Where(store=f"store {number % STORES}", cashier=f"cashier {number % CASHIERS}")
            for number in range(ACCOUNTS)
        ]
        ask = self._ledger.authorise_ask
        return [ask(account, 1, where=place) for account, place in zip(self._accounts, places, strict=True)]

    def decisions_per_second(self) -> float:
        """Return how many decisions fit into a second of the decider's."""
        return BATCHES_A_ROUND * ACCOUNTS / sum(self.batch() for _ in range(BATCHES_A_ROUND))


@contextmanager
def sides(counts: Sequence[int]) -> Iterator[list[Side]]:
    """Yield a side for each number of rules."""
    with TemporaryDirectory(prefix="pointguard-bench-") as folder:
        cache = compiled_rules_directory()
        directories = [Path(folder) / str(count) for count in counts]
        for directory in directories:
            directory.mkdir()
        ledgers = [
            Ledger(directory, cache, rules=rules_of(count))
            for directory, count in zip(directories, counts, strict=True)
        ]
        try:
            yield [Side(ledger) for ledger in ledgers]
        finally:
            for ledger in ledgers:
                ledger.close()


def run(stage: Stage) -> list[Result]:
    """Measure both sides in turn."""
    rounds: list[Round] = []
    with sides((MANY, FEW)) as (many, few):
        neighbors = Neighbors()
        for number in range(stage.rounds):
            stage.say(f"fraud-rules: round {number + 1} of {stage.rounds}")
            rounds.append(Round(many.decisions_per_second(), few.decisions_per_second()))
    settings = stage.settings(
        rules=MANY, baseline_rules=FEW, windows=2 * 2 * len(_WINDOWS), accounts=ACCOUNTS,
        pointguard_runs=[{"others_cores_busy": neighbors.cores_busy()}],
    )  # fmt: skip
    return [summarize("fraud-rules", UNIT, GOAL, rounds, settings)]
