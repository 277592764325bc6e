"""The tables as the migrations make them: equal to what the code queries, and closed to change where they only grow."""

# ruff: noqa: S608  (the statements are made of the names of our own tables)

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from pointguard_server.domain.ledger_rows import (
    ADVICE_FIELDS,
    ENTRY_FIELDS,
    ID_FIELDS,
    LEG_FIELDS,
    LEG_FIELDS_ADDED,
)
from pointguard_server.engine import rows
from pointguard_server.storage import tables
from pointguard_server.storage.database import migrate, open_writer

LEDGER = {
    # What it got later stands behind its texts.
    "legs": (*LEG_FIELDS[: -len(LEG_FIELDS_ADDED)], "currency", "order_reference", "record", *LEG_FIELDS_ADDED),
    "entries": ENTRY_FIELDS,
    "advice": ADVICE_FIELDS,
}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database."""
    path = tmp_path_factory.mktemp("database") / "ledger.sqlite3"
    migrate(path)
    return path


@pytest.fixture
def writer(path: Path) -> Iterator[sqlite3.Connection]:
    """The writer's connection, in a transaction that is undone."""
    with closing(open_writer(path)) as connection:
        connection.execute("BEGIN")
        yield connection
        connection.execute("ROLLBACK")


def columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def insert_one(connection: sqlite3.Connection, table: str) -> None:
    """Insert a row of ones, whatever the columns are."""
    names = columns(connection, table)
    marks = ", ".join("?" * len(names))
    connection.execute(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", [1] * len(names))


@pytest.mark.parametrize("table", tables.metadata.tables)
def test_a_migrated_tables_columns_are_those_of_the_code_in_the_same_order(
    writer: sqlite3.Connection, table: str
) -> None:
    assert columns(writer, table) == [column.name for column in tables.metadata.tables[table].columns]


@pytest.mark.parametrize("table", LEDGER)
def test_a_ledger_tables_columns_are_the_fields_of_its_rows_in_the_same_order(
    writer: sqlite3.Connection, table: str
) -> None:
    assert tuple(columns(writer, table)) == LEDGER[table]


def test_the_migrations_leave_nothing_to_be_done(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
    engine.dispose()


def test_no_table_is_unknown_to_the_code(writer: sqlite3.Connection) -> None:
    made = {name for (name,) in writer.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert made == {*tables.metadata.tables, "alembic_version"}


def test_migrating_twice_changes_nothing(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        before = connection.execute("SELECT * FROM sqlite_master ORDER BY name").fetchall()
        migrate(path)
        assert connection.execute("SELECT * FROM sqlite_master ORDER BY name").fetchall() == before


@pytest.mark.parametrize("table", tables.APPEND_ONLY)
@pytest.mark.parametrize("change", ["UPDATE", "DELETE", "REPLACE", "UPSERT"])
def test_a_row_of_a_table_that_only_grows_cannot_be_changed_or_removed(
    writer: sqlite3.Connection, table: str, change: str
) -> None:
    insert_one(writer, table)
    names = columns(writer, table)
    ones = ", ".join("1" * len(names))
    statement = {
        "UPDATE": f"UPDATE {table} SET {names[-1]} = 2",
        "DELETE": f"DELETE FROM {table}",
        "REPLACE": f"INSERT OR REPLACE INTO {table} ({', '.join(names)}) VALUES ({ones})",
        "UPSERT": f"INSERT INTO {table} ({', '.join(names)}) VALUES ({ones}) ON CONFLICT DO UPDATE SET {names[-1]} = 2",
    }[change]
    with pytest.raises(sqlite3.IntegrityError, match=f"{table} only grows"):
        writer.execute(statement)
    assert writer.execute(f"SELECT * FROM {table}").fetchall()[-1][-1] in (1, "1", b"1")


def test_every_table_of_the_hot_path_only_grows() -> None:
    assert {*LEDGER, "batches", "writers"} <= set(tables.APPEND_ONLY)


@pytest.mark.parametrize("row", ["LEG", "ENTRY", "ADVICE"])
def test_the_kernels_rows_have_the_bytes_of_the_databases(row: str) -> None:
    names = {"LEG": LEG_FIELDS, "ENTRY": ENTRY_FIELDS, "ADVICE": ADVICE_FIELDS}[row]
    dtype = getattr(rows, row)
    halves = [half for name in names for half in halves_of(name)]
    assert list(dtype.names) == halves
    assert dtype.itemsize == 8 * len(halves)
    if row != "ENTRY":
        as_columns = getattr(rows, f"{row}_COLUMNS")
        assert as_columns.names == names
        assert as_columns.itemsize == dtype.itemsize


def halves_of(name: str) -> tuple[str, ...]:
    """A field as the kernel has it: an id is two integers."""
    return (f"{name}_high", f"{name}_low") if name in (*ID_FIELDS, "advice_id") else (name,)
