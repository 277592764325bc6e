"""Experiments: what the writer's thread does, and what readers see.

The tables only grow. That an activation ended an experiment is written nowhere: it follows from the activations, since
an experiment runs as long as the activation that was in force at its start is in force.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection as SyncConnection
from sqlalchemy.ext.asyncio import AsyncEngine

from pointguard_server.domain.codes import (
    Decision,
    ExperimentEnd,
    ExperimentEventKind,
    ExperimentMetric,
    Operation,
    RuleChangeReason,
    RuleSetActivationKind,
)
from pointguard_server.service.experiment import (
    ENDED_BY,
    Arm,
    Design,
    End,
    Experiment,
    KnownStep,
    MemberFigures,
    Step,
)
from pointguard_server.service.rule_versions import RequestKey, RuleChange
from pointguard_server.storage.connections import Connection

Value = TypeVar("Value")
Execute = Callable[[str, tuple[Any, ...]], Any]
"""Runs a statement with its values; what it returns has ``fetchone`` and ``fetchall``."""

CHANGE_COLUMNS = "author, reason_code, note, key_id"
OF_EXPERIMENT = "WHERE tenant_id = ? AND program_id = ? AND experiment_id = ?"
ADD_EXPERIMENT = (
    "INSERT INTO experiments"  # noqa: S608  (our own columns)
    f" (tenant_id, program_id, experiment_id, name, metric, secret, {CHANGE_COLUMNS}, created_at, idempotency_key,"
    " request_digest)"
    " SELECT ?1, ?2, coalesce(max(experiment_id), 0) + 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12"
    " FROM experiments WHERE tenant_id = ?1 AND program_id = ?2 RETURNING experiment_id"
)
ADD_ARM = (
    "INSERT INTO experiment_arms (tenant_id, program_id, experiment_id, arm, label, version, weight)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
ADD_EVENT = (
    "INSERT INTO experiment_events"  # noqa: S608
    f" (tenant_id, program_id, experiment_id, kind, arm, activation, {CHANGE_COLUMNS},"
    " happened_at, idempotency_key, request_digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
FIND = f"SELECT name, metric, secret, {CHANGE_COLUMNS}, created_at FROM experiments {OF_EXPERIMENT}"  # noqa: S608
FIND_ARMS = f"SELECT arm, label, version, weight FROM experiment_arms {OF_EXPERIMENT} ORDER BY arm"  # noqa: S608
FIND_EVENTS = (
    f"SELECT kind, arm, activation, {CHANGE_COLUMNS}, happened_at FROM experiment_events {OF_EXPERIMENT}"  # noqa: S608
    " ORDER BY kind"
)
LIST = (
    "SELECT experiment_id FROM experiments WHERE tenant_id = ? AND program_id = ? AND (? = 0 OR experiment_id < ?)"
    " ORDER BY experiment_id DESC LIMIT ?"
)
LATEST_STARTED = (
    "SELECT experiment_id FROM experiment_events WHERE tenant_id = ? AND program_id = ? AND kind = ?"
    " ORDER BY happened_at DESC, experiment_id DESC LIMIT 1"
)
KNOWN = (
    "SELECT request_digest, experiment_id, 0 FROM experiments WHERE tenant_id = ?1 AND idempotency_key = ?2"
    " UNION ALL"
    " SELECT request_digest, experiment_id, kind FROM experiment_events WHERE tenant_id = ?1 AND idempotency_key = ?2"
)
ACTIVATED_VERSION = "SELECT version FROM rule_set_activations WHERE tenant_id = ? AND program_id = ? AND activation = ?"
# An activation that was not planned is in force at once, whatever a clock that was set back says.
NEXT_ACTIVATION = (
    f"SELECT kind, activation, effective_at, {CHANGE_COLUMNS} FROM rule_set_activations"  # noqa: S608
    " WHERE tenant_id = ?1 AND program_id = ?2 AND (effective_at <= ?4 OR effective_at = activated_at)"
    " AND (effective_at, activation) > (SELECT effective_at, activation FROM rule_set_activations"
    " WHERE tenant_id = ?1 AND program_id = ?2 AND activation = ?3)"
    " ORDER BY effective_at, activation LIMIT 1"
)
# What each account did, from the index of experiments' legs alone.
FIGURES = (
    "SELECT arm, count(*), CAST(sum(accrued) AS BIGINT), CAST(sum(accrued * points) AS BIGINT),"
    " CAST(sum(accrued * money) AS BIGINT) FROM ("
    " SELECT arm, account_id, points, money, CASE WHEN operation = ?4 AND decision = ?5 THEN 1 ELSE 0 END AS accrued"
    " FROM legs WHERE tenant_id = ?1 AND program_id = ?2 AND experiment_id = ?3 AND experiment_id > 0"
    ") AS transactions GROUP BY arm, account_id"
)


class Experiments:
    """Implements ``service.ports.Experiments``."""

    def add(
        self,
        connection: Connection,
        tenant_id: int,
        program_id: int,
        design: Design,
        secret: bytes,
        change: RuleChange,
        now: int,
        key: RequestKey,
    ) -> Experiment:
        """See the port."""
        values = (design.name, int(design.metric), secret, *_values(change), now, key.key, key.digest)
        (number,) = connection.execute(ADD_EXPERIMENT, (tenant_id, program_id, *values)).fetchone()
        for arm in design.arms:
            row = (tenant_id, program_id, number, arm.arm, arm.label, arm.version, arm.weight)
            connection.execute(ADD_ARM, row)
        return Experiment(number, design, secret, Step(now, change))

    def add_event(
        self,
        connection: Connection,
        tenant_id: int,
        program_id: int,
        experiment_id: int,
        kind: ExperimentEventKind,
        step: Step,
        key: RequestKey,
        *,
        arm: int = 0,
        activation: int = 0,
    ) -> None:
        """See the port."""
        place = (tenant_id, program_id, experiment_id, int(kind), arm, activation)
        connection.execute(ADD_EVENT, (*place, *_values(step.change), step.at, key.key, key.digest))

    def experiment(
        self, connection: Connection, tenant_id: int, program_id: int, experiment_id: int, moment: int
    ) -> Experiment | None:
        """See the port."""
        return _load(connection.execute, (tenant_id, program_id), experiment_id, moment)

    def latest_started(self, connection: Connection, tenant_id: int, program_id: int) -> int:
        """See the port."""
        started = int(ExperimentEventKind.STARTED)
        row = connection.execute(LATEST_STARTED, (tenant_id, program_id, started)).fetchone()
        return 0 if row is None else int(row[0])

    def known(self, connection: Connection, tenant_id: int, key: bytes) -> KnownStep | None:
        """See the port."""
        row = connection.execute(KNOWN, (tenant_id, key)).fetchone()
        if row is None:
            return None
        digest, experiment_id, kind = row
        return KnownStep(digest, experiment_id, ExperimentEventKind(kind) if kind else None)


class ExperimentReader:
    """Implements ``service.ports.ExperimentReader``."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def experiment(self, tenant_id: int, program_id: int, experiment_id: int, moment: int) -> Experiment | None:
        """See the port."""
        place = (tenant_id, program_id)
        return await self._read(lambda execute: _load(execute, place, experiment_id, moment))

    async def experiments(
        self, tenant_id: int, program_id: int, below: int, count: int, moment: int
    ) -> list[Experiment]:
        """See the port."""
        place = (tenant_id, program_id)

        def load_all(execute: Execute) -> list[Experiment]:
            numbers = [row[0] for row in execute(LIST, (*place, below, below, count)).fetchall()]
            found = [_load(execute, place, number, moment) for number in numbers]
            return [experiment for experiment in found if experiment is not None]

        return await self._read(load_all)

    async def figures(self, tenant_id: int, program_id: int, experiment_id: int) -> Sequence[MemberFigures]:
        """See the port."""
        values = (tenant_id, program_id, experiment_id, int(Operation.ACCRUE), int(Decision.APPROVED))
        rows = await self._read(lambda execute: execute(FIGURES, values).fetchall())
        return [MemberFigures(*row) for row in rows]

    async def _read(self, read: Callable[[Execute], Value]) -> Value:
        def with_connection(connection: SyncConnection) -> Value:
            return read(connection.exec_driver_sql)

        async with self._engine.connect() as connection:
            return await connection.run_sync(with_connection)


