"""Keeping the rows of a table from being changed, in the words of each database. For the migrations.

What it makes is part of released migrations: it never makes anything else.
"""

from alembic import op

# only_grows: what the triggers of PostgreSQL run.
ONLY_GROWS = """
    CREATE OR REPLACE FUNCTION only_grows() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN RAISE EXCEPTION ''% only grows'', TG_TABLE_NAME; END'
"""


def only_grows(table: str) -> None:
    """Have the database itself refuse to change or remove rows of a table."""
    if op.get_bind().dialect.name == "sqlite":
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuses_{action.lower()} BEFORE {action} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{table} only grows'); END"
            )
        return
    op.execute(ONLY_GROWS)
    for action, each in (("UPDATE", "ROW"), ("DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
        op.execute(
            f"CREATE TRIGGER {table}_refuses_{action.lower()} BEFORE {action} ON {table}"
            f" FOR EACH {each} EXECUTE FUNCTION only_grows()"
        )
