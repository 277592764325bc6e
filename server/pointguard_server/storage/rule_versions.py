"""Versions of rule sets and their activations on SQLite: what the writer's thread does, and what readers see.

Both tables only grow. The number of a version or an activation is its place in the program's, from 1.
"""

import sqlite3
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, select
from sqlalchemy.ext.asyncio import AsyncEngine

from pointguard_server.domain.codes import RuleChangeReason, RuleSetActivationKind
from pointguard_server.service.rule_versions import (
    NO_FILES,
    KnownRequest,
    RequestKey,
    RuleChange,
    RuleSetActivation,
    RuleSetVersion,
    SetFiles,
    Timeline,
    files_text,
    read_files,
    source_digest,
    timeline_of,
)
from pointguard_server.storage.tables import rule_set_activations, rule_set_versions

VERSION_COLUMNS = "version, source, files, digest, author, reason_code, note, key_id, created_at"
ACTIVATION_COLUMNS = (
    "activation, version, previous_version, kind, effective_at, activated_at, author, reason_code, note, key_id"
)
FIND_VERSION = f"SELECT {VERSION_COLUMNS} FROM rule_set_versions WHERE tenant_id = ? AND program_id = ? AND version = ?"  # noqa: S608
LAST_OF_FILE = (
    f"SELECT {VERSION_COLUMNS} FROM rule_set_versions"  # noqa: S608
    " WHERE tenant_id = ? AND program_id = ? AND reason_code = ?"
    " ORDER BY version DESC LIMIT 1"
)
ADD_VERSION = (
    f"INSERT INTO rule_set_versions (tenant_id, program_id, {VERSION_COLUMNS}, idempotency_key, request_digest)"  # noqa: S608
    " SELECT ?1, ?2, coalesce(max(version), 0) + 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12"
    " FROM rule_set_versions WHERE tenant_id = ?1 AND program_id = ?2"
    f" RETURNING {VERSION_COLUMNS}"
)
ADD_ACTIVATION = (
    f"INSERT INTO rule_set_activations (tenant_id, program_id, {ACTIVATION_COLUMNS}, idempotency_key, request_digest)"  # noqa: S608
    " SELECT ?1, ?2, coalesce(max(activation), 0) + 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13"
    " FROM rule_set_activations WHERE tenant_id = ?1 AND program_id = ?2"
    f" RETURNING {ACTIVATION_COLUMNS}"
)
ACTIVE = (
    f"SELECT {ACTIVATION_COLUMNS} FROM rule_set_activations"  # noqa: S608
    " WHERE tenant_id = ? AND program_id = ? AND effective_at <= ? ORDER BY effective_at DESC, activation DESC LIMIT 1"
)
PLANNED = (
    f"SELECT {ACTIVATION_COLUMNS} FROM rule_set_activations"  # noqa: S608
    " WHERE tenant_id = ? AND program_id = ? AND effective_at > ? ORDER BY activation"
)
LATEST_MOMENT = "SELECT coalesce(max(activated_at), 0) FROM rule_set_activations WHERE tenant_id = ? AND program_id = ?"
WAS_ACTIVE = (
    "SELECT 1 FROM rule_set_activations WHERE tenant_id = ? AND program_id = ? AND version = ? AND effective_at <= ?"
)
KNOWN_VERSION = (
    f"SELECT request_digest, {VERSION_COLUMNS} FROM rule_set_versions WHERE tenant_id = ? AND idempotency_key = ?"  # noqa: S608
)
KNOWN_ACTIVATION = (
    f"SELECT request_digest, {ACTIVATION_COLUMNS} FROM rule_set_activations"  # noqa: S608
    " WHERE tenant_id = ? AND idempotency_key = ?"
)


