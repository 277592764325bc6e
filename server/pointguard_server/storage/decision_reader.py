"""Reading for explanations, by a connection that only reads. Implements ``service.explanation.ports.DecisionReader``.

Its methods are called from one thread at a time, and never from the event loop's. ``bootstrap`` closes it before the
writer.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import fields
from itertools import islice
from typing import Any, Final

from pointguard_server.domain.codes import AdviceEntity, AdviceEvent, Operation
from pointguard_server.domain.errors import StorageUnavailable
from pointguard_server.domain.ledger_rows import ADVICE_FIELDS, ENTRY_FIELDS, LEG_FIELDS
from pointguard_server.domain.record import Value
from pointguard_server.service.directive import Deed, Exemption, Stop
from pointguard_server.service.explanation.ports import (
    PastAdvice,
    PastAward,
    PastLeg,
    PastLot,
    PastOriginal,
    ScopedLeg,
    StoredDecision,
    StoredText,
    StoreVersion,
)
from pointguard_server.service.rule_versions import RuleSetVersion
from pointguard_server.service.vault import MemberVault
from pointguard_server.storage.account_histories import READ_AWARDS, with_asked
from pointguard_server.storage.birth_dates import FIND_BIRTH_DATE, open_birth_date
from pointguard_server.storage.connections import FAILURES, Connection
from pointguard_server.storage.directives import EXEMPTIONS, STOPS, deed
from pointguard_server.storage.rule_versions import RuleVersions
from pointguard_server.storage.sql_ledger import position_at

CODES_A_STATEMENT: Final = 500
PAST_LEG, PAST_ADVICE = (", ".join(each.name for each in fields(shape)) for shape in (PastLeg, PastAdvice))

FIND_LEG = "SELECT * FROM legs WHERE transaction_id = ? AND tenant_id = ? AND leg_number = ?"
FIND_KEY = "SELECT transaction_id FROM legs WHERE tenant_id = ? AND idempotency_key = ? AND leg_number = 0"
# leg_entries: by their positions, since nothing else finds them without going through all.
LEG_ENTRIES = "SELECT * FROM entries WHERE position >= ? AND position < ? ORDER BY position"
LEG_ADVICE = "SELECT * FROM advice WHERE tenant_id = ? AND account_id = ? AND seq = ? ORDER BY position"
FIND_BATCH = "SELECT * FROM batches WHERE batch_id = ?"
BATCH_RECORDS = "SELECT record FROM legs WHERE position >= ? AND position < ? ORDER BY position"
# past_legs: the newest of an account's legs below a place.
PAST_LEGS = f"SELECT {PAST_LEG} FROM legs WHERE tenant_id = ? AND account_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?"  # noqa: S608
# scoped_legs: a program's legs between two positions that are an entity's own, or give back something.
_SCOPED = ", ".join(each.name for each in fields(ScopedLeg) if each.name != "in_scope")
_GIVE_BACK = tuple(map(int, (Operation.CAPTURE, Operation.VOID, Operation.EXPIRE, Operation.RETURN)))
SCOPED_LEGS = (
    f"SELECT {_SCOPED}, {{own}} FROM legs WHERE position > ? AND position < ? AND tenant_id = ? AND program_id = ?"  # noqa: S608
    f" AND ({{own}} OR operation IN {_GIVE_BACK}) ORDER BY position"
)
PAST_POSTED = (
    "SELECT CAST(coalesce(sum(e.signed_points), 0) AS BIGINT) FROM legs l"
    " JOIN entries e ON e.position >= l.first_entry AND e.position < l.first_entry + l.entry_count"
    " WHERE l.tenant_id = ? AND l.account_id = ? AND l.seq < ?"
)
PAST_LOTS = (
    "SELECT min(position), lot_seq, rule_id, CAST(sum(signed_points) AS BIGINT), max(matures_at), expires_at"
    " FROM entries"
    " WHERE tenant_id = ? AND account_id = ? AND lot_seq > 0 AND seq < ?"
    " GROUP BY lot_seq, rule_id, expires_at HAVING sum(signed_points) <> 0 ORDER BY 1"
)
# original_record: an account's leg. returns_before, corrections_before: what undid some of it below a place.
ORIGINAL_RECORD = "SELECT record FROM legs WHERE tenant_id = ? AND account_id = ? AND seq = ?"
RETURNS_BEFORE = (
    "SELECT record FROM legs WHERE tenant_id = ? AND account_id = ? AND refers_to_seq = ?"  # noqa: S608
    f" AND operation = {int(Operation.RETURN)} AND seq < ? ORDER BY seq"
)
CORRECTIONS_BEFORE = (
    "SELECT record FROM legs WHERE tenant_id = ? AND account_id = ? AND refers_to_seq = ?"  # noqa: S608
    f" AND operation = {int(Operation.ADJUST)} AND refers_to_seq > 0 AND seq < ? ORDER BY seq"
)
# standing: the latest step of each advice below a place, unless the advice has ended by then.
STANDING = f"""
    SELECT {PAST_ADVICE} FROM advice a
    WHERE tenant_id = :tenant AND account_id = :account AND seq < :seq AND ends_at > :moment
        AND event <> {int(AdviceEvent.REMOVED)} AND NOT EXISTS (
            SELECT 1 FROM advice n WHERE n.advice_id = a.advice_id AND n.position > a.position AND n.seq < :seq
        )
    ORDER BY position DESC
