"""Lots in decisions that are decided again: what is given, spent, matures and ends, in the order of docs/lots.md."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from typing import NamedTuple

from pointguard_server.domain.calendar import MICROSECOND
from pointguard_server.domain.codes import EntryType, Kind, Part
from pointguard_server.domain.expiry import ExpiryModel
from pointguard_server.service.code_matches import GROUP_SEPARATOR
from pointguard_server.service.explanation.case import NO_PART, Case, Retrial, close, reservations_after
from pointguard_server.service.explanation.ports import PastLot
from pointguard_server.service.program_config import LotsConfig


@dataclass(slots=True)
class _Left:
    """A lot, and what the second decision leaves of it."""

    lot: PastLot
    rule: str
    points: int
    is_pending: bool


class Piece(NamedTuple):
    """Points that are spent together, and when they would have ended; 0: never."""

    expires_at: int
    points: int


class Lots:
    """An account's lots just before a decision, and as the decision changes them.

    ``rest`` is what the points outside of lots come to; below zero it is owed.
    """

    def __init__(self, case: Case, retrial: Retrial, settled_at: int) -> None:
        """Take the lots as they were once all was written down that had matured by ``settled_at``."""
        self._case, self._retrial = case, retrial
        known = [
            _Left(lot, case.texts.get(lot.rule_id, ""), lot.points, lot.matures_at > settled_at)
            for lot in case.past.lots
        ]
        self._left = sorted((each for each in known if each.is_pending or each.lot.expires_at), key=_order)
        self._rest = case.past.state.posted - sum(each.points for each in self._left)

    def _post(self, entry_type: EntryType, part: Part | int, points: int, left: _Left | None) -> None:
        self._retrial.post(entry_type, part, points, "" if left is None else left.rule)
        if left is None:
            self._rest += points
        else:
            left.points += points

    def spend(self, part: Part | int, points: int, since: int, entry_type: EntryType = EntryType.REDEEM) -> list[Piece]:
        """Spend points: from what may be spent and had not ended at a moment, then from the rest; return what went."""
        pieces = []
        for left in self._left:
            ended = bool(left.lot.expires_at) and left.lot.expires_at <= since
            taken = 0 if left.is_pending or ended else min(points, left.points)
            if taken:
                self._post(entry_type, part, -taken, left)
                pieces.append(Piece(left.lot.expires_at, taken))
                points -= taken
        if points:
            self._post(entry_type, part, -points, None)
            pieces.append(Piece(0, points))
        return pieces

    def receive(self, pieces: Iterable[Piece]) -> None:
        """Take in what another account has given: as a lot what ends together; pay what is owed."""
        for expires_at, together in groupby(pieces, key=lambda piece: piece.expires_at):
            points = sum(piece.points for piece in together)
            left = _Left(PastLot(0, 0, 0, 0, 0, expires_at), "", 0, is_pending=False) if expires_at else None
            self._post(EntryType.TRANSFER_IN, Part.TRANSFER_IN, points, left)
            if left is not None:
                self._pay(left)

    def _find(self, seq: int, rule_id: int, expires_at: int) -> _Left | None:
        name = (seq, rule_id, expires_at)
        lots = ((left, left.lot) for left in self._left if left.points)
        return next((left for left, lot in lots if (lot.lot_seq, lot.rule_id, lot.expires_at) == name), None)

    def pending_of(self, seq: int, rule_id: int, expires_at: int) -> int:
        """Return the points of a lot that have not matured."""
        left = self._find(seq, rule_id, expires_at)
        return left.points if left is not None and left.is_pending else 0

    def claw_back(self, seq: int, given: dict[str, int], points: int, rule: str) -> None:
        """Take back points of an award: from its own lot, then from the rest if they went there, then as spending does.

        ``given`` is the entry of the award.
        """
        left = self._find(seq, given["rule_id"], given["expires_at"])
        if left is not None and not 0 < left.lot.expires_at <= self._case.moment:
            taken = min(points, left.points)
            if taken:
                self._post(EntryType.REVERSE, given["part"], -taken, left)
            if left.is_pending:
                after = self._retrial.after
                self._retrial.after = replace(after, pending=after.pending - taken)
            points -= taken
        if not given["expires_at"] and (taken := min(points, max(self._rest, 0))):
            self._retrial.post(EntryType.REVERSE, given["part"], -taken, rule)
            self._rest -= taken
            points -= taken
        self.spend(given["part"], points, self._case.moment, EntryType.REVERSE)

    def put_back(self, points: int, rule: str, seq: int, rule_id: int, expires_at: int) -> None:
        """Put redeemed points back into their lot, or where points are that never end; pay what is owed."""
        left = None
        if expires_at:
            left = self._find(seq, rule_id, expires_at) or _Left(
                PastLot(0, seq, rule_id, 0, 0, expires_at), rule, 0, False
            )
        self._post(EntryType.VOID, Part.REDEEM, points, left)
        if left is not None:
            self._pay(left)

    def write_off(self) -> int:
        """Take what has ended and no open reservation keeps; return the points."""
        case, kept, gone = self._case, 0, 0
        opened = {event.seq: event.counts_at for event in case.past.events}
        reservations = reservations_after(case, self._retrial)
        for left in self._left:
            end = left.lot.expires_at
            if end and end <= case.moment:
                held = sum(each.points for each in reservations if opened[each.seq] < end)
                keep = min(left.points, max(held - kept, 0))
                kept += keep
                if left.points > keep:
                    gone += left.points - keep
                    self._post(EntryType.EXPIRE, NO_PART, keep - left.points, left)
        return gone

    def mature(self) -> int:
        """Let what has matured be spent, and pay what is owed; return the points."""
        due = [left for left in self._left if left.is_pending and left.lot.matures_at <= self._case.moment]
        points = sum(left.points for left in due)
        for left in sorted(due, key=lambda left: left.lot.matures_at):
            left.is_pending = False
            self._pay(left)
            if not left.lot.expires_at:
                self._rest, left.points = self._rest + left.points, 0
        after = self._retrial.after
        self._retrial.after = replace(after, pending=after.pending - points)
        return points

    def give(self, rule: str, points: int, *, is_pending: bool, ends: bool) -> None:
        """Note that the entry of a rule's award has been made."""
        if is_pending:
            after = self._retrial.after
            self._retrial.after = replace(after, pending=after.pending + points)
        elif ends:
            self._pay(_Left(PastLot(0, 0, 0, points, 0, 0), rule, points, is_pending=False))
        else:
            self._rest += points

    def _pay(self, left: _Left) -> None:
        paid = min(-self._rest, left.points)
        if paid > 0:
            self._post(EntryType.ADJUST, NO_PART, -paid, left)
            self._post(EntryType.ADJUST, NO_PART, paid, None)


