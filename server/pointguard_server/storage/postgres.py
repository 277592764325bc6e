"""PostgreSQL: its connections, and what this room's statements are there. For ``data_directory`` and ``bootstrap``.

The only file, with ``postgres_ledger``, that knows the driver. Any number of servers write to a database, one step at a
time: a step that writes has the database's lock until it has ended, so whoever has it sees all that others committed,
and knows that no transaction of another connection's is under way. See docs/adr/0041-many-servers.md.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any, Final

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo
from psycopg.types.numeric import Int8BinaryDumper
from sqlalchemy import create_engine, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from pointguard_server.domain.errors import PointguardError
from pointguard_server.storage.connections import Connection, DatabaseFailure
from pointguard_server.storage.database import NEWEST_REVISION, run_migrations

OLDEST_VERSION: Final = 15_00_00
LOCK: Final = 0x706F696E
DUTY_LOCK: Final = 0x64757479
# A server that is cut off from its database notices within these; SESSION has the database notice too.
CONNECTION: Final[dict[str, Any]] = {
    "connect_timeout": 5, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3,
    "tcp_user_timeout": 10_000, "client_encoding": "UTF8",
}  # fmt: skip
_BEGIN: Final = "BEGIN"
NOTHING: Final = "SELECT 1"
ONLY_READ: Final = "SET default_transaction_read_only = on"
SESSION: Final = (
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED",
    # Whatever the role's defaults are: an answer must not leave before its rows are on disk.
    (
        "SELECT set_config('synchronous_commit', 'on', false)"
        " WHERE current_setting('synchronous_commit') IN ('off', 'local')"
    ),
    # A step waits this long for those of others, and no server that is stopped or cut off in the midst of one may keep
    # them waiting: the database ends its session, and nothing of the step is left.
    "SET lock_timeout = 5000",
    "SET idle_in_transaction_session_timeout = 10000",
    "SET tcp_keepalives_idle = 5",
    "SET tcp_keepalives_interval = 2",
    "SET tcp_keepalives_count = 3",
    "SET tcp_user_timeout = 10000",
    "SET statement_timeout = 0",
)
READ_SETTINGS: Final = (
    "SELECT current_setting('server_version_num')::bigint, current_setting('server_encoding'),"
    " current_setting('fsync'), current_setting('full_page_writes'), pg_is_in_recovery()"
)
# take_turn: the first thing in a step that writes. Earlier releases hold the same lock for as long as they run.
TAKE_TURN: Final = f"SELECT pg_advisory_xact_lock({LOCK}, hashtext(current_schema()))"
TAKE_DUTY: Final = f"SELECT pg_try_advisory_lock({DUTY_LOCK}, hashtext(current_schema()))"
_WRITES: Final = "BEGIN IMMEDIATE"
_LOCK_NOT_AVAILABLE: Final = "55P03"

_MARKS: Final = re.compile(r"'[^']*'|\?(\d*)|(?<![\w:]):([a-z_]+)|\bINDEXED BY \w+|%|^BEGIN IMMEDIATE$")


class DatabaseInUse(PointguardError):
    """Somebody has had the database's lock for longer than a step takes."""

    reason = "DATABASE_IN_USE"

    def __init__(self) -> None:
        super().__init__(
            "another server keeps the database to itself: it is of an earlier release, or is bringing the tables up to"
            " date"
        )


class DatabaseUnfit(PointguardError):
    """The database cannot be what a ledger is kept in; the text says why."""

    reason = "DATABASE_UNFIT"


@lru_cache(1_024)
def translated(statement: str) -> tuple[str, tuple[int, ...] | None]:
    """Return a statement as the driver takes it; and where it numbers its values, the place of each in order."""
    places: list[int] = []

    def replace(found: re.Match[str]) -> str:
        whole, number, name = found.group(), found.group(1), found.group(2)
        if number:
            places.append(int(number) - 1)
        if name:
            return f"%({name})s"
        if whole.startswith("?"):
            return "%s"
        if whole.startswith("INDEXED"):
            return ""
        return "BEGIN" if whole.startswith("BEGIN") else whole.replace("%", "%%")

    return _MARKS.sub(replace, statement), tuple(places) or None


def _failure(error: psycopg.Error) -> DatabaseFailure:
    # What a trigger of ours says; other texts might quote a value.
    said = error.diag.message_primary if error.sqlstate == "P0001" else error.sqlstate
    return DatabaseFailure(f"{type(error).__name__}: {said}", clashes=isinstance(error, psycopg.IntegrityError))


