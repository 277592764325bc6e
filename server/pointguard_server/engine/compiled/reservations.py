"""Reservations: opening, capturing, extending, voiding and letting time end them.

A capture that leaves something open is a leg with ``hold_expires_at``; every other one ends its reservation.
"""

from pointguard_server.domain.codes import Decision, EntryType, Kind, Operation, Outcome, Part, RequestFlag
from pointguard_server.engine.compiled.emit import NO_REQUEST, close_leg, emit_leg
from pointguard_server.engine.compiled.lots import spend, write_off
from pointguard_server.engine.compiled.scopes import give_back_for_scopes
from pointguard_server.engine.world import NOW
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.distinct import withdraw_distinct
from pointguard_server.velocity.windows import NONE, release

_APPROVED = int(Decision.APPROVED)
_CAPTURE, _VOID, _EXPIRE = int(Operation.CAPTURE), int(Operation.VOID), int(Operation.EXPIRE)
_EXTEND, _KEEP_OPEN = int(Operation.EXTEND), int(RequestFlag.KEEP_OPEN)
_ADHOC_REDEEM, _EXPIRY = int(Kind.ADHOC_REDEEM), int(Kind.EXPIRY)
_REDEEM_PART, _REDEEM_ENTRY = int(Part.REDEEM), int(EntryType.REDEEM)
_ENDED, _ABOVE, _LIMIT = (
    int(Outcome.RESERVATION_ENDED),
    int(Outcome.CAPTURE_ABOVE_RESERVATION),
    int(Outcome.RESERVATION_LIMIT),
)


@part
def open_hold(arrays, account, leg, event):
    """Add an open reservation for an approved authorise. The leg's running totals are not touched here."""
    arrays.free_counts[1] -= 1
    index = arrays.free_holds[arrays.free_counts[1]]
    hold = arrays.holds[index]
    hold.seq = leg.seq
    hold.points = leg.points
    hold.money = leg.money
    hold.captured_points = hold.captured_money = 0
    hold.expires_at = leg.hold_expires_at
    hold.id_high = leg.transaction_id_high
    hold.id_low = leg.transaction_id_low
    hold.event = event
    hold.redemption_type_id = leg.redemption_type_id
    hold.business_unit_id = leg.business_unit_id
    hold.group_set_id = leg.group_set_id
    hold.next = account.first_hold
    account.first_hold = index
    account.hold_count += 1


@part
def find_hold(arrays, account, seq):
    """Return the index of the open reservation that leg ``seq`` made, or NONE."""
    index = account.first_hold
    while index != NONE and arrays.holds[index].seq != seq:
        index = arrays.holds[index].next
    return index


@part
def end_hold(arrays, account, index):
    """Take an open reservation out of the account's chain."""
    following = arrays.holds[index].next
    if account.first_hold == index:
        account.first_hold = following
    else:
        previous = account.first_hold
        while arrays.holds[previous].next != index:
            previous = arrays.holds[previous].next
        arrays.holds[previous].next = following
    arrays.free_holds[arrays.free_counts[1]] = index
    arrays.free_counts[1] += 1
    account.hold_count -= 1


@part
def take_part(hold, points, money):
    """Take what a capture spends out of a reservation that it leaves open."""
    hold.points -= points
    hold.money -= money
    hold.captured_points += points
    hold.captured_money += money


@part
def _is_whole(event, points, money):
    """Whether nothing is left of an event once so much more of it is given back."""
    return event.released_points + points == event.points and event.released_money + money == event.money


@part
def release_event(arrays, world, program, slot, index, captured_points, captured_money):
    """Give the uncaptured part of a reservation back to the windows that hold its authorise."""
    hold = arrays.holds[index]
    points, money = hold.points - captured_points, hold.money - captured_money
    whole = _is_whole(arrays.events[hold.event], points, money)
    if program.distinct_count > 0 and whole:
        withdraw_distinct(arrays, world, slot, program, hold.event)
    release(
        arrays.events,
        hold.event,
        points,
        money,
        whole,
        world.measures,
        program.first_measure,
        program.measure_count,
        arrays.tallies[slot],
    )


@part
def _give_back(arrays, world, batch, program, slot, index, captured_points, captured_money):
    """Give the uncaptured part of a reservation back to the account's windows and to wider ones."""
    if program.scoped_count > 0:
        hold = arrays.holds[index]
        points, money = hold.points - captured_points, hold.money - captured_money
        give_back_for_scopes(
            arrays,
            world,
            batch.header[NOW],
            program,
            arrays.events[hold.event],
            hold.business_unit_id,
            0,
            hold.group_set_id,
            points,
            money,
            _is_whole(arrays.events[hold.event], points, money),
        )
    release_event(arrays, world, program, slot, index, captured_points, captured_money)


