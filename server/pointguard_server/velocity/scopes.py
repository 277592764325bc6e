"""Windows of what is wider than an account: a program, a store, a cashier … Compiled; used by the engine's kernels.

What an entity has for a measure is a **ring** of buckets, not a list of events: a rolling window of length L is kept as
``BUCKETS`` buckets of L / ``BUCKETS`` and the one under way, and what lies in them counts whole. A bucket begins at a
multiple of its width since 1970, so a window's value follows from the ledger alone, whenever it is counted: it is right
for one that reaches back at least L and less than L + L / ``BUCKETS``. A window of the calendar has one bucket, its
day, week or month, and is exact.

What is told late is judged by windows that have passed, too: those that ended at most ``LATE`` ago, or L if that is
less. So a ring has the buckets of those; of a calendar it has the stretch before the present one.

One table for all measures and entities finds the rings. A decision costs the same however many events there are. The
oracle is ``tests/reference/scopes.py``.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pointguard_server.domain.codes import Scope, WindowKind
from pointguard_server.velocity.compiling import entry, part
from pointguard_server.velocity.views import view
from pointguard_server.velocity.windows import MEASURE, NONE

BUCKETS = 64
RING = 2 * BUCKETS + 1
"""How many buckets a ring has: those of a whole window, the one under way, and those of windows that have passed."""
LATE = 86_400_000_000
"""How long after its end a window judges what is told late, in microseconds; one that rolls, at most its length."""
SCOPED = np.dtype(
    [
        ("place", "<i8"),  # its number among the program's measures
        ("scope", "<i8"),
        ("counter", "<i8"),  # whose rings are its own; arms of one program share them
        ("width", "<i8"),  # of a rolling window's bucket
        ("uncounted", "<i8"),  # what the ledger has from before is not counted yet: nobody knows what its windows hold
        *MEASURE.descr,
    ]
)
"""A measure of a wider scope. ``MEASURE`` stands last: Numba would take a record for one that it begins with."""

# What a ring has before its buckets. ``NEWEST`` is the number of the newest bucket, or the start of the calendar's.
# ``TOTAL`` is what the window holds that ends now.
COUNTER, ENTITY, NEWEST, TOTAL, FIRST = range(5)
# Behind the calendar's one bucket: the stretch before, by its start (0: none is known), and what it holds.
EARLIER, EARLIER_TOTAL = FIRST + 1, FIRST + 2
RING_SIZE = FIRST + RING
IN_USE, CHANGES = 0, 1
NOT_NOW = -1
"""The bucket of what a calendar window does not hold any more."""

_GROUP, _PROGRAM, _STORE, _CASHIER, _TERMINAL, _CARD, _AGENT = (
    int(Scope.GROUP),
    int(Scope.PROGRAM),
    int(Scope.STORE),
    int(Scope.CASHIER),
    int(Scope.TERMINAL),
    int(Scope.CARD),
    int(Scope.AGENT),
)
_ROLLING, _DAY, _WEEK = int(WindowKind.ROLLING), int(WindowKind.DAY), int(WindowKind.WEEK)
# As in ``engine/compiled/slots.py``; a counter's part of the key gets another factor.
_SPREAD, _SPREAD_COUNTER = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_MIX = np.uint64(32)
TERMINAL_BITS = 32


@view
class ScopeArrays(NamedTuple):
    """The rings as kernels see them."""

    rings: npt.NDArray[np.int64]  # [ring, COUNTER … TOTAL and the buckets]
    places: npt.NDArray[np.int32]  # a hash table of rings: NONE, or which
    changes: npt.NDArray[np.int64]  # [change of this batch, (ring, column, what was added)]
    counts: npt.NDArray[np.int64]  # rings in use, changes of this batch


@part
def _place(scopes, counter, entity):
    """Return where a ring is found, or the empty place where it would be."""
    last = scopes.places.shape[0] - 1
    spread = np.uint64(entity) * _SPREAD ^ np.uint64(counter + 1) * _SPREAD_COUNTER
    place = np.int64((spread ^ (spread >> _MIX)) & np.uint64(last))
    while scopes.places[place] != NONE:
        ring = scopes.places[place]
        if scopes.rings[ring, ENTITY] == entity and scopes.rings[ring, COUNTER] == counter:
            break
        place = (place + 1) & last
    return place


@part
def find_ring(scopes, counter, entity):
    """Return the ring of an entity, or NONE: it has nothing in the window."""
    return np.int64(scopes.places[_place(scopes, counter, entity)])


@part
def ring_of(scopes, counter, entity, bucket):
    """Return the ring of an entity, made if need be. The caller has made room for it."""
    place = _place(scopes, counter, entity)
    if scopes.places[place] == NONE:
        ring = scopes.counts[IN_USE]
        scopes.counts[IN_USE] = ring + 1
        scopes.places[place] = ring
        for column in range(RING_SIZE):
            scopes.rings[ring, column] = 0
        scopes.rings[ring, COUNTER] = counter
        scopes.rings[ring, ENTITY] = entity
        scopes.rings[ring, NEWEST] = bucket
    return np.int64(scopes.places[place])


@part
def bucket_at(measure, program, time):
    """Return the bucket that a moment up to now lies in; NOT_NOW if it is before a window of the calendar."""
    if measure.window == _ROLLING:
        return time // measure.width
    start = program.month_start
    if measure.window == _DAY:
        start = program.day_start
    elif measure.window == _WEEK:
        start = program.week_start
    return start if time >= start else NOT_NOW


@part
def late_buckets(width):
    """Return how many buckets ago a rolling window may have ended that judges what is told late."""
    return min(BUCKETS, (LATE + width - 1) // width)


@part
def scope_start(measure, bucket):
    """Return the moment after which a window counts whose newest bucket is this one."""
    if measure.window == _ROLLING:
        return (bucket - BUCKETS) * measure.width - 1
    return bucket - 1


@part
def move_ring(rings, ring, bucket, is_rolling):
    """Have a ring's newest bucket be this one, if it is older, and drop what is too old then."""
    newest = rings[ring, NEWEST]
    if bucket <= newest:
        return
    if not is_rolling:
        rings[ring, EARLIER] = newest
        rings[ring, EARLIER_TOTAL] = rings[ring, FIRST]
        rings[ring, TOTAL] = rings[ring, FIRST] = 0
    else:
        if bucket - newest > BUCKETS:
            rings[ring, TOTAL] = 0
        else:
            for each in range(newest + 1, bucket + 1):
                rings[ring, TOTAL] -= rings[ring, FIRST + (each - BUCKETS - 1) % RING]
        for each in range(max(newest + 1, bucket - RING + 1), bucket + 1):
            rings[ring, FIRST + each % RING] = 0
    rings[ring, NEWEST] = bucket


