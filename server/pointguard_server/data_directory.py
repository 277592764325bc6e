"""A data directory, opened by the one process that may: its lock, keys and names, and the ledger's database.

The database is a file in it, or a PostgreSQL elsewhere.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from pointguard_server.service.vault import MemberVault
from pointguard_server.storage.connections import Connection
from pointguard_server.storage.database import DATABASE_FILE, Database, SqliteDatabase, lock_directory
from pointguard_server.storage.directory import Directory
from pointguard_server.storage.keyring import KEY_RING_FILE, KeyRing


class DataDirectory:
    """An opened data directory: the connection that writes, the directory of names and the keys.

    ``database_url`` is the database's, if it is not the file in the directory.

    Raises:
        DirectoryInUse, DatabaseInUse: another process has it.
        DatabaseUnfit: the database cannot be reached, or cannot hold a ledger.
        FileNotFoundError, ValueError: the key ring is missing, or is another ledger's.
    """

    def __init__(self, directory: Path, database_url: str = "") -> None:
        self._lock = lock_directory(directory)
        self._ring_path = directory / KEY_RING_FILE
        self.database = _database(directory, database_url)
        if not self.database.is_new and not self._ring_path.exists():
            self.database.close()
            raise FileNotFoundError(f"{self._ring_path} is missing: without it members' personal data cannot be read")
        # Before there is a database: a first start that ends between the two can be tried again.
        self.keys = KeyRing.open_or_create(self._ring_path)
        self.database.open()
        self.connection = self.database.connection
        self.vault = MemberVault(self.keys)
        self.names = Directory(self.vault)
        self._bind("key ring", self.keys.ring_id)

    def bind_tenant(self, tenant_id: int) -> None:
        """Bind the ledger to a tenant's keys: of two copies of a ring, each could have made its own.

        Raises:
            ValueError: they are not those that the ledger was made with.
        """
        self._bind(f"keys of tenant {tenant_id}", self.keys.fingerprint(tenant_id))

    def _bind(self, name: str, value: str) -> None:
        if not self.names.bind(self.connection, name, value):
            raise ValueError(f"{self._ring_path} is not the key ring that this ledger was made with")

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Write something in one atomic step."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def __enter__(self) -> Self:
        """Return this, to be released at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release it."""
        self.release()

    def release(self) -> None:
        """Close the database and let others have the directory."""
        self.database.close()
        os.close(self._lock)


def _database(directory: Path, url: str) -> Database:
    if not url:
        return SqliteDatabase(directory / DATABASE_FILE)
    from pointguard_server.storage.postgres import PostgresDatabase

    return PostgresDatabase(url)
