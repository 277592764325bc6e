"""Exemptions and their ends: append-only."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from pointguard_server.storage.migrations.growing import only_grows

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

APPEND_ONLY = ("exemptions", "exemption_ends")


def key() -> list[sa.Column[Any]]:
    """Return the columns of the tables' primary keys."""
    return [sa.Column(name, sa.BigInteger, primary_key=True) for name in ("tenant_id", "program_id", "exemption_id")]


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
    """Make the tables, and keep them from being changed."""
    numbers = ("entity", "subject_id", "context", "rule_id", "starts_at", "ends_at")
    op.create_table(
        "exemptions",
        *key(),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in numbers),
        *change(),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "exemption_ends",
        *key(),
        sa.Column("ended_at", sa.BigInteger, nullable=False),
        *change(),
        sqlite_with_rowid=False,
    )
    for table in APPEND_ONLY:
        op.create_index(f"{table}_key", table, ["tenant_id", "idempotency_key"], unique=True)
        only_grows(table)
