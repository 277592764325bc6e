"""The ledger store of the embedded default: a journal that answers wait for, and SQLite behind it.

A batch is durable once its block is in the journal; the rows follow into the database within moments (``projector``).
Until they are there, ``known_keys`` and ``find_reservations`` also look at what memory keeps of them, and an account of
theirs is read only after they are. A step that writes members goes into the database itself, as one transaction with
its ledger rows, after everything before it. Built by ``bootstrap``; the writer's thread calls it.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import compress
from pathlib import Path
from typing import Any, Final

from pointguard_server.domain.codes import Outcome
from pointguard_server.domain.errors import StorageBroken
from pointguard_server.engine.ports import Heads, History, Rows
from pointguard_server.storage.blocks import block_bytes, encode_block
from pointguard_server.storage.journal import Journal, JournalDamaged, delete_segments, read_blocks
from pointguard_server.storage.projector import Projector
from pointguard_server.storage.sqlite_ledger import SqliteLedger

JOURNAL: Final = "journal"
# A step that needs the database waits for it to catch up. So that this never takes more than a small part of the time,
# those that follow go to the database too, for so many times as long.
DIRECT_FOR: Final = 20

Id = tuple[int, bytes]
"""A tenant's key or transaction."""


def recover(database: SqliteLedger, directory: Path) -> int:
    """Bring what the journal has and the database has not into the database, flushed; return how many legs.

    Raises:
        JournalDamaged: the two do not fit together.
    """
    heads = database.heads()
    missing: list[Rows] = []
    for header, rows in read_blocks(directory / JOURNAL):
        if header.batch_id <= heads.batch_id:
            continue
        following = (heads.batch_id + 1, heads.position + 1, heads.digest)
        if (header.batch_id, header.first_position, header.previous_digest) != following:
            raise JournalDamaged(f"batch {header.batch_id} does not follow batch {heads.batch_id}")
        missing.append(rows)
        heads = _heads_after(heads, rows)
    if missing:
        database.begin()
        database.append_all(missing)
        database.commit()
    delete_segments(directory / JOURNAL)
    return sum(rows.batch.leg_count for rows in missing)


def _heads_after(heads: Heads, rows: Rows) -> Heads:
    batch = rows.batch
    return Heads(
        heads.position + batch.leg_count,
        heads.entry + len(rows.entries),
        heads.advice + len(rows.advice),
        batch.batch_id,
        batch.accepted_at,
        batch.digest,
    )


