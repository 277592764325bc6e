"""What time has done, in the order in which it did: for the sweeper. Implements ``service.ports.DueAccounts``.

A row is due as long as its account has no leg from the moment on: whatever writes to an account first writes down what
time has done to it.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from pointguard_server.service.ports import Due, DueKind, SweptUpTo

# due: the next rows of an index of moments, each with whether the newest leg of its account is older than it.
_DUE: Final = """
    SELECT moment, position, tenant_id, account_id, (
        SELECT accepted_at FROM legs
        WHERE tenant_id = due.tenant_id AND account_id = due.account_id ORDER BY seq DESC LIMIT 1
    ) < moment
    FROM (
        SELECT {moment} AS moment, position, tenant_id, account_id FROM {table} INDEXED BY {index}
        WHERE {condition} AND ({moment}, position) > (:after_moment, :after_position) AND {moment} <= :until
        ORDER BY {moment}, position LIMIT :count
    ) AS due
    ORDER BY moment, position
"""
# left: how many rows of it there are.
_LEFT: Final = """
    SELECT count(*) FROM {table} INDEXED BY {index}
    WHERE {condition} AND ({moment}, position) > (:after_moment, :after_position) AND {moment} <= :until
"""
_OF_KINDS: Final = (
    (DueKind.RESERVATIONS, "legs", "hold_expires_at", "hold_expires_at > 0"),
    (DueKind.MATURITY, "entries", "matures_at", "lot_seq > 0 AND signed_points > 0 AND matures_at > 0"),
    (DueKind.EXPIRY, "entries", "expires_at", "lot_seq > 0 AND signed_points > 0 AND expires_at > 0"),
)
_STATEMENTS, _COUNTS = (
    {
        kind: text(statement.format(table=table, moment=moment, index=f"{table}_{moment}", condition=condition))
        for kind, table, moment, condition in _OF_KINDS
    }
    for statement in (_DUE, _LEFT)
)
# swept: how far the sweeper has come.
_SWEPT: Final = text("SELECT value FROM properties WHERE name = :name")


async def _nothing() -> None:
    """Wait for nothing."""


class DueReader:
    """Reads beside the writer."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.catch_up: Callable[[], Awaitable[None]] = _nothing

    async def due(self, kind: DueKind, after: SweptUpTo, until: int, count: int) -> list[Due]:
        """See the port."""
        asked: dict[str, Any] = {
            "after_moment": after.moment,
            "after_position": after.position,
            "until": until,
            "count": count,
        }
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_STATEMENTS[kind], asked)).all()
        return [Due(SweptUpTo(*place), tenant, account, bool(is_due)) for *place, tenant, account, is_due in rows]

    async def left(self, kind: DueKind, after: SweptUpTo, until: int) -> int:
        """See the port."""
        asked = {"after_moment": after.moment, "after_position": after.position, "until": until}
        async with self._engine.connect() as connection:
            return int((await connection.execute(_COUNTS[kind], asked)).scalar_one())

    async def swept_up_to(self, kind: DueKind) -> SweptUpTo:
        """See the port."""
        async with self._engine.connect() as connection:
            value = (await connection.execute(_SWEPT, {"name": kind.note})).scalar()
        return SweptUpTo(*map(int, value.split())) if value else SweptUpTo(0, 0)
