"""The ledger store on PostgreSQL: a batch is one transaction, and its commit is what answers wait for.

Nothing stands before it and nothing is behind: what was answered is where every reader looks. Built by ``bootstrap``.
"""

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import structlog

from pointguard_server.domain.errors import StorageBroken
from pointguard_server.domain.ledger_rows import ADVICE_FIELDS, ENTRY_FIELDS, ID_FIELDS, LEG_FIELDS
from pointguard_server.engine.ports import BatchRecord, Heads, RowArray, Rows
from pointguard_server.storage import tables
from pointguard_server.storage.connections import FAILURES, Connection, storage_error
from pointguard_server.storage.directory import Directory
from pointguard_server.storage.postgres import PostgresConnection
from pointguard_server.storage.sql_ledger import READ_LAST_BATCH, SqlLedger

log = structlog.get_logger(__name__)

# newest_records: an account's newest leg, and those before it that are newer than a moment or not below what is open.
NEWEST_RECORDS = """
    WITH newest AS (
        SELECT seq, open_from_seq FROM legs WHERE tenant_id = :tenant AND account_id = :account
        ORDER BY seq DESC LIMIT 1
    ), old AS (
        SELECT seq FROM legs WHERE tenant_id = :tenant AND account_id = :account AND accepted_at <= :newer_than
        ORDER BY seq DESC LIMIT 1
    )
    SELECT record FROM legs WHERE tenant_id = :tenant AND account_id = :account AND seq >= (
        SELECT least(newest.seq, newest.open_from_seq, coalesce((SELECT old.seq FROM old), 0) + 1) FROM newest
    ) ORDER BY seq DESC
"""
NEWEST_EPOCH = "SELECT coalesce(max(writer_epoch), 0) FROM writers"
ADD_BATCH = (
    f"INSERT INTO batches ({', '.join(BatchRecord._fields)})"  # noqa: S608  (names of ours)
    f" VALUES ({', '.join('?' * len(BatchRecord._fields))})"
)

# COPY's binary form: a header, then each row as the number of its columns and each column's size before its bytes,
# numbers in network order.
_BEGIN: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END: Final = b"\xff\xff"
_SIZE: Final = Struct(">i").pack


class Packer:
    """Packs rows of a batch as COPY takes them.

    ``fields`` are the columns that the kernel writes, in their order there; ``texts`` those that follow them, of any
    size.
    """

    def __init__(self, table: str, fields: Sequence[str], texts: Sequence[str] = ()) -> None:
        names = ", ".join((*fields, *texts))
        self.statement = f"COPY {table} ({names}) FROM STDIN (FORMAT BINARY)"
        self._fields = fields
        self._columns = len(fields) + len(texts)
        shape: list[tuple[str, str]] = [("columns", ">i2")]
        for name in fields:
            kind = "V16" if name in (*ID_FIELDS, "advice_id") else ">i8"
            shape += [(f"{name}_size", ">i4"), (name, kind)]
        self._shape = np.dtype(shape)

    def pack(self, rows: RowArray, texts: Sequence[tuple[Any, ...]] = ()) -> bytes:
        """Return rows, each with its texts, as bytes."""
        packed: npt.NDArray[np.void] = np.zeros(len(rows), self._shape)
        packed["columns"] = self._columns
        for name in self._fields:
            packed[name] = rows[name]
            packed[f"{name}_size"] = rows.dtype[name].itemsize
        if not texts:
            return b"".join((_BEGIN, packed.tobytes(), _END))
        size = self._shape.itemsize
        whole = memoryview(packed.tobytes())
        parts: list[bytes | memoryview] = [_BEGIN]
        for at, row in enumerate(texts):
            parts.append(whole[at * size : (at + 1) * size])
            for text in row:
                value = text.encode() if isinstance(text, str) else text
                parts += (_SIZE(len(value)), value)
        parts.append(_END)
        return b"".join(parts)


_LEGS: Final = Packer("legs", LEG_FIELDS, tables.LEG_TEXTS)
_ENTRIES: Final = Packer("entries", ENTRY_FIELDS)
_ADVICE: Final = Packer("advice", ADVICE_FIELDS)


class PostgresLedger(SqlLedger):
    """Implements ``engine.ports.LedgerStore``."""

    _BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    _connection: PostgresConnection

    def __init__(self, connection: Connection, directory: Directory, writer_epoch: int, writer_id: int = 1) -> None:
        assert isinstance(connection, PostgresConnection)  # noqa: S101  (of a ``PostgresDatabase``)
        super().__init__(connection, directory, writer_epoch, writer_id)
        self._connects = connection.connects
        self._is_taken_over = False
        # Digests of the latest batch, and of one whose commit nobody knows the end of: what the database may end with.
        self._last, self._unsure = b"", b""
        self._appended = b""

    def heads(self) -> Heads:
        """See the port."""
        heads = super().heads()
        self._last, self._unsure = heads.digest, b""
        return heads

    def begin(self) -> None:
        """See the port.

        Raises:
            StorageBroken: while the connection was lost another server has served, or the database has lost batches.
        """
        if self._is_taken_over:
            raise StorageBroken
        self._execute("BEGIN")
        if self._connection.connects == self._connects:
            return
        # Whoever writes has the database's lock, so nobody can be in between: but somebody may have been, or this is a
        # standby that took over without the latest batches, and memory would not know.
        try:
            epoch = self._connection.execute(NEWEST_EPOCH).fetchone()
            last = self._connection.execute(READ_LAST_BATCH).fetchone() or (0, 0, bytes(32))
        except FAILURES as error:
            self.rollback()
            raise storage_error(error) from error
        if epoch != (self.writer_epoch,) or last[2] not in (self._last, self._unsure):
            self.rollback()
            self._is_taken_over = True
            log.error("database_taken_over")
            raise StorageBroken
        self._connects = self._connection.connects

    def commit(self) -> None:
        """See the port."""
        appended, self._appended = self._appended, b""
        self._unsure = appended or self._unsure
        super().commit()
        if appended:
            self._last, self._unsure = appended, b""

    def rollback(self) -> None:
        """See the port."""
        self._appended = b""
        self._connection.rollback()

    def append(self, rows: Rows) -> None:
        """See the port."""
        self._appended = rows.batch.digest
        try:
            self._connection.copy_in(_LEGS.statement, _LEGS.pack(rows.legs, rows.texts))
            if len(rows.entries):
                self._connection.copy_in(_ENTRIES.statement, _ENTRIES.pack(rows.entries))
            if len(rows.advice):
                self._connection.copy_in(_ADVICE.statement, _ADVICE.pack(rows.advice))
            self._connection.execute(ADD_BATCH, rows.batch)
        except FAILURES as error:
            raise storage_error(error) from error

    def _pick(self, statement: str, tenant_id: int, keys: Sequence[bytes]) -> Iterable[tuple[Any, ...]]:
        if not keys:
            return ()
        return self._connection.execute(statement.replace("IN ({})", "= ANY(?)"), (tenant_id, list(keys)))

    def _newest_records(self, tenant_id: int, account_id: int, newer_than: int) -> list[bytes]:
        asked = {"tenant": tenant_id, "account": account_id, "newer_than": newer_than}
        return [record for (record,) in self._connection.execute(NEWEST_RECORDS, asked).fetchall()]
