"""What ledger stores on a database have in common: all that they read, and the end of a step. For this room.

``sqlite_ledger`` and ``postgres_ledger`` add how a step begins, how rows go in, and what one of them reads another way.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from pointguard_server.domain.codes import AdviceEntity, Operation, Outcome
from pointguard_server.domain.ledger_rows import ADVICE_FIELDS, LEG_FIELDS
from pointguard_server.domain.offline import Occurrence
from pointguard_server.engine.past_legs import legs_of_records
from pointguard_server.engine.ports import Heads, History, Identified, IntArray, Original, Others, RowArray, Rows
from pointguard_server.engine.rows import ADVICE, ADVICE_COLUMNS, LEG, LEG_COLUMNS
from pointguard_server.service.ports import Link, NewMember
from pointguard_server.storage.account_histories import AccountHistories
from pointguard_server.storage.connections import FAILURES, Connection, storage_error
from pointguard_server.storage.directory import Directory
from pointguard_server.storage.offline import take_redemption

Result = TypeVar("Result")

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
# leg_of: an account's leg.
READ_LEG = f"SELECT {', '.join(LEG_FIELDS)} FROM legs WHERE tenant_id = ? AND account_id = ? AND seq = ?"  # noqa: S608
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
        self._histories = AccountHistories(connection, directory, self._newest_records)
        self._taken: dict[tuple[int, bytes], int] = {}  # by tenant and allowance: points that the step's claims take

    @property
    def others(self) -> Others | None:
        """See the port."""
        return None

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

    def read_accounts(
        self,
        tenant_id: int,
        account_ids: Sequence[int],
        newer_than: int,
        awards_since: int | None = None,
        *,
        with_birth_date: bool = False,
    ) -> dict[int, History]:
        """See the port."""
        try:
            with self._one_moment():
                return self._histories.read(
                    tenant_id, account_ids, newer_than, awards_since, with_birth_date=with_birth_date
                )
        except FAILURES as error:
            raise storage_error(error) from error

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

    def take_occurrence(self, tenant_id: int, occurrence: Occurrence, now: int) -> Outcome:
        """See the port."""
        terms = occurrence.terms
        assert terms is not None  # noqa: S101  (it is an offline redemption)
        allowance = tenant_id, terms.allowance_id
        taken = self._taken.get(allowance, 0)
        try:
            outcome = take_redemption(self._connection, tenant_id, occurrence, terms, now, taken)
        except FAILURES as error:
            raise storage_error(error) from error
        if outcome == Outcome.DONE:
            self._taken[allowance] = taken + occurrence.points
        return outcome

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
