"""The engine on the journal: what the database does not have yet counts all the same, and nothing of it is lost."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pointguard_server.domain.codes import Decision, Operation, Outcome
from pointguard_server.domain.errors import StorageBroken, StorageUnavailable
from pointguard_server.storage import journaled_ledger, projector
from pointguard_server.storage.blocks import MAGIC
from pointguard_server.storage.database import open_writer
from pointguard_server.storage.journal import JournalDamaged
from pointguard_server.storage.journaled_ledger import JOURNAL, recover
from pointguard_server.storage.sqlite_ledger import SqliteLedger
from tests.integration.audit import audit
from tests.integration.test_fraud_rules import burn
from tests.integration.test_storage_failures import FailingConnection
from tests.support.ledger import Ledger

NewLedger = Callable[..., Ledger]


@pytest.fixture
def ledger(new_ledger: NewLedger) -> Ledger:
    """A ledger with a journal, which is far behind unless somebody asks, and with a few members."""
    ledger = new_ledger(journaled=True)
    for _ in range(3):
        ledger.member(1_000)
    assert ledger.journal is not None
    ledger.journal._direct_until = 0.0
    return ledger


@contextmanager
def behind(ledger: Ledger) -> Iterator[None]:
    """Keep the database from having anything new while the block runs."""
    assert ledger.journal is not None
    with ledger.journal.projector.lock:
        yield


def test_a_batch_is_answered_before_the_database_has_it(ledger: Ledger) -> None:
    before = len(ledger.rows("legs"))
    with behind(ledger):
        assert ledger.authorise(1, 400).posted == 600
        assert ledger.journal is not None
        assert ledger.journal.projector.behind_legs == 1
    assert len(ledger.rows("legs")) == before + 1
    audit(ledger)


def test_a_key_is_known_and_a_reservation_is_found_while_the_database_is_behind(ledger: Ledger) -> None:
    with behind(ledger):
        ask = ledger.authorise_ask(1, 10, capture=False)
        first = ledger.one(ask)
        again = ledger.one(ask)
        assert (again.replayed, again.transaction_id, again.posted) == (True, first.transaction_id, first.posted)
        reused = ledger.one(ledger.authorise_ask(1, 11, key="mine"))
        assert reused.outcome == Outcome.DONE
        assert ledger.one(ledger.authorise_ask(2, 12, key="mine")).outcome == Outcome.KEY_REUSED
        assert ledger.capture(first).posted == again.posted - 10 - 11
        assert ledger.capture(first).outcome == Outcome.RESERVATION_ENDED
        assert ledger.one(ledger.end_ask(Operation.VOID, bytes(16))).outcome == Outcome.RESERVATION_UNKNOWN
    audit(ledger)


def test_an_account_that_memory_lost_is_read_with_what_was_behind(ledger: Ledger) -> None:
    ledger.authorise(1, 300)
    ledger.restart_decider()
    assert ledger.balance(1).posted == 700


def test_an_account_is_read_as_of_one_moment_though_the_database_catches_up_meanwhile(
    new_ledger: NewLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = new_ledger(journaled=True, rules=burn(threshold=1))
    account = ledger.member(100)
    assert ledger.journal is not None
    ledger.journal._direct_until = 0.0
    ledger.authorise(account, 1)
    ledger.journal.projector.catch_up()
    assert ledger.authorise(account, 1).decision == Decision.DECLINED
    ledger.restart_decider()
    reader, projector = ledger.journal._reader._histories, ledger.journal.projector
    read_legs, behind_when_read = reader._read_legs, []

    def read_legs_and_lose_a_race(*arguments: Any) -> Any:
        legs = read_legs(*arguments)
        behind_when_read.append(projector.behind_legs)
        projector.catch_up()
        return legs

    monkeypatch.setattr(reader, "_read_legs", read_legs_and_lose_a_race)
    assert len(ledger.check(account).advice) == 1
    assert behind_when_read == [1]


def test_an_enrollment_follows_what_was_behind_it_and_is_followed(ledger: Ledger) -> None:
    for _ in range(3):
        ledger.authorise(1, 1)
        verdicts = ledger.decide(ledger.authorise_ask(2, 1), ledger.enroll_ask(f"new {_}"), ledger.authorise_ask(3, 1))
        assert {verdict.decision for verdict in verdicts} == {Decision.APPROVED}
    assert ledger.balance(3).posted == 997
    audit(ledger)


def test_steps_after_an_enrollment_that_had_to_wait_go_to_the_database_for_a_while(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ledger.journal is not None
    monkeypatch.setattr(journaled_ledger, "DIRECT_FOR", 10_000)
    ledger.authorise(1, 1)
    ledger.member()
    with closing(sqlite3.connect(ledger.path)) as reader:
        count = "SELECT count(*) FROM legs"
        (before,) = reader.execute(count).fetchone()
        ledger.authorise(1, 1)
        assert reader.execute(count).fetchone() == (before + 1,)
        ledger.journal._direct_until = 0.0
        ledger.authorise(1, 1)
        assert ledger.journal.projector.behind_legs == 1
    audit(ledger)


# ------------------------------------------------------------------------------------------------------------ recovery


def recovered(ledger: Ledger, folder: Path) -> tuple[int, list[dict[str, Any]]]:
    """What another process finds in a copy of the ledger's files: how many legs it brought in, and all legs then."""
    with ledger_files(ledger, folder) as (connection, database):
        count = recover(database, folder)
        connection.row_factory = sqlite3.Row
        return count, [dict(row) for row in connection.execute("SELECT * FROM legs ORDER BY position")]


