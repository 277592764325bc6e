"""What was known of each store, and from when on. What is known now counts for all that was decided before."""

import sqlalchemy as sa
from alembic import op

from pointguard_server.storage.migrations.growing import only_grows

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COPY_STORES = """
    INSERT INTO store_versions (tenant_id, store_id, version, effective_at, business_unit_id, country, province_id)
    SELECT tenant_id, store_id, 1, 0, business_unit_id, country, province_id FROM stores
"""


def upgrade() -> None:
    """Make the table, fill it from the stores that there are, and keep it from being changed."""
    op.create_table(
        "store_versions",
        *(sa.Column(name, sa.BigInteger, primary_key=True) for name in ("tenant_id", "store_id", "version")),
        sa.Column("effective_at", sa.BigInteger, nullable=False),
        sa.Column("business_unit_id", sa.BigInteger, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("province_id", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute(COPY_STORES)
    only_grows("store_versions")
