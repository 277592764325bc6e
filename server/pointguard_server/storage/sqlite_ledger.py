"""The ledger store on SQLite: one connection that writes, WAL, every commit flushed unless ``unflushed``.

The journal stands before it (``journaled_ledger``), and ``projector`` brings rows here. Built by ``bootstrap``.

Rows go in by statements of many rows each: ``executemany`` would hand the interpreter lock away once a row, and under
load each time wait to get it back.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import Table

from pointguard_server.domain.age_bands import packed, read_birth_date
from pointguard_server.domain.codes import AdviceEntity, EntryType, Operation, Outcome
from pointguard_server.domain.errors import StorageBroken, StorageUnavailable
from pointguard_server.domain.ledger_rows import ADVICE_FIELDS, ENTRY_FIELDS, LEG_FIELDS
from pointguard_server.engine.past_legs import legs_of_records
from pointguard_server.engine.ports import AWARDED, Heads, History, Identified, IntArray, Original, RowArray, Rows
from pointguard_server.engine.rows import ADVICE, ADVICE_COLUMNS, ENTRY, LEG, LEG_COLUMNS
from pointguard_server.service.ports import Link, NewMember
from pointguard_server.storage import tables
from pointguard_server.storage.directory import Directory

Result = TypeVar("Result")

ROWS_A_STATEMENT = (1, 2, 4, 8, 16, 32, 64, 128, 256)
KEYS_A_STATEMENT = (256, 64, 16, 4, 1)
AWARD_ENTRIES = (int(EntryType.EARN), int(EntryType.BONUS))
LOT_COLUMNS = {
    "position": "min(position)",
    "signed_points": "sum(signed_points)",
    "lot_seq": "lot_seq",
    "rule_id": "rule_id",
    "expires_at": "expires_at",
    "matures_at": "max(matures_at)",
}
# What is on disk after a failed flush is unknown, and a second flush may report success without writing it.
BROKEN = frozenset({"SQLITE_IOERR_FSYNC", "SQLITE_IOERR_DIR_FSYNC", "SQLITE_CORRUPT", "SQLITE_NOTADB"})

# find_keys: the answers that stand for some idempotency keys.
FIND_KEYS = (
    "SELECT idempotency_key, request_digest, record FROM legs"
    " WHERE tenant_id = ? AND leg_number = 0 AND idempotency_key IN ({})"
)
# find_reservations: the account and seq of some transactions.
FIND_RESERVATIONS = (
    "SELECT transaction_id, account_id, seq FROM legs WHERE tenant_id = ? AND leg_number = 0 AND transaction_id IN ({})"
)
# find_originals: some transactions. read_returns, read_corrections: what returned and what corrected one.
FIND_ORIGINALS = (
    "SELECT transaction_id, account_id, seq, record FROM legs"
    " WHERE tenant_id = ? AND leg_number = 0 AND transaction_id IN ({})"
)
READ_RETURNS = (
    "SELECT position, record FROM legs WHERE tenant_id = ? AND account_id = ? AND refers_to_seq = ?"  # noqa: S608
    f" AND operation = {int(Operation.RETURN)} ORDER BY position"
)
READ_CORRECTIONS = (
    "SELECT position, record FROM legs WHERE tenant_id = ? AND account_id = ? AND refers_to_seq = ?"  # noqa: S608
    f" AND operation = {int(Operation.ADJUST)} AND refers_to_seq > 0 ORDER BY position"
)
# agent_advice: every step of advice about agents.
READ_AGENT_ADVICE = (
    f"SELECT {', '.join(ADVICE_FIELDS)} FROM advice"  # noqa: S608
    f" WHERE entity = {int(AdviceEntity.AGENT)} ORDER BY position"
)
# read_records: the records of an account's legs, newest first, and what says how far back they are wanted.
READ_RECORDS = (
    "SELECT record, seq, accepted_at, open_from_seq FROM legs WHERE tenant_id = ? AND account_id = ? ORDER BY seq DESC"
)
# read_legs: the same legs by their columns, where a record is damaged.
READ_LEGS = f"SELECT {', '.join(LEG_FIELDS)} FROM legs WHERE tenant_id = ? AND account_id = ? ORDER BY seq DESC"  # noqa: S608
# leg_of: one of them.
READ_LEG = f"SELECT {', '.join(LEG_FIELDS)} FROM legs WHERE tenant_id = ? AND account_id = ? AND seq = ?"  # noqa: S608
# read_enrolled_at: when an account began.
READ_ENROLLED_AT = "SELECT accepted_at FROM legs WHERE tenant_id = ? AND account_id = ? AND seq = 1"
# read_advice: what an account's legs from a seq on raised.
READ_ADVICE = (
    f"SELECT {', '.join(ADVICE_FIELDS)} FROM advice"  # noqa: S608
    " WHERE tenant_id = ? AND account_id = ? AND seq >= ? ORDER BY position"
)
# read_lots: for each lot of an account that has something left as of a seq, one like its first entry, with the rest as
# its points. Given a moment, those that ended by then, or that matured by then and never end, are left out.
READ_LOTS = f"""
    SELECT {", ".join(LOT_COLUMNS.get(name, "0") for name in ENTRY_FIELDS)} FROM (
        SELECT * FROM entries WHERE tenant_id = :tenant AND account_id = :account AND lot_seq > 0 AND seq <= :seq
            AND expires_at > :moment
        UNION ALL
        SELECT * FROM entries WHERE tenant_id = :tenant AND account_id = :account AND lot_seq > 0 AND seq <= :seq
            AND expires_at = 0 AND matures_at > :moment
    )
    GROUP BY lot_seq, rule_id, expires_at HAVING sum(signed_points) <> 0 ORDER BY 1
