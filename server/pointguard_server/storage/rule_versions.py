"""Versions of rule sets and their activations: what the writer's thread does, and what readers see.

Both tables only grow. The number of a version or an activation is its place in the program's, from 1.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Table, select
from sqlalchemy.ext.asyncio import AsyncEngine

from pointguard_server.domain.codes import RuleChangeReason, RuleSetActivationKind
from pointguard_server.rules.texts import Texts
from pointguard_server.service.rule_versions import (
    NO_FILES,
    CancelledActivation,
    FilePiece,
    KnownRequest,
    RequestKey,
    RuleChange,
    RuleSetActivation,
    RuleSetCancellation,
    RuleSetVersion,
    SetFiles,
    Timeline,
    pieces_of,
    source_digest,
    timeline_of,
)
from pointguard_server.storage.connections import Connection, DatabaseFailure
from pointguard_server.storage.tables import (
    rule_set_activations,
    rule_set_cancellations,
    rule_set_files,
    rule_set_versions,
)

VERSION_COLUMNS = "version, source, files, digest, author, reason_code, note, key_id, created_at"
FILES: Final = 2  # among them
ACTIVATION_COLUMNS = (
    "activation, version, previous_version, kind, effective_at, activated_at, author, reason_code, note, key_id"
)
CANCELLATION_COLUMNS = "cancelled_at, author, reason_code, note, key_id"
# Of rule_set_activations; asked of the few that an index has found.
NOT_CANCELLED = (
    "NOT EXISTS (SELECT 1 FROM rule_set_cancellations AS cancelled"
    " WHERE cancelled.tenant_id = rule_set_activations.tenant_id"
    " AND cancelled.program_id = rule_set_activations.program_id"
    " AND cancelled.activation = rule_set_activations.activation)"
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
ADD_PIECE = (
    "INSERT INTO rule_set_files (tenant_id, digest, place, lines) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (tenant_id, digest, place) DO NOTHING"
)
FIND_PIECES = "SELECT lines FROM rule_set_files WHERE tenant_id = ? AND digest = ? ORDER BY place"
ADD_ACTIVATION = (
    f"INSERT INTO rule_set_activations (tenant_id, program_id, {ACTIVATION_COLUMNS}, idempotency_key, request_digest)"  # noqa: S608
    " SELECT ?1, ?2, coalesce(max(activation), 0) + 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13"
    " FROM rule_set_activations WHERE tenant_id = ?1 AND program_id = ?2"
    f" RETURNING {ACTIVATION_COLUMNS}"
)
ACTIVE = (
    f"SELECT {ACTIVATION_COLUMNS} FROM rule_set_activations"  # noqa: S608
    f" WHERE tenant_id = ? AND program_id = ? AND effective_at <= ? AND {NOT_CANCELLED}"
    " ORDER BY effective_at DESC, activation DESC LIMIT 1"
)
ACTIVE_WITHOUT = (
    "SELECT version FROM rule_set_activations"  # noqa: S608
    f" WHERE tenant_id = ? AND program_id = ? AND effective_at <= ? AND activation != ? AND {NOT_CANCELLED}"
    " ORDER BY effective_at DESC, activation DESC LIMIT 1"
)
PLANNED = (
    f"SELECT {ACTIVATION_COLUMNS} FROM rule_set_activations"  # noqa: S608
    f" WHERE tenant_id = ? AND program_id = ? AND effective_at > ? AND {NOT_CANCELLED} ORDER BY activation"
)
LATEST_MOMENT = (
    "SELECT coalesce(max(moment), 0) FROM ("
    "SELECT activated_at AS moment FROM rule_set_activations WHERE tenant_id = ?1 AND program_id = ?2"
    " UNION ALL SELECT cancelled_at FROM rule_set_cancellations WHERE tenant_id = ?1 AND program_id = ?2"
    " UNION ALL SELECT activated_at FROM configuration_activations WHERE tenant_id = ?1 AND program_id = ?2"
    ") AS changes"
)
WAS_ACTIVE = (
    "SELECT 1 FROM rule_set_activations WHERE tenant_id = ? AND program_id = ? AND version = ? AND effective_at <= ?"  # noqa: S608
    f" AND {NOT_CANCELLED}"
)
FIND_DIGEST = "SELECT digest FROM rule_set_versions WHERE tenant_id = ? AND program_id = ? AND version = ?"
FIND_ACTIVATION = (
    f"SELECT {ACTIVATION_COLUMNS} FROM rule_set_activations WHERE tenant_id = ? AND program_id = ? AND activation = ?"  # noqa: S608
)
FIND_CANCELLATION = (
    f"SELECT {CANCELLATION_COLUMNS} FROM rule_set_cancellations"  # noqa: S608
    " WHERE tenant_id = ? AND program_id = ? AND activation = ?"
)
ADD_CANCELLATION = (
    f"INSERT INTO rule_set_cancellations (tenant_id, program_id, activation, {CANCELLATION_COLUMNS},"  # noqa: S608
    " idempotency_key, request_digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
KNOWN_CANCELLATION = (
    "SELECT request_digest, program_id, activation FROM rule_set_cancellations"
    " WHERE tenant_id = ? AND idempotency_key = ?"
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
        connection: Connection,
        tenant_id: int,
        program_id: int,
        source: str,
        change: RuleChange,
        now: int,
        key: RequestKey | None = None,
        files: SetFiles = NO_FILES,
        digest: bytes | None = None,
    ) -> RuleSetVersion:
        """See the port."""
        for texts in files.values():
            for piece in pieces_of(texts):
                self.add_piece(connection, tenant_id, piece)
        kept = json.dumps({name: texts.digest.hex() for name, texts in files.items()}) if files else ""
        values = (source, kept, digest or source_digest(source, files), *_values(change), now, *_key_values(key))
        return _version(connection.execute(ADD_VERSION, (tenant_id, program_id, *values)).fetchone(), files)

    def add_piece(self, connection: Connection, tenant_id: int, piece: FilePiece) -> None:
        """See the port."""
        connection.execute(ADD_PIECE, (tenant_id, *piece))

    def add_activation(
        self,
        connection: Connection,
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

    def add_cancellation(
        self,
        connection: Connection,
        tenant_id: int,
        program_id: int,
        activation: int,
        change: RuleChange,
        *,
        now: int,
        key: RequestKey | None = None,
    ) -> RuleSetActivation:
        """See the port."""
        place = (tenant_id, program_id, activation)
        connection.execute(ADD_CANCELLATION, (*place, now, *_values(change), *_key_values(key)))
        cancelled = self.activation(connection, *place)
        assert cancelled is not None  # noqa: S101  (the caller has looked)
        return cancelled

    def activation(
        self, connection: Connection, tenant_id: int, program_id: int, activation: int
    ) -> RuleSetActivation | None:
        """See the port."""
        place = (tenant_id, program_id, activation)
        row = connection.execute(FIND_ACTIVATION, place).fetchone()
        cancellation = connection.execute(FIND_CANCELLATION, place).fetchone()
        return None if row is None else _activation(row, cancellation)

    def digest(self, connection: Connection, tenant_id: int, program_id: int, version: int) -> bytes | None:
        """See the port."""
        row = connection.execute(FIND_DIGEST, (tenant_id, program_id, version)).fetchone()
        return None if row is None else bytes(row[0])

    def version(self, connection: Connection, tenant_id: int, program_id: int, version: int) -> RuleSetVersion | None:
        """See the port."""
        row = connection.execute(FIND_VERSION, (tenant_id, program_id, version)).fetchone()
        return None if row is None else self._with_files(connection, tenant_id, row)

    @staticmethod
    def _with_files(connection: Connection, tenant_id: int, row: Any) -> RuleSetVersion:
        """Return a version with what its files hold."""
        pieces = {
            digest: connection.execute(FIND_PIECES, (tenant_id, digest)).fetchall() for digest in _digests(row[FILES])
        }
        return _version(row, _files(row[FILES], pieces))

    def last_of_file(self, connection: Connection, tenant_id: int, program_id: int) -> RuleSetVersion | None:
        """See the port."""
        row = connection.execute(LAST_OF_FILE, (tenant_id, program_id, int(RuleChangeReason.FILE))).fetchone()
        return None if row is None else self._with_files(connection, tenant_id, row)

    def timeline(self, connection: Connection, tenant_id: int, program_id: int, moment: int) -> Timeline:
        """See the port."""
        place = (tenant_id, program_id, moment)
        active = connection.execute(ACTIVE, place).fetchone()
        planned = connection.execute(PLANNED, place).fetchall()
        return timeline_of(None if active is None else _activation(active), [_activation(row) for row in planned])

    def version_without(
        self, connection: Connection, tenant_id: int, program_id: int, planned: RuleSetActivation
    ) -> int:
        """See the port."""
        place = (tenant_id, program_id, planned.effective_at, planned.activation)
        row = connection.execute(ACTIVE_WITHOUT, place).fetchone()
        return 0 if row is None else int(row[0])

    def latest_moment(self, connection: Connection, tenant_id: int, program_id: int) -> int:
        """See the port."""
        return int(connection.execute(LATEST_MOMENT, (tenant_id, program_id)).fetchone()[0])

    def was_active(self, connection: Connection, tenant_id: int, program_id: int, version: int, moment: int) -> bool:
        """See the port."""
        return connection.execute(WAS_ACTIVE, (tenant_id, program_id, version, moment)).fetchone() is not None

    def known(self, connection: Connection, tenant_id: int, key: bytes) -> KnownRequest | None:
        """See the port."""
        version = connection.execute(KNOWN_VERSION, (tenant_id, key)).fetchone()
        if version is not None:
            return KnownRequest(version[0], self._with_files(connection, tenant_id, version[1:]))
        activation = connection.execute(KNOWN_ACTIVATION, (tenant_id, key)).fetchone()
        if activation is not None:
            # As it was made: what became of it later is not this request's.
            return KnownRequest(activation[0], _activation(activation[1:]))
        cancelled = connection.execute(KNOWN_CANCELLATION, (tenant_id, key)).fetchone()
        if cancelled is None:
            return None
        found = self.activation(connection, tenant_id, *cancelled[1:])
        return None if found is None else KnownRequest(cancelled[0], CancelledActivation(found))


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
        if not rows:
            return None
        pieces = {
            digest: await self._rows(
                select(rule_set_files.c.lines)
                .where(rule_set_files.c.tenant_id == tenant_id, rule_set_files.c.digest == digest)
                .order_by(rule_set_files.c.place)
            )
            for digest in _digests(rows[0][FILES])
        }
        return _version(rows[0], _files(rows[0][FILES], pieces))

    async def versions(self, tenant_id: int, program_id: int, below: int, count: int) -> list[RuleSetVersion]:
        """See the port."""
        table = rule_set_versions
        names = VERSION_COLUMNS.replace("source, files, ", "")
        rows = await self._rows(_page(table, names, tenant_id, program_id, table.c.version, below).limit(count))
        return [_version((row[0], "", "", *row[1:]), NO_FILES) for row in rows]

    async def activations(self, tenant_id: int, program_id: int, below: int, count: int) -> list[RuleSetActivation]:
        """See the port."""
        table = rule_set_activations
        query = _page(table, ACTIVATION_COLUMNS, tenant_id, program_id, table.c.activation, below)
        rows = await self._rows(query.limit(count))
        ends = rule_set_cancellations
        numbers = [row[0] for row in rows]
        found = await self._rows(
            select(ends.c.activation, *_columns(ends, CANCELLATION_COLUMNS)).where(
                ends.c.tenant_id == tenant_id, ends.c.program_id == program_id, ends.c.activation.in_(numbers)
            )
        )
        cancelled = {row[0]: row[1:] for row in found}
        return [_activation(row, cancelled.get(row[0])) for row in rows]


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


def _version(row: Any, files: SetFiles) -> RuleSetVersion:
    version, source, _, digest, *change, created_at = row
    return RuleSetVersion(version, source, files, digest, _change(*change), created_at)


def _digests(kept: str) -> list[bytes]:
    """Return the digests of the files that a version names."""
    files = json.loads(kept) if kept else {}
    return [bytes.fromhex(named) for named in files.values() if isinstance(named, str)]


def _files(kept: str, pieces: Mapping[bytes, Sequence[Any]]) -> SetFiles:
    """Return a version's files, of which the pieces are given by digest; versions of before hold the entries."""
    files: dict[str, Texts] = {}
    for name, found in json.loads(kept).items() if kept else ():
        if isinstance(found, str):
            files[name] = Texts.read(b"".join(lines for (lines,) in pieces[bytes.fromhex(found)]))
            if files[name].digest.hex() != found:
                raise DatabaseFailure(f"the file {name} of a rule set is not whole")
        else:
            files[name] = Texts.of(found)
    return files


def _activation(row: Any, cancellation: Any = None) -> RuleSetActivation:
    activation, version, previous, kind, effective_at, activated_at, *change = row
    ended = None if cancellation is None else RuleSetCancellation(cancellation[0], _change(*cancellation[1:]))
    return RuleSetActivation(
        activation, version, previous, RuleSetActivationKind(kind), effective_at, activated_at, _change(*change), ended
    )
