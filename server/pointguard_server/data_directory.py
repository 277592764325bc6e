"""A data directory, opened by the one process that may: its lock, database, keys and names."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from pointguard_server.service.vault import MemberVault
from pointguard_server.storage.database import DATABASE_FILE, lock_directory, migrate, open_writer
from pointguard_server.storage.directory import Directory
from pointguard_server.storage.keyring import KEY_RING_FILE, KeyRing


class DataDirectory:
    """An opened data directory: the connection that writes, the directory of names and the keys.

    Raises:
        DirectoryInUse: another process has it.
        FileNotFoundError, ValueError: its key ring is missing, or is another ledger's.
    """

    def __init__(self, directory: Path) -> None:
        self._lock = lock_directory(directory)
        self.path = directory / DATABASE_FILE
        fresh = not self.path.exists()
        ring_path = directory / KEY_RING_FILE
        if not fresh and not ring_path.exists():
            raise FileNotFoundError(f"{ring_path} is missing: without it members' personal data cannot be read")
        # Before there is a database: a first start that ends between the two can be tried again.
        self.keys = KeyRing.open_or_create(ring_path)
        migrate(self.path)
        self.vault = MemberVault(self.keys)
        self.connection = open_writer(self.path)
        self.names = Directory(self.vault)
        if not self.names.bind(self.connection, "key ring", self.keys.ring_id):
            raise ValueError(f"{ring_path} is not the key ring that this ledger was made with")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
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
        self.connection.close()
        os.close(self._lock)
