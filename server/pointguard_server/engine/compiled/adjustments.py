"""Adjustments: points that an agent gives or takes.

A credit is judged by the limits of the program's agents, which are fraud rules of the context ADJUSTMENT like any other
of it, and counts for them in the same step. A debit respects the floor, but that a correction, which undoes something,
may go below it as a return may. Neither counts as earned, redeemed or spent.
"""

from pointguard_server.domain.codes import (
    AccountFlag,
    Context,
    Decision,
    EntryType,
    Kind,
    Operation,
    Outcome,
    Part,
    Reason,
)
from pointguard_server.engine.compiled.advice import heed_standing, judge_rules, raise_tripped
from pointguard_server.engine.compiled.agents import is_blocked
from pointguard_server.engine.compiled.conditions import look_at_conditions
from pointguard_server.engine.compiled.emit import add_reason, close_leg, count_leg, emit_entry, emit_leg
from pointguard_server.engine.compiled.lots import give_lot, is_exempt, spend
from pointguard_server.engine.compiled.measured import measure_leg
from pointguard_server.engine.compiled.redemptions import POINTS_MAX
from pointguard_server.engine.world import NOW
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.windows import APPROVED, BLOCKED

_ADJUSTMENT = int(Context.ADJUSTMENT)
_APPROVED, _DECLINED = int(Decision.APPROVED), int(Decision.DECLINED)
_ADJUST, _DISCRETIONARY = int(Operation.ADJUST), int(Kind.DISCRETIONARY)
_GIVEN, _NO_PART = int(Part.DISCRETIONARY), 0
_CREDIT_ENTRY, _ADJUST_ENTRY = int(EntryType.CREDIT), int(EntryType.ADJUST)
_SUSPENDED_FLAG = int(AccountFlag.SUSPENDED)
_SUSPENDED, _INSUFFICIENT = int(Reason.ACCOUNT_SUSPENDED), int(Reason.INSUFFICIENT_POINTS)
_ARITHMETIC, _CREDIT_LIMIT = int(Reason.RULE_ARITHMETIC), int(Reason.CREDIT_LIMIT)
_REASON_CODE_UNKNOWN, _ABOVE = int(Outcome.REASON_CODE_UNKNOWN), int(Outcome.CORRECTION_ABOVE_ORIGINAL)


@part
def adjust(arrays, world, batch, out, r, slot):
    """Decide an adjustment; a declined one is recorded all the same."""
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    request, envelope = batch.requests[r], batch.envelopes[r]
    if envelope.reason_code == 0:
        out.answers[r].outcome = _REASON_CODE_UNKNOWN
        return
    signed = request.points
    corrected = 0
    if envelope.refers_to > 0:
        original = batch.corrections[envelope.refers_to - 1]
        left = original.left + signed
        if (original.gives and signed < 0 and left < 0) or (not original.gives and signed > 0 and left > 0):
            out.answers[r].outcome = _ABOVE
            return
        corrected = original.corrected
    is_credit = signed > 0
    points = abs(signed)
    stopped = blocked = False
    if is_credit:
        stopped, blocked = _stop(arrays, world, batch, out, r, account, program, points, corrected)
    elif envelope.refers_to == 0:
        available = account.posted - account.pending - account.reserved - program.points_floor
        if available < points:
            add_reason(out, r, _INSUFFICIENT, 0)
            stopped = True
    parts = 1 << _GIVEN if is_credit else 0
    row = emit_leg(batch, out, account, program, r, _ADJUST, request.kind, parts, _DECLINED)
    leg = out.legs[row]
    leg.points = points
    if envelope.refers_to > 0:
        leg.refers_to_seq = batch.corrections[envelope.refers_to - 1].seq
    flags = (0 if stopped or blocked else APPROVED) | (BLOCKED if blocked else 0)
    measure_leg(arrays, world, batch, out, row, slot, flags)
    look_at_conditions(arrays, world, batch, out, row, slot, flags)
    forbidden = judge_rules(arrays, world, batch, out, row, slot, _ADJUSTMENT, flags)
    raise_tripped(arrays, world, batch, out, row, slot, _ADJUSTMENT, flags)
    leg.event_flags = flags & BLOCKED
    if flags & APPROVED and not forbidden:
        leg.decision, leg.event_flags = _APPROVED, APPROVED
        _post(arrays, world, batch, out, r, slot, leg, signed)
    count_leg(arrays, world, leg, account, program, slot)
    close_leg(arrays, batch, out, account, row)
    if leg.decision == _DECLINED:
        out.answers[r].points = 0


@part
def _stop(arrays, world, batch, out, r, account, program, points, corrected):
    """Add the reasons that forbid a credit, whatever was given before; return (it is stopped, advice blocks it).

    What corrections of one transaction give is one credit, in however many parts.
    """
    stopped = False
    if account.flags & _SUSPENDED_FLAG:
        add_reason(out, r, _SUSPENDED, 0)
        stopped = True
    blocked, _ = heed_standing(arrays, world, batch, out, r, account, _ADJUSTMENT)
    if is_blocked(batch, out, r, batch.envelopes[r].agent_id):
        blocked = True
    if program.credit_max > 0 and points + max(corrected, 0) > program.credit_max:
        add_reason(out, r, _CREDIT_LIMIT, 0)
        stopped = True
    if account.posted + points > POINTS_MAX:
        add_reason(out, r, _ARITHMETIC, 0)
        stopped = True
    return stopped, blocked


@part
def _post(arrays, world, batch, out, r, slot, leg, signed):
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    envelope = batch.envelopes[r]
    if envelope.refers_to > 0:
        original = batch.corrections[envelope.refers_to - 1]
        original.left += signed
        original.corrected += signed
    entry_type = _CREDIT_ENTRY if leg.kind == _DISCRETIONARY else _ADJUST_ENTRY
    if signed < 0:
        spend(arrays, batch, out, account, leg, entry_type, _NO_PART, -signed, batch.header[NOW])
        return
    row = emit_entry(batch, out, account, leg, entry_type, _GIVEN, signed, 0)
    award = world.awards[program.first_award + program.award_count]
    give_lot(arrays, batch, out, account, leg, award, row, is_exempt(world, program, account))
