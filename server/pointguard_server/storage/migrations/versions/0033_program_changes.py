"""Every change of what decides is counted, whoever makes it: servers that share the database go by the newest."""

import sqlalchemy as sa
from alembic import op

from pointguard_server.storage.migrations.growing import only_grows

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

RowNumber = sa.BigInteger().with_variant(sa.Integer, "sqlite")
TABLE = "program_changes"
# The tables whose rows change what decides, and the column that has a row's moment.
CHANGES = {
    "allowance_keys": "starts_at",
    "configuration_activations": "activated_at",
    "exemption_ends": "ended_at",
    "exemptions": "starts_at",
    "experiment_events": "happened_at",
    "redemption_stop_ends": "ended_at",
    "redemption_stops": "starts_at",
    "rule_set_activations": "activated_at",
    "rule_set_cancellations": "cancelled_at",
    "store_versions": "effective_at",
}


def upgrade() -> None:
    """Make the table, and have it get a row for each row of the others."""
    op.create_table(
        TABLE,
        sa.Column("change_id", RowNumber, primary_key=True),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
    )
    only_grows(TABLE)
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for table, moment in CHANGES.items():
        # Moments never go back: whoever knows of the newest change may forget the ones before.
        count = (
            f"INSERT INTO {TABLE} (changed_at) VALUES ({'max' if is_sqlite else 'greatest'}(NEW.{moment},"  # noqa: S608
            f" coalesce((SELECT changed_at FROM {TABLE} ORDER BY change_id DESC LIMIT 1), 0)))"
        )
        name = f"{table}_is_a_change"
        if is_sqlite:
            op.execute(f"CREATE TRIGGER {name} AFTER INSERT ON {table} BEGIN {count}; END")
            continue
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {count}; RETURN NULL; END'")
        op.execute(f"CREATE TRIGGER {name} AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