class PostgresConnection:
    """Implements ``connections.Connection``; from one thread at a time. Where it was lost, it connects again when used.

    ``on_connect`` comes before anything else that is done after connecting. A step that was under way when the
    connection was lost fails to its end: nothing of it may be done after connecting again.
    """

    def __init__(self, url: str, on_connect: Callable[["PostgresConnection"], object] = lambda _: None) -> None:
        self._url, self._on_connect = url, on_connect
        self._driver: psycopg.Connection[Any] | None = None
        self._in_step = False
        self.connects = 0
        """How often it has connected: another number than before says that the connection was lost in between."""
        self._connect()

    def _connect(self) -> None:
        try:
            driver = psycopg.connect(self._url, autocommit=True)
            self._driver = driver
            driver.prepared_max = 256
            driver.adapters.register_dumper(int, Int8BinaryDumper)
            for statement in SESSION:
                driver.execute(statement)
        except psycopg.Error as error:
            self._drop()
            raise _failure(error) from error
        # As in a step: where the connection is lost in the midst of it, that is all there is to it.
        self._in_step = True
        try:
            self._on_connect(self)
        except BaseException:
            self._drop()
            raise
        finally:
            self._in_step = False
        self.connects += 1

    def _drop(self) -> None:
        if self._driver is not None:
            self._driver.close()
        self._driver = None

    @property
    def in_transaction(self) -> bool:
        """See the protocol."""
        return self._in_step

    @property
    def driver(self) -> "psycopg.Connection[Any]":
        """The driver's connection, for what has no statement.

        Raises:
            DatabaseFailure: it was lost, and not made anew, or a step was under way.
        """
        if self._is_lost:
            if self._in_step:
                raise DatabaseFailure("the connection was lost")
            self._connect()
        assert self._driver is not None  # noqa: S101  (or _connect has raised)
        return self._driver

    def execute(self, statement: str, values: Any = (), /) -> "psycopg.Cursor[Any]":
        """See the protocol."""
        wanted, places = translated(statement)
        if places is not None:
            values = [values[place] for place in places]
        if statement == _WRITES:
            return self.begin()
        begins, ends = wanted.startswith("BEGIN"), wanted in ("COMMIT", "ROLLBACK")
        try:
            cursor = self._run(wanted, values)
        except DatabaseFailure:
            if self._in_step or not self._is_lost or not wanted.lstrip().startswith(("BEGIN", "SELECT", "WITH")):
                raise
            # Nobody has to hear of a connection that was lost before a step, or before something was read.
            cursor = self._run(wanted, values)
        self._in_step = begins or (self._in_step and not ends)
        if wanted == "COMMIT" and cursor.statusmessage != "COMMIT":
            raise DatabaseFailure("a statement of the step had failed")
        return cursor

    def begin(self, look: str = "") -> "psycopg.Cursor[Any]":
        """Begin a step that writes, and return what ``look`` gives in it, all in one round trip.

        Raises:
            DatabaseFailure: there is no connection, or the other servers' steps take too long.
        """
        statements = (_BEGIN, TAKE_TURN, look or NOTHING)
        try:
            try:
                cursor = self._run_together(statements)
            except DatabaseFailure:
                if self._in_step or not self._is_lost:
                    raise
                # Nobody has to hear of a connection that was lost before the step.
                cursor = self._run_together(statements)
        except DatabaseFailure:
            self._in_step = True
            self.rollback()
            raise
        self._in_step = True
        return cursor

    def _run_together(self, statements: tuple[str, ...]) -> "psycopg.Cursor[Any]":
        """Run statements without values, and return what the last one gave."""
        try:
            driver = self.driver
            with driver.pipeline():
                cursors = [driver.execute(each.encode(), prepare=True, binary=True) for each in statements]
        except psycopg.Error as error:
            raise _failure(error) from error
        return cursors[-1]

    def _run(self, wanted: str, values: Any) -> "psycopg.Cursor[Any]":
        try:
            return self.driver.execute(wanted.encode(), values, prepare=True, binary=True)
        except psycopg.Error as error:
            raise _failure(error) from error

    @property
    def _is_lost(self) -> bool:
        return self._driver is None or self._driver.closed

    def rollback(self) -> None:
        """Undo the step that is under way, if one is; never raises."""
        if not self._in_step:
            return
        with suppress(DatabaseFailure):
            self.execute("ROLLBACK")
        self._in_step = False
        if self._driver is not None and self._driver.info.transaction_status != pq.TransactionStatus.IDLE:
            # Whatever is the matter with it, nothing of the step may be left to the next one.
            self._drop()

    def copy_in(self, statement: str, rows: bytes | bytearray) -> None:
        """Have a table take rows in the binary form of COPY."""
        try:
            with self.driver.cursor() as cursor, cursor.copy(statement.encode()) as copy:
                copy.write(rows)
        except psycopg.Error as error:
            raise _failure(error) from error

    def close(self) -> None:
        """See the protocol."""
        self._drop()


