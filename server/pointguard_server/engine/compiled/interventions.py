"""Interventions: what the staff do about an account.

Advice raised, overridden or removed by hand; cases resolved; suspension; groups changed.

They move no points, and the member did nothing: no window counts them but that of the agent who does it, and no fraud
rule looks at them but those about agents.
"""

from pointguard_server.domain.codes import (
    AccountFlag,
    AdviceEvent,
    CaseOutcome,
    Decision,
    Kind,
    Operation,
    Outcome,
    RequestFlag,
)
from pointguard_server.engine.compiled.advice import (
    BY_STAFF,
    drop_standing,
    find_advice,
    is_case,
    is_over,
    keep_standing,
    raise_tripped,
    rule_of,
    write_step,
)
from pointguard_server.engine.compiled.agents import is_about
from pointguard_server.engine.compiled.emit import close_leg, emit_leg, new_advice_row
from pointguard_server.engine.compiled.measured import measure_leg
from pointguard_server.engine.compiled.scopes import count_for_scopes
from pointguard_server.engine.rows import (
    TERMS_ACTOR,
    TERMS_CONTEXT,
    TERMS_DURATION,
    TERMS_ENDS_AT,
    TERMS_POSTURE,
    TERMS_REASON,
)
from pointguard_server.engine.world import NOW
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.windows import APPROVED, NONE

_APPROVED, _REVIEW = int(Decision.APPROVED), int(Decision.REVIEW)
_RESOLVE, _OVERRIDE_KIND = int(Operation.RESOLVE_CASE), int(Kind.OVERRIDE)
_CHANGE_GROUPS, _GROUPS_CHANGED = int(Operation.CHANGE_GROUPS), int(Outcome.GROUPS_CHANGED)
_RAISE, _OVERRIDE, _REMOVE = (
    int(Operation.RAISE_ADVICE),
    int(Operation.OVERRIDE_ADVICE),
    int(Operation.REMOVE_ADVICE),
)
_RAISED, _OVERRIDDEN, _REMOVED = int(AdviceEvent.RAISED), int(AdviceEvent.OVERRIDDEN), int(AdviceEvent.REMOVED)
_PROPOSED, _RESOLVED = int(AdviceEvent.PROPOSED), int(AdviceEvent.RESOLVED)
_FALSE_POSITIVE = int(CaseOutcome.FALSE_POSITIVE)
_SUSPENDED_FLAG, _SUSPENDED = int(AccountFlag.SUSPENDED), int(RequestFlag.SUSPENDED)
_ADVICE_ENDED, _ENDS_IN_THE_PAST = int(Outcome.ADVICE_ENDED), int(Outcome.ENDS_IN_THE_PAST)
_ADVICE_IS_CASE, _CASE_RESOLVED = int(Outcome.ADVICE_IS_CASE), int(Outcome.CASE_RESOLVED)
_FOUR_EYES, _DONE = int(Outcome.FOUR_EYES), int(Outcome.DONE)
_NUMBER = 0xFFFFFFFF


@part
def intervene(arrays, world, batch, out, r, slot):
    """Write the intervention into the account's sequence; from this leg on it holds."""
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    request = batch.requests[r]
    line = batch.envelopes[r].first_line
    ends_at, index, kind = 0, NONE, request.kind
    if request.operation == _RESOLVE:
        _resolve(arrays, world, batch, out, r, slot, line)
        return
    if request.operation == _RAISE:
        ends_at = batch.lines[line, TERMS_ENDS_AT]
        if ends_at == 0:
            ends_at = batch.header[NOW] + batch.lines[line, TERMS_DURATION]
        if ends_at <= batch.header[NOW]:
            out.answers[r].outcome = _ENDS_IN_THE_PAST
            return
    elif request.operation in (_OVERRIDE, _REMOVE):
        index = find_advice(arrays, account, request.reservation_high, request.reservation_low)
        out.answers[r].outcome = _why_not(arrays, batch, index, batch.envelopes[r].agent_id)
        if out.answers[r].outcome != _DONE:
            return
        kind = _OVERRIDE_KIND
    elif not _set_account(batch, out, r, account):
        return
    row = emit_leg(batch, out, account, program, r, request.operation, kind, 0, _APPROVED)
    leg = out.legs[row]
    if request.operation == _RAISE:
        _raise_by_hand(arrays, batch, out, account, leg, line, ends_at)
    elif index != NONE:
        standing = arrays.standing[index]
        standing.event = _OVERRIDDEN if request.operation == _OVERRIDE else _REMOVED
        standing.seq = leg.seq
        standing.leg_position = leg.position
        standing.reason_code_id = batch.lines[line, TERMS_REASON]
        write_step(batch, out, account, leg, standing)
        if request.operation == _REMOVE:
            drop_standing(arrays, account, index)
    _close(arrays, world, batch, out, slot, row)


