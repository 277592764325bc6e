"""What is in an older database after it was brought up to date."""

import json
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from pointguard_server.domain.codes import RuleChangeReason, RuleSetActivationKind
from pointguard_server.rules.texts import Texts
from pointguard_server.service.configuration_versions import ConfigurationActivation, ConfigurationVersion
from pointguard_server.service.rule_versions import FILE_CHANGE, RuleChange
from pointguard_server.storage.configuration_versions import ConfigurationVersions
from pointguard_server.storage.database import MIGRATIONS, migrate
from pointguard_server.storage.directory import ADD_IDENTIFIER
from pointguard_server.storage.rule_versions import RuleVersions

INSERT = (
    "INSERT INTO program_versions (tenant_id, program_id, subject, version, digest, source, created_at)"
    " VALUES (1, 7, ?, ?, ?, ?, ?)"
)
INSERT_VERSION = (
    "INSERT INTO rule_set_versions (tenant_id, program_id, version, source, files, digest, author, reason_code, note,"
    " key_id, created_at) VALUES (1, 7, 1, ?, ?, ?, 'Ada', 1, '', '', 10)"
)


def migrate_to(path: Path, revision: str) -> None:
    """Make a database as it was at a revision."""
    engine = create_engine(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def test_each_migration_follows_the_one_before_it_by_number() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    found = sorted(ScriptDirectory.from_config(config).walk_revisions(), key=lambda each: each.revision)
    assert [each.down_revision for each in found] == [None, *(each.revision for each in found[:-1])]
    assert [Path(each.path).name[:4] for each in found] == [each.revision for each in found]


def test_the_versions_of_a_file_of_earn_rules_keep_their_numbers_and_the_last_one_decides(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    migrate_to(path, "0001")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(INSERT, ("configuration", 1, b"c", "settings", 10))
        connection.execute(INSERT, ("earn rules", 1, b"1", "first", 10))
        connection.execute(INSERT, ("earn rules", 2, b"2", "second", 20))
        migrate(path)
        versions = RuleVersions()
        for number, source, digest, moment in ((1, "first", b"1", 10), (2, "second", b"2", 20)):
            version = versions.version(connection, 1, 7, number)
            assert version is not None
            assert (version.source, version.digest, version.created_at) == (source, digest, moment)
            assert (version.change.author, version.change.reason.name) == ("file", "FILE")
            active = versions.timeline(connection, 1, 7, moment).active
            assert active is not None
            assert (active.activation, active.version, active.previous_version) == (number, number, number - 1)
            assert (active.kind.name, active.effective_at, active.activated_at) == ("FILE", moment, moment)
        assert versions.version(connection, 1, 7, 3) is None
        assert versions.last_of_file(connection, 1, 7) == versions.version(connection, 1, 7, 2)
        assert connection.execute("SELECT count(*) FROM program_versions").fetchone() == (3,)


def test_configurations_from_before_they_had_authors_came_from_the_file_as_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    migrate_to(path, "0025")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for number, source in enumerate(("first", "second"), 1):
            connection.execute(INSERT, ("configuration", number, bytes([number]), source, number * 10))
        migrate(path)
        versions = ConfigurationVersions()
        assert versions.active(connection, 1, 7) == ConfigurationActivation(
            2, 2, 1, RuleSetActivationKind.FILE, 20, FILE_CHANGE
        )
        last = versions.last_of_file(connection, 1, 7)
        assert last == ConfigurationVersion(2, "second", b"\2", FILE_CHANGE, 20)
        added = versions.add_version(connection, 1, 7, "third", FILE_CHANGE, 30)
        assert (added.version, versions.last_of_file(connection, 1, 7)) == (3, last), "it is not active yet"


def test_what_an_older_version_holds_of_files_reads_as_what_newer_ones_name(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    migrate_to(path, "0008")
    files = {"stores.txt": Texts.of(("12", "Zoë's")), "skus.txt": Texts.of(('"', "\\"))}
    entries = json.dumps({name: list(texts) for name, texts in files.items()}, ensure_ascii=False)
    digest = sha256(f"source{entries}".encode()).digest()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(INSERT_VERSION, ("source", entries, digest))
        migrate(path)
        versions = RuleVersions()
        change = RuleChange("Ada", RuleChangeReason.TRIAL)
        after = versions.add_version(connection, 1, 7, "source", change, 20, files=files)
        before = versions.version(connection, 1, 7, 1)
        assert before is not None
        assert (before.files, before.digest) == (files, digest) == (after.files, after.digest)


def test_identifiers_from_before_they_had_numbers_get_one_each_and_new_ones_the_next(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    migrate_to(path, "0021")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for number in range(3):
            row = (1 + number % 2, bytes([number]) * 16, 7, 5, 4, b"sealed")
            connection.execute("INSERT INTO identifiers VALUES (?, ?, ?, ?, ?, ?)", row)
        migrate(path)
        found = "SELECT identifier_id, linked_at, business_unit_id, ended_at FROM identifiers ORDER BY identifier_id"
        assert connection.execute(found).fetchall() == [(number, 0, 0, 0) for number in (1, 2, 3)]
        connection.execute(ADD_IDENTIFIER, (1, bytes(16)[:15] + b"n", 7, 5, 4, b"sealed", 20, 0))
        assert connection.execute(found).fetchall()[3] == (4, 20, 0, 0)
