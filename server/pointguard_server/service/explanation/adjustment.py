"""An adjustment decided again: points that an agent gave or took, and what limits him."""

from dataclasses import dataclass

from pointguard_server.domain.codes import (
    AccountFlag,
    AdviceEvent,
    Context,
    Decision,
    EntryType,
    Kind,
    Part,
    Posture,
    Reason,
)
from pointguard_server.domain.record import Record, decode_record
from pointguard_server.service.explanation.case import NO_PART, Case, Retrial, close, heed_standing, judge
from pointguard_server.service.explanation.lots import ends_by_program, lots_of
from pointguard_server.service.explanation.past import APPROVED, BLOCKED
from pointguard_server.service.explanation.ports import PastOriginal

POINTS_MAX = 10**12


@dataclass(frozen=True, slots=True)
class CorrectedSeen:
    """What a correction saw of its original: the record, and what the corrections before gave, less what they took."""

    record: Record
    corrected: int


def corrected_seen(found: PastOriginal) -> CorrectedSeen:
    """Read what a correction saw of its original.

    Raises:
        ValueError: if a record cannot be read.
    """
    entries = [entry for each in found.corrections for entry in decode_record(each).entries]
    corrected = sum(int(entry["signed_points"]) for entry in entries)
    return CorrectedSeen(decode_record(found.record), corrected)


def decide_adjustment(case: Case, original: CorrectedSeen | None) -> Retrial:
    """Return what becomes of an adjustment; ``original`` is of a correction."""
    retrial = Retrial(case.past.state, kind=case.request["kind"])
    signed = case.request["points"]
    retrial.points = abs(signed)
    retrial.parts = 1 << Part.DISCRETIONARY if signed > 0 else 0
    if original is not None:
        retrial.refers_to_seq = int(original.record.leg["seq"])
    stopped = blocked = False
    if signed > 0:
        stopped, blocked = _stopped(case, retrial, original)
    elif original is None:
        state = case.past.state
        stopped = state.posted - state.pending - state.reserved - case.config.points_floor < retrial.points
        if stopped:
            retrial.add_reason(Reason.INSUFFICIENT_POINTS)
    flags = (0 if stopped or blocked else APPROVED) | (BLOCKED if blocked else 0)
    forbidden = judge(case, retrial, Context.ADJUSTMENT, flags)
    if flags & APPROVED and not forbidden:
        retrial.event_flags = APPROVED
        _move(case, retrial, signed)
    else:
        retrial.decision, retrial.event_flags = Decision.DECLINED, flags & BLOCKED
    return close(case, retrial)


def _stopped(case: Case, retrial: Retrial, original: CorrectedSeen | None) -> tuple[bool, bool]:
    """Note what forbids a credit; return (it is stopped, advice against the account or about the agent blocks it)."""
    most, before = case.config.adjustments.credit_max, 0 if original is None else max(original.corrected, 0)
    stops = {
        Reason.ACCOUNT_SUSPENDED: bool(case.past.state.account_flags & AccountFlag.SUSPENDED),
        Reason.CREDIT_LIMIT: 0 < most < retrial.points + before,
        Reason.RULE_ARITHMETIC: case.past.state.posted + retrial.points > POINTS_MAX,
    }
    for reason, stopped in stops.items():
        if stopped:
            retrial.add_reason(reason)
    blocked, _ = heed_standing(case, retrial, Context.ADJUSTMENT)
    for advice in case.about_agent:
        if advice.posture == Posture.BLOCK and advice.event in (AdviceEvent.RAISED, AdviceEvent.EXTENDED):
            retrial.add_reason(Reason.ADVICE_BLOCK, case.texts[advice.rule_id])
            blocked = True
    return any(stops.values()), blocked


def _move(case: Case, retrial: Retrial, signed: int) -> None:
    entry_type = EntryType.CREDIT if retrial.kind == Kind.DISCRETIONARY else EntryType.ADJUST
    lots = lots_of(case, retrial)
    if signed < 0:
        lots.spend(NO_PART, -signed, case.moment, entry_type)
        return
    retrial.post(entry_type, Part.DISCRETIONARY, signed)
    lots.give("", signed, is_pending=False, ends=ends_by_program(case))
