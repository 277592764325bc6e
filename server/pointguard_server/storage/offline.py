"""What terminals have uploaded, and the keys that sign allowances. The tables only grow."""

from collections.abc import Awaitable, Callable
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from pointguard_server.domain.codes import Operation, Outcome
from pointguard_server.domain.offline import Occurrence, OccurrenceFlag, TakenOccurrence, Terms, when
from pointguard_server.service.allowance_keys import Rotation, SigningKey
from pointguard_server.storage.connections import Connection

_CAPTURE, _AUTHORISE = int(Operation.CAPTURE), int(Operation.AUTHORISE)
_KEY_COLUMNS: Final = "number, public_key, wrapped_key, starts_at"

ADD_OCCURRENCE: Final = (
    "INSERT INTO occurrences (tenant_id, store_id, terminal_id, sequence, idempotency_key, request_digest,"
    " allowance_id, points, occurred_at, happened_at, received_at, flags) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)
# spent: what was captured of an allowance's reservation, with a line or without, and taken after that had ended.
SPENT: Final = (
    "SELECT coalesce(sum(l.points), 0) FROM legs r"  # noqa: S608  (numbers of ours)
    " JOIN legs l ON l.tenant_id = r.tenant_id AND l.account_id = r.account_id AND l.seq > r.seq"
    f" AND l.refers_to_seq = r.seq AND l.operation IN ({_CAPTURE}, {_AUTHORISE})"
    " WHERE r.tenant_id = ? AND r.transaction_id = ? AND r.leg_number = 0"
)
WAS_ABOVE: Final = (
    "SELECT count(*) FROM occurrences WHERE tenant_id = ? AND allowance_id = ? AND idempotency_key = ?"  # noqa: S608
    f" AND request_digest = ? AND flags & {int(OccurrenceFlag.ABOVE_ALLOWANCE)} <> 0"
)
LAST_SEQUENCE: Final = (
    "SELECT coalesce(max(sequence), 0) FROM occurrences WHERE tenant_id = ? AND store_id = ? AND terminal_id = ?"
)
# taken: a terminal's occurrences behind a number. A leg of another content under the same key is not theirs.
TAKEN: Final = (
    "SELECT o.sequence, o.points, o.occurred_at, o.happened_at, o.received_at, o.flags, l.transaction_id, l.operation,"
    " l.posted - l.pending - l.reserved FROM occurrences o"
    " LEFT JOIN legs l ON l.tenant_id = o.tenant_id AND l.idempotency_key = o.idempotency_key AND l.leg_number = 0"
    " AND l.request_digest = o.request_digest"
    " WHERE o.tenant_id = ? AND o.store_id = ? AND o.terminal_id = ? AND o.sequence > ?"
    " ORDER BY o.sequence, o.received_at, o.idempotency_key LIMIT ?"
)
ADD_KEY: Final = (
    f"INSERT INTO allowance_keys (tenant_id, {_KEY_COLUMNS}, note, key_id, idempotency_key, request_digest)"  # noqa: S608
    " SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM allowance_keys WHERE tenant_id = ?1"
    f" RETURNING {_KEY_COLUMNS}"
)
ALL_KEYS: Final = f"SELECT {_KEY_COLUMNS} FROM allowance_keys WHERE tenant_id = ? ORDER BY number DESC"  # noqa: S608
KNOWN_KEY: Final = (
    f"SELECT request_digest, {_KEY_COLUMNS} FROM allowance_keys WHERE tenant_id = ? AND idempotency_key = ?"  # noqa: S608
)


def take_redemption(
    connection: Connection, tenant_id: int, occurrence: Occurrence, terms: Terms, now: int, taken: int
) -> Outcome:
    """Keep that an offline redemption came; ``taken`` are the points that this step takes by its allowance already.

    Returns ABOVE_ALLOWANCE, and keeps that for good, where it is more than is left of its allowance.
    """
    _, flags = when(occurrence, now)
    spent = taken + _number(connection, SPENT, (tenant_id, terms.allowance_id))
    same = tenant_id, terms.allowance_id, occurrence.key, occurrence.digest
    is_above = spent + occurrence.points > terms.points or _number(connection, WAS_ABOVE, same) > 0
    if is_above:
        flags |= OccurrenceFlag.ABOVE_ALLOWANCE
    _keep(connection, tenant_id, occurrence, terms.allowance_id, now, flags)
    return Outcome.ABOVE_ALLOWANCE if is_above else Outcome.DONE


def _number(connection: Connection, statement: str, values: tuple[int | bytes, ...]) -> int:
    return int(connection.execute(statement, values).fetchone()[0])


def _keep(
    connection: Connection,
    tenant_id: int,
    occurrence: Occurrence,
    allowance_id: bytes | None,
    now: int,
    flags: OccurrenceFlag,
) -> None:
    happened_at, _ = when(occurrence, now)
    row = (
        tenant_id, occurrence.store_id, occurrence.terminal_id, occurrence.sequence, occurrence.key,
        occurrence.digest, allowance_id, occurrence.points, occurrence.occurred_at, happened_at, now, int(flags),
    )  # fmt: skip
    connection.execute(ADD_OCCURRENCE, row)


class OccurrenceStore:
    """Implements ``service.occurrences.OccurrenceStore``."""

    def keep(self, connection: Connection, tenant_id: int, occurrence: Occurrence, now: int) -> None:
        """See the port."""
        # Only the claim knows of an allowance: what is here has been answered without one, or its row is there.
        _keep(connection, tenant_id, occurrence, None, now, when(occurrence, now)[1])

    def last_sequence(self, connection: Connection, tenant_id: int, store_id: int, terminal_id: int) -> int:
        """See the port."""
        return _number(connection, LAST_SEQUENCE, (tenant_id, store_id, terminal_id))


class OccurrenceReader:
    """Implements ``service.occurrences.OccurrenceReader``."""

    def __init__(self, engine: AsyncEngine, catch_up: Callable[[], Awaitable[None]]) -> None:
        self._engine, self._catch_up = engine, catch_up

    async def taken(
        self, tenant_id: int, store_id: int, terminal_id: int, after: int, count: int
    ) -> tuple[list[TakenOccurrence], int]:
        """See the port."""
        await self._catch_up()
        place = (tenant_id, store_id, terminal_id)
        async with self._engine.connect() as connection:
            rows = (await connection.exec_driver_sql(TAKEN, (*place, after, count))).all()
            last = (await connection.exec_driver_sql(LAST_SEQUENCE, place)).scalar_one()
        return [_taken(*tuple(row)) for row in rows], int(last)


def _taken(
    sequence: int,
    points: int,
    occurred_at: int,
    happened_at: int,
    received_at: int,
    flags: int,
    transaction_id: bytes | None,
    operation: int | None,
    available: int | None,
) -> TakenOccurrence:
    overspent = None
    # An offline redemption that was covered is a capture.
    if points and operation == _AUTHORISE and available is not None:
        overspent = min(points, max(-available, 0))
    moments = occurred_at, happened_at, received_at
    return TakenOccurrence(sequence, points, *moments, OccurrenceFlag(flags), transaction_id, overspent)


class AllowanceKeyStore:
    """Implements ``service.allowance_keys.KeyStore``."""

    def add(
        self, connection: Connection, tenant_id: int, public: bytes, wrapped: bytes, starts_at: int, why: Rotation
    ) -> SigningKey:
        """See the port."""
        row = (tenant_id, public, wrapped, starts_at, why.note, why.key_id, why.key.key, why.key.digest)
        return SigningKey(*connection.execute(ADD_KEY, row).fetchone())

    def all(self, connection: Connection, tenant_id: int) -> list[SigningKey]:
        """See the port."""
        return [SigningKey(*row) for row in connection.execute(ALL_KEYS, (tenant_id,))]

    def known(self, connection: Connection, tenant_id: int, key: bytes) -> tuple[bytes, SigningKey] | None:
        """See the port."""
        row = connection.execute(KNOWN_KEY, (tenant_id, key)).fetchone()
        return None if row is None else (row[0], SigningKey(*row[1:]))
