"""The ledger store of the embedded default: a journal that answers wait for, and SQLite behind it.

A batch is durable once its block is in the journal; the rows follow into the database within moments (``projector``).
Until they are there, whatever is read is put together from the database and from what memory keeps of them. A step that
writes members goes into the database itself, as one transaction with its ledger rows, after everything before it. Built
by ``bootstrap``; the writer's thread calls it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from pointguard_server.domain.codes import AdviceEntity, Operation, Outcome
from pointguard_server.domain.errors import StorageBroken
from pointguard_server.engine.ports import AWARDED, Heads, History, Identified, IntArray, Original, RowArray, Rows
from pointguard_server.engine.rows import ADVICE, LEG
from pointguard_server.storage.account_histories import AWARD_ENTRIES
from pointguard_server.storage.blocks import block_bytes, encode_block
from pointguard_server.storage.journal import Journal, JournalDamaged, delete_segments, read_blocks
from pointguard_server.storage.projector import Projector
from pointguard_server.storage.sqlite_ledger import SqliteLedger

JOURNAL: Final = "journal"
# A step that needs the database waits for it to catch up. So that this never takes more than a small part of the time,
# those that follow go to the database too, for so many times as long.
DIRECT_FOR: Final = 20
_RETURN: Final = int(Operation.RETURN)
_ADJUST: Final = int(Operation.ADJUST)
_AGENT: Final = int(AdviceEntity.AGENT)

Id = tuple[int, bytes]
"""A tenant's key or transaction."""


def recover(database: SqliteLedger, directory: Path) -> int:
    """Bring what the journal has and the database has not into the database, flushed; return how many legs.

    Raises:
        JournalDamaged: the two do not fit together.
    """
    heads = database.heads()
    missing: list[Rows] = []
    for block in read_blocks(directory / JOURNAL):
        batch = block.header.batch
        if batch.batch_id <= heads.batch_id:
            continue
        following = (heads.batch_id + 1, heads.position + 1, heads.digest)
        if (batch.batch_id, batch.first_position, batch.previous_digest) != following:
            raise JournalDamaged(f"batch {batch.batch_id} does not follow batch {heads.batch_id}")
        rows = block.rows
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


def _followed(history: History | None, rows: Rows, tenant_id: int, account_id: int) -> History | None:
    """Return an account's history with what a batch adds to it, if the database did not have that already."""
    last_seq = int(history.legs["seq"][-1]) if history is not None else 0
    legs, advice, entries = (
        table[(table["tenant_id"] == tenant_id) & (table["account_id"] == account_id) & (table["seq"] > last_seq)]
        for table in (rows.legs.view(LEG), rows.advice.view(ADVICE), rows.entries)
    )
    if not legs.size:
        return history
    lots = entries[entries["lot_seq"] > 0]
    awards = _awards(rows, account_id, last_seq)
    if history is None:
        return History(int(legs["program_id"][0]), int(legs["accepted_at"][0]), legs, advice, lots, awards)
    return replace(
        history,
        legs=np.concatenate((history.legs, legs)),
        advice=np.concatenate((history.advice, advice)),
        lots=np.concatenate((history.lots, lots)),
        awards=np.concatenate((history.awards, awards)),
    )


def _awards(rows: Rows, account_id: int, last_seq: int) -> RowArray:
    """Return what rules gave an account in a batch, after a seq; all of a batch has one moment."""
    entries = rows.entries[(rows.entries["account_id"] == account_id) & (rows.entries["seq"] > last_seq)]
    given = entries[(entries["rule_id"] > 0) & np.isin(entries["entry_type"], AWARD_ENTRIES)]
    awards = np.zeros(len(given), AWARDED)
    awards["rule_id"], awards["points"], awards["accepted_at"] = (
        given["rule_id"], given["signed_points"], rows.batch.accepted_at,
    )  # fmt: skip
    return awards


def _cut(history: History, newer_than: int) -> History:
    """Return of a history what reaches back to a moment and to all that is open, and the newest leg in any case."""
    legs = history.legs
    past = (legs["accepted_at"] <= newer_than) & (legs["seq"] < legs["open_from_seq"][-1])
    kept = legs[past[:-1].nonzero()[0].max(initial=-1) + 1 :]
    return replace(history, legs=kept, advice=history.advice[history.advice["seq"] >= kept["seq"][0]])


