"""Stops of redemptions and their ends: append-only."""

import sqlalchemy as sa
from alembic import op

from pointguard_server.storage.migrations.growing import only_grows

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

APPEND_ONLY = {
    "redemption_stops": ("business_unit_id", "store_id", "terminal_id", "starts_at", "ends_at"),
    "redemption_stop_ends": ("ended_at",),
}


def upgrade() -> None:
    """Make the tables, and keep them from being changed."""
    for table, numbers in APPEND_ONLY.items():
        op.create_table(
            table,
            *(
                sa.Column(name, sa.BigInteger, primary_key=True)
                for name in ("tenant_id", "program_id", "redemption_stop_id")
            ),
            *(sa.Column(name, sa.BigInteger, nullable=False) for name in numbers),
            sa.Column("author", sa.Text, nullable=False),
            sa.Column("reason_code", sa.BigInteger, nullable=False),
            sa.Column("note", sa.Text, nullable=False),
            sa.Column("key_id", sa.Text, nullable=False),
            sa.Column("idempotency_key", sa.LargeBinary(16)),
            sa.Column("request_digest", sa.LargeBinary(16)),
            sa.Column("session_id", sa.Text, nullable=False, server_default=""),
            sqlite_with_rowid=False,
        )
        op.create_index(f"{table}_key", table, ["tenant_id", "idempotency_key"], unique=True)
        only_grows(table)
