"""What ledger stores on a database have in common: all that they read, and the end of a step. For this room.

``sqlite_ledger`` and ``postgres_ledger`` add how a step begins, how rows go in, and what one of them reads another way.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from pointguard_server.domain.age_bands import packed, read_birth_date
from pointguard_server.domain.codes import AdviceEntity, EntryType, Operation, Outcome
from pointguard_server.domain.ledger_rows import ADVICE_FIELDS, ENTRY_FIELDS, LEG_FIELDS
from pointguard_server.engine.past_legs import legs_of_records
from pointguard_server.engine.ports import AWARDED, Heads, History, Identified, IntArray, Original, RowArray, Rows
from pointguard_server.engine.rows import ADVICE, ADVICE_COLUMNS, ENTRY, LEG, LEG_COLUMNS
from pointguard_server.service.ports import Link, NewMember
from pointguard_server.storage.connections import FAILURES, Connection, storage_error
from pointguard_server.storage.directory import Directory

Result = TypeVar("Result")

AWARD_ENTRIES = (int(EntryType.EARN), int(EntryType.BONUS))
LOT_COLUMNS = {
    "position": "min(position)",
    "signed_points": "CAST(sum(signed_points) AS BIGINT)",
    "lot_seq": "lot_seq",
    "rule_id": "rule_id",
    "expires_at": "expires_at",
    "matures_at": "max(matures_at)",
}

# find_keys: the answers that stand for some idempotency keys.
FIND_KEYS = (
    "SELECT idempotency_key, request_digest, record FROM legs"
    " WHERE tenant_id = ? AND leg_number = 0 AND idempotency_key IN ({})"
)
# find_reservations: the account and seq of some transactions.
FIND_RESERVATIONS = (
    "SELECT transaction_id, account_id, seq FROM legs WHERE tenant_id = ? AND leg_number = 0 AND transaction_id IN ({})"
)
# find_originals: some transactions. read_returns, read_corrections: what returned and what corrected one.
FIND_ORIGINALS = (
    "SELECT transaction_id, account_id, seq, record FROM legs"
    " WHERE tenant_id = ? AND leg_number = 0 AND transaction_id IN ({})"
)
READ_RETURNS = (
    "SELECT position, record FROM legs WHERE tenant_id = ? AND account_id = ? AND refers_to_seq = ?"  # noqa: S608
    f" AND operation = {int(Operation.RETURN)} ORDER BY position"
)
READ_CORRECTIONS = (
    "SELECT position, record FROM legs WHERE tenant_id = ? AND account_id = ? AND refers_to_seq = ?"  # noqa: S608
    f" AND operation = {int(Operation.ADJUST)} AND refers_to_seq > 0 ORDER BY position"
)
# agent_advice: every step of advice about agents.
READ_AGENT_ADVICE = (
    f"SELECT {', '.join(ADVICE_FIELDS)} FROM advice"  # noqa: S608
    f" WHERE entity = {int(AdviceEntity.AGENT)} ORDER BY position"
)
# read_legs: the newest of an account's legs by their columns, where a record is damaged.
READ_LEGS = f"SELECT {', '.join(LEG_FIELDS)} FROM legs WHERE tenant_id = ? AND account_id = ? ORDER BY seq DESC LIMIT ?"  # noqa: S608
# leg_of: one of them.
READ_LEG = f"SELECT {', '.join(LEG_FIELDS)} FROM legs WHERE tenant_id = ? AND account_id = ? AND seq = ?"  # noqa: S608
# read_enrolled_at: when an account began.
READ_ENROLLED_AT = "SELECT accepted_at FROM legs WHERE tenant_id = ? AND account_id = ? AND seq = 1"
# read_advice: what an account's legs from a seq on raised.
READ_ADVICE = (
    f"SELECT {', '.join(ADVICE_FIELDS)} FROM advice"  # noqa: S608
    " WHERE tenant_id = ? AND account_id = ? AND seq >= ? ORDER BY position"
)
# read_lots: for each lot of an account that has something left as of a seq, one like its first entry, with the rest as
# its points. Given a moment, those that ended by then, or that matured by then and never end, are left out.
READ_LOTS = f"""
    SELECT {", ".join(LOT_COLUMNS.get(name, "0") for name in ENTRY_FIELDS)} FROM (
        SELECT * FROM entries WHERE tenant_id = :tenant AND account_id = :account AND lot_seq > 0 AND seq <= :seq
            AND expires_at > :moment
        UNION ALL
        SELECT * FROM entries WHERE tenant_id = :tenant AND account_id = :account AND lot_seq > 0 AND seq <= :seq
            AND expires_at = 0 AND matures_at > :moment
    ) AS open
    GROUP BY lot_seq, rule_id, expires_at HAVING sum(signed_points) <> 0 ORDER BY 1