@part
def expire_holds(arrays, world, batch, out, slot, program):
    """Write an EXPIRE leg for every reservation whose time is up, in the order in which their times ended."""
    account = arrays.accounts[slot]
    now = batch.header[NOW]
    while True:
        first = NONE
        index = account.first_hold
        while index != NONE:
            expires_at = arrays.holds[index].expires_at
            if expires_at <= now and (first == NONE or expires_at < arrays.holds[first].expires_at):
                first = index
            index = arrays.holds[index].next
        if first == NONE:
            return
        hold = arrays.holds[first]
        row = emit_leg(batch, out, account, program, NO_REQUEST, _EXPIRE, _EXPIRY, 1 << _REDEEM_PART, _APPROVED)
        leg = out.legs[row]
        # The server's own key: the complement of the reservation's id is no UUIDv7, so no client's key can equal it.
        leg.idempotency_key_high = ~hold.id_high
        leg.idempotency_key_low = ~hold.id_low
        leg.occurred_at = hold.expires_at
        leg.refers_to_seq = hold.seq
        leg.points = leg.released = hold.points
        leg.money = hold.money
        _give_back(arrays, world, batch, program, slot, first, 0, 0)
        account.reserved -= hold.points
        end_hold(arrays, account, first)
        close_leg(arrays, batch, out, account, row)


@part
def _emit_about(arrays, world, batch, out, r, slot, index, operation):
    """Write a leg about what is left of an open reservation; return its row."""
    account, hold = arrays.accounts[slot], arrays.holds[index]
    program = world.programs[account.program]
    row = emit_leg(batch, out, account, program, r, operation, _ADHOC_REDEEM, 1 << _REDEEM_PART, _APPROVED)
    leg = out.legs[row]
    leg.refers_to_seq = hold.seq
    leg.redemption_type_id = hold.redemption_type_id
    leg.points = hold.points
    leg.money = hold.money
    return row


@part
def _emit_end(arrays, world, batch, out, r, slot, index, operation, captured_points, captured_money):
    """Take an open reservation out of memory and write the leg that ends it; return the leg's row.

    The leg is about all that is left of the reservation; what is captured of it is not released.
    """
    account, hold = arrays.accounts[slot], arrays.holds[index]
    program = world.programs[account.program]
    row = _emit_about(arrays, world, batch, out, r, slot, index, operation)
    out.legs[row].released = hold.points - captured_points
    _give_back(arrays, world, batch, program, slot, index, captured_points, captured_money)
    account.reserved -= hold.points
    end_hold(arrays, account, index)
    return row


@part
def _worth_of_part(program, hold, points):
    """Return the money that a capture of so many points is worth.

    All captures so far are worth what the program's rate makes of their points, however these were cut, and never more
    than was authorised: what takes all that is left takes the rest of it.
    """
    if points == hold.points:
        return hold.money
    together = (hold.captured_points + points) * program.rate_money // program.rate_points
    return min(max(together - hold.captured_money, 0), hold.money)


@part
def capture(arrays, world, batch, out, r, slot):
    """Spend all or part of what is left of a reservation, and release the rest or leave it open."""
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    index = find_hold(arrays, account, batch.envelopes[r].refers_to)
    if index == NONE:
        out.answers[r].outcome = _ENDED
        return
    reserved = arrays.holds[index].points
    asked = batch.requests[r].points
    if asked > reserved:
        out.answers[r].outcome = _ABOVE
        return
    points = reserved if asked == 0 else asked
    money = _worth_of_part(program, arrays.holds[index], points)
    since = arrays.events[arrays.holds[index].event].time
    if points < reserved and batch.requests[r].flags & _KEEP_OPEN:
        row = _emit_about(arrays, world, batch, out, r, slot, index, _CAPTURE)
        out.legs[row].hold_expires_at = arrays.holds[index].expires_at
        take_part(arrays.holds[index], points, money)
        account.reserved -= points
    else:
        row = _emit_end(arrays, world, batch, out, r, slot, index, _CAPTURE, points, money)
    leg = out.legs[row]
    leg.points = points
    leg.money = money
    account.redeemed_total += points
    spend(arrays, batch, out, account, leg, _REDEEM_ENTRY, _REDEEM_PART, points, since)
    write_off(arrays, batch, out, account, leg)
    close_leg(arrays, batch, out, account, row)


@part
def void(arrays, world, batch, out, r, slot):
    """Release a reservation."""
    account = arrays.accounts[slot]
    index = find_hold(arrays, account, batch.envelopes[r].refers_to)
    if index == NONE:
        out.answers[r].outcome = _ENDED
        return
    row = _emit_end(arrays, world, batch, out, r, slot, index, _VOID, 0, 0)
    write_off(arrays, batch, out, account, out.legs[row])
    close_leg(arrays, batch, out, account, row)


@part
def extend(arrays, world, batch, out, r, slot):
    """Have a reservation end later, unless it would stand longer than the program lets any."""
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    index = find_hold(arrays, account, batch.envelopes[r].refers_to)
    if index == NONE:
        out.answers[r].outcome = _ENDED
        return
    hold = arrays.holds[index]
    asked = batch.requests[r].time_to_live
    expires_at = batch.header[NOW] + (asked if asked != 0 else program.hold_default)
    if expires_at > hold.expires_at:
        if expires_at > arrays.events[hold.event].time + program.hold_max:
            out.answers[r].outcome = _LIMIT
            return
        hold.expires_at = expires_at
    row = _emit_about(arrays, world, batch, out, r, slot, index, _EXTEND)
    out.legs[row].hold_expires_at = hold.expires_at
    close_leg(arrays, batch, out, account, row)