@contextmanager
def ledger_files(ledger: Ledger, folder: Path) -> Iterator[tuple[sqlite3.Connection, SqliteLedger]]:
    folder.joinpath(JOURNAL).mkdir(parents=True)
    names = ("ledger.sqlite3", "ledger.sqlite3-wal", *(f"{JOURNAL}/{path.name}" for path in journal_files(ledger)))
    for name in names:
        folder.joinpath(name).write_bytes(ledger.directory.joinpath(name).read_bytes())
    with closing(open_writer(folder / "ledger.sqlite3")) as connection:
        yield connection, SqliteLedger(connection, ledger.names, 1)


def journal_files(ledger: Ledger) -> list[Path]:
    return sorted((ledger.directory / JOURNAL).iterdir())


def test_a_process_that_was_killed_is_followed_by_one_that_finds_everything(ledger: Ledger, tmp_path: Path) -> None:
    ledger.catch_up()
    with behind(ledger):
        for number in range(20):
            ledger.decide(ledger.authorise_ask(1, 1), ledger.accrue_ask(2, 1_000 + number))
        count, legs = recovered(ledger, tmp_path / "copy")
        assert count == 40
    assert legs == ledger.rows("legs")
    assert list((tmp_path / "copy" / JOURNAL).iterdir()) == []


def test_what_the_database_has_already_is_not_brought_in_again(ledger: Ledger, tmp_path: Path) -> None:
    ledger.authorise(1, 1)
    ledger.catch_up()
    with behind(ledger):
        assert recovered(ledger, tmp_path / "copy")[0] == 0


def test_a_journal_that_goes_on_elsewhere_than_the_database_ends_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    with behind(ledger):
        for _ in range(3):
            ledger.authorise(1, 1)
        with ledger_files(ledger, tmp_path / "copy") as (_, database):
            (segment,) = [path for path in (tmp_path / "copy" / JOURNAL).iterdir() if MAGIC in path.read_bytes()]
            data = segment.read_bytes()
            last = data.rindex(MAGIC)
            segment.write_bytes(data[: data.rindex(MAGIC, 0, last)] + data[last:])
            with pytest.raises(JournalDamaged, match=r"batch \d+ does not follow batch"):
                recover(database, tmp_path / "copy")


