"""An auditor who trusts nobody: reads a ledger's file and recounts all that the server said of it. For the tests here.

It works on a copy, which it makes of the database, its log and the journal: what a power cut would have left behind.
"""

import hashlib
import shutil
import sqlite3
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pointguard_server.domain.codes import SERVER_OPERATIONS, Decision, Operation, RequestFlag
from pointguard_server.domain.ledger_rows import ENTRY_FIELDS, LEG_FIELDS
from pointguard_server.domain.record import decode_record
from pointguard_server.service.vault import MemberVault
from pointguard_server.storage.directory import Directory
from pointguard_server.storage.journaled_ledger import JOURNAL, recover
from pointguard_server.storage.keyring import KEY_RING_FILE, KeyRing
from pointguard_server.storage.sqlite_ledger import SqliteLedger

ENDS = (Operation.CAPTURE, Operation.VOID, Operation.EXPIRE)


@dataclass
class AuditedAccount:
    """An account as the entries and reservations make it."""

    posted: int = 0
    seq: int = 0
    accepted_at: int = 0
    may_owe: bool = False  # something was returned, or redeemed without a line and too late
    open_holds: dict[int, int] = field(default_factory=dict)  # seq of the authorise → points

    @property
    def reserved(self) -> int:
        return sum(self.open_holds.values())


@dataclass
class LedgerRows:
    """A ledger's rows by column name, each table in its order."""

    legs: list[dict[str, Any]]
    entries: list[dict[str, Any]]
    batches: list[dict[str, Any]]


@dataclass
class Audit:
    """What a ledger holds, once it was found to be sound."""

    accounts: dict[int, AuditedAccount]
    legs: list[dict[str, Any]]
    transactions_by_key: dict[bytes, str]  # idempotency key → transaction id
    batches: int


