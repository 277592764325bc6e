"""A ledger store on PostgreSQL whose connection is lost goes on only where the ledger ends as it left it."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pointguard_server.domain.errors import StorageBroken, StorageUnavailable
from pointguard_server.storage.connections import DatabaseFailure
from pointguard_server.storage.postgres_ledger import PostgresLedger
from tests.contract.test_ledger_store import open_postgres
from tests.support.ledger_rows import append, batch


@pytest.fixture
def store(postgres_url: str, tmp_path: Path) -> Iterator[PostgresLedger]:
    """A store that has been given two batches."""
    with open_postgres(tmp_path, postgres_url) as open_store:
        opened = open_store()
        assert isinstance(opened, PostgresLedger)
        with psycopg.connect(postgres_url) as connection:
            connection.execute("INSERT INTO writers (writer_id, started_at) VALUES (1, 1)")
            assert connection.execute("SELECT max(writer_epoch) FROM writers").fetchone() == (opened.writer_epoch,)
        opened.heads()
        for seq in (1, 2):
            append(opened, {"seq": seq})
        yield opened


def lose_connection(store: PostgresLedger) -> None:
    store._connection._drop()


def lose_newest_batch(url: str) -> None:
    """Leave the database as a standby is that took over without it."""
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")  # no trigger
        connection.execute("DELETE FROM legs WHERE batch_id = (SELECT max(batch_id) FROM batches)")
        connection.execute("DELETE FROM batches WHERE batch_id = (SELECT max(batch_id) FROM batches)")


def test_a_store_whose_connection_was_lost_goes_on(store: PostgresLedger) -> None:
    lose_connection(store)
    append(store, {"seq": 3})
    assert store.heads().position == 3


def test_what_was_answered_and_is_not_there_any_more_is_not_written_after(
    store: PostgresLedger, postgres_url: str
) -> None:
    lose_newest_batch(postgres_url)
    lose_connection(store)
    for _ in range(2):
        with pytest.raises(StorageBroken):
            store.begin()


@pytest.mark.parametrize("is_done", [True, False])
def test_a_commit_that_nobody_heard_the_end_of_may_have_been_done_or_not(
    store: PostgresLedger, monkeypatch: pytest.MonkeyPatch, is_done: bool
) -> None:
    run, connection = store._connection._run, store._connection

    def lose_at_commit(statement: str, values: object) -> object:
        if statement != "COMMIT":
            return run(statement, values)
        if is_done:
            run(statement, values)
        lose_connection(store)
        raise DatabaseFailure("the connection was lost")

    heads = store.heads()
    store.begin()
    store.append(batch(heads, {"seq": 3}))
    with monkeypatch.context() as patched:
        patched.setattr(connection, "_run", lose_at_commit)
        with pytest.raises(StorageUnavailable):
            store.commit()
    store.rollback()
    store.begin()
    assert store.heads().position == 2 + is_done
    store.rollback()
    append(store, {"seq": 3 + is_done})
    assert store.heads().position == 3 + is_done