"""  # noqa: S608  (names of this file)
# read_awards: what rules gave an account in its legs from a seq to another one.
READ_AWARDS = f"""
    SELECT e.rule_id, l.accepted_at, CAST(sum(e.signed_points) AS BIGINT) FROM legs l
    JOIN entries e ON e.position >= l.first_entry AND e.position < l.first_entry + l.entry_count
    WHERE l.tenant_id = ? AND l.account_id = ? AND l.seq BETWEEN ? AND ? AND l.operation = {int(Operation.ACCRUE)}
        AND e.rule_id > 0 AND e.entry_type IN {AWARD_ENTRIES}
    GROUP BY 1, 2
"""  # noqa: S608  (numbers of this file)
# legs_after: the records of the legs behind a position, and where a batch ends.
RECORDS_AFTER = "SELECT record FROM legs WHERE position > ? ORDER BY position LIMIT ?"
LEGS_AFTER = f"SELECT {', '.join(LEG_FIELDS)} FROM legs WHERE position > ? ORDER BY position LIMIT ?"  # noqa: S608
READ_BATCH = "SELECT accepted_at, first_position + leg_count - 1 FROM batches WHERE batch_id = ?"
LEGS_AT_A_TIME = 8_192
# read_heads: where the ledger ends.
READ_HEADS = (
    "SELECT (SELECT coalesce(max(position), 0) FROM legs), (SELECT coalesce(max(position), 0) FROM entries),"
    " (SELECT coalesce(max(position), 0) FROM advice)"
)
READ_LAST_BATCH = "SELECT batch_id, accepted_at, digest FROM batches ORDER BY batch_id DESC LIMIT 1"


def position_at(connection: Connection, moment: int) -> int:
    """Return the position of the last leg up to a moment, 0 for none: batches are numbered in order of time."""
    last = connection.execute(READ_LAST_BATCH).fetchone()
    known, after = 0, last[0] + 1 if last else 1
    position = 0
    while known + 1 < after:
        middle = (known + after) // 2
        accepted_at, last_position = connection.execute(READ_BATCH, (middle,)).fetchone()
        if accepted_at <= moment:
            known, position = middle, last_position
        else:
            after = middle
    return int(position)


class SqlLedger(ABC):
    """Implements of ``engine.ports.LedgerStore`` what is the same on every database."""

    _BEGIN_READING = "BEGIN"  # a transaction whose statements all see the same rows

    def __init__(self, connection: Connection, directory: Directory, writer_epoch: int, writer_id: int = 1) -> None:
        self.writer_id = writer_id
        self.writer_epoch = writer_epoch
        self._connection = connection
        self._directory = directory

    @property
    def behind_legs(self) -> int:
        """See the port."""
        return 0

    def heads(self) -> Heads:
        """See the port."""
        try:
            position, entry, advice = self._connection.execute(READ_HEADS).fetchone()
            last = self._connection.execute(READ_LAST_BATCH).fetchone() or (0, 0, bytes(32))
        except FAILURES as error:
            raise storage_error(error) from error
        return Heads(position, entry, advice, *last)

    @abstractmethod
    def begin(self) -> None:
        """See the port."""

    @abstractmethod
    def append(self, rows: Rows) -> None:
        """See the port."""

    @abstractmethod
    def _pick(self, statement: str, tenant_id: int, keys: Sequence[bytes]) -> Iterable[tuple[Any, ...]]:
        """Run a statement that asks for a tenant's rows ``IN ({})`` some keys, for any number of them."""

    @abstractmethod
    def _newest_records(self, tenant_id: int, account_id: int, newer_than: int) -> list[bytes]:
        """Return the records of an account's legs, newest first, back to a moment and to all that is open."""

    def commit(self) -> None:
        """See the port."""
        self._execute("COMMIT")

    def rollback(self) -> None:
        """See the port."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except FAILURES:
            # The transaction is void all the same: the next BEGIN says so if the connection is beyond use.
            return

    def _execute(self, statement: str) -> None:
        try:
            self._connection.execute(statement)
        except FAILURES as error:
            raise storage_error(error) from error

    def known_keys(self, tenant_id: int, keys: Sequence[bytes]) -> dict[bytes, tuple[bytes, bytes]]:
        """See the port."""
        try:
            found = self._pick(FIND_KEYS, tenant_id, keys)
            return {key: (digest, record) for key, digest, record in found}
        except FAILURES as error:
            raise storage_error(error) from error

    def legs_after(self, position: int, newer_than: int) -> Iterator[RowArray]:
        """See the port."""
        try:
            position = max(position, position_at(self._connection, newer_than))
            while records := [row for (row,) in self._connection.execute(RECORDS_AFTER, (position, LEGS_AT_A_TIME))]:
                legs = legs_of_records(records)
                if legs is None:
                    some = self._connection.execute(LEGS_AFTER, (position, len(records))).fetchall()
                    legs = np.array(some, LEG_COLUMNS)
                position = int(legs["position"][-1])
                yield legs.view(LEG)
        except FAILURES as error:
            raise storage_error(error) from error

    def leg_of(self, tenant_id: int, account_id: int, seq: int) -> RowArray | None:
        """See the port."""
        try:
            found = self._connection.execute(READ_LEG, (tenant_id, account_id, seq)).fetchall()
        except FAILURES as error:
            raise storage_error(error) from error
        return np.array(found, LEG_COLUMNS).view(LEG) if found else None

    @property
    def ended_identifiers(self) -> IntArray:
        """See the port."""
        return self._directory.ended_identifiers

    def is_ended(self, identifier_id: int) -> bool:
        """See the port."""
        try:
            return self._directory.is_ended(self._connection, identifier_id)
        except FAILURES as error:
            raise storage_error(error) from error

    def find_identifier(self, tenant_id: int, kind: int, value: str) -> Identified | None:
        """See the port."""
        try:
            return self._directory.find_identifier(self._connection, tenant_id, kind, value)
        except FAILURES as error:
            raise storage_error(error) from error

    def find_reservations(self, tenant_id: int, ids: Sequence[bytes]) -> dict[bytes, tuple[int, int]]:
        """See the port."""
        try:
            found = self._pick(FIND_RESERVATIONS, tenant_id, ids)
            return {transaction_id: (account_id, seq) for transaction_id, account_id, seq in found}
        except FAILURES as error:
            raise storage_error(error) from error

    def find_originals(self, tenant_id: int, ids: Sequence[bytes]) -> dict[bytes, Original]:
        """See the port."""
        try:
            found = list(self._pick(FIND_ORIGINALS, tenant_id, ids))
            return {
                transaction_id: Original(account_id, seq, record, *self._undone(tenant_id, account_id, seq))
                for transaction_id, account_id, seq, record in found
            }
        except FAILURES as error:
            raise storage_error(error) from error

    def _undone(self, *place: int) -> tuple[dict[int, bytes], dict[int, bytes]]:
        """Return the records of what returned some of a leg, and of what corrected it, by position."""
        returns, corrections = (self._connection.execute(each, place) for each in (READ_RETURNS, READ_CORRECTIONS))
        return dict(returns.fetchall()), dict(corrections.fetchall())

    def agent_advice(self) -> RowArray:
        """See the port."""
        try:
            found = self._connection.execute(READ_AGENT_ADVICE).fetchall()
        except FAILURES as error:
            raise storage_error(error) from error
        rows: RowArray = np.array(found, ADVICE_COLUMNS).view(ADVICE)
        return rows

    def read_account(
        self,
        tenant_id: int,
        account_id: int,
        newer_than: int,
        awards_since: int | None = None,
        *,
        with_birth_date: bool = False,
    ) -> History | None:
        """See the port."""
        try:
            with self._one_moment():
                legs = self._read_legs(tenant_id, account_id, newer_than)
                if not legs.size:
                    return None
                first, last = int(legs["seq"][0]), int(legs["seq"][-1])
                advice = self._connection.execute(READ_ADVICE, (tenant_id, account_id, first)).fetchall()
                (enrolled_at,) = self._connection.execute(READ_ENROLLED_AT, (tenant_id, account_id)).fetchone()
                lots = self._read_lots(tenant_id, account_id, legs)
                awards = self._read_awards(tenant_id, account_id, legs, awards_since)
                birth_date = self._read_birth_date(tenant_id, account_id, last) if with_birth_date else 0
        except FAILURES as error:
            raise storage_error(error) from error
        advice_rows: RowArray = np.array(advice, ADVICE_COLUMNS).view(ADVICE)
        return History(int(legs["program_id"][0]), enrolled_at, legs.view(LEG), advice_rows, lots, awards, birth_date)

    @contextmanager
    def _one_moment(self) -> Iterator[None]:
        """Have all statements of the block see the same rows, whatever another connection commits meanwhile."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute(self._BEGIN_READING)
        try:
            yield
        finally:
            self.rollback()

    def _read_birth_date(self, tenant_id: int, account_id: int, seq: int) -> int:
        """Return the member's birth date as memory has it; 0 if it is not known."""
        known = self._directory.birth_date(self._connection, tenant_id, account_id, seq)
        return packed(read_birth_date(known)) if known else 0

    def _read_lots(self, tenant_id: int, account_id: int, legs: RowArray) -> RowArray:
        """Return the lots that are left after the newest of the legs, which reach back to all that is open.

        Each leg has written down what had ended by then, but for what reservations keep that were made before the end.
        """
        newest = legs[-1]
        open_from = legs[legs["seq"] >= newest["open_from_seq"]][0]
        moment = int(min(newest["accepted_at"], open_from["accepted_at"]))
        asked = {"tenant": tenant_id, "account": account_id, "seq": int(newest["seq"]), "moment": moment}
        lots: RowArray = np.array(self._connection.execute(READ_LOTS, asked).fetchall(), ENTRY)
        return lots

    def _read_awards(self, tenant_id: int, account_id: int, legs: RowArray, since: int | None) -> RowArray:
        """Return what rules gave since a moment that the legs reach back to, or for 0 ever."""
        asked = legs["seq"][legs["accepted_at"] >= since] if since is not None else legs["seq"][:0]
        found: list[tuple[int, int, int]] = []
        if asked.size:
            first = int(asked[0]) if since else 1
            found = self._connection.execute(
                READ_AWARDS, (tenant_id, account_id, first, int(legs["seq"][-1]))
            ).fetchall()
        return np.array(found, AWARDED)

    def _read_legs(self, tenant_id: int, account_id: int, newer_than: int) -> RowArray:
        """Return an account's legs, oldest first, back to a moment and to all that is open."""
        records = self._newest_records(tenant_id, account_id, newer_than)
        legs = legs_of_records(records[::-1])
        if legs is None:
            some = self._connection.execute(READ_LEGS, (tenant_id, account_id, len(records))).fetchall()
            legs = np.array(some[::-1], LEG_COLUMNS)
        return legs

    def enroll(self, tenant_id: int, member: NewMember, now: int) -> tuple[Outcome, int]:
        """See the port."""
        try:
            return self._directory.enroll(self._connection, tenant_id, member, now)
        except FAILURES as error:
            raise storage_error(error) from error

    def link(self, tenant_id: int, account_id: int, link: Link) -> tuple[Outcome, int]:
        """See the port."""
        try:
            return self._directory.link(self._connection, tenant_id, account_id, link)
        except FAILURES as error:
            raise storage_error(error) from error

    def set_birth_date(self, tenant_id: int, account_id: int, key: bytes, birth_date: str) -> Outcome:
        """See the port."""
        try:
            return self._directory.set_birth_date(self._connection, tenant_id, account_id, key, birth_date)
        except FAILURES as error:
            raise storage_error(error) from error

    def write(self, job: Callable[[Connection], Result]) -> Result:
        """See the port."""
        self.begin()
        try:
            result = job(self._connection)
            self.commit()
        except FAILURES as error:
            self.rollback()
            raise storage_error(error) from error
        except BaseException:
            self.rollback()
            raise
        return result
