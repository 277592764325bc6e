"""Versions of rule sets and their activations. Those of a program's file are taken over with their numbers."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from pointguard_server.storage.migrations.growing import only_grows

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = ("rule_set_versions", "rule_set_activations")
FILE_REASON, FILE_KIND = 10, 3

# What stood in ``program_versions`` came from a file and decided from its first moment on.
COPY_VERSIONS = f"""
    INSERT INTO rule_set_versions
        (tenant_id, program_id, version, source, files, digest, author, reason_code, note, key_id, created_at)
    SELECT tenant_id, program_id, version, source, '', digest, 'file', {FILE_REASON}, '', '', created_at
    FROM program_versions WHERE subject = 'earn rules'
"""  # noqa: S608  (numbers of this file)
COPY_ACTIVATIONS = f"""
    INSERT INTO rule_set_activations
        (tenant_id, program_id, activation, version, previous_version, kind, effective_at, activated_at, author,
        reason_code, note, key_id)
    SELECT tenant_id, program_id, version, version, version - 1, {FILE_KIND}, created_at, created_at, 'file',
        {FILE_REASON}, '', ''
    FROM program_versions WHERE subject = 'earn rules'
"""  # noqa: S608  (numbers of this file)


def key() -> list[sa.Column[Any]]:
    """Return the first columns of both tables' primary keys."""
    return [sa.Column(name, sa.BigInteger, primary_key=True) for name in ("tenant_id", "program_id")]


def change() -> list[sa.Column[Any]]:
    """Return the columns that say who did it and why, and under which idempotency key."""
    return [
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("reason_code", sa.BigInteger, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("idempotency_key", sa.LargeBinary(16)),
        sa.Column("request_digest", sa.LargeBinary(16)),
    ]


def upgrade() -> None:
    """Make both tables, fill them from the versions that there are, and keep them from being changed."""
    op.create_table(
        "rule_set_versions",
        *key(),
        sa.Column("version", sa.BigInteger, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("files", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        *change(),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("rule_set_versions_key", "rule_set_versions", ["tenant_id", "idempotency_key"], unique=True)
    op.create_table(
        "rule_set_activations",
        *key(),
        sa.Column("activation", sa.BigInteger, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("previous_version", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.BigInteger, nullable=False),
        sa.Column("effective_at", sa.BigInteger, nullable=False),
        sa.Column("activated_at", sa.BigInteger, nullable=False),
        *change(),
        sqlite_with_rowid=False,
    )
    op.create_index("rule_set_activations_key", "rule_set_activations", ["tenant_id", "idempotency_key"], unique=True)
    op.create_index(
        "rule_set_activations_effective",
        "rule_set_activations",
        ["tenant_id", "program_id", "effective_at", "activation"],
    )
    op.execute(COPY_VERSIONS)
    op.execute(COPY_ACTIVATIONS)
    for table in APPEND_ONLY:
        only_grows(table)
