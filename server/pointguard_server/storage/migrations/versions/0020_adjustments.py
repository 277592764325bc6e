"""Who of the staff did what a leg says; what corrections of a transaction, and advice about agents, are found by."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; make the indexes, which are over such rows alone, so all others cost nothing."""
    op.add_column("legs", sa.Column("agent_id", sa.BigInteger, nullable=False, server_default="0"))
    op.execute(
        "CREATE INDEX legs_corrections ON legs (tenant_id, account_id, refers_to_seq)"
        " WHERE operation = 18 AND refers_to_seq > 0"
    )
    op.execute("CREATE INDEX advice_about_agents ON advice (position) WHERE entity = 2")
