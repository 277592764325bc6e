"""Versions of configurations have authors, and are activated. Those that there are came from a file, as it changed."""

import sqlalchemy as sa
from alembic import op

from pointguard_server.storage.migrations.growing import only_grows

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

FILE_REASON, FILE_KIND = 10, 3
TABLE = "configuration_activations"

# What stood in ``program_versions`` decided from its first moment on.
COPY_ACTIVATIONS = f"""
    INSERT INTO {TABLE}
        (tenant_id, program_id, activation, version, previous_version, kind, activated_at, author, reason_code, note,
        key_id)
    SELECT tenant_id, program_id, version, version, version - 1, {FILE_KIND}, created_at, 'file', {FILE_REASON}, '', ''
    FROM program_versions WHERE subject = 'configuration'
"""  # noqa: S608  (names and numbers of this file)


def upgrade() -> None:
    """Add the columns, make the table, fill it from the versions that there are, and keep it from being changed."""
    for name, kind, default in (
        ("author", sa.Text, "file"),
        ("reason_code", sa.BigInteger, str(FILE_REASON)),
        ("note", sa.Text, ""),
        ("key_id", sa.Text, ""),
    ):
        op.add_column("program_versions", sa.Column(name, kind, nullable=False, server_default=default))
    for name in ("idempotency_key", "request_digest"):
        op.add_column("program_versions", sa.Column(name, sa.LargeBinary(16)))
    op.create_index("program_versions_key", "program_versions", ["tenant_id", "idempotency_key"], unique=True)
    op.create_table(
        TABLE,
        *(sa.Column(name, sa.BigInteger, primary_key=True) for name in ("tenant_id", "program_id", "activation")),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("previous_version", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.BigInteger, nullable=False),
        sa.Column("activated_at", sa.BigInteger, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("reason_code", sa.BigInteger, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("idempotency_key", sa.LargeBinary(16)),
        sa.Column("request_digest", sa.LargeBinary(16)),
        sqlite_with_rowid=False,
    )
    op.create_index(f"{TABLE}_key", TABLE, ["tenant_id", "idempotency_key"], unique=True)
    op.execute(COPY_ACTIVATIONS)
    only_grows(TABLE)
