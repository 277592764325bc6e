"""``memory``: what a process with the engine holds when a million accounts are in memory, beside none.

Each account has a few events in the windows of the program. Memory does not vary from round to round: it is measured
once.
"""

from tests.bench.processes import run_worker
from tests.bench.results import Result, Round, summarize
from tests.bench.stage import Stage

GOAL = "≤ 1,024 MiB"
ACCOUNTS = 1_000_000
LEGS_EACH = 5
FILLING_TIMEOUT_S = 600.0


def run(stage: Stage, accounts: int = ACCOUNTS) -> list[Result]:
    """Measure once, in a process of its own."""
    stage.say(f"memory: bringing {accounts:,} accounts into memory")
    job = {"program": str(stage.program), "folder": str(stage.folder / "memory"), "accounts": accounts}
    found = run_worker("tests.bench.fill_memory", job | {"legs_each": LEGS_EACH}, FILLING_TIMEOUT_S)
    settings = stage.settings(
        accounts=accounts,
        legs_each=LEGS_EACH,
        baseline="the same process before the first account",
        peak_mib=found["peak_mib"],
    )
    return [summarize("memory", "MiB", GOAL, [Round(found["filled_mib"], found["empty_mib"])], settings)]
