"""Reading committed rows beside the writer, by connections that can do nothing else. For ``service`` and ``rpc``.

They never checkpoint: a write-ahead log whose connections checkpoint at the same time can be corrupted by SQLite before
3.51.3, so that is left to the one connection that writes.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Select, event, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from pointguard_server.domain.codes import CaseState, CodeKind
from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.service.code_matches import GROUP_SEPARATOR
from pointguard_server.service.credentials import ApiKeyRecord
from pointguard_server.service.ports import AdviceHistory, FoundMember
from pointguard_server.service.vault import MemberVault
from pointguard_server.storage.advice_histories import (
    count_cases,
    count_standing,
    find_owner,
    read_cases,
    read_histories,
)
from pointguard_server.storage.birth_dates import FIND_BIRTH_DATE, open_birth_date
from pointguard_server.storage.tables import account_members, api_keys, codes, identifiers, legs, members

# find_group_members: whose groups were once set to a set with the group in it, and whose latest leg says so still.
FIND_GROUP_MEMBERS = f"""
    WITH sets AS (
        SELECT code_id FROM codes WHERE tenant_id = :tenant AND kind = {int(CodeKind.GROUP_SET)}
            AND replace(:line || text || :line, :line || :group || :line, '') <> :line || text || :line
    )
    SELECT DISTINCT l.account_id FROM legs l
    WHERE l.tenant_id = :tenant AND l.group_set_id IN (SELECT code_id FROM sets) AND l.group_set_id > 0
        AND l.operation IN (6, 10, 19) AND l.account_id > :after AND (
            SELECT n.group_set_id FROM legs n WHERE n.tenant_id = l.tenant_id AND n.account_id = l.account_id
            ORDER BY n.seq DESC LIMIT 1
        ) IN (SELECT code_id FROM sets)
    ORDER BY l.account_id LIMIT :count
