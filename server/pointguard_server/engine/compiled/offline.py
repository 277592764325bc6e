"""Offline redemptions that no reservation covers any more: their allowance's time, and its grace, were over.

The goods are gone, so nothing declines one: it takes the points, and may leave a debt, whatever the floor. Windows
count it at the moment when it happened, and rules judge it as they do recorded activity. That it is no more than what
was signed out, the claim that came with it has seen to.
"""

from pointguard_server.domain.codes import Context, Decision, EntryType, Kind, Operation, Part, Reason, RequestFlag
from pointguard_server.engine.compiled.advice import heed_standing, judge_rules, raise_tripped
from pointguard_server.engine.compiled.conditions import look_at_conditions
from pointguard_server.engine.compiled.emit import add_reason, close_leg, emit_leg, put_event
from pointguard_server.engine.compiled.lots import spend
from pointguard_server.engine.compiled.measured import measure_leg
from pointguard_server.engine.compiled.redemptions import worth
from pointguard_server.engine.compiled.reservations import find_hold
from pointguard_server.engine.compiled.scopes import count_recorded
from pointguard_server.engine.world import NOW
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.windows import APPROVED, NONE, RECORDED

_APPROVED, _AUTHORISE, _ADHOC_REDEEM = int(Decision.APPROVED), int(Operation.AUTHORISE), int(Kind.ADHOC_REDEEM)
_REDEEM_PART, _REDEEM_ENTRY = int(Part.REDEEM), int(EntryType.REDEEM)
_REDEMPTION, _ENDED, _OFFLINE = int(Context.REDEMPTION), int(Reason.ALLOWANCE_ENDED), int(RequestFlag.OFFLINE)


@part
def is_uncovered(arrays, batch, r, slot):
    """Whether a capture is of an offline redemption whose reservation has ended."""
    if batch.requests[r].flags & _OFFLINE == 0:
        return False
    return find_hold(arrays, arrays.accounts[slot], batch.envelopes[r].refers_to) == NONE


@part
def redeem_uncovered(arrays, world, batch, out, r, slot):
    """Write the redemption into the account's sequence, and take its points. Its line is one of recorded activity."""
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    # The record is of what was decided: not a capture, and no article of a basket.
    batch.requests[r].operation = _AUTHORISE
    batch.envelopes[r].line_count = 0
    row = emit_leg(batch, out, account, program, r, _AUTHORISE, _ADHOC_REDEEM, 1 << _REDEEM_PART, _APPROVED)
    leg = out.legs[row]
    leg.refers_to_seq = batch.envelopes[r].refers_to
    leg.points = batch.requests[r].points
    leg.money = worth(program, leg.points)
    flags = APPROVED | RECORDED
    leg.event_flags = flags
    look_at_conditions(arrays, world, batch, out, row, slot, flags)
    put_event(arrays, world, leg, account, program, slot, batch.header[NOW])
    measure_leg(arrays, world, batch, out, row, slot, flags)
    heed_standing(arrays, world, batch, out, r, account, _REDEMPTION)
    judge_rules(arrays, world, batch, out, row, slot, _REDEMPTION, flags)
    add_reason(out, r, _ENDED, 0)
    raise_tripped(arrays, world, batch, out, row, slot, _REDEMPTION, flags)
    if program.scoped_count > 0:
        count_recorded(arrays, world, program, leg, batch.lines[batch.envelopes[r].first_line])
    account.redeemed_total += leg.points
    spend(arrays, batch, out, account, leg, _REDEEM_ENTRY, _REDEEM_PART, leg.points, batch.header[NOW])
    close_leg(arrays, batch, out, account, row)
