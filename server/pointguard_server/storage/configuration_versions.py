"""Versions of configurations and their activations: what the writer's thread does, and what readers see.

Both tables only grow. The number of a version or an activation is its place in the program's, from 1; the activation
with the highest number is in force.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine

from pointguard_server.domain.codes import RuleChangeReason, RuleSetActivationKind
from pointguard_server.service.configuration_versions import (
    ConfigurationActivation,
    ConfigurationVersion,
    KnownConfigurationRequest,
)
from pointguard_server.service.rule_versions import RequestKey, RuleChange
from pointguard_server.storage.connections import Connection

CHANGE_COLUMNS: Final = "author, reason_code, note, key_id"
VERSION_COLUMNS: Final = f"version, source, digest, created_at, {CHANGE_COLUMNS}"
LISTED_COLUMNS: Final = VERSION_COLUMNS.replace("source", "''")
ACTIVATION_COLUMNS: Final = f"activation, version, previous_version, kind, activated_at, {CHANGE_COLUMNS}"
OF_PROGRAM: Final = "tenant_id = ?1 AND program_id = ?2"
OF_CONFIGURATION: Final = f"{OF_PROGRAM} AND subject = 'configuration'"
ADD_VERSION: Final = (
    f"INSERT INTO program_versions (tenant_id, program_id, subject, {VERSION_COLUMNS}, idempotency_key, request_digest)"  # noqa: S608
    " SELECT ?1, ?2, 'configuration', coalesce(max(version), 0) + 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11"
    f" FROM program_versions WHERE {OF_CONFIGURATION} RETURNING {VERSION_COLUMNS}"
)
ADD_ACTIVATION: Final = (
    "INSERT INTO configuration_activations"  # noqa: S608
    f" (tenant_id, program_id, {ACTIVATION_COLUMNS}, idempotency_key, request_digest)"
    " SELECT ?1, ?2, coalesce(max(activation), 0) + 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12"
    f" FROM configuration_activations WHERE {OF_PROGRAM} RETURNING {ACTIVATION_COLUMNS}"
)
FIND_VERSION: Final = f"SELECT {VERSION_COLUMNS} FROM program_versions WHERE {OF_CONFIGURATION} AND version = ?3"  # noqa: S608
ACTIVE: Final = (
    f"SELECT {ACTIVATION_COLUMNS} FROM configuration_activations"  # noqa: S608
    f" WHERE {OF_PROGRAM} ORDER BY activation DESC LIMIT 1"
)
LAST_OF_FILE: Final = (
    f"SELECT {VERSION_COLUMNS} FROM program_versions WHERE {OF_CONFIGURATION} AND version = (SELECT version"  # noqa: S608
    f" FROM configuration_activations WHERE {OF_PROGRAM} AND kind = ?3 ORDER BY activation DESC LIMIT 1)"
)
WAS_ACTIVE: Final = f"SELECT 1 FROM configuration_activations WHERE {OF_PROGRAM} AND version = ?3 LIMIT 1"  # noqa: S608
VERSIONS: Final = (
    f"SELECT {LISTED_COLUMNS} FROM program_versions WHERE {OF_CONFIGURATION} AND (?3 = 0 OR version < ?3)"  # noqa: S608
    " ORDER BY version DESC LIMIT ?4"
)
ACTIVATIONS: Final = (
    f"SELECT {ACTIVATION_COLUMNS} FROM configuration_activations WHERE {OF_PROGRAM} AND (?3 = 0 OR activation < ?3)"  # noqa: S608
    " ORDER BY activation DESC LIMIT ?4"
)
OF_KEY: Final = "WHERE tenant_id = ? AND idempotency_key = ?"
KNOWN_VERSION: Final = f"SELECT request_digest, {VERSION_COLUMNS} FROM program_versions {OF_KEY}"  # noqa: S608
KNOWN_ACTIVATION: Final = f"SELECT request_digest, {ACTIVATION_COLUMNS} FROM configuration_activations {OF_KEY}"  # noqa: S608


class ConfigurationVersions:
    """Implements ``service.ports.ConfigurationVersions``."""

    def add_version(
        self,
        connection: Connection,
        tenant_id: int,
        program_id: int,
        source: str,
        change: RuleChange,
        now: int,
        key: RequestKey | None = None,
    ) -> ConfigurationVersion:
        """See the port."""
        values = (source, sha256(source.encode()).digest(), now, *_values(change), *_key_values(key))
        return _version(connection.execute(ADD_VERSION, (tenant_id, program_id, *values)).fetchone())

    def add_activation(
        self,
        connection: Connection,
        tenant_id: int,
        program_id: int,
        version: int,
        kind: RuleSetActivationKind,
        change: RuleChange,
        now: int,
        key: RequestKey | None = None,
    ) -> ConfigurationActivation:
        """See the port."""
        active = self.active(connection, tenant_id, program_id)
        previous = active.version if active is not None else 0
        values = (version, previous, int(kind), now, *_values(change), *_key_values(key))
        return _activation(connection.execute(ADD_ACTIVATION, (tenant_id, program_id, *values)).fetchone())

    def version(
        self, connection: Connection, tenant_id: int, program_id: int, version: int
    ) -> ConfigurationVersion | None:
        """See the port."""
        row = connection.execute(FIND_VERSION, (tenant_id, program_id, version)).fetchone()
        return None if row is None else _version(row)

    def active(self, connection: Connection, tenant_id: int, program_id: int) -> ConfigurationActivation | None:
        """See the port."""
        row = connection.execute(ACTIVE, (tenant_id, program_id)).fetchone()
        return None if row is None else _activation(row)

    def last_of_file(self, connection: Connection, tenant_id: int, program_id: int) -> ConfigurationVersion | None:
        """See the port."""
        file = int(RuleSetActivationKind.FILE)
        row = connection.execute(LAST_OF_FILE, (tenant_id, program_id, file)).fetchone()
        return None if row is None else _version(row)

    def was_active(self, connection: Connection, tenant_id: int, program_id: int, version: int) -> bool:
        """See the port."""
        return connection.execute(WAS_ACTIVE, (tenant_id, program_id, version)).fetchone() is not None

    def known(self, connection: Connection, tenant_id: int, key: bytes) -> KnownConfigurationRequest | None:
        """See the port."""
        version = connection.execute(KNOWN_VERSION, (tenant_id, key)).fetchone()
        if version is not None:
            return KnownConfigurationRequest(version[0], _version(version[1:]))
        activation = connection.execute(KNOWN_ACTIVATION, (tenant_id, key)).fetchone()
        return None if activation is None else KnownConfigurationRequest(activation[0], _activation(activation[1:]))


class ConfigurationReader:
    """Implements ``service.ports.ConfigurationReader``."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def version(self, tenant_id: int, program_id: int, version: int) -> ConfigurationVersion | None:
        """See the port."""
        rows = await self._rows(FIND_VERSION, (tenant_id, program_id, version))
        return _version(rows[0]) if rows else None

    async def versions(self, tenant_id: int, program_id: int, below: int, count: int) -> list[ConfigurationVersion]:
        """See the port."""
        return [_version(row) for row in await self._rows(VERSIONS, (tenant_id, program_id, below, count))]

    async def activations(
        self, tenant_id: int, program_id: int, below: int, count: int
    ) -> list[ConfigurationActivation]:
        """See the port."""
        return [_activation(row) for row in await self._rows(ACTIVATIONS, (tenant_id, program_id, below, count))]

    async def _rows(self, statement: str, values: tuple[int, ...]) -> Sequence[Any]:
        async with self._engine.connect() as connection:
            return (await connection.exec_driver_sql(statement, values)).all()


def _values(change: RuleChange) -> tuple[str, int, str, str]:
    return change.author, int(change.reason), change.note, change.key_id


def _key_values(key: RequestKey | None) -> tuple[bytes | None, bytes | None]:
    return (None, None) if key is None else (key.key, key.digest)


def _change(author: str, reason: int, note: str, key_id: str) -> RuleChange:
    return RuleChange(author, RuleChangeReason(reason), note, key_id)


def _version(row: Any) -> ConfigurationVersion:
    version, source, digest, created_at, *change = row
    return ConfigurationVersion(version, source, digest, _change(*change), created_at)


def _activation(row: Any) -> ConfigurationActivation:
    activation, version, previous, kind, activated_at, *change = row
    return ConfigurationActivation(
        activation, version, previous, RuleSetActivationKind(kind), activated_at, _change(*change)
    )
