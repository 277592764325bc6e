"""The lives of advice, read beside the writer: who owns one, and pages of them with their steps. For ``readers``."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from pointguard_server.domain.codes import CASES, INTERVENTIONS, AdviceEntity, AdviceEvent, CaseState
from pointguard_server.engine.ask import ADVICE_NAMES, StandingAdvice
from pointguard_server.engine.identifiers import transaction_of
from pointguard_server.service.ports import AdviceHistory, TakenStep

STEPS_MAX = 100
"""Of an advice with more steps, the newest are read: a rule that extends may have taken any number."""


def _listed(numbers: Iterable[int]) -> str:
    return f"({', '.join(str(int(each)) for each in sorted(numbers))})"


_STANDS = _listed((AdviceEvent.RAISED, AdviceEvent.EXTENDED, AdviceEvent.PROPOSED))
_BY_HAND, _OF_CASES = _listed(INTERVENTIONS), _listed(CASES)
_STATES = {
    CaseState.OPEN: AdviceEvent.RAISED,
    CaseState.PROPOSED: AdviceEvent.PROPOSED,
    CaseState.RESOLVED: AdviceEvent.RESOLVED,
}

# find_owner: by the transaction that raised it, which its id names.
FIND_OWNER = """
    SELECT a.account_id FROM legs l
    JOIN advice a ON a.tenant_id = l.tenant_id AND a.account_id = l.account_id AND a.seq = l.seq
    WHERE l.transaction_id = :raised_by AND l.tenant_id = :tenant AND a.advice_id = :advice
"""
# find_raised: a page of what was raised, newest first.
FIND_RAISED = f"""
    SELECT position, account_id, advice_id, CASE entity WHEN {int(AdviceEntity.AGENT)} THEN actor_id >> 32 ELSE 0 END
    FROM advice
    WHERE tenant_id = :tenant AND event = {int(AdviceEvent.RAISED)} AND (:below = 0 OR position < :below)
"""  # noqa: S608  (a number of this file)
OF_ACCOUNT = " AND account_id = :account"
# what_stands: of that, what its latest step leaves standing after a moment.
WHAT_STANDS = f"""
    AND advice_id IN (
        SELECT advice_id FROM advice s WHERE s.tenant_id = :tenant AND s.ends_at > :moment AND s.event IN {_STANDS}
            AND s.position = (SELECT max(n.position) FROM advice n WHERE n.advice_id = s.advice_id)
    )
"""  # noqa: S608
# find_cases: of what was raised, the cases whose latest step is one of some.
FIND_CASES = f"""
    AND posture IN {_OF_CASES} AND (
        SELECT n.event FROM advice n WHERE n.advice_id = advice.advice_id ORDER BY n.position DESC LIMIT 1
    ) IN {{}}
"""  # noqa: S608
# count_cases: how many are not resolved, and since when the oldest one is open.
COUNT_CASES = f"""
    SELECT count(*), coalesce(min(starts_at), 0) FROM advice
    WHERE tenant_id = :tenant AND event = {int(AdviceEvent.RAISED)} AND posture IN {_OF_CASES} AND NOT EXISTS (
        SELECT 1 FROM advice n WHERE n.advice_id = advice.advice_id AND n.event = {int(AdviceEvent.RESOLVED)}
    )
"""  # noqa: S608
# count_standing: how much advice stands at a moment, by posture.
COUNT_STANDING = f"""
    SELECT posture, count(*) AS standing FROM advice s
    WHERE tenant_id = :tenant AND ends_at > :moment AND event IN {_STANDS}
        AND position = (SELECT max(n.position) FROM advice n WHERE n.advice_id = s.advice_id)
    GROUP BY posture
"""  # noqa: S608
IN_ORDER = " ORDER BY position DESC LIMIT :count"
# read_steps: an advice's newest steps, with the records of those that the staff took.
READ_STEPS = f"""
    SELECT a.event, l.transaction_id, l.accepted_at, CASE WHEN l.operation IN {_BY_HAND} THEN l.record END,
        {", ".join(f"a.{name}" for name in ADVICE_NAMES)}
    FROM advice a JOIN legs l ON l.position = a.leg_position
    WHERE a.advice_id = :advice ORDER BY a.position DESC LIMIT {STEPS_MAX}
"""  # noqa: S608


async def find_owner(connection: AsyncConnection, tenant_id: int, advice_id: bytes) -> int | None:
    """Return the account that an advice is against, if the tenant has it."""
    values = {"tenant": tenant_id, "advice": advice_id, "raised_by": transaction_of(advice_id)}
    row = (await connection.execute(text(FIND_OWNER), values)).first()
    return None if row is None else row.account_id


async def read_histories(
    connection: AsyncConnection, tenant_id: int, account_id: int, below: int, count: int, standing_at: int
) -> list[AdviceHistory]:
    """See ``service.ports.Reader.advice_histories``."""
    query = FIND_RAISED + (OF_ACCOUNT if account_id else "") + (WHAT_STANDS if standing_at else "") + IN_ORDER
    values: dict[str, Any] = {"tenant": tenant_id, "below": below, "count": count}
    if account_id:
        values["account"] = account_id
    if standing_at:
        values["moment"] = standing_at
    return await _read(connection, query, values)


async def read_cases(
    connection: AsyncConnection, tenant_id: int, account_id: int, below: int, count: int, states: Iterable[CaseState]
) -> list[AdviceHistory]:
    """See ``service.ports.Reader.cases``."""
    of_states = FIND_CASES.format(_listed(_STATES[state] for state in states))
    query = FIND_RAISED + (OF_ACCOUNT if account_id else "") + of_states + IN_ORDER
    values = {"tenant": tenant_id, "below": below, "count": count}
    return await _read(connection, query, values | ({"account": account_id} if account_id else {}))


async def count_cases(connection: AsyncConnection, tenant_id: int) -> tuple[int, int]:
    """See ``service.ports.Reader.open_cases``."""
    row = (await connection.execute(text(COUNT_CASES), {"tenant": tenant_id})).one()
    return row[0], row[1]


async def count_standing(connection: AsyncConnection, tenant_id: int, moment: int) -> dict[int, int]:
    """See ``service.ports.Reader.standing_advice``."""
    rows = (await connection.execute(text(COUNT_STANDING), {"tenant": tenant_id, "moment": moment})).all()
    return {row.posture: row.standing for row in rows}


async def _read(connection: AsyncConnection, query: str, values: dict[str, Any]) -> list[AdviceHistory]:
    found = []
    for position, owner, advice_id, agent_id in (await connection.execute(text(query), values)).all():
        rows = (await connection.execute(text(READ_STEPS), {"advice": advice_id})).all()
        steps = [
            TakenStep(event, taken_by, happened_at, record, StandingAdvice(*advice))
            for event, taken_by, happened_at, record, *advice in reversed(rows)
        ]
        found.append(AdviceHistory(position, owner, tuple(steps), agent_id))
    return found
