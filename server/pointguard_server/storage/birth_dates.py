"""Birth dates as the database has them: sealed under the member's key, each from a leg on. For this room."""

from typing import Final

from pointguard_server.service.vault import MemberErased, MemberVault

PURPOSE: Final = "birth date"
# find_birth_date: the newest of an account's up to a place in its sequence. What is written in an atomic step before
# its leg does not count yet.
FIND_BIRTH_DATE = (
    "SELECT b.member_id, m.wrapped_key, b.sealed FROM birth_dates b"
    " JOIN legs l ON l.tenant_id = b.tenant_id AND l.idempotency_key = b.idempotency_key AND l.leg_number = 0"
    " JOIN members m ON m.member_id = b.member_id"
    " WHERE b.tenant_id = :tenant AND b.account_id = :account AND l.seq <= :seq ORDER BY l.seq DESC LIMIT 1"
)
ADD_BIRTH_DATE = (
    "INSERT INTO birth_dates (tenant_id, account_id, idempotency_key, member_id, sealed) VALUES (?, ?, ?, ?, ?)"
)


def open_birth_date(vault: MemberVault, tenant_id: int, row: tuple[int, bytes | None, bytes] | None) -> str | None:
    """Return the birth date of a row of ``FIND_BIRTH_DATE``: empty if there is none, None if it was erased.

    Raises:
        DataKeyUnreadable: if the member's key is damaged.
        SealedValueUnreadable: if the value is.
    """
    if row is None:
        return ""
    member_id, wrapped_key, sealed = row
    try:
        return vault.open(tenant_id, member_id, wrapped_key or b"", PURPOSE, sealed).decode()
    except MemberErased:
        return None
