"""Accounts' histories from the database, many at once: what memory needs of those that it does not hold.

A statement costs about as much as the rows of an account that it finds. So each is run for up to 64 accounts, which
stand in the table ``asked`` that it begins with. For ``sql_ledger``; ``decision_reader`` shares a statement.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, Final

import numpy as np

from pointguard_server.domain.age_bands import packed, read_birth_date
from pointguard_server.domain.codes import EntryType, Operation
from pointguard_server.domain.ledger_rows import ADVICE_FIELDS, ENTRY_FIELDS, LEG_FIELDS
from pointguard_server.engine.past_legs import legs_of_records
from pointguard_server.engine.ports import AWARDED, History, IntArray, RowArray
from pointguard_server.engine.rows import ADVICE, ADVICE_COLUMNS, ENTRY, LEG, LEG_COLUMNS
from pointguard_server.storage.connections import Connection
from pointguard_server.storage.directory import Directory

AWARD_ENTRIES: Final = (int(EntryType.EARN), int(EntryType.BONUS))
LEGS_AT_ONCE: Final = 16
"""So many of an account's newest legs are read together with others'; who needs more is asked for alone."""
_ACCOUNTS_A_STATEMENT: Final = (64, 16, 4, 1)
_LOT_COLUMNS: Final = {
    "position": "min(position)",
    "signed_points": "CAST(sum(signed_points) AS BIGINT)",
    "account_id": "account_id",
    "lot_seq": "lot_seq",
    "rule_id": "rule_id",
    "expires_at": "expires_at",
    "matures_at": "max(matures_at)",
}

# read_newest: asked (tenant, account) → the records of the account's newest legs. What else could be asked of a leg
# costs as much again, and its record says it.
READ_NEWEST = f"""
    SELECT a.column2, l.record FROM asked a CROSS JOIN legs l
    WHERE l.tenant_id = a.column1 AND l.account_id = a.column2 AND l.seq > (
        SELECT max(seq) FROM legs WHERE tenant_id = a.column1 AND account_id = a.column2
    ) - {LEGS_AT_ONCE}
"""  # noqa: S608  (numbers of this file, and so below)
# read_legs: the newest of an account's legs by their columns, where a record is damaged.
READ_LEGS = f"SELECT {', '.join(LEG_FIELDS)} FROM legs WHERE tenant_id = ? AND account_id = ? ORDER BY seq DESC LIMIT ?"  # noqa: S608
# read_enrolled_at: asked (tenant, account) → when the account began.
READ_ENROLLED_AT = """
    SELECT l.account_id, l.accepted_at FROM asked a CROSS JOIN legs l
    WHERE l.tenant_id = a.column1 AND l.account_id = a.column2 AND l.seq = 1
"""
# read_advice: asked (tenant, account, seq) → what the account's legs from that one on raised.
READ_ADVICE = f"""
    SELECT {", ".join(f"d.{name}" for name in ADVICE_FIELDS)} FROM asked a CROSS JOIN advice d
    WHERE d.tenant_id = a.column1 AND d.account_id = a.column2 AND d.seq >= a.column3 ORDER BY d.position
"""  # noqa: S608
# read_lots: asked (tenant, account, seq, moment) → for each lot of which something is left as of the seq, a row like
# its first entry, with the rest as its points. Left out are those that ended by the moment, or that matured by then and
# never end.
_OF_LOTS = """
    SELECT e.* FROM asked a CROSS JOIN entries e
    WHERE e.tenant_id = a.column1 AND e.account_id = a.column2 AND e.lot_seq > 0 AND e.seq <= a.column3
"""
READ_LOTS = f"""
    SELECT {", ".join(_LOT_COLUMNS.get(name, "0") for name in ENTRY_FIELDS)} FROM (
        {_OF_LOTS} AND e.expires_at > a.column4
        UNION ALL {_OF_LOTS} AND e.expires_at = 0 AND e.matures_at > a.column4
    ) AS open
    GROUP BY account_id, lot_seq, rule_id, expires_at HAVING sum(signed_points) <> 0 ORDER BY 1
