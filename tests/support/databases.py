"""Databases of tests: empty, and not flushed. A test's machine loses no power, and a flush takes its time."""

import functools
import tempfile
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from pointguard_server.storage import postgres, readers
from pointguard_server.storage.connections import Connection
from pointguard_server.storage.database import migrate, open_lookup, open_writer
from pointguard_server.storage.postgres import PostgresConnection


@functools.cache
def empty_database() -> bytes:
    """Return the file of a migrated database without rows."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "empty.sqlite3"
        migrate(path)
        return path.read_bytes()


def look_up(path: Path, postgres_url: str = "") -> Connection:
    """Return a connection that only reads what the other one writes."""
    return PostgresConnection(postgres_url) if postgres_url else open_lookup(path)


def open_readers(path: Path, postgres_url: str = "") -> AsyncEngine:
    """Return connections for the event loop that only read."""
    return postgres.open_readers(postgres_url) if postgres_url else readers.open_readers(path)


def connect(path: Path, postgres_url: str = "") -> Connection:
    """Return the connection that writes: of a PostgreSQL that has the tables, or else of a new file of SQLite's."""
    if postgres_url:
        connection = PostgresConnection(postgres_url)
        connection.execute("SET synchronous_commit = off")
        return connection
    path.write_bytes(empty_database())
    writer = open_writer(path)
    writer.execute("PRAGMA synchronous=OFF")
    return writer
