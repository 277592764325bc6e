"""Wider scopes of fraud rules: counting a leg for the entities that it names, and what their windows hold.

A program without such a rule pays one comparison a leg. Called where a decision is made, never where an account is read
back: what it counted for others then is counted.
"""

from pointguard_server.domain.codes import Scope, WindowKind
from pointguard_server.engine.compiled.moments import counts_at, stretch_of
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.naming import named_by
from pointguard_server.velocity.scopes import (
    LATE,
    NOT_NOW,
    TOTAL,
    add_to_ring,
    bucket_at,
    bucket_of,
    entity_at,
    entity_count,
    find_ring,
    first_end,
    fullest_of_ring,
    is_judged,
    move_ring,
    ring_of,
    scope_start,
)
from pointguard_server.velocity.windows import APPROVED, NONE, amount, given_back, matches

_ROLLING, _AGENT = int(WindowKind.ROLLING), int(Scope.AGENT)
NOBODY = -1
"""What a window holds for a transaction that names no entity of its scope."""


@part
def count_for_scopes(arrays, world, program, leg, for_agents_alone):
    """Count a leg that was just decided for every entity that it names; an intervention counts for its agent alone."""
    for i in range(program.first_scoped, program.first_scoped + program.scoped_count):
        measure = world.scoped[i]
        if not for_agents_alone or measure.scope == _AGENT:
            now = bucket_at(measure, program, leg.accepted_at)
            _count(arrays, world, measure, leg, now, now)


@part
def count_recorded(arrays, world, program, leg, line):
    """Count recorded activity for every entity that it names, in the bucket of when it happened."""
    for i in range(program.first_scoped, program.first_scoped + program.scoped_count):
        measure = world.scoped[i]
        now = bucket_at(measure, program, leg.accepted_at)
        bucket = told_bucket(measure, program, leg, line)
        if is_judged(measure, bucket, now):
            _count(arrays, world, measure, leg, bucket, now)


@part
def _count(arrays, world, measure, leg, bucket, now):
    if not matches(measure, leg.kind, leg.parts, leg.event_flags):
        return
    by = amount(measure, leg.points, leg.money)
    if by == 0:
        return
    for which in range(entity_count(world, measure.scope, leg.group_set_id)):
        entity = entity_of_leg(world, measure, leg, which)
        if entity != 0:
            ring = ring_of(arrays.scopes, measure.counter, entity, now)
            move_ring(arrays.scopes.rings, ring, now, measure.window == _ROLLING)
            add_to_ring(arrays.scopes, ring, bucket, by, measure.window == _ROLLING)


@part
def entity_of_leg(world, measure, leg, which):
    """Return one of the entities that a leg counts for; 0: it names none."""
    return entity_at(
        world,
        measure.scope,
        which,
        leg.program_id,
        leg.business_unit_id,
        leg.store_id,
        leg.terminal_id,
        leg.cashier_id,
        named_by(leg),
        leg.agent_id,
        leg.group_set_id,
    )


@part
def told_bucket(measure, program, leg, line):
    """Return the bucket of when recorded activity happened; NOT_NOW if no window judges it any more."""
    bucket = bucket_at(measure, program, counts_at(leg))
    if bucket == NOT_NOW:
        start, behind = stretch_of(measure, line)
        now = bucket_at(measure, program, leg.accepted_at)
        if behind == now and leg.accepted_at - now < LATE:
            return start
    return bucket


@part
def give_back_for_scopes(arrays, world, now, program, event, unit, agent, group_set_id, points, money, whole):
    """Take what is given back of an event out of the windows net of reversals of those whom it was counted for.

    In the event's own time, and before it says so itself.
    """
    for i in range(program.first_scoped, program.first_scoped + program.scoped_count):
        measure = world.scoped[i]
        by = given_back(measure, event, points, money, whole)
        if by == 0:
            continue
        for which in range(entity_count(world, measure.scope, group_set_id)):
            entity = entity_at(
                world,
                measure.scope,
                which,
                program.program_id,
                unit,
                event.store_id,
                event.terminal_id,
                event.cashier_id,
                event.named_by,
                agent,
                group_set_id,
            )
            ring = find_ring(arrays.scopes, measure.counter, entity)
            if entity == 0 or ring == NONE:
                continue
            newest = bucket_at(measure, program, now)
            move_ring(arrays.scopes.rings, ring, newest, measure.window == _ROLLING)
            bucket = bucket_of(measure, program, arrays.scopes.rings, ring, event.time)
            if bucket != NOT_NOW:
                add_to_ring(arrays.scopes, ring, bucket, -by, measure.window == _ROLLING)


@part
def deeds_after(world, program, measure, agent, start):
    """Return what an agent did after a moment that a window counts and no leg says."""
    by = amount(measure, 0, 0)
    if by == 0:
        return 0
    low, high = 0, world.deeds.shape[0]
    while low < high:
        middle = (low + high) // 2
        deed = world.deeds[middle]
        if deed.agent_id < agent or (deed.agent_id == agent and deed.moment <= start):
            low = middle + 1
        else:
            high = middle
    value = 0
    while low < world.deeds.shape[0] and world.deeds[low].agent_id == agent:
        deed = world.deeds[low]
        if deed.program_id == program.program_id and matches(measure, deed.kind, 0, APPROVED):
            value += by
        low += 1
    return value


@part
def held_by_scope(
    arrays, world, program, measure, unit, store, terminal, cashier, named, agent, group_set_id, now, bucket
):
    """Return what the fullest window holds that a transaction's bucket is in, of an entity that it names.

    And which of its groups that is, from 0, and the window's newest bucket. ``now`` is that of the window that ends
    now, which alone judges what happens now. Of several groups it is the one that has most, the first of equals;
    without an entity, or where the bucket has passed, it is NOBODY.
    """
    most, chosen, last = NOBODY, 0, now
    if not is_judged(measure, bucket, now):
        return most, chosen, last
    for which in range(entity_count(world, measure.scope, group_set_id)):
        entity = entity_at(
            world, measure.scope, which, program.program_id, unit, store, terminal, cashier, named, agent, group_set_id
        )
        if entity == 0:
            continue
        ring = find_ring(arrays.scopes, measure.counter, entity)
        value, end = 0, first_end(measure, bucket, now)
        if ring != NONE:
            move_ring(arrays.scopes.rings, ring, now, measure.window == _ROLLING)
            if bucket == now:
                value, end = arrays.scopes.rings[ring, TOTAL], now
            else:
                value, end = fullest_of_ring(arrays.scopes.rings, ring, measure, bucket, now)
        # What is not counted yet may have been given back already.
        value = max(value, 0)
        if measure.scope == _AGENT:
            value += deeds_after(world, program, measure, entity, scope_start(measure, end))
        if value > most:
            most, chosen, last = value, which, end
    return most, chosen, last
