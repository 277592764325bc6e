"""Members' birth dates when orders were decided, as far as they can be read. For ``ledger``."""

import sqlite3
from datetime import date
from typing import Final

from pointguard_server.backtest.orders import Orders
from pointguard_server.backtest.record_kernel import History
from pointguard_server.domain.age_bands import packed
from pointguard_server.service import birth_inputs
from pointguard_server.service.vault import MemberVault, VaultError
from pointguard_server.storage.birth_dates import open_birth_date

BIRTH_FIELDS: Final = frozenset(birth_inputs.BIRTH_FIELDS)
_ACCOUNTS_KEPT: Final = 262_144
_OF_ACCOUNT: Final = (
    "SELECT l.seq, b.member_id, m.wrapped_key, b.sealed FROM birth_dates b"
    " JOIN legs l ON l.tenant_id = b.tenant_id AND l.idempotency_key = b.idempotency_key AND l.leg_number = 0"
    " JOIN members m ON m.member_id = b.member_id"
    " WHERE b.tenant_id = ? AND b.account_id = ? ORDER BY l.seq DESC"
)


class BirthDates:
    """A tenant's birth dates. ``are_missing``: one that some order's rules saw was erased since, or cannot be read."""

    def __init__(self, connection: sqlite3.Connection, tenant_id: int, vault: MemberVault | None) -> None:
        self._connection, self._tenant_id, self._vault = connection, tenant_id, vault
        self._of_account: dict[int, list[tuple[int, int]]] = {}
        self.are_missing = False

    def fill(self, orders: Orders, history: History) -> None:
        """Set what was known when each order was decided."""
        places = zip(history.account_id.tolist(), history.seq.tolist(), strict=True)
        orders.birth_date[:] = [self._at(account, seq) for account, seq in places]

    def _at(self, account: int, seq: int) -> int:
        known = self._of_account.get(account)
        if known is None:
            if len(self._of_account) >= _ACCOUNTS_KEPT:
                self._of_account.clear()
            known = self._of_account[account] = self._read(account)
        found = next((born for since, born in known if since <= seq), 0)
        self.are_missing |= found < 0
        return max(found, 0)

    def _read(self, account: int) -> list[tuple[int, int]]:
        """Return (seq from which on it holds, birth date), the newest first; 0: not known, -1: it cannot be read."""
        rows = self._connection.execute(_OF_ACCOUNT, (self._tenant_id, account)).fetchall()
        return [(seq, self._open(member_id, wrapped_key, sealed)) for seq, member_id, wrapped_key, sealed in rows]

    def _open(self, member_id: int, wrapped_key: bytes | None, sealed: bytes) -> int:
        if self._vault is None:
            return -1
        try:
            text = open_birth_date(self._vault, self._tenant_id, (member_id, wrapped_key, sealed))
        except VaultError:
            text = None
        if text is None:
            return -1
        return packed(date.fromisoformat(text)) if text else 0
