"""When a leg counts in windows: when it was decided, and recorded activity when it happened."""

from pointguard_server.domain.codes import WindowKind
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.windows import RECORDED

_ROLLING, _DAY, _WEEK = int(WindowKind.ROLLING), int(WindowKind.DAY), int(WindowKind.WEEK)


@part
def counts_at(leg):
    """Return the moment at which windows count a leg. What is said to lie in the future happens now."""
    if leg.event_flags & RECORDED and leg.occurred_at != 0:
        return min(leg.occurred_at, leg.accepted_at)
    return leg.accepted_at


@part
def stretch_of(measure, line):
    """Return when the stretch of the calendar began that recorded activity is in, and when it ended.

    ``line`` is the activity's; of a window that rolls there is nothing.
    """
    if measure.window == _ROLLING:
        return 0, 0
    first = 0 if measure.window == _DAY else (2 if measure.window == _WEEK else 4)
    return line[first], line[first + 1]


@part
def own_start(measure, moment, line):
    """Return the moment after which the window counts that ends with recorded activity itself."""
    return moment - measure.length if measure.window == _ROLLING else stretch_of(measure, line)[0] - 1
