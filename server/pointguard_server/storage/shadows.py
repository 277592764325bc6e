"""Shadows: what the writer's thread does, and what readers see. The table only grows."""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection as SyncConnection
from sqlalchemy.ext.asyncio import AsyncEngine

from pointguard_server.domain.codes import RuleChangeReason
from pointguard_server.service.experiment import Step
from pointguard_server.service.rule_versions import RequestKey, RuleChange
from pointguard_server.service.shadow import KnownShadowStep, Shadow
from pointguard_server.storage.connections import Connection

STARTED: Final = 1
STOPPED: Final = 2
ADD = (
    "INSERT INTO shadow_events (tenant_id, program_id, shadow_id, kind, version, author, reason_code, note, key_id,"
    " happened_at, idempotency_key, request_digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
NEWEST = "SELECT coalesce(max(shadow_id), 0) FROM shadow_events WHERE tenant_id = ? AND program_id = ?"
FIND = (
    "SELECT kind, version, author, reason_code, note, key_id, happened_at FROM shadow_events"
    " WHERE tenant_id = ? AND program_id = ? AND shadow_id = ? ORDER BY kind"
)
KNOWN = "SELECT request_digest, shadow_id, kind FROM shadow_events WHERE tenant_id = ? AND idempotency_key = ?"
Execute = Callable[[str, tuple[Any, ...]], Any]


class Shadows:
    """Implements ``service.ports.Shadows``."""

    def start(
        self,
        connection: Connection,
        tenant_id: int,
        program_id: int,
        version: int,
        step: Step,
        key: RequestKey,
    ) -> Shadow:
        """See the port."""
        number = int(connection.execute(NEWEST, (tenant_id, program_id)).fetchone()[0]) + 1
        _add(connection, (tenant_id, program_id, number, STARTED, version), step, key)
        return Shadow(number, version, step)

    def stop(
        self,
        connection: Connection,
        tenant_id: int,
        program_id: int,
        shadow: Shadow,
        step: Step,
        key: RequestKey,
    ) -> Shadow:
        """See the port."""
        _add(connection, (tenant_id, program_id, shadow.shadow_id, STOPPED, shadow.version), step, key)
        return Shadow(shadow.shadow_id, shadow.version, shadow.started, step)

    def shadow(self, connection: Connection, tenant_id: int, program_id: int, shadow_id: int) -> Shadow | None:
        """See the port."""
        return _load(connection.execute, (tenant_id, program_id), shadow_id)

    def known(self, connection: Connection, tenant_id: int, key: bytes) -> KnownShadowStep | None:
        """See the port."""
        row = connection.execute(KNOWN, (tenant_id, key)).fetchone()
        return None if row is None else KnownShadowStep(row[0], row[1], row[2] == STOPPED)


class ShadowReader:
    """Implements ``service.ports.ShadowReader``."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def shadow(self, tenant_id: int, program_id: int, shadow_id: int) -> Shadow | None:
        """See the port."""

        def read(connection: SyncConnection) -> Shadow | None:
            return _load(connection.exec_driver_sql, (tenant_id, program_id), shadow_id)

        async with self._engine.connect() as connection:
            return await connection.run_sync(read)


def _load(execute: Execute, place: tuple[int, int], shadow_id: int) -> Shadow | None:
    number = shadow_id or int(execute(NEWEST, place).fetchone()[0])
    rows = execute(FIND, (*place, number)).fetchall()
    if not rows:
        return None
    version = rows[0][1]
    started, stopped = [*(_step(row) for row in rows), None][:2]
    return Shadow(number, version, started, stopped) if started is not None else None


def _step(row: Any) -> Step:
    _kind, _version, author, reason, note, key_id, happened_at = row
    return Step(happened_at, RuleChange(author, RuleChangeReason(reason), note, key_id))


def _add(connection: Connection, place: tuple[int, ...], step: Step, key: RequestKey) -> None:
    change = step.change
    values = (change.author, int(change.reason), change.note, change.key_id, step.at, key.key, key.digest)
    connection.execute(ADD, (*place, *values))
