"""The feed of advice, read beside the writer. Implements ``service.ports.NoticeReader``.

Rows come into the database in the ledger's order, whole transactions at a time: what is read is never behind something
that is still in the journal.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from pointguard_server.domain.codes import INTERVENTIONS, AdviceEntity, AdviceEvent, Operation
from pointguard_server.engine.ask import ADVICE_NAMES, StandingAdvice
from pointguard_server.service.ports import AccountState, Notice

# As the index has it.
_SETS_STATUS: Final = f"operation IN ({int(Operation.SET_REDEMPTION_LOCK)}, {int(Operation.SET_ACCOUNT_STATUS)})"
_STANDS: Final = f"({int(AdviceEvent.RAISED)}, {int(AdviceEvent.EXTENDED)}, {int(AdviceEvent.PROPOSED)})"
_OF_ACCOUNT: Final = f"a.entity = {int(AdviceEntity.ACCOUNT)}"
_BY_HAND: Final = f"({', '.join(str(int(each)) for each in sorted(INTERVENTIONS))})"
_ADVICE: Final = ", ".join(f"a.{name}" for name in ADVICE_NAMES)

# newest: of both kinds, each the last row of an index.
_NEWEST: Final = text(f"""
    SELECT max(newest) FROM (
        SELECT coalesce(max(leg_position), 0) AS newest FROM advice WHERE tenant_id = :tenant
        UNION ALL
        SELECT coalesce(max(position), 0) FROM legs INDEXED BY legs_account_status
        WHERE tenant_id = :tenant AND {_SETS_STATUS}
    ) AS of_either
""")  # noqa: S608  (numbers of this file)
# notices: the next legs of either kind. Each kind stops by itself, so that a long feed is not read to its end.
_NOTICES: Final = text(f"""
    SELECT l.position, l.transaction_id, l.account_id, l.seq, l.accepted_at, l.account_flags,
        CASE WHEN l.operation IN {_BY_HAND} THEN l.record END, l.leg_number
    FROM (
        SELECT leg_position AS position FROM (
            SELECT DISTINCT leg_position FROM advice
            WHERE tenant_id = :tenant AND leg_position > :after ORDER BY leg_position LIMIT :count
        ) AS advised
        UNION
        SELECT position FROM (
            SELECT position FROM legs INDEXED BY legs_account_status
            WHERE tenant_id = :tenant AND {_SETS_STATUS} AND position > :after ORDER BY position LIMIT :count
        ) AS set_status
        ORDER BY 1 LIMIT :count
    ) AS told
    JOIN legs l ON l.position = told.position ORDER BY l.position
""")  # noqa: S608
# steps: what those legs did to advice.
_STEPS: Final = text(f"""
    SELECT a.leg_position, a.event, {_ADVICE} FROM advice a
    WHERE a.tenant_id = :tenant AND a.leg_position > :after AND a.leg_position <= :last ORDER BY a.position
""")  # noqa: S608
# state: the newest leg and what stands after it, in one statement, so that they are of the same moment.
_STATE: Final = text(f"""
    SELECT latest.seq, latest.account_flags, latest.accepted_at, {_ADVICE}
    FROM (
        SELECT seq, account_flags, accepted_at FROM legs
        WHERE tenant_id = :tenant AND account_id = :account ORDER BY seq DESC LIMIT 1
    ) AS latest
    LEFT JOIN advice a INDEXED BY advice_account_seq
        ON a.tenant_id = :tenant AND a.account_id = :account AND a.ends_at > :moment AND {_OF_ACCOUNT}
        AND a.event IN {_STANDS} AND a.position = (SELECT max(n.position) FROM advice n WHERE n.advice_id = a.advice_id)
    ORDER BY a.position
""")  # noqa: S608


async def _nothing() -> None:
    """Wait for nothing."""


class NoticeReader:
    """Reads by connections that can do nothing else."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.catch_up: Callable[[], Awaitable[None]] = _nothing

    async def newest(self, tenant_id: int) -> int:
        """See the port."""
        async with self._engine.connect() as connection:
            return int((await connection.execute(_NEWEST, {"tenant": tenant_id})).scalar_one())

    async def notices(self, tenant_id: int, after: int, count: int) -> list[Notice]:
        """See the port."""
        asked: dict[str, Any] = {"tenant": tenant_id, "after": after, "count": count}
        async with self._engine.connect() as connection:
            legs = (await connection.execute(_NOTICES, asked)).all()
            if not legs:
                return []
            steps = defaultdict(list)
            asked = {"tenant": tenant_id, "after": after, "last": legs[-1].position}
            for position, event, *advice in (await connection.execute(_STEPS, asked)).all():
                steps[position].append((event, StandingAdvice(*advice)))
        return [Notice._make((*leg, tuple(steps[leg.position]))) for leg in legs]

    async def account_state(self, tenant_id: int, account_id: int, moment: int) -> AccountState | None:
        """See the port."""
        asked = {"tenant": tenant_id, "account": account_id, "moment": moment}
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_STATE, asked)).all()
        if not rows:
            return None
        seq, account_flags, happened_at, *_ = rows[0]
        advice = tuple(StandingAdvice(*row[3:]) for row in rows if row[3] is not None)
        return AccountState(seq, account_flags, happened_at, advice)