"""  # noqa: S608  (names and a number of this file)
# about_agent: likewise below a position, of what was raised about an agent; the rows that raised it say about whom.
ABOUT_AGENT = f"""
    SELECT {", ".join(f"a.{name}" for name in PAST_ADVICE.split(", "))} FROM advice r
    JOIN advice a ON a.advice_id = r.advice_id
    WHERE r.entity = {int(AdviceEntity.AGENT)} AND r.event = {int(AdviceEvent.RAISED)}
        AND r.tenant_id = :tenant AND r.actor_id = :agent << 32
        AND a.leg_position < :below AND a.ends_at > :moment AND a.event <> {int(AdviceEvent.REMOVED)} AND NOT EXISTS (
            SELECT 1 FROM advice n
            WHERE n.advice_id = a.advice_id AND n.position > a.position AND n.leg_position < :below
        )
    ORDER BY r.position
"""  # noqa: S608  (names and numbers of this file)
CONFIGURATION = (
    "SELECT source, digest FROM program_versions"
    " WHERE tenant_id = ? AND program_id = ? AND subject = 'configuration' AND version = ?"
)
STORE_VERSION = (
    "SELECT business_unit_id, country, province_id FROM store_versions"
    " WHERE tenant_id = ? AND store_id = ? AND effective_at <= ? ORDER BY version DESC LIMIT 1"
)
TEXTS = "SELECT code_id, text FROM codes WHERE code_id IN ({})"
ERASED_MEMBERS = (
    "SELECT m.member_id FROM account_members a JOIN members m ON m.member_id = a.member_id"
    " WHERE a.tenant_id = ? AND a.account_id = ? AND m.wrapped_key IS NULL ORDER BY m.member_id"
)


class DecisionReader:
    """Reads the committed ledger."""

    def __init__(self, connection: Connection, vault: MemberVault) -> None:
        """``connection`` only reads, and is nobody else's."""
        self._connection = connection
        self._vault = vault
        self._versions = RuleVersions()

    def _fetch(
        self, statement: str, values: tuple[Any, ...] | dict[str, int]
    ) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Return the columns' names and the rows."""
        try:
            cursor = self._connection.execute(statement, values)
            # One that an error leaves open would hold on to what the database was then.
            with closing(cursor):
                return [column[0] for column in cursor.description or ()], cursor.fetchall()
        except FAILURES as error:
            raise StorageUnavailable from error

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._fetch(statement, values)[1]

    def _named(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Return rows by their columns' names."""
        names, rows = self._fetch(statement, values)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def decision(self, tenant_id: int, transaction_id: bytes, leg_number: int = 0) -> StoredDecision | None:
        """See the port."""
        found = self._named(FIND_LEG, transaction_id, tenant_id, leg_number)
        if not found:
            return None
        (leg,) = found
        first_entry = leg["first_entry"]
        entries = self._named(LEG_ENTRIES, first_entry, first_entry + leg["entry_count"])
        advice = self._named(LEG_ADVICE, tenant_id, leg["account_id"], leg["seq"])
        batches = self._named(FIND_BATCH, leg["batch_id"])
        return StoredDecision(
            leg=_only(leg, LEG_FIELDS),
            currency=leg["currency"],
            order_reference=leg["order_reference"],
            record=leg["record"],
            entries=tuple(_only(entry, ENTRY_FIELDS) for entry in entries),
            advice=tuple(_only(row, ADVICE_FIELDS) for row in advice),
            batch=batches[0] if batches else None,
            batch_records=self._records(batches[0]) if batches else b"",
        )

    def _records(self, batch: dict[str, Any]) -> bytes:
        first = batch["first_position"]
        return b"".join(record for (record,) in self._rows(BATCH_RECORDS, first, first + batch["leg_count"]))

    def transaction_of_key(self, tenant_id: int, key: bytes) -> bytes | None:
        """See the port."""
        rows = self._rows(FIND_KEY, tenant_id, key)
        return rows[0][0] if rows else None

    def past(self, tenant_id: int, account_id: int, below_seq: int, count: int) -> list[PastLeg]:
        """See the port."""
        return [PastLeg(*row) for row in reversed(self._rows(PAST_LEGS, tenant_id, account_id, below_seq, count))]

    def scoped_legs(
        self, tenant_id: int, program_id: int, where: Mapping[str, int], newer_than: int, below: int, most: int
    ) -> list[ScopedLeg] | None:
        """See the port."""
        try:
            after = position_at(self._connection, newer_than)
        except FAILURES as error:
            raise StorageUnavailable from error
        if below - after > most:
            return None
        # Names of this server's and numbers.
        own = " AND ".join(f"{name} = {number:d}" for name, number in where.items()) or "group_set_id <> 0"
        statement = SCOPED_LEGS.format(own=f"({own})")
        return [ScopedLeg(*row) for row in self._rows(statement, after, below, tenant_id, program_id)]

    def deeds(self, tenant_id: int, program_id: int, author: str, after: int, up_to: int) -> list[Deed]:
        """See the port."""
        place = (tenant_id, program_id, after)
        found = [deed(row) for tables in (EXEMPTIONS, STOPS) for row in self._rows(tables.deeds, *place, *place)]
        return sorted(
            (each for each in found if each.author == author and each.moment <= up_to), key=lambda each: each.moment
        )

    def posted(self, tenant_id: int, account_id: int, below_seq: int) -> int:
        """See the port."""
        return int(self._rows(PAST_POSTED, tenant_id, account_id, below_seq)[0][0])

    def lots(self, tenant_id: int, account_id: int, below_seq: int) -> list[PastLot]:
        """See the port."""
        return [PastLot(*row) for row in self._rows(PAST_LOTS, tenant_id, account_id, below_seq)]

    def awards(self, tenant_id: int, account_id: int, below_seq: int) -> list[PastAward]:
        """See the port."""
        found = self._rows(with_asked(READ_AWARDS, 4), tenant_id, account_id, 1, below_seq - 1)
        return [PastAward(*award) for _, *award in found]

    def original(self, tenant_id: int, account_id: int, seq: int, below_seq: int) -> PastOriginal | None:
        """See the port."""
        found = self._rows(ORIGINAL_RECORD, tenant_id, account_id, seq)
        if not found:
            return None
        place = (tenant_id, account_id, seq, below_seq)
        returns, corrections = (self._rows(each, *place) for each in (RETURNS_BEFORE, CORRECTIONS_BEFORE))
        return PastOriginal(found[0][0], *(tuple(record for (record,) in each) for each in (returns, corrections)))

    def standing(self, tenant_id: int, account_id: int, below_seq: int, moment: int) -> list[PastAdvice]:
        """See the port."""
        asked = {"tenant": tenant_id, "account": account_id, "seq": below_seq, "moment": moment}
        return [PastAdvice(*row) for row in self._fetch(STANDING, asked)[1]]

    def about_agent(self, tenant_id: int, agent_id: int, below: int, moment: int) -> list[PastAdvice]:
        """See the port."""
        asked = {"tenant": tenant_id, "agent": agent_id, "below": below, "moment": moment}
        return [PastAdvice(*row) for row in self._fetch(ABOUT_AGENT, asked)[1]]

    def exemptions(self, tenant_id: int, program_id: int, moment: int) -> list[Exemption]:
        """See the port."""
        rows = self._rows(EXEMPTIONS.in_force, tenant_id, program_id, *(moment,) * 3)
        return [EXEMPTIONS.directive(row) for row in rows]

    def stops(self, tenant_id: int, program_id: int, moment: int) -> list[Stop]:
        """See the port."""
        return [STOPS.directive(row) for row in self._rows(STOPS.in_force, tenant_id, program_id, *(moment,) * 3)]

    def configuration(self, tenant_id: int, program_id: int, version: int) -> StoredText | None:
        """See the port."""
        rows = self._rows(CONFIGURATION, tenant_id, program_id, version)
        return StoredText(*rows[0]) if rows else None

    def rule_set_version(self, tenant_id: int, program_id: int, version: int) -> RuleSetVersion | None:
        """See the port."""
        try:
            return self._versions.version(self._connection, tenant_id, program_id, version)
        except FAILURES as error:
            raise StorageUnavailable from error

    def store(self, tenant_id: int, store_id: int, moment: int) -> StoreVersion | None:
        """See the port."""
        rows = self._rows(STORE_VERSION, tenant_id, store_id, moment)
        return StoreVersion(*rows[0]) if rows else None

    def texts(self, code_ids: Iterable[int]) -> dict[int, str]:
        """See the port."""
        wanted = sorted(set(code_ids))
        found = dict.fromkeys(wanted, "")
        for some in _some(wanted):
            found |= dict(self._rows(TEXTS.format(", ".join("?" * len(some))), *some))
        return found

    def birth_date(self, tenant_id: int, account_id: int, seq: int) -> str | None:
        """See the port."""
        asked = {"tenant": tenant_id, "account": account_id, "seq": seq}
        try:
            row = self._connection.execute(FIND_BIRTH_DATE, asked).fetchone()
        except FAILURES as error:
            raise StorageUnavailable from error
        return open_birth_date(self._vault, tenant_id, row)

    def erased_members(self, tenant_id: int, account_id: int) -> list[int]:
        """See the port."""
        return [member for (member,) in self._rows(ERASED_MEMBERS, tenant_id, account_id)]


def _only(row: dict[str, Any], names: tuple[str, ...]) -> dict[str, Value]:
    return {name: row[name] for name in names}


def _some(values: list[int]) -> Iterator[list[int]]:
    """Yield the values in runs that fit in one statement."""
    rest = iter(values)
    while run := list(islice(rest, CODES_A_STATEMENT)):
        yield run
