"""Files of sets in pieces, each file once. What earlier versions of rule sets hold of files stays with them."""

import sqlalchemy as sa
from alembic import op

from pointguard_server.storage.migrations.growing import only_grows

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and keep it from being changed."""
    op.create_table(
        "rule_set_files",
        sa.Column("tenant_id", sa.BigInteger, primary_key=True),
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("place", sa.BigInteger, primary_key=True),
        sa.Column("lines", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    only_grows("rule_set_files")
