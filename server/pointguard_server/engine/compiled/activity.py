"""Recorded activity: what a member did in another system, which keeps a ledger of its own.

It moves no points and nothing declines it, since it has happened. Windows count it at the moment when it happened, as
approved, and fraud rules judge it by every window that held that moment, also by such as have passed since. What was
spent on a purchase there counts as spent.
"""

from pointguard_server.domain.codes import PARTS_SHIFT, Context, Decision, Kind, Operation, Part
from pointguard_server.engine.compiled.advice import heed_standing, judge_rules, raise_tripped
from pointguard_server.engine.compiled.conditions import look_at_conditions
from pointguard_server.engine.compiled.emit import close_leg, emit_leg, put_event
from pointguard_server.engine.compiled.measured import measure_leg
from pointguard_server.engine.compiled.scopes import count_recorded
from pointguard_server.engine.world import NOW
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.windows import APPROVED, RECORDED

_APPROVED, _RECORD = int(Decision.APPROVED), int(Operation.RECORD_ACTIVITY)
_REDEMPTION, _EARNING, _NO_CONTEXT = int(Context.REDEMPTION), int(Context.EARNING), 0
_TRANSFER = int(Context.TRANSFER)
_RETURN, _BASE = int(Kind.RETURN), 1 << int(Part.BASE)
_REDEEMING = 1 << int(Part.REDEEM) | 1 << int(Part.HOUSEHOLD_REDEEM)
_TRANSFERRING = 1 << int(Part.TRANSFER_OUT) | 1 << int(Part.TRANSFER_IN)


@part
def _context_of(parts):
    if parts & _REDEEMING:
        return _REDEMPTION
    if parts & _TRANSFERRING:
        return _TRANSFER
    return _EARNING if parts != 0 else _NO_CONTEXT


@part
def _spent(leg):
    """Return by how much the money of the member's purchases changes: what an accrual here adds, a return takes."""
    if leg.kind == _RETURN:
        return -leg.money
    return leg.money if leg.parts & _BASE else 0


@part
def record_activity(arrays, world, batch, out, r, slot):
    """Write the activity into the account's sequence, with what rules and standing advice say of it.

    Its reasons are those that a decision about the same would have had.
    """
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    request = batch.requests[r]
    # The one line says where the calendar was: no article of a basket.
    batch.envelopes[r].line_count = 0
    parts = request.flags >> PARTS_SHIFT
    context = _context_of(parts)
    row = emit_leg(batch, out, account, program, r, _RECORD, request.kind, parts, _APPROVED)
    leg = out.legs[row]
    leg.points, leg.money = request.points, request.money
    flags = APPROVED | RECORDED
    leg.event_flags = flags
    look_at_conditions(arrays, world, batch, out, row, slot, flags)
    put_event(arrays, world, leg, account, program, slot, batch.header[NOW])
    measure_leg(arrays, world, batch, out, row, slot, flags)
    if context != _NO_CONTEXT:
        heed_standing(arrays, world, batch, out, r, account, context)
        judge_rules(arrays, world, batch, out, row, slot, context, flags)
    raise_tripped(arrays, world, batch, out, row, slot, context, flags)
    if program.scoped_count > 0:
        count_recorded(arrays, world, program, leg, batch.lines[batch.envelopes[r].first_line])
    account.spend_total += _spent(leg)
    close_leg(arrays, batch, out, account, row)
