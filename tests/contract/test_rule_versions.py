"""What every store of rule-set versions must do, whatever the database: the suite of ``service.ports.RuleVersions``.

A back end joins by a function that opens a writer and a reader of an empty database.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pointguard_server.domain.codes import RuleChangeReason, RuleSetActivationKind
from pointguard_server.rules.texts import Texts
from pointguard_server.service.ports import RuleVersionReader, RuleVersions
from pointguard_server.service.rule_versions import (
    FILE_CHANGE,
    NO_FILES,
    CancelledActivation,
    KnownRequest,
    RequestKey,
    RuleChange,
    RuleSetActivation,
    RuleSetCancellation,
    RuleSetVersion,
    SetFiles,
    pieces_of,
    source_digest,
)
from pointguard_server.storage import postgres
from pointguard_server.storage.connections import FAILURES
from pointguard_server.storage.database import migrate, open_writer
from pointguard_server.storage.postgres import PostgresConnection
from pointguard_server.storage.readers import open_readers
from pointguard_server.storage.rule_versions import RuleVersionReader as SqlReader
from pointguard_server.storage.rule_versions import RuleVersions as SqlVersions

TENANT, PROGRAM = 1, 7
CHANGE = RuleChange("staff 12", RuleChangeReason.NEW_OFFER, "spring", "abc")
KEY = RequestKey(b"k" * 16, b"d" * 16)


@dataclass
class Store:
    """A store, the writer's connection, a reader, and shorter ways to write."""

    versions: RuleVersions
    connection: Any
    reader: RuleVersionReader

    def add(
        self,
        source: str,
        change: RuleChange = CHANGE,
        now: int = 5,
        key: RequestKey | None = None,
        tenant: int = TENANT,
    ) -> RuleSetVersion:
        return self.versions.add_version(self.connection, tenant, PROGRAM, source, change, now, key)

    def activate(
        self, version: int, effective_at: int, now: int, key: RequestKey | None = None, tenant: int = TENANT
    ) -> RuleSetActivation:
        kind = RuleSetActivationKind.ACTIVATE
        return self.versions.add_activation(
            self.connection, tenant, PROGRAM, version, kind, CHANGE, effective_at=effective_at, now=now, key=key
        )

    def at(self, moment: int) -> tuple[int, list[tuple[int, int]]]:
        """Return the version in force at a moment, and (moment, version) of what is planned."""
        timeline = self.versions.timeline(self.connection, TENANT, PROGRAM, moment)
        active = timeline.active.version if timeline.active is not None else 0
        return active, [(planned.effective_at, planned.version) for planned in timeline.planned]


@asynccontextmanager
async def open_sqlite(directory: Path) -> AsyncIterator[Store]:
    """Versions on SQLite."""
    path = directory / "ledger.sqlite3"
    migrate(path)
    with closing(open_writer(path)) as connection:
        readers = open_readers(path)
        yield Store(SqlVersions(), connection, SqlReader(readers))
        await readers.dispose()


@asynccontextmanager
async def open_postgres(url: str) -> AsyncIterator[Store]:
    """Versions on PostgreSQL."""
    with closing(PostgresConnection(url)) as connection:
        readers = postgres.open_readers(url)
        yield Store(SqlVersions(), connection, SqlReader(readers))
        await readers.dispose()


@pytest.fixture(params=["postgres", "sqlite"])
def database(request: pytest.FixtureRequest) -> str:
    """The URL of a PostgreSQL, or nothing for SQLite."""
    return str(request.getfixturevalue("postgres_url")) if request.param == "postgres" else ""


@pytest.fixture
async def store(database: str, tmp_path: Path) -> AsyncIterator[Store]:
    async with open_postgres(database) if database else open_sqlite(tmp_path) as opened:
        yield opened


async def test_versions_are_numbered_in_their_program_and_read_back_as_they_were_written(store: Store) -> None:
    first = store.add("one", now=3)
    assert first == RuleSetVersion(1, "one", {}, source_digest("one"), CHANGE, 3)
    assert store.add("two", FILE_CHANGE).version == 2
    assert store.add("theirs", tenant=2).version == 1
    assert await store.reader.version(TENANT, PROGRAM, 1) == first
    assert store.versions.version(store.connection, TENANT, PROGRAM, 1) == first
    for tenant, program, version in ((TENANT, PROGRAM, 3), (TENANT, PROGRAM, 0), (TENANT, 8, 1), (3, PROGRAM, 1)):
        assert await store.reader.version(tenant, program, version) is None
        assert store.versions.version(store.connection, tenant, program, version) is None


