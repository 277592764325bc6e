"""The ledger store on SQLite: one connection that writes, WAL, every commit flushed unless ``unflushed``.

The journal stands before it (``journaled_ledger``), and ``projector`` brings rows here. Built by ``bootstrap``.

Rows go in by statements of many rows each: ``executemany`` would hand the interpreter lock away once a row, and under
load each time wait to get it back.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any

from sqlalchemy import Table

from pointguard_server.domain.ledger_rows import LEG_FIELDS
from pointguard_server.engine.ports import RowArray, Rows
from pointguard_server.storage import tables
from pointguard_server.storage.connections import Connection, storage_error
from pointguard_server.storage.directory import Directory
from pointguard_server.storage.sql_ledger import SqlLedger

ROWS_A_STATEMENT = (1, 2, 4, 8, 16, 32, 64, 128, 256)
KEYS_A_STATEMENT = (256, 64, 16, 4, 1)
# read_records: the records of an account's legs, newest first, and what says how far back they are wanted.
READ_RECORDS = (
    "SELECT record, seq, accepted_at, open_from_seq FROM legs WHERE tenant_id = ? AND account_id = ? ORDER BY seq DESC"
)


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

    def insert(self, connection: Connection, rows: Iterator[tuple[Any, ...]]) -> None:
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


class SqliteLedger(SqlLedger):
    """Implements ``engine.ports.LedgerStore``."""

    def __init__(self, connection: Connection, directory: Directory, writer_epoch: int, writer_id: int = 1) -> None:
        super().__init__(connection, directory, writer_epoch, writer_id)
        self._legs = Inserter(tables.legs, (*LEG_FIELDS, *tables.LEG_TEXTS))
        self._entries = Inserter(tables.entries)
        self._advice, self._batches = Inserter(tables.advice), Inserter(tables.batches)

    def begin(self) -> None:
        """See the port."""
        self._taken.clear()
        self._execute("BEGIN IMMEDIATE")

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

    def _pick(self, statement: str, tenant_id: int, keys: Sequence[bytes]) -> Iterable[tuple[Any, ...]]:
        # A fixed number at a time, the last one repeated, so that the statement stays prepared.
        at = 0
        while at < len(keys):
            left = len(keys) - at
            count = next((size for size in reversed(KEYS_A_STATEMENT) if size >= left), KEYS_A_STATEMENT[0])
            some = list(keys[at : at + count])
            some += [some[-1]] * (count - len(some))
            yield from self._connection.execute(statement.format(", ".join("?" * count)), [tenant_id, *some])
            at += count

    def _newest_records(self, tenant_id: int, account_id: int, newer_than: int) -> list[bytes]:
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
        return records
