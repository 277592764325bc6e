"""The baseline of ``batch`` must write exactly the rows of the run, in transactions of the same size."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import LargeBinary, Table, Text

from pointguard_server.storage.database import migrate, open_writer
from pointguard_server.storage.tables import advice, batches, entries, legs
from tests.bench.insert_rows import insert, read_transactions

SEEDED = 10


def row_of(table: Table, number: int, **given: Any) -> tuple[Any, ...]:
    """Return a row that differs from every other in each column that must be unique."""
    values: list[Any] = []
    for column in table.columns:
        if column.name in given:
            values.append(given[column.name])
        elif isinstance(column.type, LargeBinary):
            values.append(f"{table.name} {number}".encode().ljust(16))
        elif isinstance(column.type, Text):
            values.append("CAD")
        else:
            values.append(number)
    return tuple(values)


def fill(connection: sqlite3.Connection, leg_counts: list[int]) -> None:
    """Write batches of so many legs, each leg with two entries, every third with advice."""
    leg = 0
    for batch_id, count in enumerate(leg_counts, 1):
        rows: dict[Table, list[tuple[Any, ...]]] = {legs: [], entries: [], advice: [], batches: []}
        rows[batches].append(row_of(batches, batch_id, first_position=leg + 1, leg_count=count))
        for _ in range(count):
            leg += 1
            rows[legs].append(row_of(legs, leg, batch_id=batch_id))
            rows[entries] += [row_of(entries, number, leg_position=leg) for number in (2 * leg, 2 * leg + 1)]
            if leg % 3 == 0:
                rows[advice].append(row_of(advice, leg, leg_position=leg))
        for table, some in rows.items():
            marks = ", ".join("?" * len(table.columns))
            connection.executemany(f"INSERT INTO {table.name} VALUES ({marks})", some)  # noqa: S608
    connection.commit()


@pytest.fixture(name="source")
def filled_ledger(tmp_path: Path) -> sqlite3.Connection:
    migrate(tmp_path / "source.sqlite3")
    connection = sqlite3.connect(tmp_path / "source.sqlite3")
    fill(connection, [SEEDED, 5, 1, 7])
    return connection


def test_each_batch_of_the_run_is_one_transaction_with_all_its_rows(source: sqlite3.Connection) -> None:
    transactions = read_transactions(source, SEEDED)
    source.close()
    assert [len(transaction["legs"]) for transaction in transactions] == [5, 1, 7]
    assert [len(transaction["entries"]) for transaction in transactions] == [10, 2, 14]
    assert [len(transaction["advice"]) for transaction in transactions] == [2, 0, 2]
    assert [len(transaction["batches"]) for transaction in transactions] == [1, 1, 1]


def test_what_is_inserted_is_what_the_run_had_written(source: sqlite3.Connection, tmp_path: Path) -> None:
    migrate(tmp_path / "target.sqlite3")
    target = open_writer(tmp_path / "target.sqlite3")
    assert insert(target, read_transactions(source, SEEDED)) > 0
    for name, condition in {
        "legs": f"position > {SEEDED}",
        "entries": f"leg_position > {SEEDED}",
        "advice": f"leg_position > {SEEDED}",
        "batches": f"first_position > {SEEDED}",
    }.items():
        expected = source.execute(f"SELECT * FROM {name} WHERE {condition} ORDER BY 1").fetchall()  # noqa: S608
        assert target.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() == expected  # noqa: S608
        assert expected
    source.close()
    target.close()
