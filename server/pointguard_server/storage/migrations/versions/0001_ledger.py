"""The ledger, the directory, and the triggers that keep the ledger append-only."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from pointguard_server.storage.migrations.growing import only_grows

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# A released migration is never edited, so the columns are written out here and not imported.
LEGS = """position tenant_id transaction_id leg_number idempotency_key request_digest account_id seq operation kind
    parts decision reason accepted_at occurred_at program_id business_unit_id store_id terminal_id cashier_id channel
    redemption_type_id points money released posted reserved pending earned_total redeemed_total spend_total
    account_flags event_flags province_id tier_id group_set_id refers_to_seq hold_expires_at open_from_seq
    rule_set_version fraud_rules_version program_epoch schema_version batch_id first_entry entry_count"""
ENTRIES = """position tenant_id leg_position account_id seq line entry_type part signed_points running_balance lot_seq
    expires_at matures_at rule_id"""
ADVICE = """position tenant_id leg_position account_id seq event advice_id rule_id rule_version entity context posture
    starts_at ends_at measured threshold window_starts_after reason_code_id actor_id"""
IDS = ("transaction_id", "idempotency_key", "request_digest", "advice_id")
APPEND_ONLY = ("legs", "entries", "advice", "batches", "writers", "program_versions", "codes")

RowNumber = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def ledger_columns(names: str) -> list[sa.Column[Any]]:
    """Return the columns: ids of 16 bytes, and integers."""
    return [
        sa.Column("position", RowNumber, primary_key=True, autoincrement=False)
        if name == "position"
        else sa.Column(name, sa.LargeBinary(16) if name in IDS else sa.BigInteger, nullable=False)
        for name in names.split()
    ]


def integers(*names: str) -> list[sa.Column[Any]]:
    """Return integer columns that always have a value."""
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def key(*names: str) -> list[sa.Column[Any]]:
    """Return integer columns that are part of the primary key."""
    return [sa.Column(name, sa.BigInteger, primary_key=True) for name in names]


def texts(*names: str) -> list[sa.Column[Any]]:
    """Return text columns that always have a value."""
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def digests(*names: str) -> list[sa.Column[Any]]:
    """Return columns of 32-byte digests."""
    return [sa.Column(name, sa.LargeBinary(32), nullable=False) for name in names]


def upgrade() -> None:
    """Make every table."""
    make_ledger()
    make_programs()
    make_members()
    for table in APPEND_ONLY:
        only_grows(table)


def make_ledger() -> None:
    """Make the tables that only grow with each batch."""
    op.create_table(
        "legs",
        *ledger_columns(LEGS),
        *texts("currency", "order_reference"),
        sa.Column("record", sa.LargeBinary, nullable=False),
    )
    op.create_index("legs_account_seq", "legs", ["tenant_id", "account_id", "seq"], unique=True)
    op.create_index("legs_idempotency_key", "legs", ["tenant_id", "idempotency_key", "leg_number"], unique=True)
    op.create_index("legs_transaction_id", "legs", ["transaction_id", "leg_number"], unique=True)
    op.create_table("entries", *ledger_columns(ENTRIES))
    op.create_table("advice", *ledger_columns(ADVICE))
    op.create_index("advice_account_seq", "advice", ["tenant_id", "account_id", "seq"])
    op.create_table(
        "batches",
        sa.Column("batch_id", RowNumber, primary_key=True, autoincrement=False),
        *integers("writer_id", "writer_epoch", "first_position", "leg_count", "accepted_at"),
        *digests("records_digest", "previous_digest", "digest"),
    )
    op.create_table("properties", sa.Column("name", sa.Text, primary_key=True), *texts("value"))
    op.create_table(
        "writers", sa.Column("writer_epoch", RowNumber, primary_key=True), *integers("writer_id", "started_at")
    )


def make_programs() -> None:
    """Make the tables of tenants, programs, their versions, stores and vocabularies."""
    op.create_table(
        "tenants",
        sa.Column("tenant_id", RowNumber, primary_key=True),
        sa.Column("code", sa.Text, nullable=False, unique=True),
        *texts("name"),
        *integers("created_at"),
    )
    op.create_table(
        "programs",
        sa.Column("program_id", RowNumber, primary_key=True),
        sa.Column("tenant_id", sa.BigInteger, sa.ForeignKey("tenants.tenant_id"), nullable=False),
        *texts("code"),
    )
    op.create_index("programs_code", "programs", ["tenant_id", "code"], unique=True)
    op.create_table(
        "program_versions",
        *key("tenant_id", "program_id"),
        sa.Column("subject", sa.Text, primary_key=True),
        *key("version"),
        *digests("digest"),
        *texts("source"),
        *integers("created_at"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "codes", sa.Column("code_id", RowNumber, primary_key=True), *integers("tenant_id", "kind"), *texts("text")
    )
    op.create_index("codes_text", "codes", ["tenant_id", "kind", "text"], unique=True)
    op.create_table(
        "stores",
        *key("tenant_id", "store_id"),
        *integers("business_unit_id"),
        *texts("country"),
        *integers("province_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Text, primary_key=True),
        *integers("tenant_id"),
        *texts("role", "hash"),
        *integers("created_at"),
        sa.Column("revoked_at", sa.BigInteger),
    )


def make_members() -> None:
    """Make the tables of members, the only ones with personal data, all of it encrypted."""
    op.create_table(
        "members",
        sa.Column("member_id", RowNumber, primary_key=True),
        *integers("tenant_id"),
        sa.Column("wrapped_key", sa.LargeBinary),
        sa.Column("profile", sa.LargeBinary, nullable=False),
        *integers("enrolled_at"),
    )
    op.create_table(
        "accounts", sa.Column("account_id", RowNumber, primary_key=True), *integers("tenant_id", "program_id")
    )
    op.create_table("account_members", *key("tenant_id", "account_id", "member_id"), sqlite_with_rowid=False)
    op.create_table(
        "identifiers",
        *key("tenant_id"),
        sa.Column("blind_index", sa.LargeBinary(16), primary_key=True),
        *integers("account_id", "member_id", "kind"),
        sa.Column("ciphertext", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("identifiers_member", "identifiers", ["tenant_id", "member_id"])