"""  # noqa: S608  (names of this file)
# read_awards: what rules gave an account in its legs from a seq to another one.
READ_AWARDS = f"""
    SELECT e.rule_id, l.accepted_at, sum(e.signed_points) FROM legs l
    JOIN entries e ON e.position >= l.first_entry AND e.position < l.first_entry + l.entry_count
    WHERE l.tenant_id = ? AND l.account_id = ? AND l.seq BETWEEN ? AND ? AND l.operation = {int(Operation.ACCRUE)}
        AND e.rule_id > 0 AND e.entry_type IN {AWARD_ENTRIES}
    GROUP BY 1, 2
"""  # noqa: S608  (numbers of this file)
# legs_after: the records of the legs behind a position, and where a batch ends.
RECORDS_AFTER = "SELECT record FROM legs WHERE position > ? ORDER BY position LIMIT ?"
LEGS_AFTER = f"SELECT {', '.join(LEG_FIELDS)} FROM legs WHERE position > ? ORDER BY position LIMIT ?"  # noqa: S608
READ_BATCH = "SELECT accepted_at, first_position + leg_count - 1 FROM batches WHERE batch_id = ?"
LEGS_AT_A_TIME = 8_192
# read_heads: where the ledger ends.
READ_HEADS = (
    "SELECT (SELECT coalesce(max(position), 0) FROM legs), (SELECT coalesce(max(position), 0) FROM entries),"
    " (SELECT coalesce(max(position), 0) FROM advice)"
)
READ_LAST_BATCH = "SELECT batch_id, accepted_at, digest FROM batches ORDER BY batch_id DESC LIMIT 1"


def storage_error(error: sqlite3.Error) -> StorageUnavailable:
    """Return the domain's error for the driver's."""
    name = getattr(error, "sqlite_errorname", "")
    return StorageBroken() if name in BROKEN else StorageUnavailable()


def position_at(connection: sqlite3.Connection, moment: int) -> int:
    """Return the position of the last leg up to a moment, 0 for none: batches are numbered in order of time."""
    last = connection.execute(READ_LAST_BATCH).fetchone()
    known, after = 0, last[0] + 1 if last else 1
    position = 0
    while known + 1 < after:
        middle = (known + after) // 2
        accepted_at, last_position = connection.execute(READ_BATCH, (middle,)).fetchone()
        if accepted_at <= moment:
            known, position = middle, last_position
        else:
            after = middle
    return int(position)


class Inserter:
    """Inserts rows into one table by statements of a few fixed sizes, which stay prepared; NULLs fill up the last.

    ``columns`` are those of a row in order; by default the table's.
    """

    def __init__(self, table: Table, columns: Sequence[str] = ()) -> None:
        columns = columns or [column.name for column in table.columns]
        row = f"({', '.join('?' * len(columns))})"
        self._width = len(columns)
        self._statements = {
            size: f"INSERT INTO {table.name} ({', '.join(columns)})"  # noqa: S608
            f" SELECT * FROM (VALUES {', '.join([row] * size)}) WHERE column1 IS NOT NULL"
            for size in ROWS_A_STATEMENT
        }

    def insert(self, connection: sqlite3.Connection, rows: Iterator[tuple[Any, ...]]) -> None:
        """Insert the rows in order."""
        while some := list(islice(rows, ROWS_A_STATEMENT[-1])):
            size = next(size for size in ROWS_A_STATEMENT if size >= len(some))
            values = list(chain.from_iterable(some))
            values += [None] * ((size - len(some)) * self._width)
            connection.execute(self._statements[size], values)


def _tuples(table: RowArray) -> Iterator[tuple[Any, ...]]:
    """Return rows as the driver takes them, some at a time: making all of them at once would hold up other threads."""
    for first in range(0, len(table), ROWS_A_STATEMENT[-1]):
        yield from table[first : first + ROWS_A_STATEMENT[-1]].tolist()


def _leg_rows(rows: Rows) -> Iterator[tuple[Any, ...]]:
    return ((*leg, *text) for leg, text in zip(_tuples(rows.legs), rows.texts, strict=True))


def _pick(
    connection: sqlite3.Connection, statement: str, tenant_id: int, keys: Sequence[bytes]
) -> Iterable[tuple[Any, ...]]:
    """Run ``statement`` for all keys, a fixed number at a time (the last one repeated), so that it stays prepared."""
    at = 0
    while at < len(keys):
        left = len(keys) - at
        count = next((size for size in reversed(KEYS_A_STATEMENT) if size >= left), KEYS_A_STATEMENT[0])
        some = list(keys[at : at + count])
        some += [some[-1]] * (count - len(some))
        yield from connection.execute(statement.format(", ".join("?" * count)), [tenant_id, *some])
        at += count


class SqliteLedger:
    """Implements ``engine.ports.LedgerStore``."""

    def __init__(
        self, connection: sqlite3.Connection, directory: Directory, writer_epoch: int, writer_id: int = 1
    ) -> None:
        self.writer_id = writer_id
        self.writer_epoch = writer_epoch
        self._connection = connection
        self._directory = directory
        self._legs = Inserter(tables.legs, (*LEG_FIELDS, *tables.LEG_TEXTS))
        self._entries = Inserter(tables.entries)
        self._advice, self._batches = Inserter(tables.advice), Inserter(tables.batches)

    @property
    def behind_legs(self) -> int:
        """See the port."""
        return 0

    def heads(self) -> Heads:
        """See the port."""
        try:
            position, entry, advice = self._connection.execute(READ_HEADS).fetchone()
            last = self._connection.execute(READ_LAST_BATCH).fetchone() or (0, 0, bytes(32))
        except sqlite3.Error as error:
            raise storage_error(error) from error
        return Heads(position, entry, advice, *last)

    def begin(self) -> None:
        """See the port."""
        self._execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """See the port."""
        self._execute("COMMIT")

    def rollback(self) -> None:
        """See the port."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            # The transaction is void all the same: the next BEGIN says so if the connection is beyond use.
            return

    def _execute(self, statement: str) -> None:
        try:
            self._connection.execute(statement)
        except sqlite3.Error as error:
            raise storage_error(error) from error

    def known_keys(self, tenant_id: int, keys: Sequence[bytes]) -> dict[bytes, tuple[bytes, bytes]]:
        """See the port."""
        try:
            found = _pick(self._connection, FIND_KEYS, tenant_id, keys)
            return {key: (digest, record) for key, digest, record in found}
        except sqlite3.Error as error:
            raise storage_error(error) from error

    def legs_after(self, position: int, newer_than: int) -> Iterator[RowArray]:
        """See the port."""
        try:
            position = max(position, position_at(self._connection, newer_than))
            while records := [row for (row,) in self._connection.execute(RECORDS_AFTER, (position, LEGS_AT_A_TIME))]:
                legs = legs_of_records(records)
                if legs is None:
                    some = self._connection.execute(LEGS_AFTER, (position, len(records))).fetchall()
                    legs = np.array(some, LEG_COLUMNS)
                position = int(legs["position"][-1])
                yield legs.view(LEG)
        except sqlite3.Error as error:
            raise storage_error(error) from error

    def leg_of(self, tenant_id: int, account_id: int, seq: int) -> RowArray | None:
        """See the port."""
        try:
            found = self._connection.execute(READ_LEG, (tenant_id, account_id, seq)).fetchall()
        except sqlite3.Error as error:
            raise storage_error(error) from error
        return np.array(found, LEG_COLUMNS).view(LEG) if found else None

    @property
    def ended_identifiers(self) -> IntArray:
        """See the port."""
        return self._directory.ended_identifiers

    def is_ended(self, identifier_id: int) -> bool:
        """See the port."""
        try:
            return self._directory.is_ended(self._connection, identifier_id)
        except sqlite3.Error as error:
            raise storage_error(error) from error

    def find_identifier(self, tenant_id: int, kind: int, value: str) -> Identified | None:
        """See the port."""
        try:
            return self._directory.find_identifier(self._connection, tenant_id, kind, value)
        except sqlite3.Error as error:
            raise storage_error(error) from error

    def find_reservations(self, tenant_id: int, ids: Sequence[bytes]) -> dict[bytes, tuple[int, int]]:
        """See the port."""
        try:
            found = _pick(self._connection, FIND_RESERVATIONS, tenant_id, ids)
            return {transaction_id: (account_id, seq) for transaction_id, account_id, seq in found}
        except sqlite3.Error as error:
            raise storage_error(error) from error

    def find_originals(self, tenant_id: int, ids: Sequence[bytes]) -> dict[bytes, Original]:
        """See the port."""
        try:
            found = list(_pick(self._connection, FIND_ORIGINALS, tenant_id, ids))
            return {
                transaction_id: Original(account_id, seq, record, *self._undone(tenant_id, account_id, seq))
                for transaction_id, account_id, seq, record in found
            }
        except sqlite3.Error as error:
            raise storage_error(error) from error

    def _undone(self, *place: int) -> tuple[dict[int, bytes], dict[int, bytes]]:
        """Return the records of what returned some of a leg, and of what corrected it, by position."""
        returns, corrections = (self._connection.execute(each, place) for each in (READ_RETURNS, READ_CORRECTIONS))
        return dict(returns.fetchall()), dict(corrections.fetchall())

    def agent_advice(self) -> RowArray:
        """See the port."""
        try:
            found = self._connection.execute(READ_AGENT_ADVICE).fetchall()
        except sqlite3.Error as error:
            raise storage_error(error) from error
        rows: RowArray = np.array(found, ADVICE_COLUMNS).view(ADVICE)
        return rows

    def read_account(
        self,
        tenant_id: int,
        account_id: int,
        newer_than: int,
        awards_since: int | None = None,
        *,
        with_birth_date: bool = False,
    ) -> History | None:
        """See the port."""
        try:
            with self._one_moment():
                legs = self._read_legs(tenant_id, account_id, newer_than)
                if not legs.size:
                    return None
                first, last = int(legs["seq"][0]), int(legs["seq"][-1])
                advice = self._connection.execute(READ_ADVICE, (tenant_id, account_id, first)).fetchall()
                (enrolled_at,) = self._connection.execute(READ_ENROLLED_AT, (tenant_id, account_id)).fetchone()
                lots = self._read_lots(tenant_id, account_id, legs)
                awards = self._read_awards(tenant_id, account_id, legs, awards_since)
                birth_date = self._read_birth_date(tenant_id, account_id, last) if with_birth_date else 0
        except sqlite3.Error as error:
            raise storage_error(error) from error
        advice_rows: RowArray = np.array(advice, ADVICE_COLUMNS).view(ADVICE)
        return History(int(legs["program_id"][0]), enrolled_at, legs.view(LEG), advice_rows, lots, awards, birth_date)

    @contextmanager
    def _one_moment(self) -> Iterator[None]:
        """Have all statements of the block see the same rows, whatever another connection commits meanwhile."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self.rollback()

    def _read_birth_date(self, tenant_id: int, account_id: int, seq: int) -> int:
        """Return the member's birth date as memory has it; 0 if it is not known."""
        known = self._directory.birth_date(self._connection, tenant_id, account_id, seq)
        return packed(read_birth_date(known)) if known else 0

    def _read_lots(self, tenant_id: int, account_id: int, legs: RowArray) -> RowArray:
        """Return the lots that are left after the newest of the legs, which reach back to all that is open.

        Each leg has written down what had ended by then, but for what reservations keep that were made before the end.
        """
        newest = legs[-1]
        open_from = legs[legs["seq"] >= newest["open_from_seq"]][0]
        moment = int(min(newest["accepted_at"], open_from["accepted_at"]))
        asked = {"tenant": tenant_id, "account": account_id, "seq": int(newest["seq"]), "moment": moment}
        lots: RowArray = np.array(self._connection.execute(READ_LOTS, asked).fetchall(), ENTRY)
        return lots

    def _read_awards(self, tenant_id: int, account_id: int, legs: RowArray, since: int | None) -> RowArray:
        """Return what rules gave since a moment that the legs reach back to, or for 0 ever."""
        asked = legs["seq"][legs["accepted_at"] >= since] if since is not None else legs["seq"][:0]
        found: list[tuple[int, int, int]] = []
        if asked.size:
            first = int(asked[0]) if since else 1
            found = self._connection.execute(
                READ_AWARDS, (tenant_id, account_id, first, int(legs["seq"][-1]))
            ).fetchall()
        return np.array(found, AWARDED)

    def _read_legs(self, tenant_id: int, account_id: int, newer_than: int) -> RowArray:
        """Return an account's legs, oldest first, back to a moment and to all that is open."""
        records: list[bytes] = []
        open_from = 0  # of the newest leg
        cursor = self._connection.execute(READ_RECORDS, (tenant_id, account_id))
        for record, seq, accepted_at, open_from_seq in cursor:
            if not records:
                open_from = open_from_seq
            elif accepted_at <= newer_than and seq < open_from:
                break
            records.append(record)
        cursor.close()
        legs = legs_of_records(records[::-1])
        if legs is None:
            some = self._connection.execute(READ_LEGS, (tenant_id, account_id)).fetchmany(len(records))
            legs = np.array(some[::-1], LEG_COLUMNS)
        return legs

    def enroll(self, tenant_id: int, member: NewMember, now: int) -> tuple[Outcome, int]:
        """See the port."""
        try:
            return self._directory.enroll(self._connection, tenant_id, member, now)
        except sqlite3.Error as error:
            raise storage_error(error) from error

    def link(self, tenant_id: int, account_id: int, link: Link) -> tuple[Outcome, int]:
        """See the port."""
        try:
            return self._directory.link(self._connection, tenant_id, account_id, link)
        except sqlite3.Error as error:
            raise storage_error(error) from error

    def set_birth_date(self, tenant_id: int, account_id: int, key: bytes, birth_date: str) -> Outcome:
        """See the port."""
        try:
            return self._directory.set_birth_date(self._connection, tenant_id, account_id, key, birth_date)
        except sqlite3.Error as error:
            raise storage_error(error) from error

    def append(self, rows: Rows) -> None:
        """See the port."""
        self.append_all((rows,))

    def append_all(self, batches: Sequence[Rows]) -> None:
        """Append the rows of batches that follow one another."""
        try:
            self._legs.insert(self._connection, chain.from_iterable(_leg_rows(rows) for rows in batches))
            self._entries.insert(self._connection, chain.from_iterable(_tuples(rows.entries) for rows in batches))
            self._advice.insert(self._connection, chain.from_iterable(_tuples(rows.advice) for rows in batches))
            self._batches.insert(self._connection, (rows.batch for rows in batches))
        except sqlite3.Error as error:
            raise storage_error(error) from error

    @contextmanager
    def unflushed(self) -> Iterator[None]:
        """Commit without a flush while the block runs: whoever does this can write the rows again."""
        self._execute("PRAGMA synchronous=NORMAL")
        try:
            yield
        finally:
            self._execute("PRAGMA synchronous=FULL")

    def checkpoint(self) -> bool:
        """Bring SQLite's log into the database and flush both; return whether nothing was kept back by a reader."""
        try:
            _, logged, moved = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as error:
            raise storage_error(error) from error
        return bool(logged == moved)

    def write(self, job: Callable[[sqlite3.Connection], Result]) -> Result:
        """See the port."""
        self.begin()
        try:
            result = job(self._connection)
            self.commit()
        except sqlite3.Error as error:
            self.rollback()
            raise storage_error(error) from error
        except BaseException:
            self.rollback()
            raise
        return result
