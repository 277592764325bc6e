"""Experiments: their definitions, arms and events, and on each leg whose arm decided it."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from pointguard_server.storage.migrations.growing import only_grows

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

APPEND_ONLY = ("experiments", "experiment_arms", "experiment_events")
LEGS_OF_EXPERIMENTS = (
    "tenant_id", "program_id", "experiment_id", "arm", "account_id", "operation", "decision", "points", "money",
)  # fmt: skip


def key() -> list[sa.Column[Any]]:
    """Return the first columns of the tables' primary keys."""
    return [sa.Column(name, sa.BigInteger, primary_key=True) for name in ("tenant_id", "program_id", "experiment_id")]


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
    """Make the tables, keep them from being changed, and give legs their two columns: 0 where none decided."""
    for name in ("experiment_id", "arm"):
        op.add_column("legs", sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
    of_experiments = sa.text("experiment_id > 0")
    op.create_index(
        "legs_experiment", "legs", list(LEGS_OF_EXPERIMENTS), sqlite_where=of_experiments,
        postgresql_where=of_experiments,
    )  # fmt: skip
    op.create_table(
        "experiments",
        *key(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("metric", sa.BigInteger, nullable=False),
        sa.Column("secret", sa.LargeBinary(32), nullable=False),
        *change(),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("experiments_key", "experiments", ["tenant_id", "idempotency_key"], unique=True)
    op.create_table(
        "experiment_arms",
        *key(),
        sa.Column("arm", sa.BigInteger, primary_key=True),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("weight", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "experiment_events",
        *key(),
        sa.Column("kind", sa.BigInteger, primary_key=True),
        sa.Column("arm", sa.BigInteger, nullable=False),
        sa.Column("activation", sa.BigInteger, nullable=False),
        *change(),
        sa.Column("happened_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("experiment_events_key", "experiment_events", ["tenant_id", "idempotency_key"], unique=True)
    for table in APPEND_ONLY:
        only_grows(table)