"""  # noqa: S608
# read_awards: asked (tenant, account, seq, seq) → what rules gave the account from one leg to another.
READ_AWARDS = f"""
    SELECT l.account_id, e.rule_id, l.accepted_at, CAST(sum(e.signed_points) AS BIGINT) FROM asked a CROSS JOIN legs l
    JOIN entries e ON e.position >= l.first_entry AND e.position < l.first_entry + l.entry_count
    WHERE l.tenant_id = a.column1 AND l.account_id = a.column2 AND l.seq BETWEEN a.column3 AND a.column4
        AND l.operation = {int(Operation.ACCRUE)} AND e.rule_id > 0 AND e.entry_type IN {AWARD_ENTRIES}
    GROUP BY 1, 2, 3
"""  # noqa: S608

_NO_ADVICE: RowArray = np.zeros(0, ADVICE)
_NO_LOTS: RowArray = np.zeros(0, ENTRY)
_NO_AWARDS: RowArray = np.zeros(0, AWARDED)


def find(connection: Connection, statement: str, asked: Sequence[tuple[int, ...]]) -> Iterator[tuple[Any, ...]]:
    """Run a statement for each of ``asked``, for a fixed number at a time, so that it stays prepared."""
    for first in range(0, len(asked), _ACCOUNTS_A_STATEMENT[0]):
        some = asked[first : first + _ACCOUNTS_A_STATEMENT[0]]
        count = next(size for size in reversed(_ACCOUNTS_A_STATEMENT) if size >= len(some))
        width = len(some[0])
        values = [*chain.from_iterable(some), *[0] * (width * (count - len(some)))]  # tenant 0 has nothing
        yield from connection.execute(with_asked(statement, width, count), values)


@cache
def with_asked(statement: str, width: int, count: int = 1) -> str:
    """Return a statement for ``count`` rows of ``asked`` with so many values each."""
    row = f"({', '.join('?' * width)})"
    return f"WITH asked AS (VALUES {', '.join([row] * count)}) {statement}"


class AccountHistories:
    """Reads them by one connection. Who calls takes care that all statements see the same rows.

    ``newest_records(tenant, account, newer_than)`` gives the records of one account's legs, newest first, back to a
    moment and to all that is open.
    """

    def __init__(
        self,
        connection: Connection,
        directory: Directory,
        newest_records: Callable[[int, int, int], list[bytes]],
    ) -> None:
        self._connection = connection
        self._directory = directory
        self._newest_records = newest_records

    def read(
        self,
        tenant_id: int,
        account_ids: Sequence[int],
        newer_than: int,
        awards_since: int | None,
        *,
        with_birth_date: bool,
    ) -> dict[int, History]:
        """See ``engine.ports.LedgerStore.read_accounts``."""
        legs = self._read_legs(tenant_id, account_ids, newer_than)
        advice = self._read_advice(tenant_id, legs)
        lots = self._read_lots(tenant_id, legs)
        awards = self._read_awards(tenant_id, legs, awards_since) if awards_since is not None else {}
        began = self._read_enrolled_at(tenant_id, legs)
        return {
            account_id: History(
                int(of_account["program_id"][0]),
                began[account_id],
                of_account,
                advice.get(account_id, _NO_ADVICE),
                lots.get(account_id, _NO_LOTS),
                awards.get(account_id, _NO_AWARDS),
                self._birth_date(tenant_id, account_id, int(of_account["seq"][-1])) if with_birth_date else 0,
            )
            for account_id, of_account in legs.items()
        }

    def _read_legs(self, tenant_id: int, account_ids: Sequence[int], newer_than: int) -> dict[int, RowArray]:
        """Return, of accounts that are there, their legs back to a moment and to all that is open: ``rows.LEG``."""
        records = defaultdict(list)
        for account_id, record in find(self._connection, READ_NEWEST, [(tenant_id, each) for each in account_ids]):
            records[account_id].append(record)
        counts = np.array([len(each) for each in records.values()], np.int64)
        legs = legs_of_records([record for each in records.values() for record in each])
        if legs is None or not records:
            return {each: self._read_legs_of(tenant_id, each, newer_than) for each in records}
        ends = np.cumsum(counts)
        starts = ends - counts
        legs = legs[np.lexsort((legs["seq"], np.repeat(starts, counts)))].view(LEG)
        past = (legs["accepted_at"] <= newer_than) & (legs["seq"] < np.repeat(legs["open_from_seq"][ends - 1], counts))
        past[ends - 1] = False
        wanted = np.maximum.reduceat(np.where(past, np.arange(len(legs)) + 1, 0), starts)
        # None of them is past, and there are more.
        more = (wanted == 0) & (legs["seq"][starts] > 1)
        first = np.maximum(wanted, starts)
        return {
            account_id: self._read_legs_of(tenant_id, account_id, newer_than) if is_short else legs[begin:end]
            for account_id, begin, end, is_short in zip(
                records, first.tolist(), ends.tolist(), more.tolist(), strict=True
            )
        }

    def _read_legs_of(self, tenant_id: int, account_id: int, newer_than: int) -> RowArray:
        """Return one account's legs, however many they are, and if a record is damaged too."""
        records = self._newest_records(tenant_id, account_id, newer_than)
        legs = legs_of_records(records[::-1])
        if legs is None:
            rows = self._connection.execute(READ_LEGS, (tenant_id, account_id, len(records))).fetchall()
            legs = np.array(rows[::-1], LEG_COLUMNS)
        return legs.view(LEG)

    def _read_enrolled_at(self, tenant_id: int, legs: dict[int, RowArray]) -> dict[int, int]:
        """Return when each account began, which its first leg says."""
        began = {
            account_id: int(of_account["accepted_at"][0])
            for account_id, of_account in legs.items()
            if of_account["seq"][0] == 1
        }
        later = [(tenant_id, account_id) for account_id in legs if account_id not in began]
        return began | dict(find(self._connection, READ_ENROLLED_AT, later))

    def _read_advice(self, tenant_id: int, legs: dict[int, RowArray]) -> dict[int, RowArray]:
        """Return what the legs raised, of accounts that have some."""
        asked = [(tenant_id, account_id, int(of_account["seq"][0])) for account_id, of_account in legs.items()]
        rows = np.array(list(find(self._connection, READ_ADVICE, asked)), ADVICE_COLUMNS)
        return _by_account(rows.view(ADVICE))

    def _read_lots(self, tenant_id: int, legs: dict[int, RowArray]) -> dict[int, RowArray]:
        """Return the lots that are left after the newest of an account's legs, which reach back to all that is open.

        Each leg has written down what had ended by then, but for what reservations keep that were made before the end.
        """
        asked = []
        for account_id, of_account in legs.items():
            newest = of_account[-1]
            open_from = of_account[max(int(newest["open_from_seq"]) - int(of_account["seq"][0]), 0)]
            moment = min(int(newest["accepted_at"]), int(open_from["accepted_at"]))
            asked.append((tenant_id, account_id, int(newest["seq"]), moment))
        return _by_account(np.array(list(find(self._connection, READ_LOTS, asked)), ENTRY))

    def _read_awards(self, tenant_id: int, legs: dict[int, RowArray], since: int) -> dict[int, RowArray]:
        """Return what rules gave since a moment that the legs reach back to, or for 0 ever."""
        asked = []
        for account_id, of_account in legs.items():
            seqs: IntArray = of_account["seq"][of_account["accepted_at"] >= since]
            if seqs.size:
                asked.append((tenant_id, account_id, int(seqs[0]) if since else 1, int(seqs[-1])))
        found = defaultdict(list)
        for account_id, *award in find(self._connection, READ_AWARDS, asked):
            found[account_id].append(tuple(award))
        return {account_id: np.array(awards, AWARDED) for account_id, awards in found.items()}

    def _birth_date(self, tenant_id: int, account_id: int, seq: int) -> int:
        """Return the member's birth date as memory has it; 0 if it is not known."""
        known = self._directory.birth_date(self._connection, tenant_id, account_id, seq)
        return packed(read_birth_date(known)) if known else 0


def _by_account(rows: RowArray) -> dict[int, RowArray]:
    accounts = rows["account_id"]
    return {account_id: rows[accounts == account_id] for account_id in set(accounts.tolist())}
