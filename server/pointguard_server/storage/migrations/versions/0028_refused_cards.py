"""Cards that the cap on linking refused, and what was counted: append-only."""

import sqlalchemy as sa
from alembic import op

from pointguard_server.storage.migrations.growing import only_grows

revision = "0028"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and keep it from being changed."""
    numbers = ("account_id", "kind", "business_unit_id", "refused_at", "linked", "most", "counted_from")
    op.create_table(
        "refused_cards",
        sa.Column("refusal_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("tenant_id", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in numbers),
    )
    op.create_index("refused_cards_account", "refused_cards", ["tenant_id", "account_id"])
    only_grows("refused_cards")
