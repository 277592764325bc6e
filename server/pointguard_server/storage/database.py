"""Opening a data directory.

The lock that keeps it to one process, the migrations, and the writer. For ``bootstrap`` and tools.
"""

import fcntl
import os
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from pointguard_server.domain.errors import PointguardError

DATABASE_FILE = "ledger.sqlite3"
LOCK_FILE = "lock"
MIGRATIONS = Path(__file__).parent / "migrations"


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
    """Bring the database's tables up to date, making the file if it is not there."""
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    engine = create_engine(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()
