"""Birth dates of members, each sealed under the member's key, from the leg of a request on."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "birth_dates",
        sa.Column("tenant_id", sa.BigInteger, primary_key=True),
        sa.Column("account_id", sa.BigInteger, primary_key=True),
        sa.Column("idempotency_key", sa.LargeBinary(16), primary_key=True),
        sa.Column("member_id", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
