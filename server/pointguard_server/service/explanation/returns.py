"""A return decided again, from its original's record and those of the returns before it."""

from dataclasses import dataclass, replace
from typing import Any, cast

from pointguard_server.domain.calendar import MICROSECOND
from pointguard_server.domain.codes import EntryType, Kind, Operation, Part, RequestFlag
from pointguard_server.domain.record import Record, decode_record
from pointguard_server.domain.returns import decode_lines, line_amounts
from pointguard_server.service.explanation.case import NO_CONTEXT, Case, Retrial, close, judge
from pointguard_server.service.explanation.lots import lots_of
from pointguard_server.service.explanation.past import APPROVED
from pointguard_server.service.explanation.ports import PastOriginal

_GIVES = (EntryType.EARN, EntryType.BONUS)


@dataclass(frozen=True, slots=True)
class OriginalSeen:
    """What a return saw of its original: the record, and what the returns before came to."""

    record: Record
    returned_points: int
    returned_money: int

    @property
    def leg(self) -> dict[str, int]:
        """The original's leg."""
        return cast("dict[str, int]", self.record.leg)

    def entries(self, *types: EntryType) -> list[dict[str, int]]:
        """Return the original's entries of some types, in order."""
        entries = (cast("dict[str, int]", entry) for entry in self.record.entries)
        return [entry for entry in entries if entry["entry_type"] in types]


def original_seen(found: PastOriginal) -> OriginalSeen:
    """Read what a return saw of its original.

    Raises:
        ValueError: if a record cannot be read.
    """
    returns: list[dict[str, Any]] = [decode_record(each).leg for each in found.returns]
    return OriginalSeen(
        decode_record(found.record),
        sum(leg["points"] + leg["released"] for leg in returns),
        sum(leg["money"] for leg in returns),
    )


def decide_return(case: Case, original: OriginalSeen | None, body: bytes) -> Retrial:
    """Return what becomes of a return; ``original`` is None without a receipt, and ``body`` has the lines it names."""
    retrial = Retrial(case.past.state, kind=int(Kind.RETURN))
    if original is None:
        _take_back_at_a_rate(case, retrial)
    elif original.leg["operation"] == Operation.ACCRUE:
        retrial.refers_to_seq = original.leg["seq"]
        _return_accrual(case, retrial, original, body)
    else:
        retrial.refers_to_seq = original.leg["seq"]
        _return_redemption(case, retrial, original)
    return close(case, retrial)


def _room(case: Case) -> int | None:
    """Return how much of what could be spent may be taken; None for any."""
    if case.config.returns.negative_balance:
        return None
    state = case.past.state
    return max(state.posted - state.pending - state.reserved - case.config.points_floor, 0)


def _take_back_at_a_rate(case: Case, retrial: Retrial) -> None:
    rate, room = case.config.returns.without_receipt, _room(case)
    if rate is None:
        raise ValueError("the program takes no return without a receipt")
    retrial.money = case.request["money"]
    due = retrial.money * rate.points // rate.money_minor
    retrial.points = due if room is None else min(due, room)
    retrial.released = due - retrial.points
    judge(case, retrial, NO_CONTEXT, APPROVED)
    lots_of(case, retrial).spend(Part.BASE, retrial.points, case.moment, EntryType.REVERSE)
    _take_from_totals(retrial)


def _take_from_totals(retrial: Retrial) -> None:
    after = retrial.after
    retrial.after = replace(
        after, earned_total=after.earned_total - retrial.points, spend_total=after.spend_total - retrial.money
    )


def _returned_money(case: Case, original: OriginalSeen, body: bytes) -> int:
    if case.request["flags"] & RequestFlag.WHOLE:
        return original.leg["money"] - original.returned_money
    if lines := decode_lines(body):
        amounts = line_amounts(original.record.basket)
        return sum(amount or amounts[number - 1] for number, amount in lines)
    return case.request["money"]


def _return_accrual(case: Case, retrial: Retrial, original: OriginalSeen, body: bytes) -> None:
    retrial.money = _returned_money(case, original, body)
    before, whole = original.returned_money, original.leg["money"]

    def due_of(points: int) -> int:
        if not whole:
            return points
        return points * (before + retrial.money) // whole - points * before // whole

    awards = [(entry, due_of(entry["signed_points"])) for entry in original.entries(*_GIVES)]
    lots = lots_of(case, retrial)
    seq = original.leg["seq"]
    pending = sum(min(due, lots.pending_of(seq, entry["rule_id"], entry["expires_at"])) for entry, due in awards)
    total, room = sum(due for _, due in awards), _room(case)
    retrial.points = total if room is None else pending + min(total - pending, room)
    retrial.released = total - retrial.points
    judge(case, retrial, NO_CONTEXT, APPROVED)
    left = retrial.points - pending  # of what could be spent
    for entry, due in awards:
        held_back = min(due, lots.pending_of(seq, entry["rule_id"], entry["expires_at"]))
        spendable = min(due - held_back, left)
        left -= spendable
        lots.claw_back(seq, entry, held_back + spendable, case.texts.get(entry["rule_id"], ""))
    _take_from_totals(retrial)


def _return_redemption(case: Case, retrial: Retrial, original: OriginalSeen) -> None:
    before, whole = original.returned_points, original.leg["points"]
    points = whole - before if case.request["flags"] & RequestFlag.WHOLE else case.request["points"]
    after = before + points
    retrial.money = original.leg["money"] * after // whole - original.leg["money"] * before // whole
    pieces: list[tuple[dict[str, int], int]] = []
    behind = 0
    for entry in reversed(original.entries(EntryType.REDEEM)):
        spent = -entry["signed_points"]
        piece = min(after, behind + spent) - max(before, behind)
        if piece > 0:
            pieces.insert(0, (entry, piece))
        behind += spent
    ended = sum(piece for entry, piece in pieces if 0 < entry["expires_at"] <= case.moment)
    grace = case.config.returns.grace // MICROSECOND
    retrial.released = 0 if grace else ended
    retrial.points = points - retrial.released
    judge(case, retrial, NO_CONTEXT, APPROVED)
    lots = lots_of(case, retrial)
    for entry, piece in pieces:
        if not 0 < entry["expires_at"] <= case.moment:
            rule = case.texts.get(entry["rule_id"], "") if entry["expires_at"] else ""
            lots.put_back(piece, rule, entry["lot_seq"], entry["rule_id"], entry["expires_at"])
    if ended and grace:
        lots.put_back(ended, "", case.past.seq + 1, 0, case.moment + grace)
    retrial.after = replace(retrial.after, redeemed_total=retrial.after.redeemed_total - retrial.points)
