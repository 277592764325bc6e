"""What the feed of advice is read by, and what a target of it has refused."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes and the table."""
    op.create_index("advice_leg_position", "advice", ["tenant_id", "leg_position"])
    # Of legs that set an account's status alone: others cost nothing.
    set_status = sa.text("operation IN (8, 14)")
    op.create_index(
        "legs_account_status", "legs", ["tenant_id", "position"], sqlite_where=set_status, postgresql_where=set_status
    )
    op.create_table(
        "dead_letters",
        sa.Column("tenant_id", sa.BigInteger, primary_key=True),
        sa.Column("target", sa.Text, primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("failed_at", sa.BigInteger, nullable=False),
        sa.Column("requeued", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
