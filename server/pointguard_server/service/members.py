"""What goes with a member's transactions outside the ledger.

The claims that the engine takes inside its atomic step.
"""

from typing import Any

from pointguard_server.domain.codes import Outcome
from pointguard_server.engine.ask import Claim
from pointguard_server.service.ports import Directory, NewMember


def enroll_claim(tenant_id: int, member: NewMember, directory: Directory) -> Claim:
    """Return the claim that makes a member with an account."""

    def take(store: Any, now: int) -> tuple[Outcome, int, int]:
        outcome, account_id = store.enroll(tenant_id, member, now)
        return outcome, account_id, member.program_id

    return Claim(take, lambda: directory.forget(tenant_id, member.identifiers))


def link_claim(
    tenant_id: int,
    member: tuple[int, tuple[int, str] | None],
    identifier: tuple[int, str],
    directory: Directory,
) -> Claim:
    """Return the claim that links an identifier to the account that ``member`` finds."""

    def take(store: Any, _now: int) -> tuple[Outcome, int, int]:
        account_id, known_as = member
        holder = store.find_account(tenant_id, *known_as) if known_as is not None else account_id
        if not holder:
            return Outcome.ACCOUNT_UNKNOWN, 0, 0
        return store.link(tenant_id, holder, *identifier), 0, 0

    return Claim(take, lambda: directory.forget(tenant_id, (identifier,)))


def birth_date_claim(tenant_id: int, member: tuple[int, tuple[int, str] | None], key: bytes, birth_date: str) -> Claim:
    """Return the claim that keeps a birth date, or that it is not known, for the account that ``member`` finds."""

    def take(store: Any, _now: int) -> tuple[Outcome, int, int]:
        account_id, known_as = member
        holder = store.find_account(tenant_id, *known_as) if known_as is not None else account_id
        if not holder:
            return Outcome.ACCOUNT_UNKNOWN, 0, 0
        return store.set_birth_date(tenant_id, holder, key, birth_date), 0, 0

    return Claim(take, lambda: None)
