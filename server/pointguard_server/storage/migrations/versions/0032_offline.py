"""What terminals upload, and the keys that sign allowances: append-only."""

import sqlalchemy as sa
from alembic import op

from pointguard_server.storage.migrations.growing import only_grows

revision = "0032"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and keep them from being changed."""
    op.create_table(
        "occurrences",
        *(
            sa.Column(name, sa.BigInteger, primary_key=True)
            for name in ("tenant_id", "store_id", "terminal_id", "sequence")
        ),
        sa.Column("idempotency_key", sa.LargeBinary(16), primary_key=True),
        sa.Column("request_digest", sa.LargeBinary(16), primary_key=True),
        sa.Column("allowance_id", sa.LargeBinary(16)),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("points", "occurred_at", "happened_at", "received_at", "flags")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("occurrences_allowance", "occurrences", ["tenant_id", "allowance_id"])
    only_grows("occurrences")
    op.create_table(
        "allowance_keys",
        sa.Column("tenant_id", sa.BigInteger, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("public_key", sa.LargeBinary(32), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
        sa.Column("starts_at", sa.BigInteger, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("idempotency_key", sa.LargeBinary(16)),
        sa.Column("request_digest", sa.LargeBinary(16)),
        sqlite_with_rowid=False,
    )
    op.create_index("allowance_keys_key", "allowance_keys", ["tenant_id", "idempotency_key"], unique=True)
    only_grows("allowance_keys")
