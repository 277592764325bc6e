"""Planned activations that were called off. No activation that there is was."""

import sqlalchemy as sa
from alembic import op

from pointguard_server.storage.migrations.growing import only_grows

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLE = "rule_set_cancellations"


def upgrade() -> None:
    """Make the table, and keep it from being changed."""
    op.create_table(
        TABLE,
        *(sa.Column(name, sa.BigInteger, primary_key=True) for name in ("tenant_id", "program_id", "activation")),
        sa.Column("cancelled_at", sa.BigInteger, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("reason_code", sa.BigInteger, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("idempotency_key", sa.LargeBinary(16)),
        sa.Column("request_digest", sa.LargeBinary(16)),
        sqlite_with_rowid=False,
    )
    op.create_index(f"{TABLE}_key", TABLE, ["tenant_id", "idempotency_key"], unique=True)
    only_grows(TABLE)
