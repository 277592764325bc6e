"""What goes with a member's transactions outside the ledger.

The claims that the engine takes inside its atomic step.
"""

from typing import Any
from zoneinfo import ZoneInfo

from pointguard_server.domain.calendar import from_microseconds, local_time
from pointguard_server.domain.codes import Outcome
from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.engine.ask import Claim
from pointguard_server.service.ports import Directory, Link, NewMember


def enroll_claim(tenant_id: int, member: NewMember, directory: Directory) -> Claim:
    """Return the claim that makes a member with an account."""

    def take(store: Any, _known: int, now: int) -> tuple[Outcome, int, int]:
        outcome, account_id = store.enroll(tenant_id, member, now)
        return outcome, account_id, member.program_id

    return Claim(take, lambda: directory.forget(tenant_id, member.identifiers))


def link_claim(
    tenant_id: int,
    identifier: tuple[IdentifierKind, str],
    business_unit_id: int,
    most: int | None,
    zone: ZoneInfo,
    directory: Directory,
    replaces: tuple[IdentifierKind, str] | None = None,
    evidence: dict[str, str] | None = None,
) -> Claim:
    """Return the claim that links an identifier to the account that is asked about.

    A business unit links at most ``most`` cards to it in a calendar month of the zone; None: any number. Where the cap
    refuses it, ``evidence`` is filled with what was counted.
    """

    def take(store: Any, account_id: int, now: int) -> tuple[Outcome, int, int]:
        since = local_time(now, zone).month_start if most is not None else 0
        link = Link(*identifier, now, business_unit_id, replaces, most, since)
        outcome, linked = store.link(tenant_id, account_id, link)
        if outcome is Outcome.CARD_LINKING_CAP and evidence is not None:
            evidence.update(linked=str(linked), most=str(most), since=from_microseconds(since).isoformat())
        return outcome, 0, 0

    return Claim(take, lambda: directory.forget(tenant_id, (identifier, *((replaces,) if replaces else ()))))


def birth_date_claim(tenant_id: int, key: bytes, birth_date: str) -> Claim:
    """Return the claim that keeps a birth date, or that it is not known, for the account that is asked about."""

    def take(store: Any, account_id: int, _now: int) -> tuple[Outcome, int, int]:
        return store.set_birth_date(tenant_id, account_id, key, birth_date), 0, 0

    return Claim(take, lambda: None)