@part
def _why_not(arrays, batch, index, agent_id):
    """Return why an agent may not override or remove an advice; DONE if he may."""
    if index == NONE or is_over(arrays.standing[index]):
        return _ADVICE_ENDED
    if is_case(arrays.standing[index].posture):
        return _ADVICE_IS_CASE
    return _FOUR_EYES if is_about(batch, arrays.standing[index], agent_id) else _DONE


@part
def _close(arrays, world, batch, out, slot, row):
    """Close the leg, with what it is to the agent who does it."""
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    if program.scoped_count > 0:
        measure_leg(arrays, world, batch, out, row, slot, APPROVED)
        raise_tripped(arrays, world, batch, out, row, slot, BY_STAFF, APPROVED)
        count_for_scopes(arrays, world, program, out.legs[row], True)
    close_leg(arrays, batch, out, account, row)


@part
def _set_account(batch, out, r, account):
    """Set the account's status, or its member's groups if they are what the change takes them for; return whether."""
    request, envelope = batch.requests[r], batch.envelopes[r]
    if request.operation == _CHANGE_GROUPS:
        if account.group_set_id != envelope.group_set_before:
            out.answers[r].outcome = _GROUPS_CHANGED
            return False
        account.group_set_id = envelope.group_set_id
        return True
    account.flags &= ~_SUSPENDED_FLAG
    if request.flags & _SUSPENDED:
        account.flags |= _SUSPENDED_FLAG
    return True


@part
def _resolve(arrays, world, batch, out, r, slot, line):
    """Resolve a case. Where its rule asks for four eyes, another author with another API key must say the same.

    Until then the resolution is a proposal. A case that is found to be no fraud suppresses its rule for the rule's
    duration.
    """
    request = batch.requests[r]
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    index = find_advice(arrays, account, request.reservation_high, request.reservation_low)
    if index == NONE or not is_case(arrays.standing[index].posture) or is_over(arrays.standing[index]):
        out.answers[r].outcome = _CASE_RESOLVED
        return
    case = arrays.standing[index]
    if is_about(batch, case, batch.envelopes[r].agent_id):
        out.answers[r].outcome = _FOUR_EYES
        return
    rule = rule_of(world, program, case)
    found, actor = batch.lines[line, TERMS_REASON], batch.lines[line, TERMS_ACTOR]
    proposes = rule != NONE and world.rules[rule].four_eyes != 0
    if proposes and case.event == _PROPOSED and case.reason_code_id == found:
        if case.actor_id >> 32 == actor >> 32 or case.actor_id & _NUMBER == actor & _NUMBER:
            out.answers[r].outcome = _FOUR_EYES
            return
        proposes = False
    decision = _REVIEW if proposes else _APPROVED
    row = emit_leg(batch, out, account, program, r, _RESOLVE, request.kind, 0, decision)
    leg = out.legs[row]
    case.event = _PROPOSED if proposes else _RESOLVED
    case.seq = leg.seq
    case.leg_position = leg.position
    case.reason_code_id = found
    case.actor_id = actor
    if not proposes:
        case.ends_at = leg.accepted_at
        if found == _FALSE_POSITIVE and rule != NONE:
            case.ends_at += world.rules[rule].duration
    write_step(batch, out, account, leg, case)
    if case.ends_at <= leg.accepted_at:
        drop_standing(arrays, account, index)
    _close(arrays, world, batch, out, slot, row)


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
