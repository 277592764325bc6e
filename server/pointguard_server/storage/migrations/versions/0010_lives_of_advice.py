"""What lists of advice are read by: an advice's steps, and what has not ended."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes."""
    op.create_index("advice_steps", "advice", ["advice_id", "position"])
    op.create_index("advice_ends_at", "advice", ["tenant_id", "ends_at"])
