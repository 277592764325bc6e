"""Bringing an account to the present: what time has done, and what the ledger says of it."""

from pointguard_server.domain.codes import INTERVENTIONS, Decision, Operation
from pointguard_server.engine.compiled.advice import drop_ended
from pointguard_server.engine.compiled.emit import add_event
from pointguard_server.engine.compiled.lots import expire_lots, mature_lots
from pointguard_server.engine.compiled.reservations import (
    end_hold,
    expire_holds,
    find_hold,
    open_hold,
    release_event,
    take_part,
)
from pointguard_server.engine.compiled.returns import release_returned
from pointguard_server.engine.world import NOW
from pointguard_server.velocity.compiling import entry, part
from pointguard_server.velocity.distinct import drop_distinct, recount_distinct
from pointguard_server.velocity.windows import DISTINCT_STORES, NONE, advance, forget_before, recount, window_start

_APPROVED = int(Decision.APPROVED)
_NO_EVENTS = (int(Operation.MATURE), *sorted(int(each) for each in INTERVENTIONS))
_CAPTURE, _VOID, _EXPIRE = int(Operation.CAPTURE), int(Operation.VOID), int(Operation.EXPIRE)
_RETURN, _EXTEND = int(Operation.RETURN), int(Operation.EXTEND)


@part
def bring_up_to_date(arrays, world, batch, out, slot, program):
    """Write down what time has ended, drop ended advice, move every window to now, forget the oldest events.

    Only here may events be forgotten: a reservation that is still open in memory points at its own.
    """
    account = arrays.accounts[slot]
    now = batch.header[NOW]
    expire_holds(arrays, world, batch, out, slot, program)
    if account.first_lot != NONE:
        mature_lots(arrays, batch, out, account, program)
        expire_lots(arrays, batch, out, account, program)
    drop_ended(arrays, account, now)
    move_windows(arrays, world, account, program, slot, now)
    forget_before(
        account,
        arrays.events,
        arrays.next_block,
        arrays.free_blocks,
        arrays.free_counts[0:1],
        now - program.retention,
    )


@part
def move_windows(arrays, world, account, program, slot, now):
    """Move every tally's window to end at ``now``."""
    tallies = arrays.tallies[slot]
    if account.tally_epoch != program.fraud_epoch:
        recount(
            account,
            arrays.events,
            arrays.next_block,
            world.measures,
            program.first_measure,
            program.measure_count,
            tallies,
        )
        if program.distinct_count > 0:
            recount_distinct(arrays, world, account, slot, program)
        account.tally_epoch = program.fraud_epoch
    for m in range(program.measure_count):
        measure = world.measures[program.first_measure + m]
        start = window_start(measure, now, program.day_start, program.week_start, program.month_start)
        if measure.measure >= DISTINCT_STORES:
            drop_distinct(arrays, account, slot, m, measure, start)
        advance(account, arrays.events, arrays.next_block, measure, tallies[m], start)


@part
def show_balance(arrays, account, answer, now):
    """Fill the answer's balance as it stands at ``now``: a reservation whose time is up no longer counts.

    What time has done to lots since the account's last leg is shown by ``show_lots``.
    """
    reserved = account.reserved
    index = account.first_hold
    while index != NONE:
        if arrays.holds[index].expires_at <= now:
            reserved -= arrays.holds[index].points
        index = arrays.holds[index].next
    answer.posted = account.posted
    answer.reserved = reserved
    answer.pending = account.pending
    answer.account_flags = account.flags
    answer.seq = account.seq
    answer.group_set_id = account.group_set_id


@entry
def replay_legs(arrays, world, legs, slot):
    """Rebuild an account's state from its own legs, oldest first, as the decisions that wrote them left it.

    ``legs`` reach back at least to the newest leg's ``open_from_seq`` and to the program's retention. The caller adds
    the standing advice.
    """
    if legs.shape[0] == 0:
        return
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    # The slot's tallies are still those of the account that had it before.
    for m in range(program.measure_count):
        arrays.tallies[slot, m, 0] = 0
        arrays.tallies[slot, m, 1] = NONE
    account.tally_epoch = program.fraud_epoch
    for i in range(legs.shape[0]):
        leg = legs[i]
        if leg.operation in _NO_EVENTS:
            continue
        if leg.operation in (_CAPTURE, _VOID, _EXPIRE):
            index = find_hold(arrays, account, leg.refers_to_seq)
            if index != NONE and leg.operation == _CAPTURE and leg.hold_expires_at != 0:
                take_part(arrays.holds[index], leg.points, leg.money)
            elif index != NONE:
                captured = leg.points if leg.operation == _CAPTURE else 0
                money = leg.money if leg.operation == _CAPTURE else 0
                release_event(arrays, world, program, slot, index, captured, money)
                end_hold(arrays, account, index)
        elif leg.operation == _EXTEND:
            index = find_hold(arrays, account, leg.refers_to_seq)
            if index != NONE:
                arrays.holds[index].expires_at = leg.hold_expires_at
        else:
            event = add_event(arrays, world, leg, account, program, slot)
            if leg.hold_expires_at != 0 and leg.decision == _APPROVED:
                open_hold(arrays, account, leg, event)
            if leg.operation == _RETURN and leg.refers_to_seq >= legs[0].seq:
                # An account's seqs have no gaps. What a capture spent is the event of its authorise.
                original = legs[leg.refers_to_seq - legs[0].seq]
                seq = original.refers_to_seq if original.operation == _CAPTURE else original.seq
                points = leg.points + leg.released
                release_returned(arrays, world, account, program, slot, seq, points, leg.money)
    newest = legs[legs.shape[0] - 1]
    account.seq = newest.seq
    account.posted = newest.posted
    account.reserved = newest.reserved
    account.pending = newest.pending
    account.earned_total = newest.earned_total
    account.redeemed_total = newest.redeemed_total
    account.spend_total = newest.spend_total
    account.flags = newest.account_flags
    account.province_id = newest.province_id
    account.tier_id = newest.tier_id
    account.group_set_id = newest.group_set_id
    account.accepted_at = newest.accepted_at
