"""The tables as the migrations make them on PostgreSQL: those of SQLite, and closed to change where they only grow."""

# ruff: noqa: S608  (the statements are made of the names of our own tables)

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Table, create_engine

from pointguard_server.storage import tables
from pointguard_server.storage.postgres import PostgresDatabase
from tests.support.postgres import PostgresCluster, postgres_cluster

__all__ = ["postgres_cluster"]


Writer = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(scope="module")
def url(postgres_cluster: PostgresCluster) -> str:
    """A migrated database."""
    url = postgres_cluster.empty_database()
    database = PostgresDatabase(url)
    was_new = database.is_new
    database.open()
    assert (was_new, database.is_new) == (True, False)
    database.close()
    return url


@pytest.fixture
def writer(url: str) -> Iterator[Writer]:
    """A connection, in a transaction that is undone."""
    with psycopg.connect(url) as connection:
        yield connection
        connection.rollback()


def insert_one(connection: Writer, table: Table) -> str:
    """Insert a row of ones, whatever the columns are; return the statement."""
    values = ", ".join("1" if column.type.python_type is int else "'1'" for column in table.columns)
    statement = f"INSERT INTO {table.name} VALUES ({values})"
    connection.execute(statement.encode())
    return statement


def test_the_migrations_leave_nothing_to_be_done(url: str) -> None:
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
    engine.dispose()


def test_every_table_has_the_columns_of_the_code_in_the_same_order(
    writer: Writer,
) -> None:
    found = writer.execute(
        "SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position) FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND table_name <> 'alembic_version' GROUP BY 1"
    ).fetchall()
    assert dict(found) == {
        name: [column.name for column in table.columns] for name, table in tables.metadata.tables.items()
    }


def test_migrating_twice_changes_nothing(url: str) -> None:
    database = PostgresDatabase(url)
    database.open()
    database.close()


@pytest.mark.parametrize("name", [*tables.APPEND_ONLY, "rule_set_files"])
def test_a_row_of_a_table_that_only_grows_cannot_be_changed_or_removed(writer: Writer, name: str) -> None:
    table = tables.metadata.tables[name]
    insert = insert_one(writer, table)
    last, key = list(table.columns)[-1].name, ", ".join(column.name for column in table.primary_key.columns)
    changes = (
        f"UPDATE {name} SET {last} = {last}",
        f"DELETE FROM {name}",
        f"TRUNCATE {name}",
        f"{insert} ON CONFLICT ({key}) DO UPDATE SET {last} = excluded.{last}",
    )
    for change in changes:
        with pytest.raises(psycopg.errors.RaiseException, match=f"{name} only grows"), writer.transaction():
            writer.execute(change.encode())
    assert writer.execute(f"SELECT count(*) FROM {name}".encode()).fetchone() == (1,)
