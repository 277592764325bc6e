"""A real PostgreSQL for tests: a cluster of the session's own in a folder that goes away, a database for each test.

It listens on a Unix socket alone. Where there is no PostgreSQL, tests that want it are skipped, but not in CI. A room
that wants it imports ``postgres_cluster`` in its ``conftest.py``.
"""

import itertools
import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from pointguard_server.storage import tables
from pointguard_server.storage.postgres import PostgresDatabase
from tests.support.databases import empty_database

START_SECONDS_MAX = 30.0
USERS = ("postgres", "nobody")
"""Of these the first that there is runs it, where the tests run as root: PostgreSQL refuses to."""


def binaries() -> Path | None:
    """Return the folder of the newest PostgreSQL of this machine; None if it has none."""
    found = [*Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if found:
        return max(found, key=lambda each: int(each.parts[-3])).parent
    on_path = shutil.which("postgres")
    return Path(on_path).resolve().parent if on_path else None


def _owner() -> pwd.struct_passwd | None:
    """Return whom it must run as, if not as whoever runs the tests."""
    if os.geteuid() != 0:
        return None
    known = {each.pw_name: each for each in pwd.getpwall()}
    return next(known[name] for name in USERS if name in known)


class PostgresCluster:
    """A running PostgreSQL."""

    def __init__(self, folder: Path, tools: Path) -> None:
        self.folder, self._tools = folder, tools
        self._data = folder / "data"
        self._owner = _owner()
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        self._spare: list[str] = []
        if self._owner is not None:
            shutil.chown(folder, self._owner.pw_uid, self._owner.pw_gid)
        self._run("initdb", "--pgdata", str(self._data), "--username=owner", "--auth=trust", "--encoding=UTF8",
                  "--locale=C", "--no-sync")  # fmt: skip

    def _as_owner(self) -> dict[str, object]:
        if self._owner is None:
            return {}
        return {"user": self._owner.pw_uid, "group": self._owner.pw_gid, "extra_groups": []}

    def _run(self, tool: str, *options: str) -> None:
        subprocess.run(
            [self._tools / tool, *options], check=True, capture_output=True, cwd=self.folder, **self._as_owner(),  # type: ignore[call-overload]
        )  # fmt: skip

    def url(self, database: str = "postgres", user: str = "owner") -> str:
        """Return the URL of a database."""
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def copy(self, url: str, path: Path) -> Path:
        """Copy a ledger into a file of SQLite's, for those who read one; return the path."""
        path.write_bytes(empty_database())
        with closing(sqlite3.connect(path)) as copy, copy, psycopg.connect(url) as connection:
            for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE name LIKE '%_is_a_change'").fetchall():
                copy.execute(f"DROP TRIGGER {name}")  # what it would write is copied
            for name, table in tables.metadata.tables.items():
                columns = ", ".join(column.name for column in table.columns)
                rows = connection.execute(f"SELECT {columns} FROM {name}".encode()).fetchall()  # noqa: S608
                copy.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(table.columns))})", rows)  # noqa: S608
        return path

    def start(self) -> None:
        """Start, or start again, and return when connections are taken."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # type: ignore[call-overload]
                [self._tools / "postgres", "-D", self._data, "-k", self.folder, "-c", "listen_addresses="],
                stdout=log, stderr=log, cwd=self.folder, **self._as_owner(),
            )  # fmt: skip
        give_up = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                psycopg.connect(self.url()).close()
            except psycopg.OperationalError:
                assert time.monotonic() < give_up, (self.folder / "log").read_text()
                time.sleep(0.02)
            else:
                return

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End it: all connections are cut. With ``SIGQUIT`` as a power cut would, but for what is in the page cache."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(START_SECONDS_MAX)
            self._process = None

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement by a connection of its own, and return its rows if it has some."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def empty_database(self) -> str:
        """Make a database without tables, and return its URL."""
        name = f"empty{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    @contextmanager
    def ledger(self) -> Iterator[str]:
        """Lend a database with the ledger's tables, all empty: its URL. To empty one takes less than to make one."""
        if not self._spare:
            self._spare.append(self.empty_database())
            database = PostgresDatabase(self._spare[-1])
            database.open()
            database.close()
        url = self._spare.pop()
        yield url
        with psycopg.connect(url) as connection:
            connection.execute("SET session_replication_role = replica")  # no trigger, no foreign key
            for table in tables.metadata.tables:
                connection.execute(f"DELETE FROM {table}".encode())  # noqa: S608
            connection.execute("SELECT setval(quote_ident(sequencename)::regclass, 1, false) FROM pg_sequences")
        self._spare.append(url)


@contextmanager
def running_postgres() -> Iterator[PostgresCluster]:
    """A cluster that runs while the block does."""
    tools = binaries()
    if tools is None:
        if os.environ.get("CI"):
            pytest.fail("CI has to have PostgreSQL")
        pytest.skip("there is no PostgreSQL on this machine (on Debian: apt-get install postgresql)")
    # A socket's path may have 107 bytes, which pytest's own folders leave too few of.
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        cluster = PostgresCluster(Path(name), tools)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop(signal.SIGQUIT)


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[PostgresCluster]:
    """A cluster that all tests of the session share."""
    with running_postgres() as cluster:
        yield cluster


@pytest.fixture
def postgres_url(postgres_cluster: PostgresCluster) -> Iterator[str]:
    """A database with the ledger's tables and no rows."""
    with postgres_cluster.ledger() as url:
        yield url
