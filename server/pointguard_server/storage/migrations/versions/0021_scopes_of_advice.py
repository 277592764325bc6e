"""Whose transactions the rule of an advice had counted: 0 in rows from before."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give advice its two columns."""
    for name in ("scope", "scope_entity"):
        op.add_column("advice", sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
