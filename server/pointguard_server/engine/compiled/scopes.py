"""Wider scopes of fraud rules: counting a leg for the entities that it names, and what their windows hold.

A program without such a rule pays one comparison a leg. Called where a decision is made, never where an account is read
back: what it counted for others then is counted.
"""

from pointguard_server.domain.codes import Scope, WindowKind
from pointguard_server.engine.compiled.moments import counts_at
from pointguard_server.engine.world import NOW
from pointguard_server.velocity.cards import card_of
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.scopes import (
    BUCKETS,
    NOT_NOW,
    TOTAL,
    add_to_ring,
    bucket_at,
    entity_at,
    entity_count,
    find_ring,
    move_ring,
    ring_of,
    scope_start,
)
from pointguard_server.velocity.windows import NONE, RECORDED, amount, contribution, matches

_ROLLING, _AGENT = int(WindowKind.ROLLING), int(Scope.AGENT)
NOBODY = -1
"""What a window holds for a transaction that names no entity of its scope."""


@part
def count_for_scopes(arrays, world, program, leg, for_agents_alone):
    """Count a leg that was just decided for every entity that it names; an intervention counts for its agent alone."""
    for i in range(program.first_scoped, program.first_scoped + program.scoped_count):
        measure = world.scoped[i]
        if for_agents_alone and measure.scope != _AGENT:
            continue
        if not matches(measure, leg.kind, leg.parts, leg.event_flags):
            continue
        by = amount(measure, leg.points, leg.money)
        if by == 0:
            continue
        now = bucket = bucket_at(measure, program, leg.accepted_at)
        if leg.event_flags & RECORDED:
            bucket = bucket_at(measure, program, counts_at(leg))
            if is_past(measure, bucket, now):
                continue
        for which in range(entity_count(world, measure.scope, leg.group_set_id)):
            entity = entity_at(
                world,
                measure.scope,
                which,
                leg.program_id,
                leg.business_unit_id,
                leg.store_id,
                leg.terminal_id,
                leg.cashier_id,
                card_of(leg),
                leg.agent_id,
                leg.group_set_id,
            )
            if entity == 0:
                continue
            ring = ring_of(arrays.scopes, measure.counter, entity, now)
            move_ring(arrays.scopes.rings, ring, now, measure.window == _ROLLING)
            add_to_ring(arrays.scopes, ring, bucket, by, measure.window == _ROLLING)


@part
def is_past(measure, bucket, now):
    """Whether a bucket lies before the window whose newest one is ``now``."""
    return bucket < now - BUCKETS if measure.window == _ROLLING else bucket == NOT_NOW


@part
def shift_scopes(arrays, world, batch, program, hold, sign):
    """Add, or with a sign of -1 take away, what a reservation's event counts for in windows net of reversals.

    In the event's own time: around what gives a part of it back, the two make the difference.
    """
    event = arrays.events[hold.event]
    for i in range(program.first_scoped, program.first_scoped + program.scoped_count):
        measure = world.scoped[i]
        if not measure.net_of_reversals:
            continue
        by = sign * contribution(measure, event)
        bucket = bucket_at(measure, program, event.time)
        if by == 0 or bucket == NOT_NOW:
            continue
        for which in range(entity_count(world, measure.scope, hold.group_set_id)):
            entity = entity_at(
                world,
                measure.scope,
                which,
                program.program_id,
                hold.business_unit_id,
                event.store_id,
                event.terminal_id,
                event.cashier_id,
                event.card_id,
                0,
                hold.group_set_id,
            )
            ring = find_ring(arrays.scopes, measure.counter, entity)
            if entity == 0 or ring == NONE:
                continue
            now = bucket_at(measure, program, batch.header[NOW])
            move_ring(arrays.scopes.rings, ring, now, measure.window == _ROLLING)
            add_to_ring(arrays.scopes, ring, bucket, by, measure.window == _ROLLING)


@part
def held_by_scope(arrays, world, program, measure, unit, store, terminal, cashier, card, agent, group_set_id, now):
    """Return what the window of the entity that a transaction names holds, and which of its groups that is, from 0.

    Of several groups it is the one that has most, the first of equals; without an entity it is NOBODY.
    """
    most, chosen = NOBODY, 0
    bucket = bucket_at(measure, program, now)
    for which in range(entity_count(world, measure.scope, group_set_id)):
        entity = entity_at(
            world, measure.scope, which, program.program_id, unit, store, terminal, cashier, card, agent, group_set_id
        )
        if entity == 0:
            continue
        ring = find_ring(arrays.scopes, measure.counter, entity)
        value = 0
        if ring != NONE:
            move_ring(arrays.scopes.rings, ring, bucket, measure.window == _ROLLING)
            value = arrays.scopes.rings[ring, TOTAL]
        if value > most:
            most, chosen = value, which
    return most, chosen


@part
def scope_evidence_from(measure, program, now):
    """Return the moment after which the window counts."""
    return scope_start(measure, bucket_at(measure, program, now))