@contextmanager
def ledger_copy(database: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy of the database with its log, and bring in what the journal has beyond them, as a start would."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for each in (database.name, f"{database.name}-wal", KEY_RING_FILE):
            if database.with_name(each).exists():
                shutil.copy(database.with_name(each), directory / each)
        # Last, since what leaves the journal is in the database before.
        if database.with_name(JOURNAL).exists():
            shutil.copytree(database.with_name(JOURNAL), directory / JOURNAL)
        names = Directory(MemberVault(KeyRing.open_or_create(directory / KEY_RING_FILE)))
        with closing(sqlite3.connect(directory / database.name, isolation_level=None)) as connection:
            recover(SqliteLedger(connection, names, writer_epoch=1), directory)
            connection.row_factory = sqlite3.Row
            yield connection


def audit(database: Path) -> Audit:
    """Recount a ledger; fails with an AssertionError at the first thing that does not add up."""
    with ledger_copy(database) as connection:
        return audit_connection(connection)


def audit_connection(connection: sqlite3.Connection) -> Audit:
    """Do the same for a ledger whose database has all that it should; the connection's rows have names."""
    assert [row[0] for row in connection.execute("PRAGMA integrity_check")] == ["ok"]
    rows = read_rows(connection)
    identified = {row[0] for row in connection.execute("SELECT account_id FROM accounts")}
    assert identified == {leg["account_id"] for leg in rows.legs}, "accounts and their enrollments came apart"
    _check_chain(rows.batches, rows.legs)
    for leg, entries in _with_entries(rows):
        _check_record(leg, entries)
    return Audit(recount(rows), rows.legs, _keys(rows.legs), len(rows.batches))


def read_rows(connection: sqlite3.Connection) -> LedgerRows:
    """Read what ``recount`` and the chain are about."""
    tables = (("legs", "position"), ("entries", "position"), ("batches", "batch_id"))
    return LedgerRows(
        *([dict(row) for row in connection.execute(f"SELECT * FROM {name} ORDER BY {by}")] for name, by in tables)  # noqa: S608
    )


def recount(rows: LedgerRows) -> dict[int, AuditedAccount]:
    """Return the accounts as the legs and entries make them.

    Raises:
        AssertionError: at the first thing that does not add up; batches and records are not looked at.
    """
    legs, entries = rows.legs, rows.entries
    assert [leg["position"] for leg in legs] == list(range(1, len(legs) + 1)), "positions have gaps"
    assert [entry["position"] for entry in entries] == list(range(1, len(entries) + 1)), "entries have gaps"
    _check_transfers(legs)
    _keys(legs)
    accounts: defaultdict[int, AuditedAccount] = defaultdict(AuditedAccount)
    counted = 0
    for leg, own in _with_entries(rows):
        _check_leg(accounts[leg["account_id"]], leg, own)
        counted += len(own)
    assert counted == len(entries), "entries without a leg"
    return dict(accounts)


def _with_entries(rows: LedgerRows) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield each leg with its entries."""
    by_leg: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for entry in rows.entries:
        by_leg[entry["leg_position"]].append(entry)
    for leg in rows.legs:
        yield leg, by_leg[leg["position"]]


def _check_transfers(legs: Sequence[dict[str, Any]]) -> None:
    """A transfer has both of its legs, one behind the other, and they say the same."""
    transfers = [leg for leg in legs if leg["operation"] == Operation.TRANSFER]
    assert [leg["leg_number"] for leg in transfers] == [0, 1] * (len(transfers) // 2), "half a transfer"
    for out, got in zip(transfers[::2], transfers[1::2], strict=True):
        assert got["position"] == out["position"] + 1
        same = ("transaction_id", "decision", "points", "batch_id")
        assert [out[name] for name in same] == [got[name] for name in same]


def _keys(legs: Sequence[dict[str, Any]]) -> dict[bytes, str]:
    """Return the transaction of each idempotency key."""
    counts = Counter(
        (leg["tenant_id"], leg["idempotency_key"], leg["leg_number"])
        for leg in legs
        if leg["operation"] not in SERVER_OPERATIONS
    )
    assert max(counts.values(), default=1) == 1, "one key, two transactions"
    return {leg["idempotency_key"]: uuid_text(leg["transaction_id"]) for leg in legs}


def uuid_text(raw: bytes) -> str:
    """Return a UUID's text."""
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _check_leg(account: AuditedAccount, leg: dict[str, Any], entries: Sequence[dict[str, Any]]) -> None:
    """Recount one account by one leg."""
    where = f"leg {leg['position']}, account {leg['account_id']}"
    assert leg["seq"] == account.seq + 1, f"{where}: seq {leg['seq']} after {account.seq}"
    assert leg["accepted_at"] >= account.accepted_at, f"{where}: time went backwards"
    account.seq, account.accepted_at = leg["seq"], leg["accepted_at"]
    assert [entry["line"] for entry in entries] == sorted({entry["line"] for entry in entries}), where
    assert leg["entry_count"] == len(entries), where
    for entry in entries:
        assert (entry["account_id"], entry["seq"]) == (leg["account_id"], leg["seq"]), where
        account.posted += entry["signed_points"]
        assert entry["running_balance"] == account.posted, f"{where}: a running balance is wrong"
    _follow_hold(account, leg, where)
    assert (leg["posted"], leg["reserved"]) == (account.posted, account.reserved), f"{where}: totals are wrong"
    was_uncovered = leg["operation"] == Operation.AUTHORISE and leg["refers_to_seq"] > 0
    account.may_owe |= leg["operation"] == Operation.RETURN or was_uncovered
    assert account.may_owe or account.posted - leg["pending"] - account.reserved >= 0, f"{where}: overdrawn"


def _follow_hold(account: AuditedAccount, leg: dict[str, Any], where: str) -> None:
    """Open the reservation that a leg made, or end the one that it ended: once, and for no more than it held."""
    operation, approved = Operation(leg["operation"]), leg["decision"] == Decision.APPROVED
    if operation is Operation.AUTHORISE and approved and leg["hold_expires_at"]:
        account.open_holds[leg["seq"]] = leg["points"]
    elif operation in ENDS and approved and leg["refers_to_seq"]:
        held = account.open_holds.pop(leg["refers_to_seq"], None)
        assert held is not None, f"{where}: ended a reservation that was not open"
        captured = leg["points"] if operation is Operation.CAPTURE else 0
        if leg["hold_expires_at"]:
            assert 0 < captured < held, f"{where}: {captured} of {held} were captured, and it was left open"
            account.open_holds[leg["refers_to_seq"]] = held - captured
            return
        assert captured + leg["released"] == held, f"{where}: {captured} and {leg['released']} of {held}"


def _check_record(leg: dict[str, Any], entries: Sequence[dict[str, Any]]) -> None:
    """The record says what the columns say."""
    record = decode_record(leg["record"])
    assert record.leg == {name: leg[name] for name in LEG_FIELDS}, f"leg {leg['position']} and its record differ"
    names = ENTRY_FIELDS[ENTRY_FIELDS.index("entry_type") :]
    assert record.entries == tuple({name: entry[name] for name in names} for entry in entries)
    if record.request is not None:
        assert record.request["operation"] == leg["operation"]
        flags = record.request["flags"]
        assert isinstance(flags, int)
        if leg["operation"] == Operation.AUTHORISE and flags & RequestFlag.CAPTURE:
            assert not leg["hold_expires_at"], "what is spent at once reserves nothing"


def _check_chain(batches: Sequence[dict[str, Any]], legs: Sequence[dict[str, Any]]) -> None:
    """Every batch covers the legs that it says, and is chained to the one before."""
    previous, position = bytes(32), 1
    for number, batch in enumerate(batches, 1):
        assert (batch["batch_id"], batch["first_position"]) == (number, position), "the chain has a gap"
        assert batch["previous_digest"] == previous, f"batch {number} is not chained to the one before"
        own = legs[position - 1 : position - 1 + batch["leg_count"]]
        assert {leg["batch_id"] for leg in own} == {number}, f"batch {number} and its legs differ"
        records = hashlib.blake2b(b"".join(leg["record"] for leg in own), digest_size=32).digest()
        assert batch["records_digest"] == records, f"batch {number}: its records were changed"
        names = ("writer_id", "writer_epoch", "batch_id", "first_position", "leg_count", "accepted_at")
        chained = b"".join(batch[name].to_bytes(8, "big") for name in names)
        assert batch["digest"] == hashlib.blake2b(previous + chained + records, digest_size=32).digest()
        previous, position = batch["digest"], position + batch["leg_count"]
    assert position == len(legs) + 1, "legs without a batch"
