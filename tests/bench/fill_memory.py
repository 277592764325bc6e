"""The process of ``memory``: reads accounts into memory, and says what that takes. Started by the benchmark.

The accounts' histories are real legs read from a ledger, those of a thousand accounts over and over; the decider takes
them as it takes any account's. It reads its job (``program``, ``folder``, ``accounts``, ``legs_each``) as JSON from
standard input.
"""

import json
import os
import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pointguard_server.engine.ports import History, LedgerStore
from tests.bench.big_ledger import TEMPLATE_ACCOUNTS, bring_into_memory, grow, open_big_ledger
from tests.bench.processes import KIBIBYTES_A_MIB, resident_mib


class Repeater:
    """A ledger store in which every account has the history of one of the first ones."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def read_accounts(
        self,
        tenant_id: int,
        account_ids: Sequence[int],
        newer_than: int,
        awards_since: int | None = None,
        *,
        with_birth_date: bool = False,
    ) -> dict[int, History]:
        """Return the histories of the accounts that stand for these."""
        templates = {each: each % TEMPLATE_ACCOUNTS + 1 for each in account_ids}
        found = self._store.read_accounts(
            tenant_id, sorted(set(templates.values())), newer_than, awards_since, with_birth_date=with_birth_date
        )
        return {each: found[template] for each, template in templates.items()}


def fill(program: Path, folder: Path, accounts: int, legs_each: int) -> dict[str, float]:
    """Do the job; return MiB."""
    with open_big_ledger(folder, program, accounts) as ledger:
        grow(ledger, TEMPLATE_ACCOUNTS, legs_each)
        ledger.store = Repeater(ledger.store)
        ledger.restart_decider()
        ledger.decider.warm_up()
        empty = resident_mib(os.getpid())
        bring_into_memory(ledger, range(1, accounts + 1))
        if len(ledger.decider.memory) != accounts:
            raise RuntimeError("not all accounts are in memory")
        return {
            "empty_mib": empty,
            "filled_mib": resident_mib(os.getpid()),
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIBIBYTES_A_MIB,
        }


if __name__ == "__main__":
    job = json.load(sys.stdin)
    job |= {"program": Path(job["program"]), "folder": Path(job["folder"])}
    print(json.dumps(fill(**job)))
