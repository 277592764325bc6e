"""Exemptions: what lets a transaction pass fraud rules, until when, who said so and why. Storage keeps them."""

from dataclasses import dataclass

from pointguard_server.domain.codes import ExemptEntity
from pointguard_server.domain.interventions import Intervention


@dataclass(frozen=True, slots=True)
class Exemption:
    """One exemption. ``subject_id`` is the account, or the number of a text: of a group, as the set of it alone.

    ``context`` and ``rule_id`` of 0 stand for all. Moments are microseconds since 1970; it lets pass from ``starts_at``
    until ``ends_at``, or until ``ended_at`` if that is not 0. ``number`` counts from 1 in a program.
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

    def is_in_force(self, moment: int) -> bool:
        """Whether it lets transactions pass at a moment."""
        return self.starts_at <= moment < (self.ended_at or self.ends_at)
