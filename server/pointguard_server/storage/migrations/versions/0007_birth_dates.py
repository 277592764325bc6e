"""Birth dates of members, each sealed under the member's key, from the leg of a request on."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.execute("""
        CREATE TABLE birth_dates (
            tenant_id BIGINT NOT NULL, account_id BIGINT NOT NULL, idempotency_key BLOB NOT NULL,
            member_id BIGINT NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (tenant_id, account_id, idempotency_key)
        ) WITHOUT ROWID
    """)
