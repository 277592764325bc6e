"""What goes with a member's transactions outside the ledger.

The claims that the engine takes inside its atomic step.
"""

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from pointguard_server.domain.calendar import local_time
from pointguard_server.domain.codes import Outcome
from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.engine.ask import Claim
from pointguard_server.service.ports import Directory, Link, NewMember
from pointguard_server.service.program_config import ProgramConfig


@dataclass(frozen=True, slots=True)
class CardLinkingCap:
    """How many cards a business unit may link to an account in a calendar month of a program's zone."""

    most: int
    zone: ZoneInfo


def card_linking_cap(config: ProgramConfig) -> CardLinkingCap | None:
    """Return a program's cap; None if it has none."""
    most = config.cards_a_month
    return None if most is None else CardLinkingCap(most, ZoneInfo(config.time_zone))


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
    cap: CardLinkingCap | None,
    directory: Directory,
    replaces: tuple[IdentifierKind, str] | None = None,
) -> Claim:
    """Return the claim that links an identifier to the account that is asked about, if the cap lets it."""

    def take(store: Any, account_id: int, now: int) -> tuple[Outcome, int, int]:
        most, since = (None, 0) if cap is None else (cap.most, local_time(now, cap.zone).month_start)
        link = Link(*identifier, now, business_unit_id, replaces, most, since)
        return store.link(tenant_id, account_id, link), 0, 0

    return Claim(take, lambda: directory.forget(tenant_id, (identifier, *((replaces,) if replaces else ()))))


def birth_date_claim(tenant_id: int, key: bytes, birth_date: str) -> Claim:
    """Return the claim that keeps a birth date, or that it is not known, for the account that is asked about."""

    def take(store: Any, account_id: int, _now: int) -> tuple[Outcome, int, int]:
        return store.set_birth_date(tenant_id, account_id, key, birth_date), 0, 0

    return Claim(take, lambda: None)
