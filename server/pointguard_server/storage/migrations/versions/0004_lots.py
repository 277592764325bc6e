"""Indexes on the entries of lots: an account's, and those that end or mature next. Entries before this have none."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes; each has the rows of lots alone, so where points never end they stay empty."""
    op.execute("CREATE INDEX entries_account_lots ON entries (tenant_id, account_id, expires_at) WHERE lot_seq > 0")
    op.execute(
        "CREATE INDEX entries_expires_at ON entries (expires_at, position) WHERE lot_seq > 0 AND signed_points > 0"
    )
    op.execute(
        "CREATE INDEX entries_matures_at ON entries (matures_at, position)"
        " WHERE lot_seq > 0 AND signed_points > 0 AND matures_at > 0"
    )
