"""Reading for the books, by a connection that only reads.

Implements the readers of ``service.books`` and ``service.reconciliation``. Its methods are called from one thread at a
time, and never from the event loop's. ``bootstrap`` closes it before the writer.
"""

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import fields
from typing import Any, Final

from pointguard_server.domain.codes import LEGS_MAX, Operation
from pointguard_server.domain.errors import StorageUnavailable
from pointguard_server.service.books import AccountThen, Decided, LotLeft
from pointguard_server.service.explanation.past import ENDS
from pointguard_server.service.explanation.ports import PastLeg, StoredText
from pointguard_server.service.reconciliation import DayLeg, Place
from pointguard_server.storage.connections import FAILURES, Connection
from pointguard_server.storage.decision_reader import CONFIGURATION
from pointguard_server.storage.sql_ledger import position_at

_THEN: Final = ", ".join(f"l.{name}" for name in AccountThen._fields)
_LEG: Final = ", ".join(each.name for each in fields(PastLeg))
# decided: the newest leg up to a position; that of another tenant may come after it.
DECIDED: Final = (
    "SELECT program_id, fraud_rules_version FROM legs WHERE tenant_id = ? AND position <= ?"
    " ORDER BY position DESC LIMIT 1"
)
# account_then: an account's newest leg up to a position.
_NEWEST: Final = (
    "SELECT n.position FROM legs n WHERE n.tenant_id = {tenant} AND n.account_id = {account} AND n.position <= ?2"
    " ORDER BY n.seq DESC LIMIT 1"
)
ACCOUNT_THEN: Final = f"SELECT {_THEN} FROM legs l WHERE l.position = ({_NEWEST.format(tenant='?1', account='?3')})"  # noqa: S608
ACCOUNT_COUNT: Final = "SELECT count(*) FROM accounts WHERE tenant_id = ?"
# next_accounts: the numbers of some accounts. accounts_then: those of a range, as of a position.
NEXT_ACCOUNTS: Final = (
    "SELECT max(account_id) FROM (SELECT account_id FROM accounts WHERE tenant_id = ? AND account_id > ?"
    " ORDER BY account_id LIMIT ?) AS page"
)
ACCOUNTS_THEN: Final = (
    f"SELECT {_THEN} FROM accounts a JOIN legs l"  # noqa: S608  (names of this file)
    f" ON l.position = ({_NEWEST.format(tenant='a.tenant_id', account='a.account_id')})"
    " WHERE a.tenant_id = ?1 AND a.account_id > ?3 AND a.account_id <= ?4 ORDER BY a.account_id"
)
LOTS_THEN: Final = (
    "SELECT account_id, lot_seq, rule_id, expires_at, CAST(sum(signed_points) AS BIGINT), max(matures_at)"
    " FROM entries INDEXED BY entries_account_lots"
    " WHERE tenant_id = ? AND account_id >= ? AND account_id <= ? AND lot_seq > 0 AND leg_position <= ?"
    " GROUP BY account_id, lot_seq, rule_id, expires_at HAVING sum(signed_points) <> 0 ORDER BY account_id"
)
# reserving_legs: those that make reservations, and those that end, change or extend them.
_OF_RESERVATIONS: Final = ", ".join(str(int(each)) for each in (*ENDS, Operation.EXTEND))
RESERVING_LEGS: Final = (
    f"SELECT {_LEG} FROM legs WHERE tenant_id = ? AND account_id = ? AND seq >= ? AND seq <= ?"  # noqa: S608
    f" AND (hold_expires_at > 0 OR operation IN ({_OF_RESERVATIONS})) ORDER BY seq"
)
NEWEST_MOMENT: Final = "SELECT accepted_at FROM legs ORDER BY position DESC LIMIT 1"
# last_entry: of the last transaction with entries, whichever of its legs has them last.
LAST_ENTRY: Final = (
    "SELECT max(last) FROM (SELECT first_entry + entry_count - 1 AS last FROM legs"  # noqa: S608  (a number)
    f" WHERE position <= ? AND entry_count > 0 ORDER BY position DESC LIMIT {LEGS_MAX}) AS newest"
)
MOVEMENTS: Final = (
    "SELECT entry_type, CAST(sum(signed_points) AS BIGINT) FROM entries"
    " WHERE position > ? AND position <= ? AND tenant_id = ? GROUP BY entry_type"
)
_DAY_LEG: Final = ", ".join(DayLeg._fields)
# day_legs: of a stretch of the ledger. legs_of_keys: wherever they are.
DAY_LEGS: Final = (
    f"SELECT {_DAY_LEG} FROM legs WHERE position > ? AND position <= ? AND tenant_id = ?"  # noqa: S608
    " AND operation IN ({operations}){where} ORDER BY position"
)
LEGS_OF_KEYS: Final = (
    f"SELECT {_DAY_LEG} FROM legs WHERE tenant_id = ? AND position <= ?"  # noqa: S608
    " AND idempotency_key IN ({keys}) ORDER BY position"
)


