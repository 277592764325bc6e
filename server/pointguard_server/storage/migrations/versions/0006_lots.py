"""Indexes on the entries of lots: an account's, and those that end or mature next; and on when reservations end."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes; those of lots have nothing where points never end."""
    op.execute("CREATE INDEX entries_account_lots ON entries (tenant_id, account_id, expires_at) WHERE lot_seq > 0")
    for moment in ("expires_at", "matures_at"):
        op.execute(
            f"CREATE INDEX entries_{moment} ON entries ({moment}, position)"
            f" WHERE lot_seq > 0 AND signed_points > 0 AND {moment} > 0"
        )
    op.execute("CREATE INDEX legs_hold_expires_at ON legs (hold_expires_at, position) WHERE hold_expires_at > 0")