def _load(execute: Execute, place: tuple[int, int], experiment_id: int, moment: int) -> Experiment | None:
    """Return an experiment as it stands at a moment."""
    row = execute(FIND, (*place, experiment_id)).fetchone()
    if row is None:
        return None
    name, metric, secret, *change, created_at = row
    arms = tuple(Arm(*arm) for arm in execute(FIND_ARMS, (*place, experiment_id)).fetchall())
    design = Design(name, ExperimentMetric(metric), arms)
    created = Step(created_at, _change(*change))
    events = {event[0]: event[1:] for event in execute(FIND_EVENTS, (*place, experiment_id)).fetchall()}
    if int(ExperimentEventKind.STARTED) not in events:
        return Experiment(experiment_id, design, secret, created)
    _, activation, *change, started_at = events.pop(int(ExperimentEventKind.STARTED))
    (version_before,) = execute(ACTIVATED_VERSION, (*place, activation)).fetchone()
    end = _end_of(events) or _end_by_activation(execute, place, activation, moment)
    return Experiment(experiment_id, design, secret, created, Step(started_at, _change(*change)), version_before, end)


def _end_of(events: dict[int, Any]) -> End | None:
    """Return the end that was asked for, if one was."""
    for kind, (arm, activation, *change, at) in events.items():
        by = ExperimentEnd.PROMOTED if kind == ExperimentEventKind.PROMOTED else ExperimentEnd.ENDED
        return End(Step(at, _change(*change)), by, arm, activation)
    return None


def _end_by_activation(execute: Execute, place: tuple[int, int], base: int, moment: int) -> End | None:
    """Return the end that the first activation after the start's brought, if one has come."""
    row = execute(NEXT_ACTIVATION, (*place, base, moment)).fetchone()
    if row is None:
        return None
    kind, activation, effective_at, *change = row
    by = ENDED_BY[RuleSetActivationKind(kind)]
    return End(Step(effective_at, _change(*change)), by, 0, activation)


def _values(change: RuleChange) -> tuple[str, int, str, str]:
    return change.author, int(change.reason), change.note, change.key_id


def _change(author: str, reason: int, note: str, key_id: str) -> RuleChange:
    return RuleChange(author, RuleChangeReason(reason), note, key_id)
