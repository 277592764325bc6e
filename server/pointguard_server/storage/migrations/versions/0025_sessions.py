"""Exemptions say from which session of a console they were added and ended."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, empty where no session was named."""
    for table in ("exemptions", "exemption_ends"):
        op.add_column(table, sa.Column("session_id", sa.Text, nullable=False, server_default=""))
