"""Identifiers get numbers, and legs say which one was used; when a card was linked and ended; who is in a group."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# number: in any order, since none had one. Those that were linked before have no moment: the cap counts from now on.
NUMBER = """
    UPDATE identifiers SET identifier_id = numbered.number FROM (
        SELECT tenant_id, blind_index, row_number() OVER (ORDER BY tenant_id, account_id, kind, blind_index) AS number
        FROM identifiers
    ) AS numbered
    WHERE numbered.tenant_id = identifiers.tenant_id AND numbered.blind_index = identifiers.blind_index
"""


def upgrade() -> None:
    """Add the columns, 0 where nothing is known, and the indexes that find by them."""
    for name in ("identifier_kind", "identifier_id"):
        op.add_column("legs", sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
    for name in ("identifier_id", "linked_at", "business_unit_id", "ended_at"):
        op.add_column("identifiers", sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
    op.execute(NUMBER)
    op.create_index("identifiers_number", "identifiers", ["identifier_id"], unique=True)
    set_groups = sa.text("group_set_id > 0 AND operation IN (6, 10, 19)")
    op.create_index(
        "legs_groups", "legs", ["tenant_id", "group_set_id", "account_id"], sqlite_where=set_groups,
        postgresql_where=set_groups,
    )  # fmt: skip
