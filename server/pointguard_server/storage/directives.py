"""Directives: what the writer's thread does, and what readers see. The tables only grow."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, Generic

from sqlalchemy.ext.asyncio import AsyncEngine

from pointguard_server.domain.codes import ExemptEntity, Kind
from pointguard_server.domain.interventions import Intervention
from pointguard_server.service.directive import Deed, Each, Exemption, Stop
from pointguard_server.service.rule_versions import RequestKey
from pointguard_server.storage.connections import Connection

_SAID: Final = ("author", "reason_code", "note", "key_id", "session_id")
_KEPT: Final = (*_SAID, "idempotency_key", "request_digest")
_PLACE: Final = ("tenant_id", "program_id")
OF_NUMBER: Final = " AND d.{number} = ?"
IN_FORCE: Final = " AND d.starts_at <= ? AND d.ends_at > ? AND coalesce(e.ended_at, d.ends_at) > ?"
NEWEST_FIRST: Final = " AND (? = 0 OR d.{number} < ?) ORDER BY d.{number} DESC LIMIT ?"


@dataclass(frozen=True, slots=True)
class Tables(Generic[Each]):
    """Where directives of a kind are: ``<name>s`` and ``<name>_ends``, numbered by ``<name>_id``.

    ``columns`` are their own fields; ``make`` takes a number, those, and the fields that all directives have.
    """

    name: str
    columns: tuple[str, ...]
    make: Callable[..., Each]
    kind: Kind  # what adding one is, as rules about agents count it

    @property
    def number(self) -> str:
        """The column that numbers them."""
        return f"{self.name}_id"

    @property
    def find(self) -> str:
        """Selects those of a program, each with how it ended."""
        began = (self.number, *self.columns, "starts_at", "ends_at", *_SAID)
        shown = ", ".join([*(f"d.{column}" for column in began), *(f"e.{column}" for column in ("ended_at", *_SAID))])
        same = " AND ".join(f"e.{column} = d.{column}" for column in (*_PLACE, self.number))
        return (
            f"SELECT {shown} FROM {self.name}s d LEFT JOIN {self.name}_ends e ON {same}"  # noqa: S608  (names of ours)
            " WHERE d.tenant_id = ? AND d.program_id = ?"
        )

    @property
    def in_force(self) -> str:
        """Selects those of a program that are in force at a moment, given three times."""
        return self.find + IN_FORCE

    @property
    def deeds(self) -> str:
        """Selects who put one of a program in force or ended one, when, and what that counts as."""
        place = "tenant_id = ? AND program_id = ?"
        return (
            f"SELECT author, starts_at, {int(self.kind)} FROM {self.name}s WHERE {place} AND starts_at > ?"  # noqa: S608  (names of ours)
            f" UNION ALL SELECT author, ended_at, {int(Kind.INTERVENTION)} FROM {self.name}_ends"
            f" WHERE {place} AND ended_at > ?"
        )

    def directive(self, row: Any) -> Each:
        """Return the directive that a row of ``find`` says."""
        own = 3 + len(self.columns)
        added, (ended_at, *ending) = _intervention(*row[own : own + len(_SAID)]), row[own + len(_SAID) :]
        ended = _intervention(*ending) if ended_at is not None else None
        return self.make(*row[:own], added, ended_at or 0, ended)


def _intervention(author: str, reason: int, note: str, key_id: str, session: str) -> Intervention:
    return Intervention(author, reason, note, key_id, session=session)


def _exemption(number: int, entity: int, *rest: Any) -> Exemption:
    return Exemption(number, ExemptEntity(entity), *rest)


def deed(row: Any) -> Deed:
    """Return what a row of ``Tables.deeds`` says."""
    author, moment, kind = row
    return Deed(author, moment, Kind(kind))


EXEMPTIONS: Final = Tables("exemption", ("entity", "subject_id", "context", "rule_id"), _exemption, Kind.OVERRIDE)
STOPS: Final = Tables("redemption_stop", ("business_unit_id", "store_id", "terminal_id"), Stop, Kind.INTERVENTION)


def _insert(connection: Connection, table: str, columns: Iterable[str], values: tuple[Any, ...]) -> None:
    names, marks = ", ".join(columns), ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)  # noqa: S608  (names of ours)


def _kept(said: Intervention, key: RequestKey) -> tuple[Any, ...]:
    return said.author, said.reason, said.note, said.key_id, said.session, key.key, key.digest


class DirectiveStore(Generic[Each]):
    """Implements ``service.ports.DirectiveStore``."""

    def __init__(self, tables: Tables[Each]) -> None:
        self._tables = tables

    def newest(self, connection: Connection, tenant_id: int, program_id: int) -> int:
        """See the port."""
        tables = self._tables
        query = f"SELECT coalesce(max({tables.number}), 0) FROM {tables.name}s WHERE tenant_id = ? AND program_id = ?"  # noqa: S608  (names of ours)
        return int(connection.execute(query, (tenant_id, program_id)).fetchone()[0])

    def add(self, connection: Connection, tenant_id: int, program_id: int, made: Each, key: RequestKey) -> None:
        """See the port."""
        tables = self._tables
        columns = (*_PLACE, tables.number, *tables.columns, "starts_at", "ends_at", *_KEPT)
        own = (int(getattr(made, column)) for column in tables.columns)
        began = (tenant_id, program_id, made.number, *own, made.starts_at, made.ends_at)
        _insert(connection, f"{tables.name}s", columns, (*began, *_kept(made.added, key)))

    def end(self, connection: Connection, tenant_id: int, program_id: int, ended: Each, key: RequestKey) -> None:
        """See the port."""
        if ended.ended is None:
            raise ValueError("it has not ended")
        columns = (*_PLACE, self._tables.number, "ended_at", *_KEPT)
        values = (tenant_id, program_id, ended.number, ended.ended_at, *_kept(ended.ended, key))
        _insert(connection, f"{self._tables.name}_ends", columns, values)

    def deeds(self, connection: Connection, tenant_id: int, program_id: int, after: int) -> list[Deed]:
        """See the port."""
        return [deed(row) for row in connection.execute(self._tables.deeds, (tenant_id, program_id, after) * 2)]

    def directive(self, connection: Connection, tenant_id: int, program_id: int, number: int) -> Each | None:
        """See the port."""
        query = self._tables.find + OF_NUMBER.format(number=self._tables.number)
        row = connection.execute(query, (tenant_id, program_id, number)).fetchone()
        return None if row is None else self._tables.directive(row)

    def in_force(self, connection: Connection, tenant_id: int, program_id: int, moment: int) -> list[Each]:
        """See the port."""
        asked = (tenant_id, program_id, moment, moment, moment)
        return [self._tables.directive(row) for row in connection.execute(self._tables.in_force, asked)]

    def known(self, connection: Connection, tenant_id: int, program_id: int, key: bytes) -> tuple[bytes, Each] | None:
        """See the port."""
        known = " UNION ALL ".join(
            f"SELECT request_digest, {self._tables.number}, {is_end} FROM {self._tables.name}{suffix}"  # noqa: S608  (names of ours)
            " WHERE tenant_id = ?1 AND idempotency_key = ?2"
            for is_end, suffix in enumerate(("s", "_ends"))
        )
        row = connection.execute(known, (tenant_id, key)).fetchone()
        if row is None:
            return None
        digest, number, is_end = row
        found = self.directive(connection, tenant_id, program_id, number)
        if found is None:
            return None
        # Of one that was added, the answer that was given then.
        return digest, found if is_end else replace(found, ended_at=0, ended=None)


class DirectiveReader(Generic[Each]):
    """Implements ``service.ports.DirectiveReader``."""

    def __init__(self, tables: Tables[Each], engine: AsyncEngine) -> None:
        self._tables, self._engine = tables, engine

    async def directives(self, tenant_id: int, program_id: int, below: int, count: int, in_force_at: int) -> list[Each]:
        """See the port."""
        query = self._tables.in_force if in_force_at else self._tables.find
        query += NEWEST_FIRST.format(number=self._tables.number)
        moments = (in_force_at,) * 3 if in_force_at else ()
        async with self._engine.connect() as connection:
            rows = await connection.exec_driver_sql(query, (tenant_id, program_id, *moments, below, below, count))
            return [self._tables.directive(row) for row in rows.all()]
