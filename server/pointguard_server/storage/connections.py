"""What this room's stores need of a database: connections that run statements, on SQLite and on PostgreSQL alike.

Statements are written once, in what both understand. Placeholders are SQLite's (``?``, ``?1``, ``:name``), numbers come
back as integers, a new row's number by ``RETURNING``; what one of the two must be told otherwise, ``postgres`` says it.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from pointguard_server.domain.errors import StorageBroken, StorageUnavailable

Values = Sequence[Any] | Mapping[str, Any]
"""What a statement's placeholders stand for: by place, or by name."""


class Cursor(Protocol):
    """What a statement gave. Rows are tuples."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""
        ...

    @property
    def description(self) -> Sequence[Any] | None:
        """The columns, each with its name first; None if it gave no rows."""
        ...

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...

    def close(self) -> None:
        """Give no more rows."""
        ...


class Connection(Protocol):
    """A connection. Outside of a transaction each statement is a step of its own."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction was begun and has not ended."""
        ...

    def execute(self, statement: str, values: Any = (), /) -> Cursor:
        """Run a statement with its ``Values``.

        Raises:
            one of ``FAILURES``.
        """
        ...

    def close(self) -> None:
        """Run no more."""
        ...


class DatabaseFailure(Exception):
    """What a database that is not SQLite has refused or failed to do; its cause is the driver's error.

    ``clashes``: a row broke a rule of its table, such as a key that must be unique.
    """

    def __init__(self, problem: str, *, clashes: bool = False) -> None:
        super().__init__(problem)
        self.clashes = clashes


FAILURES: Final = (sqlite3.Error, DatabaseFailure)
# What is on disk after a failed flush is unknown, and a second flush may report success without writing it.
_BROKEN: Final = frozenset({"SQLITE_IOERR_FSYNC", "SQLITE_IOERR_DIR_FSYNC", "SQLITE_CORRUPT", "SQLITE_NOTADB"})


def storage_error(error: Exception) -> StorageUnavailable:
    """Return the domain's error for a database's."""
    return StorageBroken() if getattr(error, "sqlite_errorname", "") in _BROKEN else StorageUnavailable()
