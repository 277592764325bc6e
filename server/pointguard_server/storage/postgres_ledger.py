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
from pointguard_server.engine.ports import BatchRecord, Heads, ProgramChange, RowArray, Rows
from pointguard_server.storage import tables
from pointguard_server.storage.connections import FAILURES, Connection, storage_error
from pointguard_server.storage.directory import Directory
from pointguard_server.storage.other_servers import OtherServers
from pointguard_server.storage.postgres import PostgresConnection
from pointguard_server.storage.sql_ledger import SqlLedger

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
# look: where the ledger ends, and what else others may have changed.
LOOK = """
    SELECT (SELECT coalesce(max(position), 0) FROM legs), (SELECT coalesce(max(position), 0) FROM entries),
        (SELECT coalesce(max(position), 0) FROM advice), coalesce(batch_id, 0), coalesce(accepted_at, 0),
        coalesce(digest, decode(repeat('00', 32), 'hex')), (SELECT coalesce(max(code_id), 0) FROM codes),
        coalesce(change_id, 0), coalesce(changed_at, 0)
    FROM (SELECT) AS one
        LEFT JOIN (SELECT batch_id, accepted_at, digest FROM batches ORDER BY batch_id DESC LIMIT 1) AS batch ON true
        LEFT JOIN (SELECT change_id, changed_at FROM program_changes ORDER BY change_id DESC LIMIT 1) AS change ON true
"""
NOTHING_SEEN: Final = (0, bytes(32))
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
    """Implements ``engine.ports.LedgerStore``, for one of any number of servers."""

    _BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    _connection: PostgresConnection

    def __init__(self, connection: Connection, directory: Directory, writer_epoch: int, writer_id: int = 1) -> None:
        assert isinstance(connection, PostgresConnection)  # noqa: S101  (of a ``PostgresDatabase``)
        super().__init__(connection, directory, writer_epoch, writer_id)
        self._others = OtherServers(connection, directory)
        self._connects = connection.connects
        self._heads: Heads | None = None  # where the ledger ended when the step began, until something is appended
        self._seen = NOTHING_SEEN  # the newest batch (its number, its digest) that the ledger is known to have
        self._appended = NOTHING_SEEN
        self._has_lost_batches = False

    @property
    def others(self) -> OtherServers:
        """See the port."""
        return self._others

    def heads(self) -> Heads:
        """See the port."""
        return self._heads or super().heads()

    def begin(self) -> None:
        """See the port. The step has the database's lock, and sees all that was committed before.

        Raises:
            StorageBroken: while the connection was lost, the database has lost batches.
        """
        if self._has_lost_batches:
            raise StorageBroken
        self._taken.clear()
        try:
            (found,) = self._connection.begin(LOOK).fetchall()
            *heads, newest_code, change, changed_at = found
            if self._connection.connects != self._connects:
                self._check_again()
            self._directory.learn_codes(self._connection, newest_code)
        except FAILURES as error:
            self.rollback()
            raise storage_error(error) from error
        self._heads = Heads(*heads)
        self._seen = self._heads.batch_id, self._heads.digest
        self._others.latest_change = ProgramChange(change, changed_at)

    def _check_again(self) -> None:
        """Have nothing be written where this is a standby that took over without the latest batches."""
        if self._seen != NOTHING_SEEN and not self._others.has_batch(*self._seen):
            self.rollback()
            self._has_lost_batches = True
            log.error("database_lost_batches")
            raise StorageBroken
        self._connects = self._connection.connects

    def commit(self) -> None:
        """See the port."""
        appended, self._appended = self._appended, NOTHING_SEEN
        self._heads = None
        super().commit()
        if appended != NOTHING_SEEN:
            self._seen = appended

    def rollback(self) -> None:
        """See the port."""
        self._heads, self._appended = None, NOTHING_SEEN
        self._connection.rollback()

    def append(self, rows: Rows) -> None:
        """See the port."""
        self._heads, self._appended = None, (rows.batch.batch_id, rows.batch.digest)
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
