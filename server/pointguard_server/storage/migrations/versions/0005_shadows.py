"""Shadows: which version was evaluated on live traffic from when until when, who and why."""

import sqlalchemy as sa
from alembic import op

from pointguard_server.storage.migrations.growing import only_grows

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and keep it from being changed."""
    op.create_table(
        "shadow_events",
        sa.Column("tenant_id", sa.BigInteger, primary_key=True),
        sa.Column("program_id", sa.BigInteger, primary_key=True),
        sa.Column("shadow_id", sa.BigInteger, primary_key=True),
        sa.Column("kind", sa.BigInteger, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("reason_code", sa.BigInteger, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("idempotency_key", sa.LargeBinary(16)),
        sa.Column("request_digest", sa.LargeBinary(16)),
        sa.Column("happened_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("shadow_events_key", "shadow_events", ["tenant_id", "idempotency_key"], unique=True)
    only_grows("shadow_events")
