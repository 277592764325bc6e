"""Stops of redemptions: whether one names where a redemption is asked for. Few stand at once: each is looked at."""

from pointguard_server.engine.compiled.emit import add_reason
from pointguard_server.engine.world import NOW
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.windows import STOPPED


@part
def heed_stops(world, batch, out, r, program):
    """Add the reasons that stops in force give; return STOPPED if there are any, or else 0."""
    flags = 0
    request, unit, now = batch.requests[r], batch.envelopes[r].business_unit_id, batch.header[NOW]
    for i in range(world.stops.shape[0]):
        stop = world.stops[i]
        if (
            stop.program_id == program.program_id
            and stop.business_unit_id in (0, unit)
            and stop.store_id in (0, request.store_id)
            and stop.terminal_id in (0, request.terminal_id)
            and stop.starts_at <= now < stop.ends_at
        ):
            add_reason(out, r, stop.reason, 0)
            flags = STOPPED
    return flags
