"""How far the targets of the feed of advice are, and what they refused. Implements ``service.ports.Publications``.

It is in the ledger's database, so that a copy of that which is restored has the cursors that belong to it.
"""

from collections.abc import Sequence

from pointguard_server.service.ports import DeadLetter
from pointguard_server.storage.connections import Connection
from pointguard_server.storage.directory import SET_PROPERTY


class Publications:
    """All of a database."""

    def cursor(self, connection: Connection, tenant_id: int, target: str) -> int | None:
        """See the port."""
        name = _cursor_name(tenant_id, target)
        row = connection.execute("SELECT value FROM properties WHERE name = ?", (name,)).fetchone()
        return None if row is None else int(row[0])

    def advance(self, connection: Connection, tenant_id: int, target: str, position: int) -> None:
        """See the port."""
        connection.execute(SET_PROPERTY, (_cursor_name(tenant_id, target), str(position)))

    def bury(self, connection: Connection, tenant_id: int, letter: DeadLetter) -> None:
        """See the port."""
        connection.execute(
            "INSERT INTO dead_letters (tenant_id, target, position, problem, failed_at, requeued)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (tenant_id, target, position) DO UPDATE SET"
            " problem = excluded.problem, failed_at = excluded.failed_at, requeued = excluded.requeued",
            (tenant_id, *letter),
        )

    def dig_up(self, connection: Connection, tenant_id: int, target: str, positions: Sequence[int]) -> None:
        """See the port."""
        for position in positions:
            connection.execute(
                "DELETE FROM dead_letters WHERE tenant_id = ? AND target = ? AND position = ?",
                (tenant_id, target, position),
            )

    def dead_letters(self, connection: Connection, tenant_id: int) -> list[DeadLetter]:
        """See the port."""
        rows = connection.execute(
            "SELECT target, position, problem, failed_at, requeued FROM dead_letters WHERE tenant_id = ?"
            " ORDER BY position, target",
            (tenant_id,),
        )
        return [
            DeadLetter(target, position, problem, failed_at, bool(requeued))
            for target, position, problem, failed_at, requeued in rows
        ]

    def requeue(self, connection: Connection, tenant_id: int) -> int:
        """See the port."""
        return connection.execute("UPDATE dead_letters SET requeued = 1 WHERE tenant_id = ?", (tenant_id,)).rowcount


def _cursor_name(tenant_id: int, target: str) -> str:
    return f"{target} has the advice of tenant {tenant_id} up to"
