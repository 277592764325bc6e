"""What fraud rules measure of a leg: each window once, however many rules share it.

Noted with the leg, where rules and its record find it.
"""

from pointguard_server.domain.codes import Kind, Scope
from pointguard_server.engine.compiled.emit import NOT_LOOKED_AT
from pointguard_server.engine.compiled.past_windows import fullest_window
from pointguard_server.engine.compiled.scopes import deeds_after, held_by_scope, told_bucket
from pointguard_server.engine.world import CONDITION
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.naming import named_by
from pointguard_server.velocity.scopes import bucket_at, scope_start
from pointguard_server.velocity.windows import BLOCKED, RECORDED, amount, matches

_GROUP, _AGENT, _INTERVENTION = int(Scope.GROUP), int(Scope.AGENT), int(Kind.INTERVENTION)
UNCOUNTED = -2
"""What a window holds while nobody knows (see ``velocity.scopes.SCOPED``), or nobody has the time to look.

Records leave it out.
"""


@part
def measure_leg(arrays, world, batch, out, row, slot, flags):
    """Note what each window that fraud rules look at holds with the leg counted; of groups, behind that, which.

    Nothing is noted where the leg does not count; what the staff does about an account counts for themselves alone.
    ``flags`` say how it would count if no rule tripped. Must run before the leg is counted; for recorded activity after
    the account's windows have, and before wider ones: it is judged by the fullest of those that hold it.
    """
    program = world.programs[arrays.accounts[slot].program]
    leg = out.legs[row]
    r = out.leg_request[row]
    for m in range(program.fraud_measure_count if leg.kind != _INTERVENTION else 0):
        measure = world.measures[program.first_measure + m]
        if not matches(measure, leg.kind, leg.parts, flags):
            continue
        if flags & RECORDED:
            held, _ = fullest_window(arrays, batch, r, slot, program, measure, arrays.tallies[slot, m], leg)
            out.windows[row, m] = held
        else:
            out.windows[row, m] = arrays.tallies[slot, m, 0] + amount(measure, leg.points, leg.money)
    for i in range(program.first_scoped, program.first_scoped + program.scoped_count):
        scoped = world.scoped[i]
        if leg.kind == _INTERVENTION and scoped.scope != _AGENT:
            continue
        counts = matches(scoped, leg.kind, leg.parts, flags)
        if not counts and not _has_deeds(world, program, scoped, leg):
            continue
        value, which, _ = held_by_leg(arrays, world, batch, r, program, scoped, leg)
        if value < 0:
            continue
        if scoped.uncounted or batch.envelopes[r].is_hurried:
            out.windows[row, scoped.place] = UNCOUNTED
            continue
        out.windows[row, scoped.place] = value + (amount(scoped, leg.points, leg.money) if counts else 0)
        if scoped.scope == _GROUP:
            # From 1, in the order of the leg's set of groups.
            out.windows[row, scoped.place + 1] = which + 1


@part
def _has_deeds(world, program, scoped, leg):
    """Return whether a window holds what the leg's agent did and no leg says: his next one is judged by it.

    Whatever that is: what is no leg cannot be judged itself.
    """
    if scoped.scope != _AGENT or leg.agent_id == 0 or world.deeds.shape[0] == 0:
        return False
    start = scope_start(scoped, bucket_at(scoped, program, leg.accepted_at))
    return deeds_after(world, program, scoped, leg.agent_id, start) > 0


@part
def held_by_leg(arrays, world, batch, r, program, scoped, leg):
    """Return what the window of the leg's entity holds, which of its groups that is, and where: ``held_by_scope``."""
    now = bucket = bucket_at(scoped, program, leg.accepted_at)
    if leg.event_flags & RECORDED:
        bucket = told_bucket(scoped, program, leg, batch.lines[batch.envelopes[r].first_line])
    return held_by_scope(
        arrays,
        world,
        program,
        scoped,
        leg.business_unit_id,
        leg.store_id,
        leg.terminal_id,
        leg.cashier_id,
        named_by(leg),
        leg.agent_id,
        leg.group_set_id,
        now,
        bucket,
    )


@part
def measured(arrays, batch, out, row, slot, rule, flags):
    """Return what a rule measures of a leg that was measured: -1 if the leg does not count for it, or UNCOUNTED.

    For the rule that compares provinces: 1 if store and member lie in different ones, else 0; unknown ones never
    differ. For a rule that is its condition alone: 1; an attempt under a standing block counts if it ``extends``. A
    transaction that names no entity of the rule's scope does not count for it.
    """
    if rule.measure >= 0:
        return out.windows[row, rule.measure]
    if rule.measure == CONDITION:
        return NOT_LOOKED_AT if flags & BLOCKED and not rule.extends else 1
    home = arrays.accounts[slot].province_id
    there = batch.envelopes[out.leg_request[row]].store_province_id
    return 1 if home != 0 and there != 0 and home != there else 0