class _Behind:
    """What may be asked of batches before the database has them."""

    def __init__(self) -> None:
        self.keys: dict[Id, Rows] = {}
        self.transactions: dict[Id, Rows] = {}
        self.accounts: set[int] = set()
        self.batches: list[Rows] = []
        self.last_batch = 0

    def add(self, rows: Rows) -> None:
        """Keep a batch's rows."""
        legs = rows.legs
        tenants = legs["tenant_id"].tolist()
        self.keys.update(dict.fromkeys(zip(tenants, legs["idempotency_key"].tolist(), strict=True), rows))
        self.transactions.update(dict.fromkeys(zip(tenants, legs["transaction_id"].tolist(), strict=True), rows))
        self.accounts.update(legs["account_id"].tolist())
        self.batches.append(rows)
        self.last_batch = rows.batch.batch_id


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
        self._size = 0  # of the staged rows' block
        self._direct = False
        self._direct_until = 0.0
        # Of batches that the database may not have yet, in two parts: the older one goes as a whole.
        self._older, self._newer = _Behind(), _Behind()

    @property
    def broken(self) -> bool:
        """Whether a flush has failed: then nothing may be written or flushed any more, not even by closing."""
        return self.projector.broken

    def close(self) -> None:
        """Bring the database up to date; the journal is kept only if that fails."""
        done = self.projector.close()
        self._journal.close(keep=not done)

    @property
    def behind_legs(self) -> int:
        """See the port."""
        return self.projector.behind_legs

    @property
    def others(self) -> None:
        """See the port."""
        return

    def heads(self) -> Heads:
        """See the port."""
        if self._heads is None:
            self._heads = self._reader.heads()
        return self._heads

    # ------------------------------------------------------------------------------------------------------- the step

    def begin(self) -> None:
        """See the port."""
        if self.broken:
            raise StorageBroken
        self._forget()
        if time.monotonic() < self._direct_until:
            self._go_direct()

    def append(self, rows: Rows) -> None:
        """See the port."""
        if self._direct:
            self._database.append(rows)
            self._staged = rows
            return
        self._size = block_bytes(rows)
        self.projector.wait_for_room(self._size)
        # The engine's buffers are used again by the next batch.
        self._staged = replace(rows, legs=rows.legs.copy(), entries=rows.entries.copy(), advice=rows.advice.copy())

    def commit(self) -> None:
        """See the port."""
        try:
            self._commit()
        except StorageBroken:
            self.projector.give_up()
            raise

    def _commit(self) -> None:
        rows, heads = self._staged, self.heads()
        if self._direct:
            self._heads = None  # until it is known to be done
            self._database.commit()
            self._end_direct()
            if rows is not None:
                self.projector.skip(rows)
        elif rows is not None:
            segment = self._journal.make_room(self._size)
            self._journal.append(
                encode_block(rows, self._size, segment, heads.entry + 1, heads.advice + 1), rows.batch.batch_id
            )
            self._newer.add(rows)
            self.projector.add(rows, self._size)
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
            if self.broken:
                raise StorageBroken
            try:
                return self._database.write(job)
            except StorageBroken:
                self.projector.give_up()
                raise

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

    def _forget(self) -> None:
        """Let go of what the database has."""
        if self.projector.projected >= self._older.last_batch:
            self._older, self._newer = self._newer, _Behind()

    def _readable(self) -> SqliteLedger:
        """Return what sees all that is in the database, and this step's rows."""
        if self._staged is not None:
            self._go_direct()
        return self._database if self._direct else self._reader

    def known_keys(self, tenant_id: int, keys: Sequence[bytes]) -> dict[bytes, tuple[bytes, bytes]]:
        """See the port."""
        # Memory first: what it does not hold any more was in the database before it was let go.
        behind = {}
        for key, (rows, i) in self._find_behind("keys", "idempotency_key", tenant_id, keys):
            behind[key] = rows.legs["request_digest"][i].tobytes(), rows.texts[i][2]
        return self._readable().known_keys(tenant_id, keys) | behind

    def find_reservations(self, tenant_id: int, ids: Sequence[bytes]) -> dict[bytes, tuple[int, int]]:
        """See the port."""
        behind = {}
        for transaction_id, (rows, i) in self._find_behind("transactions", "transaction_id", tenant_id, ids):
            behind[transaction_id] = int(rows.legs["account_id"][i]), int(rows.legs["seq"][i])
        return self._readable().find_reservations(tenant_id, ids) | behind

    def find_originals(self, tenant_id: int, ids: Sequence[bytes]) -> dict[bytes, Original]:
        """See the port."""
        behind = {}
        for transaction_id, (rows, i) in self._find_behind("transactions", "transaction_id", tenant_id, ids):
            account_id, seq = int(rows.legs["account_id"][i]), int(rows.legs["seq"][i])
            behind[transaction_id] = Original(account_id, seq, rows.texts[i][2], {}, {})
        found = behind | self._readable().find_originals(tenant_id, ids)
        return {each: self._with_what_is_behind(tenant_id, original) for each, original in found.items()}

    def _with_what_is_behind(self, tenant_id: int, original: Original) -> Original:
        """Return an original with its returns and corrections behind, some of which the database may have too."""
        found = {_RETURN: dict(original.returns), _ADJUST: dict(original.corrections)}
        for rows in self._behind_of(original.account_id):
            legs = rows.legs
            undoes = np.isin(legs["operation"], (_RETURN, _ADJUST)) & (legs["refers_to_seq"] == original.seq)
            of_account = (legs["account_id"] == original.account_id) & (legs["tenant_id"] == tenant_id)
            for i in (undoes & of_account).nonzero()[0].tolist():
                found[int(legs["operation"][i])][int(legs["position"][i])] = rows.texts[i][2]
        return original._replace(returns=found[_RETURN], corrections=found[_ADJUST])

    def agent_advice(self) -> RowArray:
        """See the port."""
        found = self._readable().agent_advice()
        for rows in (*self._older.batches, *self._newer.batches):
            steps = rows.advice.view(ADVICE)
            last = int(found["position"][-1]) if found.size else 0
            found = np.concatenate((found, steps[(steps["entity"] == _AGENT) & (steps["position"] > last)]))
        return found

    def _behind_of(self, account_id: int) -> list[Rows]:
        """Return the batches behind that have legs of an account, in order."""
        return [
            rows
            for part in (self._older, self._newer)
            if account_id in part.accounts
            for rows in part.batches
            if account_id in rows.legs["account_id"]
        ]

    def _find_behind(
        self, kept: str, column: str, tenant_id: int, ids: Sequence[bytes]
    ) -> Iterator[tuple[bytes, tuple[Rows, int]]]:
        """Return the ids that are of batches behind, each with its first leg's place."""
        older: dict[Id, Rows] = getattr(self._older, kept)
        newer: dict[Id, Rows] = getattr(self._newer, kept)
        if not older and not newer:
            return
        for each in ids:
            rows = newer.get((tenant_id, each)) or older.get((tenant_id, each))
            if rows is not None:
                legs = rows.legs
                same = (legs[column] == np.void(each)) & (legs["tenant_id"] == tenant_id) & (legs["leg_number"] == 0)
                yield each, (rows, int(same.argmax()))

    def read_accounts(
        self,
        tenant_id: int,
        account_ids: Sequence[int],
        newer_than: int,
        awards_since: int | None = None,
        *,
        with_birth_date: bool = False,
    ) -> dict[int, History]:
        """See the port."""
        # Looked for before the database is asked: what the database comes to have meanwhile is in both.
        behind = {each: batches for each in account_ids if (batches := self._behind_of(each))}
        found = self._readable().read_accounts(
            tenant_id, account_ids, newer_than, awards_since, with_birth_date=with_birth_date
        )
        for account_id, batches in behind.items():
            history = found.get(account_id)
            for rows in batches:
                history = _followed(history, rows, tenant_id, account_id)
            if history is not None:
                found[account_id] = _cut(history, newer_than)
        return found

    def legs_after(self, position: int, newer_than: int) -> Iterator[RowArray]:
        """See the port."""
        for legs in self._readable().legs_after(position, newer_than):
            position = int(legs["position"][-1])
            yield legs
        for rows in (*self._older.batches, *self._newer.batches):
            batch = rows.batch
            if batch.first_position > position and batch.accepted_at > newer_than:
                yield rows.legs.view(LEG)

    def leg_of(self, tenant_id: int, account_id: int, seq: int) -> RowArray | None:
        """See the port."""
        for rows in self._behind_of(account_id):
            legs = rows.legs.view(LEG)
            is_wanted = (legs["account_id"] == account_id) & (legs["seq"] == seq) & (legs["tenant_id"] == tenant_id)
            found: RowArray = legs[is_wanted]
            if found.size:
                return found
        return self._readable().leg_of(tenant_id, account_id, seq)

    @property
    def ended_identifiers(self) -> IntArray:
        """See the port."""
        return self._database.ended_identifiers

    def is_ended(self, identifier_id: int) -> bool:
        """See the port."""
        return self._readable().is_ended(identifier_id)

    def find_identifier(self, tenant_id: int, kind: int, value: str) -> Identified | None:
        """See the port."""
        return self._readable().find_identifier(tenant_id, kind, value)

    def enroll(self, tenant_id: int, member: Any, now: int) -> tuple[Outcome, int]:
        """See the port."""
        self._go_direct()
        return self._database.enroll(tenant_id, member, now)

    def link(self, tenant_id: int, account_id: int, link: Any) -> tuple[Outcome, int]:
        """See the port."""
        self._go_direct()
        return self._database.link(tenant_id, account_id, link)

    def set_birth_date(self, tenant_id: int, account_id: int, key: bytes, birth_date: str) -> Outcome:
        """See the port."""
        self._go_direct()
        return self._database.set_birth_date(tenant_id, account_id, key, birth_date)

    def take_occurrence(self, tenant_id: int, occurrence: Any, now: int) -> Outcome:
        """See the port."""
        self._go_direct()
        return self._database.take_occurrence(tenant_id, occurrence, now)