@part
def _add(scopes, ring, column, by):
    """Add to a column, and note it, so that the batch can be undone."""
    scopes.rings[ring, column] += by
    change = scopes.counts[CHANGES]
    scopes.counts[CHANGES] = change + 1
    scopes.changes[change, 0] = ring
    scopes.changes[change, 1] = column
    scopes.changes[change, 2] = by


@part
def add_to_ring(scopes, ring, bucket, by, is_rolling):
    """Add to a bucket that is not newer than the newest; nothing if it was dropped."""
    newest = scopes.rings[ring, NEWEST]
    if is_rolling:
        if bucket <= newest - RING:
            return
        _add(scopes, ring, FIRST + bucket % RING, by)
        if bucket >= newest - BUCKETS:
            _add(scopes, ring, TOTAL, by)
        return
    if bucket == newest:
        _add(scopes, ring, FIRST, by)
        _add(scopes, ring, TOTAL, by)
        return
    earlier = scopes.rings[ring, EARLIER]
    if bucket > earlier:
        # Nothing was known of the stretch just before.
        _add(scopes, ring, EARLIER, bucket - earlier)
        _add(scopes, ring, EARLIER_TOTAL, -scopes.rings[ring, EARLIER_TOTAL])
    if bucket >= earlier:
        _add(scopes, ring, EARLIER_TOTAL, by)


CHANGES_MAX = 3
"""How many changes ``add_to_ring`` notes, at most."""


@part
def bucket_of(measure, program, rings, ring, time):
    """Return the bucket of a ring, which ends now, that what it has counted at a moment is in; NOT_NOW if it passed."""
    bucket = bucket_at(measure, program, time)
    if bucket == NOT_NOW and 0 < rings[ring, EARLIER] <= time:
        return rings[ring, EARLIER]
    return bucket


