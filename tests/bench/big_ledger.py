"""Ledgers of any size, made fast, and the decider on them, in process. For the benchmarks ``scale`` and ``memory``.

A thousand accounts are decided for; the rows of all others are copies of theirs with identities, places and moments of
their own, through the same store. Records and digests of copies are those of the originals: nothing here reads them.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pointguard_client.idempotency import new_idempotency_key
from pointguard_server.domain.codes import Decision, Operation
from pointguard_server.engine.ask import Ask
from pointguard_server.engine.batch import Decider
from pointguard_server.engine.identifiers import write_transaction_ids
from pointguard_server.engine.inbox import Inbox
from pointguard_server.engine.memory import Memory
from pointguard_server.engine.ports import Heads, LedgerStore, Rows
from pointguard_server.service.program_config import load_program_config
from tests.support.ledger import DAY, Ledger, compiled_rules_directory

TEMPLATE_ACCOUNTS = 1_000
BETWEEN_LEGS = 6 * DAY
OPENING_CENTS = 100_000_00
PURCHASE_CENTS, REDEEMED_POINTS = 42_50, 1
READS_A_BATCH = 256
CONTROLS, EARN = "[program.redemption.daily_cap]", "[program.earn]"


class Recorder:
    """A ledger store that keeps a copy of the rows that it is to append, and appends none."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store
        self.appended: list[Rows] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def append(self, rows: Rows) -> None:
        """Keep a batch's rows."""
        self.appended.append(replace(rows, legs=rows.legs.copy(), entries=rows.entries.copy()))


@contextmanager
def open_big_ledger(directory: Path, program: Path, accounts_max: int) -> Iterator[Ledger]:
    """Open a new ledger of a program, flushed like a server's; memory holds at most ``accounts_max`` accounts."""
    text = program.read_text(encoding="utf-8")
    file = load_program_config(text, str(program)).earn_rules
    head, _, rules = text.partition(f'rules = "{file}"')
    controls = head[head.index(CONTROLS) : head.index(EARN)]
    directory.mkdir(parents=True)
    ledger = Ledger(
        directory,
        compiled_rules_directory(),
        controls=controls,
        rules=rules,
        earn=(program.parent / file).read_text(encoding="utf-8"),
        accounts_max=accounts_max,
    )
    try:
        ledger.connection.execute("PRAGMA synchronous=FULL")
        yield ledger
    finally:
        ledger.close()


def grow(ledger: Ledger, accounts: int, legs_each: int) -> None:
    """Fill an empty ledger with accounts 1 to ``accounts``, each with so many legs up to now, unflushed until the end.

    ``accounts`` is a multiple of ``TEMPLATE_ACCOUNTS``; legs are an enrollment, an opening purchase, and then purchases
    and redemptions by turns.
    """
    ledger.connection.execute("PRAGMA synchronous=OFF")
    for rows in _decide_template(ledger, legs_each):
        for copy in range(accounts // TEMPLATE_ACCOUNTS):
            ledger.store.begin()
            ledger.store.append(_copied(rows, copy, ledger.store.heads()))
            ledger.store.commit()
    ledger.connection.execute("PRAGMA synchronous=FULL")
    ledger.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ledger.restart_decider()


def _decide_template(ledger: Ledger, legs_each: int) -> list[Rows]:
    """Decide a leg for each of the first accounts, so many times, in memory alone; return the rows of each time."""
    recorder = Recorder(ledger.store)
    programs = ledger.programs
    memory = Memory(TEMPLATE_ACCOUNTS, programs.measures_max, programs.counters_max)
    decider = Decider(recorder, memory, programs, ledger.clock)
    started = now() - legs_each * BETWEEN_LEGS
    accounts: list[int] = []
    for number in range(legs_each):
        ledger.clock.moment = started + number * BETWEEN_LEGS
        if number == 0:
            asks = [ledger.enroll_ask(f"member {each}") for each in range(TEMPLATE_ACCOUNTS)]
        elif number == 1:
            asks = [ledger.accrue_ask(account, OPENING_CENTS) for account in accounts]
        else:
            asks = asks_of(ledger, accounts)
        verdicts = decider.decide(asks)
        if {verdict.decision for verdict in verdicts} != {int(Decision.APPROVED)}:
            raise ValueError("a request of the template was not approved")
        accounts = [verdict.account_id for verdict in verdicts]
    return recorder.appended


def _copied(rows: Rows, copy: int, heads: Heads) -> Rows:
    """Return the template's rows as those of the accounts of one copy, placed after ``heads``."""
    count = len(rows.legs)
    moment = int(rows.legs["accepted_at"][0]) + copy
    legs, entries = rows.legs.copy(), rows.entries.copy()
    legs["position"] = np.arange(heads.position + 1, heads.position + 1 + count)
    ids = np.empty((count, 2), np.int64)
    for name in ("transaction_id", "idempotency_key"):
        write_transaction_ids(ids, moment)
        legs[name] = ids.view("V16")[:, 0]
    legs["account_id"] += copy * TEMPLATE_ACCOUNTS
    legs["accepted_at"] = moment
    legs["batch_id"] = heads.batch_id + 1
    legs["first_entry"] += heads.entry + 1 - int(legs["first_entry"][0])
    entries["account_id"] += copy * TEMPLATE_ACCOUNTS
    entries["leg_position"] += heads.position + 1 - rows.batch.first_position
    entries["position"] = np.arange(heads.entry + 1, heads.entry + 1 + len(entries))
    batch = rows.batch._replace(
        batch_id=heads.batch_id + 1,
        first_position=heads.position + 1,
        accepted_at=moment,
        previous_digest=heads.digest,
    )
    return replace(rows, legs=legs, entries=entries, batch=batch)


def now() -> int:
    """Return the wall clock's moment, in microseconds."""
    return time.time_ns() // 1_000


def asks_of(ledger: Ledger, accounts: Sequence[int]) -> list[Ask]:
    """Return a request for each account, purchases of one line and redemptions by turns, with UUIDv7 keys."""
    return [
        ledger.accrue_ask(account, PURCHASE_CENTS, new_idempotency_key())
        if number % 2
        else ledger.authorise_ask(account, REDEEMED_POINTS, new_idempotency_key())
        for number, account in enumerate(accounts)
    ]


def inbox_of(asks: Iterable[Ask]) -> Inbox:
    """Return requests as the engine gets them."""
    inbox = Inbox()
    for ask in asks:
        inbox.put(ask)
    return inbox


def bring_into_memory(ledger: Ledger, accounts: Sequence[int]) -> None:
    """Have the decider read accounts, by asking for their balances."""
    for first in range(0, len(accounts), READS_A_BATCH):
        some = accounts[first : first + READS_A_BATCH]
        ledger.clock.moment = now()
        ledger.decider.decide_inbox(inbox_of(ledger.read_ask(Operation.BALANCE, account) for account in some))
