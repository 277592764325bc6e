"""A tenant's accruals in a range of the ledger, stretch by stretch, by a connection that can only read.

Each stretch is a short query of its own: a long one would keep the write-ahead log from ever being emptied. For the
backtest's process.
"""

import sqlite3
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from pointguard_server.backtest.births import BIRTH_FIELDS, BirthDates
from pointguard_server.backtest.evaluation import STRETCH
from pointguard_server.backtest.orders import Orders
from pointguard_server.backtest.records import History, RecordReader
from pointguard_server.backtest.stores import STORE_FIELDS, Stores
from pointguard_server.backtest.usage import Award
from pointguard_server.domain.age_bands import AGE_BANDS
from pointguard_server.domain.calendar import local_time
from pointguard_server.domain.codes import CodeKind, EntryType, Operation
from pointguard_server.service.vault import MemberVault

BYTES_A_STRETCH = 4 * 1024 * 1024
"""Of records: what bounds the memory, however long baskets are."""
_POSITIONS_A_QUERY = 4_096
_ENROLLMENTS_KEPT = 262_144
_ACCRUALS = (
    "SELECT position, record FROM legs WHERE position > ? AND position <= ?"
    " AND operation = ? AND tenant_id = ? AND program_id = ? ORDER BY position"
)
_FIRST_FROM = "SELECT position, accepted_at FROM legs WHERE position >= ? ORDER BY position LIMIT 1"
_MOMENT = "SELECT accepted_at FROM legs WHERE position = ?"
_LAST = "SELECT coalesce(max(position), 0) FROM legs"
_ENROLLED_AT = "SELECT accepted_at FROM legs WHERE tenant_id = ? AND account_id = ? AND seq = 1"
_NUMBERED_HERE = (CodeKind.COUNTRY, CodeKind.AGE_BAND)
_CODES = "SELECT code_id, kind, text FROM codes WHERE tenant_id = ?"
_AWARDS = (
    "SELECT codes.text, legs.accepted_at, legs.occurred_at, sum(entries.signed_points) FROM legs JOIN entries"  # noqa: S608  (numbers of ours)
    " ON entries.position >= legs.first_entry AND entries.position < legs.first_entry + legs.entry_count"
    " JOIN codes ON codes.code_id = entries.rule_id"
    " WHERE legs.tenant_id = ? AND legs.account_id = ? AND +legs.position < ? AND legs.operation = ?"
    f" AND entries.entry_type IN ({int(EntryType.EARN)}, {int(EntryType.BONUS)}) GROUP BY 1, 2, 3"
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some of the orders, what became of them, and the place in the ledger up to which all were read."""

    orders: Orders
    history: History
    position: int


class LedgerSource:
    """The accruals whose ``accepted_at`` is in [``begin``, ``end``), as far as they are in the database when opened.

    ``vault`` opens birth dates; without it none is known.
    """

    def __init__(
        self, path: Path, tenant_id: int, program_id: int, begin: int, end: int, vault: MemberVault | None = None
    ) -> None:
        # A connection that may not write does not checkpoint when it is closed either.
        self.connection = self._connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None
        )
        for pragma in ("query_only=ON", "cache_size=-4096", "busy_timeout=10000"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._place = (tenant_id, program_id)
        self._last = int(self._one(_LAST)[0])
        self.first_position = self._first_at(begin)
        self.end_position = self._first_at(end)
        self.moments = self.moment_at(self.first_position), self.moment_at(self.end_position - 1)
        self.birth_dates = BirthDates(self._connection, tenant_id, vault)
        self._enrolled_at: dict[int, int] = {}

    @cached_property
    def stores(self) -> Stores:
        """What the ledger has kept of the tenant's stores."""
        return Stores(self._connection, self._place[0])

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    def texts(self) -> dict[tuple[CodeKind, str], int]:
        """Return the numbers of the tenant's texts; countries and age bands have numbers of a backtest's own."""
        rows = self._connection.execute(_CODES, self._place[:1])
        texts = {(CodeKind(kind), text): number for number, kind, text in rows if kind not in _NUMBERED_HERE}
        texts |= {(CodeKind.COUNTRY, country): number for country, number in self.stores.countries.items()}
        return texts | {(CodeKind.AGE_BAND, band): number for number, band in enumerate(AGE_BANDS, 1)}

    def awards_before(self, account_id: int, position: int, zone: ZoneInfo, *, by_occurred_at: bool) -> list[Award]:
        """Return what earn rules gave an account before a place in the ledger."""
        rows = self._connection.execute(_AWARDS, (self._place[0], account_id, position, int(Operation.ACCRUE)))
        return [
            (rule, local_time((by_occurred_at and occurred_at) or accepted_at, zone).date, points)
            for rule, accepted_at, occurred_at, points in rows
        ]

    def stretches(self, reader: RecordReader, fields: AbstractSet[str]) -> Iterator[Stretch]:
        """Yield the orders with those of their facts whose names are among ``fields``: some cost a look each."""
        position = self.first_position - 1
        while position < self.end_position - 1:
            records, position = self._records(position)
            if not records:
                continue
            orders, history = reader.read(records)
            if not fields.isdisjoint(STORE_FIELDS):
                self.stores.fill(orders)
            if "member.days_since_enrolment" in fields:
                orders.enrolled_at[:] = [self._enrollment(account) for account in history.account_id.tolist()]
            if not fields.isdisjoint(BIRTH_FIELDS):
                self.birth_dates.fill(orders, history)
            yield Stretch(orders, history, position)

    def _records(self, after: int) -> tuple[list[bytes], int]:
        """Return the next records, and the place up to which all were read."""
        end = min(after + _POSITIONS_A_QUERY, self.end_position - 1)
        found: list[bytes] = []
        size = 0
        with closing(self._connection.execute(_ACCRUALS, (after, end, int(Operation.ACCRUE), *self._place))) as rows:
            for position, record in rows:
                found.append(record)
                size += len(record)
                if size >= BYTES_A_STRETCH or len(found) == STRETCH:
                    return found, position
        return found, end

    def _first_at(self, moment: int) -> int:
        """Return the first position whose leg was accepted at a moment or later: moments never go back."""
        low, high = 1, self._last + 1
        while low < high:
            middle = (low + high) // 2
            position, accepted_at = self._one(_FIRST_FROM, middle)
            if accepted_at >= moment:
                high = middle
            else:
                low = position + 1
        return low

    def moment_at(self, position: int) -> int:
        """Return when a leg was accepted; 0 if there is none."""
        found = self._connection.execute(_MOMENT, (position,)).fetchone()
        return int(found[0]) if found else 0

    def _one(self, query: str, *values: int) -> tuple[int, ...]:
        found: tuple[int, ...] = self._connection.execute(query, values).fetchone()
        return found

    def _enrollment(self, account_id: int) -> int:
        """Return when an account began: at its first leg."""
        known = self._enrolled_at.get(account_id)
        if known is None:
            if len(self._enrolled_at) >= _ENROLLMENTS_KEPT:
                self._enrolled_at.clear()
            known = self._enrolled_at[account_id] = self._one(_ENROLLED_AT, self._place[0], account_id)[0]
        return known
