"""What other servers commit to the same ledger, told to the one whose step it is. For ``postgres_ledger``.

Everything is read inside a step, which has the database's lock: nobody commits anything meanwhile.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
from sqlalchemy import TextClause, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from pointguard_server.domain.codes import AdviceEntity, Operation
from pointguard_server.domain.errors import StorageUnavailable
from pointguard_server.domain.ledger_rows import ADVICE_FIELDS, LEG_FIELDS
from pointguard_server.engine.ports import NO_CHANGE, IntArray, ProgramChange, RowArray
from pointguard_server.engine.rows import ADVICE, ADVICE_COLUMNS, LEG, LEG_COLUMNS
from pointguard_server.storage.connections import FAILURES, Connection, storage_error
from pointguard_server.storage.directory import Directory

HAS_BATCH = "SELECT 1 FROM batches WHERE batch_id = ? AND digest = ?"
# accounts_after: whose legs are behind a position, and what they were.
ACCOUNTS_AFTER = "SELECT account_id, operation FROM legs WHERE position > ? ORDER BY position LIMIT ?"
ENDED_AFTER = (
    "SELECT i.identifier_id FROM legs l"  # noqa: S608
    " JOIN account_members m ON m.tenant_id = l.tenant_id AND m.account_id = l.account_id"
    " JOIN identifiers i ON i.tenant_id = m.tenant_id AND i.member_id = m.member_id"
    f" WHERE l.position > ? AND l.operation = {int(Operation.LINK_IDENTIFIER)} AND i.ended_at > 0"
)
LEGS_AFTER = f"SELECT {', '.join(LEG_FIELDS)} FROM legs WHERE position > ? ORDER BY position"  # noqa: S608
LEGS_ABOUT = (
    f"SELECT {', '.join(LEG_FIELDS)} FROM legs WHERE tenant_id = ?1 AND account_id = ?2"  # noqa: S608
    " AND (seq = ANY(?3) OR refers_to_seq = ANY(?3)) AND position <= ?4 ORDER BY position"
)
AGENT_ADVICE_AFTER = (
    f"SELECT {', '.join(ADVICE_FIELDS)} FROM advice"  # noqa: S608
    f" WHERE entity = {int(AdviceEntity.AGENT)} AND position > ? ORDER BY position"
)
LATEST_CHANGE = "SELECT change_id, changed_at FROM program_changes ORDER BY change_id DESC LIMIT 1"

LEDGER_END = text("SELECT coalesce(max(position), 0) FROM legs")


class OthersReader:
    """Looks beside the writer at what others have done; implements ``service.ports.OthersReader``."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def ledger_end(self) -> int:
        """See the port."""
        return await self._number(LEDGER_END)

    async def _number(self, statement: TextClause) -> int:
        try:
            async with self._engine.connect() as connection:
                return int((await connection.execute(statement)).scalar_one())
        except SQLAlchemyError as error:
            raise StorageUnavailable from error


class OtherServers:
    """Implements ``engine.ports.Others``; ``postgres_ledger`` keeps the latest change as a step found it."""

    def __init__(self, connection: Connection, directory: Directory) -> None:
        self._connection, self._directory = connection, directory
        self.latest_change = NO_CHANGE

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except FAILURES as error:
            raise storage_error(error) from error

    def latest_change_now(self) -> ProgramChange:
        """See the port."""
        return ProgramChange(*(self._rows(LATEST_CHANGE) or [NO_CHANGE])[0])

    def has_batch(self, batch_id: int, digest: bytes) -> bool:
        """See the port."""
        return bool(self._rows(HAS_BATCH, batch_id, digest))

    def accounts_after(self, position: int, most: int) -> IntArray | None:
        """See the port."""
        found = np.array(self._rows(ACCOUNTS_AFTER, position, most + 1), np.int64).reshape(-1, 2)
        if len(found) > most or Operation.LINK_IDENTIFIER in found[:, 1]:
            self._directory.end_identifiers(number for (number,) in self._rows(ENDED_AFTER, position))
        return None if len(found) > most else np.unique(found[:, 0])

    def legs_after(self, position: int) -> RowArray:
        """See the port."""
        legs: RowArray = np.array(self._rows(LEGS_AFTER, position), LEG_COLUMNS).view(LEG)
        return legs

    def legs_about(self, tenant_id: int, account_id: int, seqs: Collection[int], position: int) -> RowArray:
        """See the port."""
        wanted = set(seqs)
        while True:
            rows = self._rows(LEGS_ABOUT, tenant_id, account_id, sorted(wanted), position)
            legs: RowArray = np.array(rows, LEG_COLUMNS).view(LEG)
            found = {*legs["seq"].tolist(), *legs["refers_to_seq"].tolist()} - {0}
            if found <= wanted:
                return legs
            wanted |= found

    def agent_advice_after(self, position: int) -> RowArray:
        """See the port."""
        rows: RowArray = np.array(self._rows(AGENT_ADVICE_AFTER, position), ADVICE_COLUMNS).view(ADVICE)
        return rows
