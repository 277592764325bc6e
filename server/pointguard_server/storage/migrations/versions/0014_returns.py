"""An index on the legs that return something of another: of those alone, so all others cost nothing."""

from alembic import op

revision = "0014"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.execute("CREATE INDEX legs_returns ON legs (tenant_id, account_id, refers_to_seq) WHERE operation = 16")