class PostgresDatabase:
    """Implements ``database.Database``: a database by its URL.

    Raises:
        DatabaseInUse: somebody else keeps it to themselves.
        DatabaseUnfit: it is no database for a ledger.
    """

    def __init__(self, url: str) -> None:
        try:
            # The driver's own form.
            self._url = make_conninfo(f"postgresql://{url.partition('://')[2]}", **CONNECTION)
        except psycopg.Error as error:
            raise DatabaseUnfit("the database's URL cannot be read") from error
        try:
            self._connection = PostgresConnection(self._url)
        except DatabaseFailure as failure:
            raise DatabaseUnfit(f"the database cannot be reached: {_reason(failure)}") from failure
        try:
            self._check()
            with self._turn():
                pass
        except BaseException:
            self.close()
            raise

    @property
    def connection(self) -> Connection:
        """See the interface."""
        return self._connection

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Have no other server write while the block runs."""
        try:
            self._connection.begin()
        except DatabaseFailure as failure:
            if getattr(failure.__cause__, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
                raise DatabaseInUse from failure
            raise DatabaseUnfit(f"the database cannot be reached: {_reason(failure)}") from failure
        try:
            yield
        finally:
            self._connection.rollback()

    def _check(self) -> None:
        version, encoding, fsync, whole_pages, is_standby = self.connection.execute(READ_SETTINGS).fetchone()
        problems = [
            (version < OLDEST_VERSION, f"PostgreSQL must be {OLDEST_VERSION // 10_000} or later"),
            (encoding != "UTF8", f"the database's encoding is {encoding}, and must be UTF8"),
            (fsync != "on", "fsync is off, so nothing that is answered would be safe"),
            (whole_pages != "on", "full_page_writes is off, so a power cut could damage it"),
            (is_standby, "it is a standby, which cannot be written"),
        ]
        for is_one, problem in problems:
            if is_one:
                raise DatabaseUnfit(f"the database cannot hold a ledger: {problem}")

    @property
    def is_new(self) -> bool:
        """See the interface."""
        return self._revision() is None

    def open(self) -> None:
        """See the interface."""
        if self._revision() == NEWEST_REVISION:
            return
        with self._turn():
            # Two servers may begin at the same time; this one's step does nothing while the tables are made by another.
            self.connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            if self._revision() != NEWEST_REVISION:
                run_migrations(create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(self._url)))

    def _revision(self) -> str | None:
        found = self.connection.execute("SELECT to_regclass('alembic_version')::text").fetchone()
        if found == (None,):
            return None
        row = self.connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return None if row is None else str(row[0])

    def open_lookup(self) -> Connection:
        """See the interface."""
        return PostgresConnection(self._url, lambda connection: connection.execute(ONLY_READ))

    def duty(self) -> "PostgresDuty":
        """Return what says whether this server does what one of them does for all."""
        return PostgresDuty(self._url)

    def open_readers(self, connections_max: int = 2) -> AsyncEngine:
        """See the interface."""
        return open_readers(self._url, connections_max)

    def close(self) -> None:
        """See the interface."""
        self.connection.close()


def _reason(failure: DatabaseFailure) -> str:
    """Return why there is no connection, without what the URL holds."""
    error = failure.__cause__
    state = getattr(error, "sqlstate", None)
    return f"{type(error).__name__} {state}" if state else type(error).__name__


class PostgresDuty:
    """Implements ``service.duty.DutyLock``: whoever has the database's other lock, for as long as its connection lives.

    From any one thread at a time.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: PostgresConnection | None = None
        self._taken_by = 0  # the connection, as it counts them, that has the lock

    def take(self) -> bool:
        """See the protocol."""
        try:
            if self._connection is None:
                self._connection = PostgresConnection(self._url)
            connection = self._connection
            connection.execute(NOTHING)
            if self._taken_by == connection.connects:
                return True
            is_taken = connection.execute(TAKE_DUTY).fetchone() == (True,)
            self._taken_by = connection.connects if is_taken else 0
        except DatabaseFailure:
            return False
        return self._taken_by != 0

    def close(self) -> None:
        """See the protocol."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self._taken_by = None, 0


def open_readers(url: str, connections_max: int = 2) -> AsyncEngine:
    """Return a pool of connections that only read."""

    async def connect() -> "psycopg.AsyncConnection[Any]":
        connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
        await connection.execute(ONLY_READ)
        connection.adapters.register_dumper(int, Int8BinaryDumper)
        return connection

    engine = create_async_engine(
        "postgresql+psycopg://", async_creator=connect, pool_size=connections_max, max_overflow=0,
        isolation_level="AUTOCOMMIT", pool_pre_ping=True, use_native_hstore=False,
    )  # fmt: skip
    event.listen(engine.sync_engine, "before_cursor_execute", _translate, retval=True)
    return engine


def _translate(
    _connection: Any, _cursor: Any, statement: str, values: Any, context: Any, _many: bool
) -> tuple[str, Any]:
    """Return a statement of this room's, and its values, as the driver takes them."""
    if getattr(context, "compiled", None) is not None:
        return re.sub(r"\bINDEXED BY \w+", "", statement), values
    wanted, places = translated(statement)
    return wanted, values if places is None else tuple(values[place] for place in places)
