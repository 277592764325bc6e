"""Counters: what one rule gave one account in a day, a month or ever, for caps. Called by ``accruals``.

A counter is (points, start of the period that they were given in); in another period it stands at nothing.
``engine/counters.py`` says which there are.
"""

from pointguard_server.engine.counters import DAY, MONTH
from pointguard_server.velocity.compiling import part

_POINTS_MAX = 1 << 62


@part
def _period_start(program, period):
    if period == DAY:
        return program.day_start
    return program.month_start if period == MONTH else 0


@part
def counted(arrays, world, slot, program, counter):
    """Return the points of the account's counter, the ``counter``-th of its program's, in the period that is now."""
    period = world.counters[program.first_counter + counter].period
    tally = arrays.counters[slot, counter]
    return tally[0] if tally[1] == _period_start(program, period) else 0


@part
def count_award(arrays, world, slot, program, rule_id, points):
    """Count points that a rule gives the account now."""
    for counter in range(program.counter_count):
        kind = world.counters[program.first_counter + counter]
        if kind.rule_id == rule_id:
            before = counted(arrays, world, slot, program, counter)
            arrays.counters[slot, counter, 0] = min(before + points, _POINTS_MAX)
            arrays.counters[slot, counter, 1] = _period_start(program, kind.period)
