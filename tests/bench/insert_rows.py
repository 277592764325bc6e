"""The baseline of ``batch``: the rows that a run has written, into a new SQLite file, by ``executemany``.

Same schema, triggers, indexes and pragmas, and the same rows in each transaction; no gRPC, no client, no decision. All
rows are in memory before the clock starts. Started by the benchmark, it reads ``source``, ``target`` and
``after_position`` as JSON from standard input.
"""

import gc
import json
import sqlite3
import sys
import time
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from pointguard_server.storage.database import migrate, open_writer
from pointguard_server.storage.tables import advice, batches, entries, legs

Row = tuple[Any, ...]


def read_transactions(source: sqlite3.Connection, after_position: int) -> list[dict[str, list[Row]]]:
    """Return, for each batch after a position, its rows by table, in the order in which the ledger has them."""
    batch_id = legs.columns.keys().index("batch_id")
    position = itemgetter(0)
    leg_rows = source.execute("SELECT * FROM legs WHERE position > ? ORDER BY position", (after_position,)).fetchall()
    batch_of_leg = {position(row): row[batch_id] for row in leg_rows}
    by_batch = {
        key: {"legs": list(rows), "entries": [], "advice": [], "batches": []}
        for key, rows in groupby(leg_rows, itemgetter(batch_id))
    }
    for table in (entries, advice):
        leg_position = table.columns.keys().index("leg_position")
        statement = f"SELECT * FROM {table.name} WHERE leg_position > ? ORDER BY position"  # noqa: S608
        for row in source.execute(statement, (after_position,)):
            by_batch[batch_of_leg[row[leg_position]]][table.name].append(row)
    for row in source.execute("SELECT * FROM batches WHERE first_position > ?", (after_position,)):
        by_batch[row[0]]["batches"].append(row)
    return list(by_batch.values())


def insert(target: sqlite3.Connection, transactions: list[dict[str, list[Row]]]) -> float:
    """Write the transactions, each flushed, and return the seconds that it took."""
    statements = {
        table.name: f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(table.columns))})"  # noqa: S608
        for table in (legs, entries, advice, batches)
    }
    gc.freeze()
    started = time.perf_counter()
    for transaction in transactions:
        target.execute("BEGIN IMMEDIATE")
        for name, rows in transaction.items():
            target.executemany(statements[name], rows)
        target.execute("COMMIT")
    return time.perf_counter() - started


def main() -> None:
    """Do the job."""
    job = json.load(sys.stdin)
    source = sqlite3.connect(job["source"])
    transactions = read_transactions(source, job["after_position"])
    source.close()
    target_path = Path(job["target"])
    migrate(target_path)
    target = open_writer(target_path)
    cpu_started = time.process_time()
    seconds = insert(target, transactions)
    cpu_seconds = time.process_time() - cpu_started
    count = sum(len(transaction["legs"]) for transaction in transactions)
    target.close()
    answer = {
        "decisions": count,
        "transactions": len(transactions),
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "decisions_per_second": count / seconds,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
