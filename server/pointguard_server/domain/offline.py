"""What happens at terminals that cannot ask: an occurrence, and how far a terminal's clock is believed."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final

_MINUTE: Final = 60_000_000
CLOCK_TOLERANCE: Final = 2 * _MINUTE
"""So far ahead of the server's a terminal's clock may be, in microseconds, without anybody being told."""
BEHIND_MAX: Final = 31 * 24 * 60 * _MINUTE
"""So long ago an occurrence may lie."""


class OccurrenceFlag(IntFlag):
    """What was found about an occurrence when it came."""

    CLOCK_AHEAD = 1
    CLOCK_BEHIND = 2
    APPROVED_LATE = 4  # after its allowance had expired
    ABOVE_ALLOWANCE = 8  # more than was signed out: nothing was booked


class DiscrepancyKind(IntEnum):
    """What does not fit in what a terminal has uploaded. The wire contract's numbers."""

    GAP = 1
    OVERLAP = 2
    REFUSED = 3
    UNCOVERED = 4
    APPROVED_LATE = 5
    CLOCK_AHEAD = 6
    CLOCK_BEHIND = 7
    ABOVE_ALLOWANCE = 8


@dataclass(frozen=True, slots=True)
class Terms:
    """Of an allowance what the ledger must heed: 16 bytes of its id, its account, points, moments in microseconds."""

    allowance_id: bytes
    account_id: int
    points: int
    issued_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that happened at a terminal: where, its number there, and the request that it came with.

    ``terms`` and ``points`` are of an offline redemption; ``occurred_at`` is the terminal's word.
    """

    store_id: int
    terminal_id: int
    sequence: int
    key: bytes
    digest: bytes
    occurred_at: int
    terms: Terms | None = None
    points: int = 0


def when(occurrence: Occurrence, received_at: int) -> tuple[int, OccurrenceFlag]:
    """Return when an occurrence happened, as far as that is possible, and what is wrong with what the terminal says.

    Nothing happens after it was told, nor more than 31 days before, nor by an allowance before that was issued.
    """
    terms, moment, flags = occurrence.terms, occurrence.occurred_at, OccurrenceFlag(0)
    first = received_at - BEHIND_MAX
    if terms is not None:
        first = max(first, terms.issued_at)
        if moment >= terms.expires_at:
            flags |= OccurrenceFlag.APPROVED_LATE
    if moment > received_at + CLOCK_TOLERANCE:
        flags |= OccurrenceFlag.CLOCK_AHEAD
    elif moment < first - CLOCK_TOLERANCE:
        flags |= OccurrenceFlag.CLOCK_BEHIND
    return min(max(moment, first), received_at), flags


@dataclass(frozen=True, slots=True)
class TakenOccurrence:
    """An occurrence as the ledger has it, with the leg that it came to, if it came to one.

    ``overspent`` are points that an uncovered redemption took and the account had not got; None: it was covered.
    """

    sequence: int
    points: int
    occurred_at: int
    happened_at: int
    received_at: int
    flags: OccurrenceFlag
    transaction_id: bytes | None
    overspent: int | None


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """Something that does not fit: about a number of the terminal's, or of a gap from a first to a last one."""

    kind: DiscrepancyKind
    first: int
    last: int
    about: TakenOccurrence | None = None


_OF_FLAGS: Final = {
    OccurrenceFlag.ABOVE_ALLOWANCE: DiscrepancyKind.ABOVE_ALLOWANCE,
    OccurrenceFlag.APPROVED_LATE: DiscrepancyKind.APPROVED_LATE,
    OccurrenceFlag.CLOCK_AHEAD: DiscrepancyKind.CLOCK_AHEAD,
    OccurrenceFlag.CLOCK_BEHIND: DiscrepancyKind.CLOCK_BEHIND,
}


def discrepancies(after: int, occurrences: list[TakenOccurrence]) -> list[Discrepancy]:
    """Return what does not fit in a terminal's occurrences behind a number, which are in order of theirs."""
    found, last = [], after
    for number, each in enumerate(occurrences):
        if each.sequence > last + 1:
            found.append(Discrepancy(DiscrepancyKind.GAP, last + 1, each.sequence - 1))
        if number and each.sequence == last:
            found.append(Discrepancy(DiscrepancyKind.OVERLAP, last, last, each))
        last = each.sequence
        kinds = [kind for flag, kind in _OF_FLAGS.items() if each.flags & flag]
        if each.transaction_id is None and DiscrepancyKind.ABOVE_ALLOWANCE not in kinds:
            kinds.insert(0, DiscrepancyKind.REFUSED)
        if each.overspent is not None:
            kinds.insert(0, DiscrepancyKind.UNCOVERED)
        found += [Discrepancy(kind, last, last, each) for kind in kinds]
    return found