class RuleVersions:
    """Implements ``service.ports.RuleVersions``."""

    def add_version(
        self,
        connection: sqlite3.Connection,
        tenant_id: int,
        program_id: int,
        source: str,
        change: RuleChange,
        now: int,
        key: RequestKey | None = None,
        files: SetFiles = NO_FILES,
    ) -> RuleSetVersion:
        """See the port."""
        digest = source_digest(source, files)
        values = (source, files_text(files), digest, *_values(change), now, *_key_values(key))
        return _version(connection.execute(ADD_VERSION, (tenant_id, program_id, *values)).fetchone())

    def add_activation(
        self,
        connection: sqlite3.Connection,
        tenant_id: int,
        program_id: int,
        version: int,
        kind: RuleSetActivationKind,
        change: RuleChange,
        *,
        effective_at: int,
        now: int,
        key: RequestKey | None = None,
    ) -> RuleSetActivation:
        """See the port."""
        previous = self.timeline(connection, tenant_id, program_id, now).version_at(effective_at)
        values = (version, previous, int(kind), effective_at, now, *_values(change), *_key_values(key))
        return _activation(connection.execute(ADD_ACTIVATION, (tenant_id, program_id, *values)).fetchone())

    def version(
        self, connection: sqlite3.Connection, tenant_id: int, program_id: int, version: int
    ) -> RuleSetVersion | None:
        """See the port."""
        row = connection.execute(FIND_VERSION, (tenant_id, program_id, version)).fetchone()
        return None if row is None else _version(row)

    def last_of_file(self, connection: sqlite3.Connection, tenant_id: int, program_id: int) -> RuleSetVersion | None:
        """See the port."""
        row = connection.execute(LAST_OF_FILE, (tenant_id, program_id, int(RuleChangeReason.FILE))).fetchone()
        return None if row is None else _version(row)

    def timeline(self, connection: sqlite3.Connection, tenant_id: int, program_id: int, moment: int) -> Timeline:
        """See the port."""
        place = (tenant_id, program_id, moment)
        active = connection.execute(ACTIVE, place).fetchone()
        planned = connection.execute(PLANNED, place).fetchall()
        return timeline_of(None if active is None else _activation(active), [_activation(row) for row in planned])

    def latest_moment(self, connection: sqlite3.Connection, tenant_id: int, program_id: int) -> int:
        """See the port."""
        return int(connection.execute(LATEST_MOMENT, (tenant_id, program_id)).fetchone()[0])

    def was_active(
        self, connection: sqlite3.Connection, tenant_id: int, program_id: int, version: int, moment: int
    ) -> bool:
        """See the port."""
        return connection.execute(WAS_ACTIVE, (tenant_id, program_id, version, moment)).fetchone() is not None

    def known(self, connection: sqlite3.Connection, tenant_id: int, key: bytes) -> KnownRequest | None:
        """See the port."""
        version = connection.execute(KNOWN_VERSION, (tenant_id, key)).fetchone()
        if version is not None:
            return KnownRequest(version[0], _version(version[1:]))
        activation = connection.execute(KNOWN_ACTIVATION, (tenant_id, key)).fetchone()
        return None if activation is None else KnownRequest(activation[0], _activation(activation[1:]))


class RuleVersionReader:
    """Implements ``service.ports.RuleVersionReader``."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def _rows(self, query: Select[Any]) -> list[Any]:
        async with self._engine.connect() as connection:
            return list((await connection.execute(query)).all())

    async def version(self, tenant_id: int, program_id: int, version: int) -> RuleSetVersion | None:
        """See the port."""
        table = rule_set_versions
        rows = await self._rows(
            select(*_columns(table, VERSION_COLUMNS)).where(
                table.c.tenant_id == tenant_id, table.c.program_id == program_id, table.c.version == version
            )
        )
        return _version(rows[0]) if rows else None

    async def versions(self, tenant_id: int, program_id: int, below: int, count: int) -> list[RuleSetVersion]:
        """See the port."""
        table = rule_set_versions
        names = VERSION_COLUMNS.replace("source, files, ", "")
        rows = await self._rows(_page(table, names, tenant_id, program_id, table.c.version, below).limit(count))
        return [_version((row[0], "", "", *row[1:])) for row in rows]

    async def activations(self, tenant_id: int, program_id: int, below: int, count: int) -> list[RuleSetActivation]:
        """See the port."""
        table = rule_set_activations
        query = _page(table, ACTIVATION_COLUMNS, tenant_id, program_id, table.c.activation, below)
        return [_activation(row) for row in await self._rows(query.limit(count))]


def _columns(table: Table, names: str) -> list[ColumnElement[Any]]:
    return [table.c[name] for name in names.split(", ")]


def _page(
    table: Table, names: str, tenant_id: int, program_id: int, number: ColumnElement[int], below: int
) -> Select[Any]:
    """Return the query of a program's rows, newest first; from ``below`` on unless that is 0."""
    query = select(*_columns(table, names)).where(table.c.tenant_id == tenant_id, table.c.program_id == program_id)
    return (query.where(number < below) if below else query).order_by(number.desc())


def _values(change: RuleChange) -> tuple[str, int, str, str]:
    return change.author, int(change.reason), change.note, change.key_id


def _key_values(key: RequestKey | None) -> tuple[bytes | None, bytes | None]:
    return (None, None) if key is None else (key.key, key.digest)


def _change(author: str, reason: int, note: str, key_id: str) -> RuleChange:
    return RuleChange(author, RuleChangeReason(reason), note, key_id)


def _version(row: Any) -> RuleSetVersion:
    version, source, files, digest, *change, created_at = row
    return RuleSetVersion(version, source, read_files(files), digest, _change(*change), created_at)


def _activation(row: Any) -> RuleSetActivation:
    activation, version, previous, kind, effective_at, activated_at, *change = row
    return RuleSetActivation(
        activation, version, previous, RuleSetActivationKind(kind), effective_at, activated_at, _change(*change)
    )
