"""The tables.

Ledger tables (``legs``, ``entries``, ``advice``, ``batches``) only ever grow; the others are ordinary ones.

``migrations/`` makes them; this file is what the code queries. Column order of the ledger tables is that of
``domain/ledger_rows.py``, but that a leg's texts stand before the columns that it got later (a unit test compares them
with a migrated database).
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TextClause,
    text,
)

from pointguard_server.domain.codes import AdviceEntity, Operation
from pointguard_server.domain.ledger_rows import (
    ADVICE_FIELDS,
    ADVICE_FIELDS_ADDED,
    ENTRY_FIELDS,
    ID_FIELDS,
    LEG_FIELDS,
    LEG_FIELDS_ADDED,
)

metadata = MetaData()
# SQLite makes only a column of the very type INTEGER the row's own number.
RowNumber = BigInteger().with_variant(Integer, "sqlite")


def _ledger_column(name: str) -> Column[int] | Column[bytes]:
    if name in (*ID_FIELDS, "advice_id"):
        return Column(name, LargeBinary(16), nullable=False)
    if name == "position":
        return Column(name, RowNumber, primary_key=True, autoincrement=False)
    return Column(name, BigInteger, nullable=False)


def _where(condition: ColumnElement[bool] | TextClause) -> dict[str, Any]:
    """Return what makes an index one over some rows alone."""
    return {"sqlite_where": condition, "postgresql_where": condition}


LEG_TEXTS = ("currency", "order_reference", "record")
"""What a leg has beside the columns that the kernel writes."""
legs = Table(
    "legs",
    metadata,
    *(_ledger_column(name) for name in LEG_FIELDS if name not in LEG_FIELDS_ADDED),
    Column("currency", Text, nullable=False),
    Column("order_reference", Text, nullable=False),
    Column("record", LargeBinary, nullable=False),
    *(Column(name, BigInteger, nullable=False, server_default="0") for name in LEG_FIELDS_ADDED),
    Index("legs_account_seq", "tenant_id", "account_id", "seq", unique=True),
    Index("legs_idempotency_key", "tenant_id", "idempotency_key", "leg_number", unique=True),
    Index("legs_transaction_id", "transaction_id", "leg_number", unique=True),
    # What an experiment's results are made of, and of its legs alone: others cost nothing.
    Index(
        "legs_experiment",
        *("tenant_id", "program_id", "experiment_id", "arm", "account_id", "operation", "decision", "points", "money"),
        **_where(text("experiment_id > 0")),
    ),
    # SET_REDEMPTION_LOCK and SET_ACCOUNT_STATUS: what the feed of advice tells beside advice.
    Index("legs_account_status", "tenant_id", "position", **_where(text("operation IN (8, 14)"))),
)
Index(
    "legs_returns",
    legs.c.tenant_id,
    legs.c.account_id,
    legs.c.refers_to_seq,
    **_where(text(f"operation = {int(Operation.RETURN)}")),
)
Index(
    "legs_groups",
    legs.c.tenant_id,
    legs.c.group_set_id,
    legs.c.account_id,
    **_where(text("group_set_id > 0 AND operation IN (6, 10, 19)")),  # ENROLL, UPDATE_MEMBER, CHANGE_GROUPS
)
Index(
    "legs_corrections",
    legs.c.tenant_id,
    legs.c.account_id,
    legs.c.refers_to_seq,
    **_where(text(f"operation = {int(Operation.ADJUST)} AND refers_to_seq > 0")),
)
Index("legs_hold_expires_at", legs.c.hold_expires_at, legs.c.position, **_where(legs.c.hold_expires_at > 0))
entries = Table("entries", metadata, *(_ledger_column(name) for name in ENTRY_FIELDS))
# Of lots alone: the rows of a program whose points never end are in none of these.
Index(
    "entries_account_lots",
    entries.c.tenant_id,
    entries.c.account_id,
    entries.c.expires_at,
    **_where(entries.c.lot_seq > 0),
)
Index(
    "entries_expires_at",
    entries.c.expires_at,
    entries.c.position,
    **_where((entries.c.lot_seq > 0) & (entries.c.signed_points > 0) & (entries.c.expires_at > 0)),
)
Index(
    "entries_matures_at",
    entries.c.matures_at,
    entries.c.position,
    **_where((entries.c.lot_seq > 0) & (entries.c.signed_points > 0) & (entries.c.matures_at > 0)),
)
advice = Table(
    "advice",
    metadata,
    *(_ledger_column(name) for name in ADVICE_FIELDS if name not in ADVICE_FIELDS_ADDED),
    *(Column(name, BigInteger, nullable=False, server_default="0") for name in ADVICE_FIELDS_ADDED),
    Index("advice_account_seq", "tenant_id", "account_id", "seq"),
    Index("advice_steps", "advice_id", "position"),
    Index("advice_ends_at", "tenant_id", "ends_at"),
    Index("advice_leg_position", "tenant_id", "leg_position"),
)
Index(
    "advice_cases",
    advice.c.tenant_id,
    advice.c.position,
    **_where(text("event = 1 AND posture IN (4, 6)")),  # raised, of a case
)
Index("advice_about_agents", advice.c.position, **_where(text(f"entity = {int(AdviceEntity.AGENT)}")))
batches = Table(
    "batches",
    metadata,
    Column("batch_id", RowNumber, primary_key=True, autoincrement=False),
    Column("writer_id", BigInteger, nullable=False),
    Column("writer_epoch", BigInteger, nullable=False),
    Column("first_position", BigInteger, nullable=False),
    Column("leg_count", BigInteger, nullable=False),
    Column("accepted_at", BigInteger, nullable=False),
    Column("records_digest", LargeBinary(32), nullable=False),
    Column("previous_digest", LargeBinary(32), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
)
writers = Table(
    "writers",
    metadata,
    Column("writer_epoch", RowNumber, primary_key=True),
    Column("writer_id", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=False),
)
properties = Table(
    "properties",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""What the data directory is bound to, such as its key ring; and notes about it."""