def _order(left: _Left) -> tuple[float, int, int, int]:
    return left.lot.expires_at or float("inf"), left.lot.matures_at, left.lot.lot_seq, left.lot.rule_id


def lots_of(case: Case, retrial: Retrial) -> Lots:
    """Return the lots as a request saw them: what had matured by then was written down before it."""
    return Lots(case, retrial, case.moment)


def ends_by_program(case: Case) -> bool:
    """Return whether points may end of which no rule says when: the program says so, and the member is not exempt."""
    groups = case.texts[case.past.state.group_set_id].split(GROUP_SEPARATOR)
    return case.config.lots.expiry.model is not ExpiryModel.NEVER and not case.config.lots.spares(groups)


def terms_of(case: Case) -> Iterator[tuple[str, bool, bool]]:
    """Yield of each earn rule its name, whether its points are held back, and whether they may end."""
    assert case.rule_set is not None  # noqa: S101  (of every accrual's case)
    lots: LotsConfig = case.config.lots
    by_program = ends_by_program(case)
    for rule, checked in zip(case.rule_set.rules, case.rule_set.checked.rules, strict=True):
        pending = lots.pending if checked.pending_range is None else timedelta(days=checked.pending_days)
        ends = checked.expiry is not None or by_program
        yield rule.name, pending // MICROSECOND > 0, ends


def decide_maturity(case: Case) -> Retrial | None:
    """Return what becomes of points that have matured; None if none had."""
    retrial = Retrial(case.past.state, kind=int(Kind.ACTIVITY))
    retrial.points = Lots(case, retrial, case.past.settled_at).mature()
    return close(case, retrial) if retrial.points else None


def decide_expiry(case: Case) -> Retrial | None:
    """Return what becomes of points that have ended; None if none had."""
    retrial = Retrial(case.past.state, kind=int(Kind.EXPIRY))
    retrial.points = lots_of(case, retrial).write_off()
    return close(case, retrial) if retrial.points else None