async def test_versions_are_listed_newest_first_in_pages_and_without_their_texts(store: Store) -> None:
    made = [replace(store.add(f"text {number}"), source="") for number in range(1, 6)]
    store.add("theirs", tenant=2)
    assert await store.reader.versions(TENANT, PROGRAM, 0, 100) == made[::-1]
    assert await store.reader.versions(TENANT, PROGRAM, 0, 2) == made[:2:-1]
    assert await store.reader.versions(TENANT, PROGRAM, 4, 2) == made[2:0:-1]
    assert await store.reader.versions(TENANT, PROGRAM, 1, 2) == []


async def test_activations_are_numbered_and_listed_newest_first_with_what_they_take_over_from(store: Store) -> None:
    first, second = store.activate(1, 10, 10), store.activate(2, 20, 20)
    assert first == RuleSetActivation(1, 1, 0, RuleSetActivationKind.ACTIVATE, 10, 10, CHANGE)
    assert (second.activation, second.previous_version) == (2, 1)
    assert store.activate(1, 5, 5, tenant=2).activation == 1
    assert await store.reader.activations(TENANT, PROGRAM, 0, 100) == [second, first]
    assert await store.reader.activations(TENANT, PROGRAM, 2, 1) == [first]


def test_the_activation_that_took_effect_last_is_in_force(store: Store) -> None:
    assert store.at(100) == (0, [])
    store.activate(1, 10, 10)
    store.activate(2, 50, 20)
    store.activate(3, 30, 30)
    assert store.at(9) == (0, [(10, 1), (30, 3), (50, 2)])
    assert store.at(10) == (1, [(30, 3), (50, 2)])
    assert store.at(49) == (3, [(50, 2)])
    assert store.at(50) == (2, [])


def test_of_two_activations_for_one_moment_the_later_made_counts(store: Store) -> None:
    store.activate(1, 10, 10)
    store.activate(2, 50, 20)
    called_off = store.activate(1, 50, 30)
    assert called_off.previous_version == 2
    assert store.at(30) == (1, [(50, 1)])
    assert store.at(50) == (1, [])


def test_what_a_planned_activation_takes_over_from_is_what_is_planned_before_it(store: Store) -> None:
    store.activate(1, 10, 10)
    store.activate(2, 50, 20)
    assert store.activate(3, 60, 20).previous_version == 2
    assert store.activate(4, 40, 20).previous_version == 1


def test_a_version_was_active_once_it_has_taken_effect(store: Store) -> None:
    store.activate(1, 10, 10)
    store.activate(2, 50, 20)

    def was_active(version: int, moment: int) -> bool:
        return store.versions.was_active(store.connection, TENANT, PROGRAM, version, moment)

    assert was_active(1, 10)
    assert not was_active(2, 49)
    assert was_active(2, 50)
    assert not was_active(3, 50)


def test_the_newest_version_of_the_file_is_known_among_others(store: Store) -> None:
    assert store.versions.last_of_file(store.connection, TENANT, PROGRAM) is None
    made = [store.add(*each) for each in (("old", FILE_CHANGE), ("file", FILE_CHANGE), ("manager's", CHANGE))]
    assert store.versions.last_of_file(store.connection, TENANT, PROGRAM) == made[1]
    assert store.versions.last_of_file(store.connection, 2, PROGRAM) is None


async def test_the_files_of_sets_are_kept_with_the_version_and_are_part_of_its_digest(store: Store) -> None:
    files: SetFiles = {"stores.txt": Texts.of(("12", "Zoë's")), "skus.txt": Texts.of(())}
    other: SetFiles = {"stores.txt": Texts.of(("12",))}
    versions = [
        store.versions.add_version(store.connection, TENANT, PROGRAM, "one", FILE_CHANGE, 5, files=each)
        for each in (files, NO_FILES, other)
    ]
    assert await store.reader.version(TENANT, PROGRAM, 1) == versions[0]
    assert versions[0].files == files
    assert len({version.digest for version in versions}) == 3
    assert versions[1].digest == source_digest("one")
    assert [version.files for version in await store.reader.versions(TENANT, PROGRAM, 0, 3)] == [{}, {}, {}]


