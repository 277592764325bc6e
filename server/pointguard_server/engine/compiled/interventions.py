"""Interventions: what the staff do about an account. Advice raised, overridden or removed by hand; suspension.

They move no points, and the member did nothing: no window counts them, and no fraud rule looks at them.
"""

from pointguard_server.domain.codes import AccountFlag, AdviceEvent, Decision, Operation, Outcome, RequestFlag
from pointguard_server.engine.compiled.advice import drop_standing, find_advice, keep_standing, write_step
from pointguard_server.engine.compiled.emit import close_leg, emit_leg, new_advice_row
from pointguard_server.engine.rows import TERMS_CONTEXT, TERMS_DURATION, TERMS_ENDS_AT, TERMS_POSTURE, TERMS_REASON
from pointguard_server.engine.world import NOW
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.windows import NONE

_APPROVED = int(Decision.APPROVED)
_RAISE, _OVERRIDE, _REMOVE = (
    int(Operation.RAISE_ADVICE),
    int(Operation.OVERRIDE_ADVICE),
    int(Operation.REMOVE_ADVICE),
)
_RAISED, _OVERRIDDEN, _REMOVED = int(AdviceEvent.RAISED), int(AdviceEvent.OVERRIDDEN), int(AdviceEvent.REMOVED)
_SUSPENDED_FLAG, _SUSPENDED = int(AccountFlag.SUSPENDED), int(RequestFlag.SUSPENDED)
_ADVICE_ENDED, _ENDS_IN_THE_PAST = int(Outcome.ADVICE_ENDED), int(Outcome.ENDS_IN_THE_PAST)


@part
def intervene(arrays, world, batch, out, r, slot):
    """Write the intervention into the account's sequence; from this leg on it holds."""
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    request = batch.requests[r]
    line = batch.envelopes[r].first_line
    ends_at, index = 0, NONE
    if request.operation == _RAISE:
        ends_at = batch.lines[line, TERMS_ENDS_AT]
        if ends_at == 0:
            ends_at = batch.header[NOW] + batch.lines[line, TERMS_DURATION]
        if ends_at <= batch.header[NOW]:
            out.answers[r].outcome = _ENDS_IN_THE_PAST
            return
    elif request.operation in (_OVERRIDE, _REMOVE):
        index = find_advice(arrays, account, request.reservation_high, request.reservation_low)
        if index == NONE or arrays.standing[index].event == _OVERRIDDEN:
            out.answers[r].outcome = _ADVICE_ENDED
            return
    else:
        account.flags &= ~_SUSPENDED_FLAG
        if request.flags & _SUSPENDED:
            account.flags |= _SUSPENDED_FLAG
    row = emit_leg(batch, out, account, program, r, request.operation, request.kind, 0, _APPROVED)
    leg = out.legs[row]
    if request.operation == _RAISE:
        _raise_by_hand(arrays, batch, out, account, leg, line, ends_at)
    elif index != NONE:
        standing = arrays.standing[index]
        standing.event = _OVERRIDDEN if request.operation == _OVERRIDE else _REMOVED
        standing.seq = leg.seq
        standing.leg_position = leg.position
        write_step(batch, out, account, leg, standing, batch.lines[line, TERMS_REASON])
        if request.operation == _REMOVE:
            drop_standing(arrays, account, index)
    close_leg(arrays, batch, out, account, row)


@part
def _raise_by_hand(arrays, batch, out, account, leg, line, ends_at):
    """Raise advice that no rule gave: it has the transaction's own id, and nothing was measured."""
    advice = out.advice[new_advice_row(batch, out, account, leg)]
    advice.event = _RAISED
    advice.advice_id_high = leg.transaction_id_high
    advice.advice_id_low = leg.transaction_id_low
    advice.rule_id = 0
    advice.rule_version = 0
    advice.context = batch.lines[line, TERMS_CONTEXT]
    advice.posture = batch.lines[line, TERMS_POSTURE]
    advice.starts_at = leg.accepted_at
    advice.ends_at = ends_at
    advice.measured = 0
    advice.threshold = 0
    advice.window_starts_after = 0
    advice.reason_code_id = batch.lines[line, TERMS_REASON]
    keep_standing(arrays, account, advice)
