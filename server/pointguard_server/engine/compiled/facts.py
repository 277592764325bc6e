"""Account facts.

Enrollment, changes of a member, identifiers linked, the redemption lock. They move no points, but fraud rules may count
them.
"""

from pointguard_server.domain.codes import AccountFlag, Decision, Operation, RequestFlag
from pointguard_server.engine.compiled.advice import raise_tripped
from pointguard_server.engine.compiled.conditions import look_at_conditions
from pointguard_server.engine.compiled.emit import close_leg, count_leg, emit_leg
from pointguard_server.engine.compiled.measured import measure_leg
from pointguard_server.engine.world import NOW
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.windows import APPROVED

_APPROVED = int(Decision.APPROVED)
_NO_CONTEXT = 0  # a fact is recorded whatever trips; what it raises bears on what comes after
_ENROLL, _SET_LOCK = int(Operation.ENROLL), int(Operation.SET_REDEMPTION_LOCK)
_UPDATE = int(Operation.UPDATE_MEMBER)
_CHANGES_TIER, _CHANGES_GROUPS = int(RequestFlag.CHANGES_TIER), int(RequestFlag.CHANGES_GROUPS)
_CHANGES_BIRTH_DATE = int(RequestFlag.CHANGES_BIRTH_DATE)
_LOCKED_FLAG, _LOCKED = int(AccountFlag.REDEMPTION_LOCKED), int(RequestFlag.LOCKED)


@part
def record_fact(arrays, world, batch, out, r, slot):
    """Write the fact into the account's sequence; from this leg on it holds."""
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    request = batch.requests[r]
    if request.operation == _ENROLL:
        account.province_id = request.province_id
        account.tier_id = request.tier_id
        account.group_set_id = batch.envelopes[r].group_set_id
        account.birth_date = batch.envelopes[r].birth_date
        account.enrolled_at = batch.header[NOW]
    elif request.operation == _UPDATE:
        if request.flags & _CHANGES_TIER:
            account.tier_id = request.tier_id
        if request.flags & _CHANGES_GROUPS:
            account.group_set_id = batch.envelopes[r].group_set_id
        if request.flags & _CHANGES_BIRTH_DATE:
            account.birth_date = batch.envelopes[r].birth_date
    elif request.operation == _SET_LOCK:
        account.flags &= ~_LOCKED_FLAG
        if request.flags & _LOCKED:
            account.flags |= _LOCKED_FLAG
    row = emit_leg(batch, out, account, program, r, request.operation, request.kind, 0, _APPROVED)
    measure_leg(arrays, world, batch, out, row, slot, APPROVED)
    look_at_conditions(arrays, world, batch, out, row, slot, APPROVED)
    raise_tripped(arrays, world, batch, out, row, slot, _NO_CONTEXT, APPROVED)
    count_leg(arrays, world, out.legs[row], account, program, slot)
    close_leg(arrays, batch, out, account, row)
