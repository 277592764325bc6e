"""PostgreSQL's connections: statements as they are said there, steps that are lost, and whom a database takes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from pointguard_server.data_directory import DataDirectory
from pointguard_server.service.vault import MemberVault
from pointguard_server.settings import SettingsError, read_settings
from pointguard_server.storage import postgres
from pointguard_server.storage.connections import DatabaseFailure
from pointguard_server.storage.directory import Directory
from pointguard_server.storage.keyring import KeyRing
from pointguard_server.storage.postgres import (
    DatabaseInUse,
    DatabaseUnfit,
    PostgresConnection,
    PostgresDatabase,
    translated,
)
from pointguard_server.storage.postgres_ledger import PostgresLedger
from tests.support.ledger_rows import append
from tests.support.postgres import PostgresCluster, postgres_cluster, postgres_url

__all__ = ["postgres_cluster", "postgres_url"]

ADD = "INSERT INTO properties (name, value) VALUES (?, ?)"
COUNT = "SELECT count(*) FROM properties"


@pytest.fixture
def connection(postgres_url: str) -> Iterator[PostgresConnection]:
    with closing(PostgresConnection(postgres_url)) as opened:
        yield opened


@pytest.fixture
def cut(postgres_cluster: PostgresCluster) -> Callable[[PostgresConnection], None]:
    """Ends a connection from outside, as a database that is restarted does."""

    def end(connection: PostgresConnection) -> None:
        process_id = connection.driver.info.backend_pid
        postgres_cluster.execute(f"SELECT pg_terminate_backend({process_id}, 5000)")

    return end


# --------------------------------------------------------------------------------------------------------- statements


@pytest.mark.parametrize(
    ("statement", "expected", "places"),
    [
        ("SELECT ? WHERE a = ?", "SELECT %s WHERE a = %s", None),
        ("SELECT ?2, ?1 WHERE a = ?2", "SELECT %s, %s WHERE a = %s", (1, 0, 1)),
        ("SELECT :one, a::bigint, ':two' WHERE b = :one", "SELECT %(one)s, a::bigint, ':two' WHERE b = %(one)s", None),
        ("SELECT 5 % 2, '%?'", "SELECT 5 %% 2, '%%?'", None),
        ("SELECT a FROM legs INDEXED BY legs_key WHERE b", "SELECT a FROM legs  WHERE b", None),
        ("BEGIN IMMEDIATE", "BEGIN", None),
    ],
)
def test_statements_are_said_as_the_driver_takes_them(
    statement: str, expected: str, places: tuple[int, ...] | None
) -> None:
    assert translated(statement) == (expected, places)


def test_values_of_every_kind_come_back_as_they_went(connection: PostgresConnection) -> None:
    values = (2**62, -(2**63), "Zoë's % ?", bytes(range(256)), None)
    row = connection.execute("SELECT ?2, ?1, CAST(?3 AS TEXT), ?4, CAST(?5 AS TEXT), ?1", values).fetchone()
    assert row == (values[1], values[0], *values[2:], values[0])


def test_a_small_number_is_as_wide_as_a_large_one(connection: PostgresConnection) -> None:
    assert connection.execute("SELECT ? << 32", (7,)).fetchone() == (7 << 32,)


async def test_readers_read_and_can_do_nothing_else(connection: PostgresConnection, postgres_url: str) -> None:
    connection.execute(ADD, ("a", "b"))
    readers = postgres.open_readers(postgres_url)
    async with readers.connect() as reader:
        found = await reader.exec_driver_sql("SELECT value, ?2 << 32, ?2 FROM properties WHERE name = ?1", ("a", 7))
        assert [tuple(row) for row in found] == [("b", 7 << 32, 7)]
        with pytest.raises(Exception, match="read-only"):
            await reader.exec_driver_sql(ADD, ("c", "d"))
    await readers.dispose()


# -------------------------------------------------------------------------------------------------------------- steps


def test_a_step_whose_connection_is_lost_fails_to_its_end_and_the_next_one_goes_on(
    connection: PostgresConnection, cut: Callable[[PostgresConnection], None]
) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(ADD, ("lost", ""))
    cut(connection)
    for _ in range(2):
        with pytest.raises(DatabaseFailure):
            connection.execute(ADD, ("in no step", ""))
    with pytest.raises(DatabaseFailure):
        connection.execute("COMMIT")
    connection.rollback()
    assert not connection.in_transaction
    assert connection.execute(COUNT).fetchone() == (0,)
    connection.execute("BEGIN")
    connection.execute(ADD, ("kept", ""))
    connection.execute("COMMIT")
    assert connection.execute(COUNT).fetchone() == (1,)


def test_nobody_hears_of_a_connection_that_was_lost_between_two_steps(
    connection: PostgresConnection, cut: Callable[[PostgresConnection], None]
) -> None:
    cut(connection)
    connection.execute("BEGIN")
    connection.execute(ADD, ("kept", ""))
    connection.execute("COMMIT")
    assert (connection.execute(COUNT).fetchone(), connection.connects) == ((1,), 2)


def test_a_step_of_which_a_statement_failed_is_not_taken_for_committed(connection: PostgresConnection) -> None:
    connection.execute(ADD, ("a", ""))
    connection.execute("BEGIN")
    with pytest.raises(DatabaseFailure, match="UniqueViolation") as failed:
        connection.execute(ADD, ("a", ""))
    assert failed.value.clashes
    with pytest.raises(DatabaseFailure, match="a statement of the step had failed"):
        connection.execute("COMMIT")
    assert not connection.in_transaction
    connection.execute(ADD, ("b", ""))


def test_a_failure_says_nothing_of_the_values(connection: PostgresConnection) -> None:
    connection.execute(ADD, ("secret", ""))
    with pytest.raises(DatabaseFailure) as failed:
        connection.execute(ADD, ("secret", ""))
    assert "secret" not in str(failed.value)


def test_what_is_rolled_back_twice_or_where_nothing_was_begun_leaves_the_connection_as_it_is(
    connection: PostgresConnection,
) -> None:
    connection.rollback()
    connection.execute("BEGIN")
    connection.rollback()
    connection.rollback()
    assert connection.connects == 1


# ------------------------------------------------------------------------------------------------- whom it is served by


def test_servers_share_a_database_and_a_step_waits_for_that_of_another(postgres_url: str) -> None:
    with (
        closing(PostgresDatabase(postgres_url)) as first,
        closing(PostgresDatabase(postgres_url)) as second,
        closing(first.open_lookup()) as lookup,
    ):
        with pytest.raises(DatabaseFailure):
            lookup.execute(ADD, ("a", "b"))
        first.connection.execute("BEGIN IMMEDIATE")
        first.connection.execute(ADD, ("mine", ""))
        counted: list[tuple[int]] = []

        def step() -> None:
            second.connection.execute("BEGIN IMMEDIATE")
            counted.append(second.connection.execute(COUNT).fetchone())
            second.connection.execute("COMMIT")

        waits = threading.Thread(target=step)
        waits.start()
        # Whoever only reads waits for nobody.
        assert lookup.execute(COUNT).fetchone() == (0,)
        waits.join(0.2)
        assert waits.is_alive()
        first.connection.execute("COMMIT")
        waits.join()
        assert counted == [(1,)]


def test_a_step_that_waits_for_too_long_fails_and_leaves_nothing_behind(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "SESSION", (*postgres.SESSION, "SET lock_timeout = 100"))
    with closing(PostgresConnection(postgres_url)) as first, closing(PostgresConnection(postgres_url)) as second:
        first.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseFailure, match="LockNotAvailable"):
            second.execute("BEGIN IMMEDIATE")
        assert not second.in_transaction
        first.execute("COMMIT")
        second.execute("BEGIN IMMEDIATE")
        second.rollback()
        assert second.connects == 1


def test_a_server_that_stops_in_the_midst_of_a_step_keeps_the_others_waiting_for_a_while_only(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = (*postgres.SESSION, "SET idle_in_transaction_session_timeout = 200")
    with closing(PostgresConnection(postgres_url)) as other:
        monkeypatch.setattr(postgres, "SESSION", settings)
        with closing(PostgresConnection(postgres_url)) as stopped:
            stopped.execute("BEGIN IMMEDIATE")
            stopped.execute(ADD, ("lost", ""))
            other.execute("BEGIN IMMEDIATE")
            assert other.execute(COUNT).fetchone() == (0,)
            other.execute("COMMIT")
            with pytest.raises(DatabaseFailure):
                stopped.execute("COMMIT")
            stopped.rollback()
            assert stopped.execute(COUNT).fetchone() == (0,)


def test_a_server_of_an_earlier_release_has_the_database_to_itself_until_it_ends(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as earlier:
        earlier.execute(postgres.TAKE_TURN.replace("_xact_", "_").encode())
        with monkeypatch.context() as patched:
            patched.setattr(postgres, "SESSION", (*postgres.SESSION, "SET lock_timeout = 100"))
            with pytest.raises(DatabaseInUse):
                PostgresDatabase(postgres_url)
        ends = threading.Timer(0.2, earlier.close)
        ends.start()
        PostgresDatabase(postgres_url).close()
        ends.join()


def test_one_of_those_that_share_a_database_is_on_duty_and_another_one_when_it_is_gone(postgres_url: str) -> None:
    with closing(PostgresDatabase(postgres_url)) as database:
        first, second = database.duty(), database.duty()
        assert [first.take(), second.take(), first.take(), second.take()] == [True, False, True, False]
        first.close()
        assert [second.take(), first.take()] == [True, False]
        assert second._connection is not None
        second._connection._drop()
        assert first.take(), "the lock is free once the connection is gone"
        assert not second.take()
        first.close()
        second.close()


def test_a_ledger_in_postgresql_keeps_its_key_ring_in_the_data_directory_and_does_not_open_without(
    postgres_cluster: PostgresCluster, tmp_path: Path
) -> None:
    url = postgres_cluster.empty_database().replace("postgresql://", "postgresql+asyncpg://")
    with DataDirectory(tmp_path / "first", url) as first:
        first.bind_tenant(1)
        assert sorted(each.name for each in (tmp_path / "first").glob("*.*")) == ["keyring.json", "keyring.json.lock"]
    with pytest.raises(FileNotFoundError, match=r"keyring\.json is missing"):
        DataDirectory(tmp_path / "second", url)
    with DataDirectory(tmp_path / "first", url) as again:
        again.bind_tenant(1)


def test_a_server_that_lost_its_connection_goes_on_behind_what_another_one_has_written_meanwhile(
    postgres_url: str, tmp_path: Path, cut: Callable[[PostgresConnection], None]
) -> None:
    names = Directory(MemberVault(KeyRing.open_or_create(tmp_path / "keyring.json")))
    with closing(PostgresDatabase(postgres_url)) as mine, closing(PostgresDatabase(postgres_url)) as other:
        assert isinstance(mine.connection, PostgresConnection)
        ledger, of_other = PostgresLedger(mine.connection, names, 1), PostgresLedger(other.connection, names, 2)
        append(ledger, {"seq": 1})
        cut(mine.connection)
        append(of_other, {"seq": 2})
        append(ledger, {"seq": 3})
        assert ledger.heads() == of_other.heads()
        assert ledger.heads().position == 3


@pytest.mark.parametrize(("options", "problem"), [("ENCODING 'SQL_ASCII' TEMPLATE template0", "encoding is SQL_ASCII")])
def test_a_database_that_cannot_hold_a_ledger_is_refused(
    postgres_cluster: PostgresCluster, options: str, problem: str
) -> None:
    postgres_cluster.execute(f"CREATE DATABASE unfit {options}")
    with pytest.raises(DatabaseUnfit, match=problem):
        PostgresDatabase(postgres_cluster.url("unfit"))
    postgres_cluster.execute("DROP DATABASE unfit WITH (FORCE)")


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("140009, 'UTF8', 'on', 'on', false", "PostgreSQL must be 15 or later"),
        ("150000, 'UTF8', 'off', 'on', false", "fsync is off"),
        ("150000, 'UTF8', 'on', 'off', false", "full_page_writes is off"),
        ("150000, 'UTF8', 'on', 'on', true", "it is a standby"),
    ],
)
def test_a_database_that_could_lose_what_was_answered_or_cannot_be_written_is_refused(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, settings: str, problem: str
) -> None:
    monkeypatch.setattr(postgres, "READ_SETTINGS", f"SELECT {settings}")
    with pytest.raises(DatabaseUnfit, match=problem):
        PostgresDatabase(postgres_url)
    monkeypatch.undo()
    PostgresDatabase(postgres_url).close()


def test_a_database_that_is_not_there_is_refused_without_a_word_of_its_url(postgres_cluster: PostgresCluster) -> None:
    with pytest.raises(DatabaseUnfit) as refused:
        PostgresDatabase(postgres_cluster.url("secret"))
    assert "secret" not in str(refused.value)
    with pytest.raises(DatabaseUnfit, match="URL cannot be read"):
        PostgresDatabase("postgresql://host/database?unknown=1")


@pytest.mark.parametrize("url", ["sqlite:///ledger", "mysql://host/ledger", "host/ledger", "postgresql:host"])
def test_a_url_of_no_postgresql_is_refused_before_anything_is_opened(url: str) -> None:
    with pytest.raises(SettingsError, match="--database must begin with one of postgresql, "):
        read_settings(("--sandbox", "--database", url), {})


def test_a_database_is_given_by_option_or_environment_and_is_none_by_default() -> None:
    url = "postgresql+asyncpg://user@host/ledger"
    assert read_settings(("--sandbox",), {})[0].database == ""
    assert read_settings(("--sandbox",), {"POINTGUARD_DATABASE": url})[0].database == url
    assert read_settings(("--sandbox", "--database", url), {})[0].database == url


def test_answers_wait_for_the_disk_whatever_the_roles_default_is(
    postgres_cluster: PostgresCluster, postgres_url: str
) -> None:
    postgres_cluster.execute("ALTER ROLE owner SET synchronous_commit = off")
    with closing(PostgresConnection(postgres_url)) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
    postgres_cluster.execute("ALTER ROLE owner SET synchronous_commit = remote_apply")
    with closing(PostgresConnection(postgres_url)) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("remote_apply",)
    postgres_cluster.execute("ALTER ROLE owner RESET synchronous_commit")
