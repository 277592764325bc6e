"""What lists of cases are read by: the advice with posture REVIEW or REVIEW_BLOCK that was raised."""

from alembic import op

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.execute("CREATE INDEX advice_cases ON advice (tenant_id, position) WHERE event = 1 AND posture IN (4, 6)")
