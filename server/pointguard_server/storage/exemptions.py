"""Exemptions on SQLite: what the writer's thread does, and what readers see. The tables only grow."""

import sqlite3
from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine

from pointguard_server.domain.codes import ExemptEntity
from pointguard_server.domain.interventions import Intervention
from pointguard_server.service.exemption import Exemption
from pointguard_server.service.rule_versions import RequestKey

FIND: Final = (
    "SELECT e.exemption_id, e.entity, e.subject_id, e.context, e.rule_id, e.starts_at, e.ends_at,"
    " e.author, e.reason_code, e.note, e.key_id, e.session_id,"
    " n.ended_at, n.author, n.reason_code, n.note, n.key_id, n.session_id"
    " FROM exemptions e LEFT JOIN exemption_ends n ON n.tenant_id = e.tenant_id AND n.program_id = e.program_id"
    " AND n.exemption_id = e.exemption_id WHERE e.tenant_id = ? AND e.program_id = ?"
)
OF_NUMBER: Final = " AND e.exemption_id = ?"
IN_FORCE: Final = " AND e.starts_at <= ? AND e.ends_at > ? AND coalesce(n.ended_at, e.ends_at) > ?"
NEWEST_FIRST: Final = " AND (? = 0 OR e.exemption_id < ?) ORDER BY e.exemption_id DESC LIMIT ?"
NEWEST: Final = "SELECT coalesce(max(exemption_id), 0) FROM exemptions WHERE tenant_id = ? AND program_id = ?"
ADD: Final = (
    "INSERT INTO exemptions (tenant_id, program_id, exemption_id, entity, subject_id, context, rule_id, starts_at,"
    " ends_at, author, reason_code, note, key_id, session_id, idempotency_key, request_digest)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
END: Final = (
    "INSERT INTO exemption_ends (tenant_id, program_id, exemption_id, ended_at, author, reason_code, note, key_id,"
    " session_id, idempotency_key, request_digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
KNOWN: Final = (
    "SELECT request_digest, exemption_id, 0 FROM exemptions WHERE tenant_id = ?1 AND idempotency_key = ?2 UNION ALL"
    " SELECT request_digest, exemption_id, 1 FROM exemption_ends WHERE tenant_id = ?1 AND idempotency_key = ?2"
)


def exemption_of(row: Any) -> Exemption:
    """Return the exemption that a row of ``FIND`` says."""
    number, entity, subject_id, context, rule_id, starts_at, ends_at, *said = row
    added, (ended_at, *ending) = _intervention(*said[:5]), said[5:]
    ended = _intervention(*ending) if ended_at is not None else None
    return Exemption(
        number, ExemptEntity(entity), subject_id, context, rule_id, starts_at, ends_at, added, ended_at or 0, ended
    )


def _intervention(author: str, reason: int, note: str, key_id: str, session: str) -> Intervention:
    return Intervention(author, reason, note, key_id, session=session)


def _said(said: Intervention, key: RequestKey) -> Iterable[Any]:
    return said.author, said.reason, said.note, said.key_id, said.session, key.key, key.digest


class ExemptionStore:
    """Implements ``service.ports.ExemptionStore``."""

    def newest(self, connection: sqlite3.Connection, tenant_id: int, program_id: int) -> int:
        """See the port."""
        return int(connection.execute(NEWEST, (tenant_id, program_id)).fetchone()[0])

    def add(
        self, connection: sqlite3.Connection, tenant_id: int, program_id: int, made: Exemption, key: RequestKey
    ) -> None:
        """See the port."""
        what = (int(made.entity), made.subject_id, made.context, made.rule_id, made.starts_at, made.ends_at)
        connection.execute(ADD, (tenant_id, program_id, made.number, *what, *_said(made.added, key)))

    def end(
        self, connection: sqlite3.Connection, tenant_id: int, program_id: int, ended: Exemption, key: RequestKey
    ) -> None:
        """See the port."""
        said = ended.ended
        if said is None:
            raise ValueError("it has not ended")
        connection.execute(END, (tenant_id, program_id, ended.number, ended.ended_at, *_said(said, key)))

    def exemption(
        self, connection: sqlite3.Connection, tenant_id: int, program_id: int, number: int
    ) -> Exemption | None:
        """See the port."""
        row = connection.execute(FIND + OF_NUMBER, (tenant_id, program_id, number)).fetchone()
        return None if row is None else exemption_of(row)

    def in_force(self, connection: sqlite3.Connection, tenant_id: int, program_id: int, moment: int) -> list[Exemption]:
        """See the port."""
        asked = (tenant_id, program_id, moment, moment, moment)
        return [exemption_of(row) for row in connection.execute(FIND + IN_FORCE, asked)]

    def known(
        self, connection: sqlite3.Connection, tenant_id: int, program_id: int, key: bytes
    ) -> tuple[bytes, Exemption] | None:
        """See the port."""
        row = connection.execute(KNOWN, (tenant_id, key)).fetchone()
        if row is None:
            return None
        digest, number, is_end = row
        found = self.exemption(connection, tenant_id, program_id, number)
        if found is None:
            return None
        if not is_end:  # the answer that was given when it began
            found = Exemption(
                found.number, found.entity, found.subject_id, found.context, found.rule_id, found.starts_at,
                found.ends_at, found.added,
            )  # fmt: skip
        return digest, found


class ExemptionReader:
    """Implements ``service.ports.ExemptionReader``."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def exemptions(
        self, tenant_id: int, program_id: int, below: int, count: int, in_force_at: int
    ) -> list[Exemption]:
        """See the port."""
        query = FIND + (IN_FORCE if in_force_at else "") + NEWEST_FIRST
        moments = (in_force_at,) * 3 if in_force_at else ()
        async with self._engine.connect() as connection:
            rows = await connection.exec_driver_sql(query, (tenant_id, program_id, *moments, below, below, count))
            return [exemption_of(row) for row in rows.all()]