# ------------------------------------------------------------------------------------------------------------ failures


@pytest.fixture
def failing(ledger: Ledger) -> FailingConnection:
    """The connection that the database is written by."""
    connection = FailingConnection(ledger.connection)
    ledger.database._connection = connection
    return connection


def redeem_until_refused(ledger: Ledger) -> int:
    """Redeem a point at a time; return how many were taken."""
    for done in range(1_000):
        try:
            ledger.authorise(1, 1)
        except StorageUnavailable:
            return done
    raise AssertionError("it does not end")


def test_a_database_that_cannot_be_written_holds_nothing_up_until_too_much_is_behind(
    ledger: Ledger, failing: FailingConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projector, "BEHIND_BYTES_MAX", 20_000)
    failing.failing = "INSERT INTO legs"
    done = redeem_until_refused(ledger)
    assert 10 < done < 100
    assert ledger.balance(1).posted == 1_000 - done, "what was refused was not done, and reading needs no room"
    failing.failing = ""
    assert ledger.authorise(1, 1).posted == 1_000 - done - 1
    assert len(ledger.legs(1)) == 2 + done + 1
    audit(ledger)


def test_an_enrollment_is_refused_while_the_database_cannot_be_written(
    ledger: Ledger, failing: FailingConnection
) -> None:
    failing.failing = "INSERT INTO legs"
    ledger.authorise(1, 1)
    with pytest.raises(StorageUnavailable):
        ledger.member()
    assert ledger.authorise(1, 1).posted == 998
    failing.failing = ""
    assert ledger.balance(ledger.member()).posted == 0
    audit(ledger)


def test_rows_that_clash_behind_the_journal_stop_the_ledger(ledger: Ledger, failing: FailingConnection) -> None:
    assert ledger.journal is not None
    stopped = threading.Event()
    ledger.journal.projector.on_broken = stopped.set
    failing.failing, failing.error = "INSERT INTO legs", sqlite3.IntegrityError("UNIQUE constraint failed")
    ledger.authorise(1, 1)
    assert stopped.wait(10)
    with pytest.raises(StorageBroken):
        ledger.authorise(1, 1)


def test_a_failed_flush_of_the_database_stops_the_ledger(
    ledger: Ledger, failing: FailingConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ledger.journal is not None
    monkeypatch.setattr(projector, "CHECKPOINT_LEGS", 1)
    stopped = threading.Event()
    ledger.journal.projector.on_broken = stopped.set
    failing.failing, failing.error = "PRAGMA wal_checkpoint", sqlite3.OperationalError("disk I/O error")
    failing.error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
    ledger.authorise(1, 1)
    assert stopped.wait(10)
    assert ledger.journal.projector.broken


def test_a_defect_in_the_projector_stops_the_ledger_and_does_not_leave_it_waiting(
    ledger: Ledger, failing: FailingConnection
) -> None:
    assert ledger.journal is not None
    stopped = threading.Event()
    ledger.journal.projector.on_broken = stopped.set
    failing.failing, failing.error = "INSERT INTO legs", ZeroDivisionError("a defect")  # type: ignore[assignment]
    ledger.authorise(1, 1)
    assert stopped.wait(10)
    with pytest.raises(StorageBroken):
        ledger.journal.projector.catch_up()


def test_closing_brings_all_into_the_database_and_leaves_no_journal(new_ledger: NewLedger) -> None:
    ledger = new_ledger(journaled=True)
    account = ledger.member(100)
    ledger.authorise(account, 1)
    assert ledger.journal is not None
    ledger.journal.close()
    ledger.journal = None
    assert journal_files(ledger) == []
    with closing(sqlite3.connect(ledger.path)) as reader:
        assert reader.execute("SELECT max(seq) FROM legs WHERE account_id = ?", (account,)).fetchone() == (3,)
