"""When a leg counts in windows: when it was decided, and recorded activity when it happened."""

from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.windows import RECORDED


@part
def counts_at(leg):
    """Return the moment at which windows count a leg. What is said to lie in the future happens now."""
    if leg.event_flags & RECORDED and leg.occurred_at != 0:
        return min(leg.occurred_at, leg.accepted_at)
    return leg.accepted_at