APPEND_ONLY = (
    "legs", "entries", "advice", "batches", "writers", "program_versions", "codes", "rule_set_versions",
    "rule_set_activations", "rule_set_cancellations", "experiments", "experiment_arms", "experiment_events",
    "shadow_events", "store_versions", "exemptions", "exemption_ends", "refused_cards", "configuration_activations",
    "redemption_stops", "redemption_stop_ends", "occurrences", "allowance_keys", "program_changes",
)  # fmt: skip
"""Tables whose rows the database itself refuses to change or delete."""


def _change_columns() -> list[Column[Any]]:
    """Return the columns that say who did it and why. A change that the server makes has no idempotency key."""
    return [
        Column("author", Text, nullable=False),
        Column("reason_code", BigInteger, nullable=False),
        Column("note", Text, nullable=False),
        Column("key_id", Text, nullable=False),
        Column("idempotency_key", LargeBinary(16)),
        Column("request_digest", LargeBinary(16)),
    ]


tenants = Table(
    "tenants",
    metadata,
    Column("tenant_id", RowNumber, primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
programs = Table(
    "programs",
    metadata,
    Column("program_id", RowNumber, primary_key=True),
    Column("tenant_id", BigInteger, ForeignKey("tenants.tenant_id"), nullable=False),
    Column("code", Text, nullable=False),
    Index("programs_code", "tenant_id", "code", unique=True),
)
program_versions = Table(
    "program_versions",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("program_id", BigInteger, primary_key=True),
    Column("subject", Text, primary_key=True),  # "configuration"; "earn rules" before there was rule_set_versions
    Column("version", BigInteger, primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("source", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    *_change_columns(),
    Index("program_versions_key", "tenant_id", "idempotency_key", unique=True),
    sqlite_with_rowid=False,
)
configuration_activations = Table(
    "configuration_activations",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("program_id", BigInteger, primary_key=True),
    Column("activation", BigInteger, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("previous_version", BigInteger, nullable=False),
    Column("kind", BigInteger, nullable=False),
    Column("activated_at", BigInteger, nullable=False),
    *_change_columns(),
    Index("configuration_activations_key", "tenant_id", "idempotency_key", unique=True),
    sqlite_with_rowid=False,
)
rule_set_versions = Table(
    "rule_set_versions",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("program_id", BigInteger, primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("source", Text, nullable=False),
    Column("files", Text, nullable=False),  # digests of sets' files by name, as JSON; once entries; empty for none
    Column("digest", LargeBinary(32), nullable=False),
    *_change_columns(),
    Column("created_at", BigInteger, nullable=False),
    Index("rule_set_versions_key", "tenant_id", "idempotency_key", unique=True),
    sqlite_with_rowid=False,
)
rule_set_files = Table(
    "rule_set_files",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("digest", LargeBinary(32), primary_key=True),
    Column("place", BigInteger, primary_key=True),
    Column("lines", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
rule_set_activations = Table(
    "rule_set_activations",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("program_id", BigInteger, primary_key=True),
    Column("activation", BigInteger, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("previous_version", BigInteger, nullable=False),
    Column("kind", BigInteger, nullable=False),
    Column("effective_at", BigInteger, nullable=False),
    Column("activated_at", BigInteger, nullable=False),
    *_change_columns(),
    Index("rule_set_activations_key", "tenant_id", "idempotency_key", unique=True),
    Index("rule_set_activations_effective", "tenant_id", "program_id", "effective_at", "activation"),
    sqlite_with_rowid=False,
)
rule_set_cancellations = Table(
    "rule_set_cancellations",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("program_id", BigInteger, primary_key=True),
    Column("activation", BigInteger, primary_key=True),
    Column("cancelled_at", BigInteger, nullable=False),
    *_change_columns(),
    Index("rule_set_cancellations_key", "tenant_id", "idempotency_key", unique=True),
    sqlite_with_rowid=False,
)
experiments = Table(
    "experiments",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("program_id", BigInteger, primary_key=True),
    Column("experiment_id", BigInteger, primary_key=True),
    Column("name", Text, nullable=False),
    Column("metric", BigInteger, nullable=False),
    Column("secret", LargeBinary(32), nullable=False),  # what the split is keyed with
    *_change_columns(),
    Column("created_at", BigInteger, nullable=False),
    Index("experiments_key", "tenant_id", "idempotency_key", unique=True),
    sqlite_with_rowid=False,
)
experiment_arms = Table(
    "experiment_arms",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("program_id", BigInteger, primary_key=True),
    Column("experiment_id", BigInteger, primary_key=True),
    Column("arm", BigInteger, primary_key=True),
    Column("label", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("weight", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
experiment_events = Table(
    "experiment_events",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("program_id", BigInteger, primary_key=True),
    Column("experiment_id", BigInteger, primary_key=True),
    Column("kind", BigInteger, primary_key=True),
    Column("arm", BigInteger, nullable=False),  # that was promoted; 0: none
    Column("activation", BigInteger, nullable=False),  # in force at the start; made by the promotion; 0: none
    *_change_columns(),
    Column("happened_at", BigInteger, nullable=False),
    Index("experiment_events_key", "tenant_id", "idempotency_key", unique=True),
    sqlite_with_rowid=False,
)
shadow_events = Table(
    "shadow_events",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("program_id", BigInteger, primary_key=True),
    Column("shadow_id", BigInteger, primary_key=True),
    Column("kind", BigInteger, primary_key=True),
    Column("version", BigInteger, nullable=False),
    *_change_columns(),
    Column("happened_at", BigInteger, nullable=False),
    Index("shadow_events_key", "tenant_id", "idempotency_key", unique=True),
    sqlite_with_rowid=False,
)
exemptions = Table(
    "exemptions",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("program_id", BigInteger, primary_key=True),
    Column("exemption_id", BigInteger, primary_key=True),
    Column("entity", BigInteger, nullable=False),
    Column("subject_id", BigInteger, nullable=False),  # the account, or a text's number in codes
    Column("context", BigInteger, nullable=False),  # 0: every one
    Column("rule_id", BigInteger, nullable=False),  # 0: every one
    Column("starts_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    *_change_columns(),
    Column("session_id", Text, nullable=False, server_default=""),  # the console's own name for it
    Index("exemptions_key", "tenant_id", "idempotency_key", unique=True),
    sqlite_with_rowid=False,
)
exemption_ends = Table(
    "exemption_ends",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("program_id", BigInteger, primary_key=True),
    Column("exemption_id", BigInteger, primary_key=True),
    Column("ended_at", BigInteger, nullable=False),
    *_change_columns(),
    Column("session_id", Text, nullable=False, server_default=""),  # the console's own name for it
    Index("exemption_ends_key", "tenant_id", "idempotency_key", unique=True),
    sqlite_with_rowid=False,
)
redemption_stops = Table(
    "redemption_stops",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("program_id", BigInteger, primary_key=True),
    Column("redemption_stop_id", BigInteger, primary_key=True),
    Column("business_unit_id", BigInteger, nullable=False),  # of this and the next two, 0: every one
    Column("store_id", BigInteger, nullable=False),
    Column("terminal_id", BigInteger, nullable=False),
    Column("starts_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    *_change_columns(),
    Column("session_id", Text, nullable=False, server_default=""),  # the console's own name for it
    Index("redemption_stops_key", "tenant_id", "idempotency_key", unique=True),
    sqlite_with_rowid=False,
)
redemption_stop_ends = Table(
    "redemption_stop_ends",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("program_id", BigInteger, primary_key=True),
    Column("redemption_stop_id", BigInteger, primary_key=True),
    Column("ended_at", BigInteger, nullable=False),
    *_change_columns(),
    Column("session_id", Text, nullable=False, server_default=""),  # the console's own name for it
    Index("redemption_stop_ends_key", "tenant_id", "idempotency_key", unique=True),
    sqlite_with_rowid=False,
)
refused_cards = Table(
    "refused_cards",
    metadata,
    Column("refusal_id", RowNumber, primary_key=True),
    Column("tenant_id", BigInteger, nullable=False),
    Column("account_id", BigInteger, nullable=False),
    Column("kind", BigInteger, nullable=False),  # of the card: domain/identifiers.IdentifierKind
    Column("business_unit_id", BigInteger, nullable=False),
    Column("refused_at", BigInteger, nullable=False),
    Column("linked", BigInteger, nullable=False),  # how many cards it had linked since counted_from
    Column("most", BigInteger, nullable=False),
    Column("counted_from", BigInteger, nullable=False),
    Index("refused_cards_account", "tenant_id", "account_id"),
)
occurrences = Table(
    "occurrences",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("store_id", BigInteger, primary_key=True),
    Column("terminal_id", BigInteger, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),  # the terminal's own number
    Column("idempotency_key", LargeBinary(16), primary_key=True),  # of the leg that it came to, if it came to one
    Column("request_digest", LargeBinary(16), primary_key=True),
    Column("allowance_id", LargeBinary(16)),  # of an offline redemption
    Column("points", BigInteger, nullable=False),  # so too
    Column("occurred_at", BigInteger, nullable=False),  # as the terminal says
    Column("happened_at", BigInteger, nullable=False),  # as far as is possible
    Column("received_at", BigInteger, nullable=False),
    Column("flags", BigInteger, nullable=False),  # domain/offline.OccurrenceFlag
    Index("occurrences_allowance", "tenant_id", "allowance_id"),
    sqlite_with_rowid=False,
)
"""What terminals have uploaded, each that is not the same as one before."""
allowance_keys = Table(
    "allowance_keys",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("number", BigInteger, primary_key=True),  # from 1; the highest signs
    Column("public_key", LargeBinary(32), nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False),  # the private one, under the tenant's key of the key ring
    Column("starts_at", BigInteger, nullable=False),
    Column("note", Text, nullable=False),  # why it was made
    Column("key_id", Text, nullable=False),  # of the API key that asked; empty: the server made it by itself
    Column("idempotency_key", LargeBinary(16)),
    Column("request_digest", LargeBinary(16)),
    Index("allowance_keys_key", "tenant_id", "idempotency_key", unique=True),
    sqlite_with_rowid=False,
)
codes = Table(
    "codes",
    metadata,
    Column("code_id", RowNumber, primary_key=True),
    Column("tenant_id", BigInteger, nullable=False),
    Column("kind", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    Index("codes_text", "tenant_id", "kind", "text", unique=True),
)
stores = Table(
    "stores",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("store_id", BigInteger, primary_key=True),  # its code's number
    Column("business_unit_id", BigInteger, nullable=False),
    Column("country", Text, nullable=False),
    Column("province_id", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
store_versions = Table(
    "store_versions",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("store_id", BigInteger, primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("effective_at", BigInteger, nullable=False),
    Column("business_unit_id", BigInteger, nullable=False),
    Column("country", Text, nullable=False),
    Column("province_id", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""What was known of a store from a moment on. Of the versions up to a leg's moment, the newest decided it."""
program_changes = Table(
    "program_changes",
    metadata,
    Column("change_id", RowNumber, primary_key=True),
    Column("changed_at", BigInteger, nullable=False),
)
"""A row for each row that changes what decides, written by triggers: see migration 0033."""
dead_letters = Table(
    "dead_letters",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("target", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True),  # the leg's, of which the feed told
    Column("problem", Text, nullable=False),
    Column("failed_at", BigInteger, nullable=False),
    Column("requeued", BigInteger, nullable=False),  # 1: to be published again at the next start
    sqlite_with_rowid=False,
)
"""What a target of the feed of advice has refused."""
members = Table(
    "members",
    metadata,
    Column("member_id", RowNumber, primary_key=True),
    Column("tenant_id", BigInteger, nullable=False),
    Column("wrapped_key", LargeBinary),  # NULL once the member is erased
    Column("profile", LargeBinary, nullable=False),
    Column("enrolled_at", BigInteger, nullable=False),
)
accounts = Table(
    "accounts",
    metadata,
    Column("account_id", RowNumber, primary_key=True),
    Column("tenant_id", BigInteger, nullable=False),
    Column("program_id", BigInteger, nullable=False),
)
account_members = Table(
    "account_members",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("account_id", BigInteger, primary_key=True),
    Column("member_id", BigInteger, primary_key=True),
    sqlite_with_rowid=False,
)
birth_dates = Table(
    "birth_dates",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("account_id", BigInteger, primary_key=True),
    Column("idempotency_key", LargeBinary(16), primary_key=True),
    Column("member_id", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""A member's birth date, sealed, from the leg of a request on."""
identifiers = Table(
    "identifiers",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("blind_index", LargeBinary(16), primary_key=True),
    Column("account_id", BigInteger, nullable=False),
    Column("member_id", BigInteger, nullable=False),
    Column("kind", BigInteger, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
    Column("identifier_id", BigInteger, nullable=False, server_default="0"),  # its number, by which legs name it
    Column("linked_at", BigInteger, nullable=False, server_default="0"),  # 0: with its member
    Column("business_unit_id", BigInteger, nullable=False, server_default="0"),  # that linked it; 0: none
    Column("ended_at", BigInteger, nullable=False, server_default="0"),  # it was replaced then; 0: it finds its account
    Index("identifiers_member", "tenant_id", "member_id"),
    Index("identifiers_number", "identifier_id", unique=True),
    sqlite_with_rowid=False,
)
api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("tenant_id", BigInteger, nullable=False),
    Column("role", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)