async def test_a_long_file_is_kept_once_and_read_whole_from_its_pieces(store: Store) -> None:
    long = Texts.of(f"article {number}" for number in range(20_000))
    for piece in pieces_of(long):
        store.versions.add_piece(store.connection, TENANT, piece)
    # Pieces that no version names are nothing that anybody sees: the server may have ended between them and a version.
    assert store.versions.version(store.connection, TENANT, PROGRAM, 1) is None
    assert await store.reader.versions(TENANT, PROGRAM, 0, 3) == []
    again = [
        store.versions.add_version(store.connection, tenant, PROGRAM, source, FILE_CHANGE, 5, files={"skus.txt": long})
        for tenant, source in ((TENANT, "one"), (TENANT, "two"), (TENANT + 1, "one"))
    ]
    assert again[0].files == {"skus.txt": long}
    assert again[0].digest == source_digest("one", {"skus.txt": long}) == again[2].digest
    for number in (1, 2):
        assert store.versions.version(store.connection, TENANT, PROGRAM, number) == again[number - 1]
        assert await store.reader.version(TENANT, PROGRAM, number) == again[number - 1]
    counted = store.connection.execute("SELECT tenant_id, count(*) FROM rule_set_files GROUP BY 1 ORDER BY 1")
    pieces = len(list(pieces_of(long)))
    assert counted.fetchall() == [(TENANT, pieces), (TENANT + 1, pieces)]


def test_a_file_of_which_a_piece_is_missing_is_not_taken_for_a_shorter_one(store: Store, database: str) -> None:
    files = {"skus.txt": Texts.of(f"article {number}" for number in range(20_000))}
    store.versions.add_version(store.connection, TENANT, PROGRAM, "one", FILE_CHANGE, 5, files=files)
    with pytest.raises(FAILURES, match="only grows"):
        store.connection.execute("DELETE FROM rule_set_files WHERE place = 1")
    store.connection.execute("BEGIN")
    off = "DROP TRIGGER rule_set_files_refuses_delete"
    store.connection.execute(f"{off} ON rule_set_files" if database else off)
    store.connection.execute("DELETE FROM rule_set_files WHERE place = 1")
    with pytest.raises(FAILURES, match=r"skus\.txt of a rule set is not whole"):
        store.versions.version(store.connection, TENANT, PROGRAM, 1)
    store.connection.execute("ROLLBACK")


def test_a_key_tells_what_its_request_made_and_is_its_tenants_own(store: Store) -> None:
    assert store.versions.known(store.connection, TENANT, KEY.key) is None
    version = store.add("one", key=KEY)
    activation = store.activate(1, 10, 10, RequestKey(b"other key" + bytes(7), KEY.digest))
    known = store.versions.known(store.connection, TENANT, KEY.key)
    assert known is not None
    assert (known.digest, known.made) == (KEY.digest, version)
    known = store.versions.known(store.connection, TENANT, b"other key" + bytes(7))
    assert known is not None
    assert known.made == activation
    assert store.versions.known(store.connection, 2, KEY.key) is None
    assert store.add("theirs", key=KEY, tenant=2).version == 1


def test_a_key_cannot_be_used_twice(store: Store) -> None:
    store.add("one", key=KEY)
    store.activate(1, 10, 10, KEY)
    with pytest.raises(FAILURES):
        store.add("two", key=KEY)
    with pytest.raises(FAILURES):
        store.activate(1, 20, 20, KEY)


async def test_what_was_called_off_never_decides(store: Store) -> None:
    store.add("a")
    store.add("b")
    store.activate(1, 10, 10)
    planned = store.activate(2, 50, 20)
    assert store.versions.version_without(store.connection, TENANT, PROGRAM, planned) == 1
    cancelled = store.versions.add_cancellation(store.connection, TENANT, PROGRAM, 2, CHANGE, now=30, key=KEY)
    assert cancelled == replace(planned, cancellation=RuleSetCancellation(30, CHANGE))
    assert store.at(20) == (1, [])
    assert store.at(60) == (1, [])
    assert not store.versions.was_active(store.connection, TENANT, PROGRAM, 2, 60)
    assert store.versions.latest_moment(store.connection, TENANT, PROGRAM) == 30
    assert store.versions.activation(store.connection, TENANT, PROGRAM, 2) == cancelled
    assert store.versions.activation(store.connection, TENANT, PROGRAM, 3) is None
    assert (await store.reader.activations(TENANT, PROGRAM, 0, 5))[0] == cancelled
    known = store.versions.known(store.connection, TENANT, KEY.key)
    assert known == KnownRequest(KEY.digest, CancelledActivation(cancelled))


async def test_a_digest_is_found_without_the_text(store: Store) -> None:
    made = store.add("a")
    assert store.versions.digest(store.connection, TENANT, PROGRAM, 1) == made.digest
    assert store.versions.digest(store.connection, TENANT, PROGRAM, 2) is None