class BooksReader:
    """Reads the committed ledger."""

    def __init__(self, connection: Connection) -> None:
        """``connection`` only reads, and is nobody else's."""
        self._connection = connection

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            # A cursor that an error leaves open would hold on to what the database was then.
            with closing(self._connection.execute(statement, values)) as cursor:
                return cursor.fetchall()
        except FAILURES as error:
            raise StorageUnavailable from error

    def position_at(self, moment: int) -> int:
        """See the port."""
        try:
            return position_at(self._connection, moment)
        except FAILURES as error:
            raise StorageUnavailable from error

    def decided(self, tenant_id: int, position: int) -> Decided | None:
        """See the port."""
        rows = self._rows(DECIDED, tenant_id, position)
        return Decided(*rows[0]) if rows else None

    def configuration(self, tenant_id: int, program_id: int, version: int) -> StoredText | None:
        """See the port."""
        rows = self._rows(CONFIGURATION, tenant_id, program_id, version)
        return StoredText(*rows[0]) if rows else None

    def account(self, tenant_id: int, account_id: int, position: int) -> AccountThen | None:
        """See the port."""
        rows = self._rows(ACCOUNT_THEN, tenant_id, position, account_id)
        return AccountThen(*rows[0]) if rows else None

    def account_count(self, tenant_id: int) -> int:
        """See the port."""
        return int(self._rows(ACCOUNT_COUNT, tenant_id)[0][0])

    def accounts(self, tenant_id: int, after: int, count: int, position: int) -> tuple[int, list[AccountThen]]:
        """See the port."""
        last = self._rows(NEXT_ACCOUNTS, tenant_id, after, count)[0][0] or 0
        rows = self._rows(ACCOUNTS_THEN, tenant_id, position, after, last)
        return last, [AccountThen(*row) for row in rows]

    def lots(self, tenant_id: int, first: int, last: int, position: int) -> list[tuple[int, LotLeft]]:
        """See the port."""
        return [(row[0], LotLeft(*row[1:])) for row in self._rows(LOTS_THEN, tenant_id, first, last, position)]

    def is_past(self, moment: int) -> bool:
        """See the port."""
        return any(accepted_at > moment for (accepted_at,) in self._rows(NEWEST_MOMENT))

    def reserving_legs(self, tenant_id: int, account_id: int, first_seq: int, last_seq: int) -> list[PastLeg]:
        """See the port."""
        return [PastLeg(*row) for row in self._rows(RESERVING_LEGS, tenant_id, account_id, first_seq, last_seq)]

    def entries_up_to(self, position: int) -> int:
        """See the port."""
        return int(self._rows(LAST_ENTRY, position)[0][0] or 0)

    def movements(self, tenant_id: int, after: int, up_to: int) -> list[tuple[int, int]]:
        """See the port."""
        return [(entry_type, points) for entry_type, points in self._rows(MOVEMENTS, after, up_to, tenant_id)]

    def day_legs(self, tenant_id: int, after: int, up_to: int, place: Place, operations: Iterable[int]) -> list[DayLeg]:
        """See the port."""
        asked = {name: number for name, number in place._asdict().items() if number}
        statement = DAY_LEGS.format(
            operations=", ".join(str(int(each)) for each in operations),
            where="".join(f" AND {name} = ?" for name in asked),
        )
        return [DayLeg(*row) for row in self._rows(statement, after, up_to, tenant_id, *asked.values())]

    def legs_of_keys(self, tenant_id: int, keys: Sequence[bytes], position: int) -> list[DayLeg]:
        """See the port."""
        statement = LEGS_OF_KEYS.format(keys=", ".join("?" * len(keys)))
        return [DayLeg(*row) for row in self._rows(statement, tenant_id, position, *keys)]