@part
def first_end(measure, bucket, now):
    """Return the newest bucket of the first window that holds a bucket and judges what is told late."""
    return max(bucket, now - late_buckets(measure.width)) if measure.window == _ROLLING else bucket


@part
def fullest_of_ring(rings, ring, measure, bucket, now):
    """Return the most that any window holds which holds a bucket, and its newest bucket; of equals, the first.

    Those that have passed judge what is told late for a while; ``now`` is the newest bucket of the one that has not,
    and the ring's. The caller has made sure that there is one: see ``is_judged``.
    """
    if measure.window != _ROLLING:
        if bucket == now:
            return rings[ring, TOTAL], now
        return (rings[ring, EARLIER_TOTAL] if rings[ring, EARLIER] == bucket else 0), bucket
    value = rings[ring, TOTAL]
    most, last = NONE, now
    for end in range(now, first_end(measure, bucket, now) - 1, -1):
        if end <= bucket + BUCKETS and value >= most:
            most, last = value, end
        value += rings[ring, FIRST + (end - BUCKETS - 1) % RING] - rings[ring, FIRST + end % RING]
    return most, last


@part
def is_judged(measure, bucket, now):
    """Whether a window holds a bucket that ends now, or that has ended and judges what is told late."""
    if measure.window == _ROLLING:
        return bucket >= now - late_buckets(measure.width) - BUCKETS
    return bucket != NOT_NOW


@part
def group_count(world, group_set_id):
    """Return how many groups a set has."""
    return world.groups[_groups_at(world, group_set_id)]


@part
def group_at(world, group_set_id, which):
    """Return the number of one of a set's groups."""
    return world.groups[_groups_at(world, group_set_id) + 1 + which]


@part
def entity_count(world, scope, group_set_id):
    """Return for how many entities of a scope a transaction counts."""
    return group_count(world, group_set_id) if scope == _GROUP else 1


@part
def entity_at(world, scope, which, program_id, unit, store, terminal, cashier, named, agent, group_set_id):
    """Return one of the entities that a transaction counts for; 0: it names none.

    A terminal is its store's: another store may have one of the same name. ``named``: see ``velocity/naming.py``.
    """
    if scope == _GROUP:
        return group_at(world, group_set_id, which)
    if scope == _PROGRAM:
        return program_id
    if scope == _STORE:
        return store
    if scope == _CASHIER:
        return cashier
    if scope == _AGENT:
        return agent
    if scope == _TERMINAL:
        return store << TERMINAL_BITS | terminal if terminal != 0 else 0
    if scope == _CARD:
        return max(named, 0)
    return unit


@part
def _groups_at(world, group_set_id):
    return world.group_places[group_set_id] if group_set_id < world.group_places.shape[0] else 0


@entry
def load_counts(scopes, counters, entities, buckets, values, is_rolling):
    """Add what was counted elsewhere: a bucket's value a row, an entity's in order of time.

    The caller has made room for as many rings.
    """
    for i in range(values.shape[0]):
        ring = ring_of(scopes, counters[i], entities[i], buckets[i])
        move_ring(scopes.rings, ring, buckets[i], is_rolling[i])
        # A bucket that is the newest is never dropped.
        column = FIRST + (buckets[i] % RING if is_rolling[i] else 0)
        scopes.rings[ring, TOTAL] += values[i]
        scopes.rings[ring, column] += values[i]


@entry
def merge_counts(scopes, counters, entities, buckets, values, is_rolling):
    """Add what others have counted meanwhile: as ``load_counts``, to rings that may have moved on.

    The caller has made room for as many rings, and for ``CHANGES_MAX`` changes a row.
    """
    for i in range(values.shape[0]):
        ring = ring_of(scopes, counters[i], entities[i], buckets[i])
        move_ring(scopes.rings, ring, buckets[i], is_rolling[i])
        add_to_ring(scopes, ring, buckets[i], values[i], is_rolling[i])


@entry
def find_places(scopes):
    """Have every ring in use found; the table of places must be empty."""
    for ring in range(scopes.counts[IN_USE]):
        scopes.places[_place(scopes, scopes.rings[ring, COUNTER], scopes.rings[ring, ENTITY])] = ring