class JournaledLedger:
    """Implements ``engine.ports.LedgerStore``."""

    def __init__(self, database: SqliteLedger, reader: SqliteLedger, directory: Path) -> None:
        """``reader`` is a connection of the writer's thread that only reads; the journal was recovered before."""
        self.writer_id, self.writer_epoch = database.writer_id, database.writer_epoch
        self._database, self._reader = database, reader
        self._heads: Heads | None = database.heads()
        self._journal = Journal(directory / JOURNAL)
        self.projector = Projector(database, self._journal, self._heads.batch_id)
        self.projector.start()
        self._staged: Rows | None = None
        self._direct = False
        self._direct_until = 0.0
        # Of batches that the database may not have yet.
        self._behind: deque[Rows] = deque()
        self._keys: dict[Id, tuple[bytes, bytes]] = {}
        self._transactions: dict[Id, tuple[int, int]] = {}
        self._accounts: dict[int, int] = {}  # the last batch of each

    def close(self) -> None:
        """Bring the database up to date; the journal is kept only if that fails."""
        done = self.projector.close()
        self._journal.close(keep=not done)

    def heads(self) -> Heads:
        """See the port."""
        if self._heads is None:
            self._heads = self._reader.heads()
        return self._heads

    # ------------------------------------------------------------------------------------------------------- the step

    def begin(self) -> None:
        """See the port."""
        if self.projector.broken:
            raise StorageBroken
        self._forget()
        if time.monotonic() < self._direct_until:
            self._go_direct()

    def append(self, rows: Rows) -> None:
        """See the port."""
        if self._direct:
            self._database.append(rows)
        else:
            self.projector.wait_for_room(block_bytes(rows))
        # The engine's buffers are used again by the next batch.
        self._staged = replace(rows, legs=rows.legs.copy(), entries=rows.entries.copy(), advice=rows.advice.copy())

    def commit(self) -> None:
        """See the port."""
        rows, heads = self._staged, self.heads()
        if self._direct:
            self._heads = None  # until it is known to be done
            self._database.commit()
            self._end_direct()
            if rows is not None:
                self.projector.skip(rows)
        elif rows is not None:
            size = block_bytes(rows)
            segment = self._journal.make_room(size)
            self._journal.append(encode_block(rows, segment, heads.entry + 1, heads.advice + 1), rows.batch.batch_id)
            self._remember(rows)
            self.projector.add(rows, size)
        self._heads = heads if rows is None else _heads_after(heads, rows)
        self._staged = None

    def rollback(self) -> None:
        """See the port."""
        self._staged = None
        if self._direct:
            self._database.rollback()
            self._end_direct()

    def write(self, job: Callable[[Any], Any]) -> Any:
        """See the port."""
        with self.projector.lock:
            return self._database.write(job)

    def _go_direct(self) -> None:
        """Have this step go into the database itself."""
        if self._direct:
            return
        started = time.monotonic()
        self.projector.catch_up()
        now = time.monotonic()
        self._direct_until = max(self._direct_until, now + DIRECT_FOR * (now - started))
        self._forget()
        self.projector.lock.acquire()
        self._direct = True
        self._database.begin()
        if self._staged is not None:
            self._database.append(self._staged)

    def _end_direct(self) -> None:
        self._direct = False
        self.projector.lock.release()

    # ---------------------------------------------------------------------------------------------- what is behind

    def _remember(self, rows: Rows) -> None:
        """Keep of a batch what may be asked before the database has it."""
        legs = rows.legs
        tenants = legs["tenant_id"].tolist()
        first = (legs["leg_number"] == 0).tolist()
        keys = zip(tenants, legs["idempotency_key"].tolist(), strict=True)
        transactions = zip(tenants, legs["transaction_id"].tolist(), strict=True)
        records = (record for _currency, _reference, record in rows.texts)
        answers = zip(legs["request_digest"].tolist(), records, strict=True)
        accounts = legs["account_id"].tolist()
        places = zip(accounts, legs["seq"].tolist(), strict=True)
        self._keys.update(compress(zip(keys, answers, strict=True), first))
        self._transactions.update(compress(zip(transactions, places, strict=True), first))
        self._accounts.update(dict.fromkeys(accounts, rows.batch.batch_id))
        self._behind.append(rows)

    def _forget(self) -> None:
        """Let go of what the database has."""
        projected = self.projector.projected
        while self._behind and self._behind[0].batch.batch_id <= projected:
            rows = self._behind.popleft()
            tenants = rows.legs["tenant_id"].tolist()
            for ids, of in ((self._keys, "idempotency_key"), (self._transactions, "transaction_id")):
                for each in zip(tenants, rows.legs[of].tolist(), strict=True):
                    ids.pop(each, None)
            for account_id in set(rows.legs["account_id"].tolist()):
                if self._accounts.get(account_id) == rows.batch.batch_id:
                    del self._accounts[account_id]

    def _readable(self) -> SqliteLedger:
        """Return what sees all that is in the database, and this step's rows."""
        if self._staged is not None:
            self._go_direct()
        return self._database if self._direct else self._reader

    def known_keys(self, tenant_id: int, keys: Sequence[bytes]) -> dict[bytes, tuple[bytes, bytes]]:
        """See the port."""
        # Memory first: what it does not hold any more was in the database before it was let go.
        behind = {key: self._keys[tenant_id, key] for key in keys if (tenant_id, key) in self._keys}
        return self._readable().known_keys(tenant_id, keys) | behind

    def find_reservations(self, tenant_id: int, ids: Sequence[bytes]) -> dict[bytes, tuple[int, int]]:
        """See the port."""
        behind = {each: self._transactions[tenant_id, each] for each in ids if (tenant_id, each) in self._transactions}
        return self._readable().find_reservations(tenant_id, ids) | behind

    def read_account(self, tenant_id: int, account_id: int, newer_than: int) -> History | None:
        """See the port."""
        if account_id in self._accounts:
            self.projector.catch_up()
            self._forget()
        return self._readable().read_account(tenant_id, account_id, newer_than)

    def find_account(self, tenant_id: int, kind: int, value: str) -> int | None:
        """See the port."""
        return self._readable().find_account(tenant_id, kind, value)

    def enroll(self, tenant_id: int, member: Any, now: int) -> tuple[Outcome, int]:
        """See the port."""
        self._go_direct()
        return self._database.enroll(tenant_id, member, now)

    def link(self, tenant_id: int, account_id: int, kind: int, value: str) -> Outcome:
        """See the port."""
        self._go_direct()
        return self._database.link(tenant_id, account_id, kind, value)