"""  # noqa: S608  (a number of the server's; the operations are those of the index legs_groups)
READER_PRAGMAS = ("query_only=ON", "wal_autocheckpoint=0", "cache_size=-4096")


def open_readers(path: Path, connections_max: int = 2) -> AsyncEngine:
    """Return a pool of read-only connections to the database at ``path``."""
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}", pool_size=connections_max, max_overflow=0, isolation_level="AUTOCOMMIT"
    )
    event.listen(engine.sync_engine, "connect", _make_read_only)
    return engine


def _make_read_only(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in READER_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


async def _nothing() -> None:
    """Wait for nothing."""


class Reader:
    """Implements ``service.ports.Reader``."""

    def __init__(self, engine: AsyncEngine, vault: MemberVault) -> None:
        self._engine = engine
        self._vault = vault
        # Waits until the database has what was answered before; for what is not found there.
        self.catch_up: Callable[[], Awaitable[None]] = _nothing

    async def _first(self, query: Select[Any]) -> Any:
        async with self._engine.connect() as connection:
            return (await connection.execute(query.limit(1))).first()

    async def _first_caught_up(self, query: Select[Any]) -> Any:
        found = await self._first(query)
        if found is None:
            await self.catch_up()
            found = await self._first(query)
        return found

    async def records(self, tenant_id: int, transaction_id: bytes) -> list[tuple[bytes, str]]:
        """See the port."""
        query = (
            select(legs.c.record, legs.c.currency)
            .where(legs.c.transaction_id == transaction_id, legs.c.tenant_id == tenant_id)
            .order_by(legs.c.leg_number)
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query)).all()
        if not rows:
            await self.catch_up()
            async with self._engine.connect() as connection:
                rows = (await connection.execute(query)).all()
        return [(row.record, row.currency) for row in rows]

    async def transaction_at(self, tenant_id: int, account_id: int, seq: int) -> bytes | None:
        """See the port."""
        row = await self._first_caught_up(
            select(legs.c.transaction_id).where(
                legs.c.tenant_id == tenant_id, legs.c.account_id == account_id, legs.c.seq == seq
            )
        )
        return None if row is None else row.transaction_id

    async def member(self, tenant_id: int, account_id: int) -> FoundMember | None:
        """See the port."""
        row = await self._first(
            select(members)
            .join(account_members, account_members.c.member_id == members.c.member_id)
            .where(account_members.c.tenant_id == tenant_id, account_members.c.account_id == account_id)
            .order_by(members.c.member_id)
        )
        if row is None:
            return None
        key = row.wrapped_key or b""
        query = select(identifiers.c.kind, identifiers.c.ciphertext).where(
            identifiers.c.tenant_id == tenant_id,
            identifiers.c.account_id == account_id,
            identifiers.c.member_id == row.member_id,
            identifiers.c.ended_at == 0,
        )
        async with self._engine.connect() as connection:
            found = (await connection.execute(query)).all()
        return FoundMember(
            member_id=row.member_id,
            account_id=account_id,
            identifiers=tuple(
                sorted(
                    (
                        IdentifierKind(kind),
                        self._vault.open(tenant_id, row.member_id, key, f"identifier {kind}", ciphertext).decode(),
                    )
                    for kind, ciphertext in found
                )
            ),
            profile=self._vault.open(tenant_id, row.member_id, key, "profile", row.profile),
            enrolled_at=row.enrolled_at,
        )

    async def birth_date(self, tenant_id: int, account_id: int, seq: int) -> str | None:
        """See the port."""
        asked = {"tenant": tenant_id, "account": account_id, "seq": seq}
        async with self._engine.connect() as connection:
            row = (await connection.execute(text(FIND_BIRTH_DATE), asked)).first()
        return None if row is None else open_birth_date(self._vault, tenant_id, (row[0], row[1], row[2])) or ""

    async def standing(self, tenant_id: int, account_id: int, seq: int) -> tuple[str, str]:
        """See the port."""
        row = await self._first_caught_up(
            select(legs.c.tier_id, legs.c.group_set_id).where(
                legs.c.tenant_id == tenant_id, legs.c.account_id == account_id, legs.c.seq == seq
            )
        )
        return ("", "") if row is None else (await self.text(row.tier_id), await self.text(row.group_set_id))

    async def group_members(self, tenant_id: int, group: str, after: int, count: int) -> list[int]:
        """See the port."""
        await self.catch_up()
        asked = {"tenant": tenant_id, "group": group, "line": GROUP_SEPARATOR, "after": after, "count": count}
        async with self._engine.connect() as connection:
            return list((await connection.execute(text(FIND_GROUP_MEMBERS), asked)).scalars())

    async def advice_owner(self, tenant_id: int, advice_id: bytes) -> int | None:
        """See the port."""
        async with self._engine.connect() as connection:
            owner = await find_owner(connection, tenant_id, advice_id)
        if owner is None:
            await self.catch_up()
            async with self._engine.connect() as connection:
                owner = await find_owner(connection, tenant_id, advice_id)
        return owner

    async def advice_histories(
        self, tenant_id: int, account_id: int, below: int, count: int, standing_at: int
    ) -> list[AdviceHistory]:
        """See the port."""
        await self.catch_up()
        async with self._engine.connect() as connection:
            return await read_histories(connection, tenant_id, account_id, below, count, standing_at)

    async def cases(
        self, tenant_id: int, account_id: int, below: int, count: int, states: frozenset[CaseState]
    ) -> list[AdviceHistory]:
        """See the port."""
        await self.catch_up()
        async with self._engine.connect() as connection:
            return await read_cases(connection, tenant_id, account_id, below, count, states)

    async def open_cases(self, tenant_id: int) -> tuple[int, int]:
        """See the port."""
        async with self._engine.connect() as connection:
            return await count_cases(connection, tenant_id)

    async def standing_advice(self, tenant_id: int, moment: int) -> dict[int, int]:
        """See the port."""
        async with self._engine.connect() as connection:
            return await count_standing(connection, tenant_id, moment)

    async def has_key(self, tenant_id: int, key: bytes) -> bool:
        """See the port."""
        query = select(legs.c.position).where(
            legs.c.tenant_id == tenant_id, legs.c.idempotency_key == key, legs.c.leg_number == 0
        )
        return await self._first_caught_up(query) is not None

    async def text(self, code_id: int) -> str:
        """See the port."""
        row = await self._first(select(codes.c.text).where(codes.c.code_id == code_id)) if code_id else None
        return "" if row is None else row.text

    async def api_key(self, key_id: str) -> ApiKeyRecord | None:
        """See the port."""
        row = await self._first(select(api_keys).where(api_keys.c.key_id == key_id, api_keys.c.revoked_at.is_(None)))
        return None if row is None else ApiKeyRecord(row.key_id, row.tenant_id, row.hash, row.role)
