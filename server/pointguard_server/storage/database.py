"""Opening a data directory.

The lock that keeps it to one process, and its database: the migrations, and connections. For ``data_directory`` and
tools. ``postgres`` has the other kind of database.
"""

import fcntl
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pointguard_server.domain.errors import PointguardError
from pointguard_server.storage.connections import Connection

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

    from pointguard_server.service.duty import DutyLock

DATABASE_FILE = "ledger.sqlite3"
LOCK_FILE = "lock"
WRITER_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "recursive_triggers=ON",  # without it INSERT OR REPLACE goes past the triggers that refuse a delete
    "foreign_keys=ON",
    "wal_autocheckpoint=0",  # a checkpoint would hold up the batch that it falls into: see projector
    "cache_size=-32768",
    "temp_store=MEMORY",
)
LOOKUP_PRAGMAS = ("query_only=ON", "wal_autocheckpoint=0", "cache_size=-65536")
MIGRATIONS = Path(__file__).parent / "migrations"
# Each file is named by its revision.
NEWEST_REVISION = max(file.name for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))[:4]


class DirectoryInUse(PointguardError):
    """Another server uses this data directory."""

    reason = "DATA_DIRECTORY_IN_USE"

    def __init__(self, directory: Path) -> None:
        super().__init__(f"another server uses the data directory {directory}")


def lock_directory(directory: Path) -> int:
    """Make the directory, for its owner alone, and lock it until the returned file is closed.

    Raises:
        DirectoryInUse: another process holds it.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(directory / LOCK_FILE, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise DirectoryInUse(directory) from error
    return lock


def migrate(path: Path) -> None:
    """Bring the database's tables up to date, as one step, making the file if it is not there."""
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    if _revision(path) == NEWEST_REVISION:
        return
    # Imported when there is something to do: half a second and 20 MiB of each start otherwise.
    from sqlalchemy import create_engine, event

    engine = create_engine(f"sqlite:///{path}")
    # By itself the driver begins no transaction before it makes tables: who was killed would leave half of them.
    event.listen(engine, "connect", _leave_transactions_alone)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    run_migrations(engine)


def run_migrations(engine: "Engine") -> None:
    """Bring a database's tables up to date, in one transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()


def _leave_transactions_alone(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None


class Database(Protocol):
    """A ledger's database, opened by the one process that may."""

    @property
    def connection(self) -> Connection:
        """The one that writes, once the database is open. It may be used from any one thread at a time."""
        ...

    @property
    def is_new(self) -> bool:
        """Whether it has no tables yet."""
        ...

    def open(self) -> None:
        """Bring the tables up to date."""
        ...

    def open_lookup(self) -> Connection:
        """Open a connection that only reads, beside the one that writes, for any one thread at a time."""
        ...

    def open_readers(self, connections_max: int = 2) -> "AsyncEngine":
        """Return a pool of connections that only read, for the event loop."""
        ...

    def duty(self) -> "DutyLock | None":
        """Return what says which server does what one does for all; None where there can be one only."""
        ...

    def close(self) -> None:
        """Close the connection that writes."""
        ...


class SqliteDatabase:
    """Implements ``Database``: a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self.is_new = not path.exists()

    def open(self) -> None:
        """See the interface."""
        migrate(self._path)
        self._connection = open_writer(self._path)

    @property
    def connection(self) -> sqlite3.Connection:
        """See the interface."""
        assert self._connection is not None  # noqa: S101  (after ``open``)
        return self._connection

    def open_lookup(self) -> sqlite3.Connection:
        """See the interface."""
        return open_lookup(self._path)

    def open_readers(self, connections_max: int = 2) -> "AsyncEngine":
        """See the interface."""
        from pointguard_server.storage.readers import open_readers

        return open_readers(self._path, connections_max)

    def duty(self) -> None:
        """See the interface."""
        return

    def close(self) -> None:
        """See the interface."""
        if self._connection is not None:
            self._connection.close()


def _revision(path: Path) -> str | None:
    """Return up to which migration the database's tables are; None if there are none, or it cannot be read."""
    with closing(sqlite3.connect(path)) as connection, suppress(sqlite3.Error):
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(revision)
    return None


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the one connection that writes. It may be used from any one thread at a time."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=128)
    for pragma in WRITER_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def open_lookup(path: Path) -> sqlite3.Connection:
    """Open a connection that only reads, beside the one that writes. It may be used from any one thread at a time."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=128)
    for pragma in LOOKUP_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection
