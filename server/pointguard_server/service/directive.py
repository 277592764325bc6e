"""Directives: what the staff has put in force beside the rules, from when until when, who and why.

An exemption lets transactions pass fraud rules; a stop declines redemptions. Storage keeps them. Moments are
microseconds since 1970; a directive is in force from ``starts_at`` until ``ends_at``, or until ``ended_at`` if that is
not 0. ``number`` counts from 1 in a program.
"""

from dataclasses import dataclass
from typing import TypeVar

from pointguard_server.domain.codes import ExemptEntity, Kind, Reason
from pointguard_server.domain.interventions import Intervention


@dataclass(frozen=True, slots=True)
class Deed:
    """That somebody put a directive in force or ended one. No leg says so: what it counts as for rules about agents."""

    author: str
    moment: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Exemption:
    """One exemption. ``subject_id`` is the account, or the number of a text: of a group, as the set of it alone.

    ``context`` and ``rule_id`` of 0 stand for all.
    """

    number: int
    entity: ExemptEntity
    subject_id: int
    context: int
    rule_id: int
    starts_at: int
    ends_at: int
    added: Intervention
    ended_at: int = 0
    ended: Intervention | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop of redemptions: of a terminal in a store, of a store, of a business unit, or, all 0, of the program."""

    number: int
    business_unit_id: int
    store_id: int
    terminal_id: int
    starts_at: int
    ends_at: int
    added: Intervention
    ended_at: int = 0
    ended: Intervention | None = None

    @property
    def reason(self) -> Reason:
        """What a transaction that it declines is told."""
        if self.terminal_id:
            return Reason.TERMINAL_STOPPED
        if self.store_id:
            return Reason.STORE_STOPPED
        return Reason.BUSINESS_UNIT_STOPPED if self.business_unit_id else Reason.REDEMPTIONS_STOPPED

    def bears_on(self, business_unit_id: int, store_id: int, terminal_id: int) -> bool:
        """Whether it names where a redemption is asked for."""
        return (
            self.business_unit_id in (0, business_unit_id)
            and self.store_id in (0, store_id)
            and self.terminal_id in (0, terminal_id)
        )


Each = TypeVar("Each", bound=Exemption | Stop)


def is_in_force(directive: Exemption | Stop, moment: int) -> bool:
    """Return whether a directive is in force at a moment."""
    return directive.starts_at <= moment < (directive.ended_at or directive.ends_at)
