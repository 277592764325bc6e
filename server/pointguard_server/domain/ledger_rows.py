"""The columns of the ledger's rows, in the order of the tables, and the canonical record made of them.

Any layer may use it.

Every column is a 64-bit integer but the 16-byte ids. Moments are microseconds since 1970-01-01 UTC; points are in the
program's smallest unit; money is in minor units; 0 means "not given" throughout.
"""

SCHEMA_VERSION = 1

REQUEST_FIELDS = (
    "operation",
    "kind",
    "account_id",
    "points",
    "money",
    "time_to_live",
    "flags",
    "store_id",
    "terminal_id",
    "cashier_id",
    "channel",
    "redemption_type_id",
    "tender_id",
    "occurred_at",
    "province_id",
    "tier_id",
    "reservation_high",
    "reservation_low",
)
"""What the client said, in its normal form: the digest of an idempotency key's request is over these and its texts."""

ID_FIELDS = ("transaction_id", "idempotency_key", "request_digest")
"""The columns of a leg that are 16-byte ids."""

LEG_FIELDS = (
    "position",
    "tenant_id",
    "transaction_id",
    "leg_number",
    "idempotency_key",
    "request_digest",
    "account_id",
    "seq",
    "operation",
    "kind",
    "parts",
    "decision",
    "reason",
    "accepted_at",
    "occurred_at",
    "program_id",
    "business_unit_id",
    "store_id",
    "terminal_id",
    "cashier_id",
    "channel",
    "redemption_type_id",
    "points",
    "money",
    "released",
    "posted",
    "reserved",
    "pending",
    "earned_total",
    "redeemed_total",
    "spend_total",
    "account_flags",
    "event_flags",  # how the leg counts in windows: velocity.windows.APPROVED and so on
    "province_id",
    "tier_id",
    "group_set_id",
    "refers_to_seq",
    "hold_expires_at",
    "open_from_seq",
    "rule_set_version",
    "fraud_rules_version",
    "program_epoch",
    "schema_version",
    "batch_id",
    "first_entry",
    "entry_count",
    "experiment_id",
    "arm",
    "agent_id",  # who of the staff did it: an AUTHOR in ``codes``
    "identifier_kind",
    "identifier_id",
)
"""Columns of ``legs`` that the kernel writes. The table has ``currency``, ``order_reference`` and ``record`` too."""
LEG_FIELDS_ADDED = ("experiment_id", "arm", "agent_id", "identifier_kind", "identifier_id")
"""Those that the table got after the texts, and that records of older versions have not: 0 in rows from before."""

ENTRY_FIELDS = (
    "position",
    "tenant_id",
    "leg_position",
    "account_id",
    "seq",
    "line",
    "entry_type",
    "part",
    "signed_points",
    "running_balance",
    "lot_seq",
    "expires_at",
    "matures_at",
    "rule_id",
)

ADVICE_FIELDS = (
    "position",
    "tenant_id",
    "leg_position",
    "account_id",
    "seq",
    "event",
    "advice_id",
    "rule_id",
    "rule_version",
    "entity",
    "context",
    "posture",
    "starts_at",
    "ends_at",
    "measured",
    "threshold",
    "window_starts_after",
    "reason_code_id",
    "actor_id",
    "scope",
    "scope_entity",
)
ADVICE_FIELDS_ADDED = ("scope", "scope_entity")
"""Those that the table got after the first ones, and that records before version 3 have not: 0 in rows from before."""
