"""Transfers and household redemptions: what moves points of several accounts at once, or of none.

Each account has a leg. Every rule looks at every leg before anything moves, and one that forbids any declines all; a
declined one is recorded all the same. ``batch.sides`` has the accounts in the request's order, and while a leg is
looked at, the request's envelope says by which identifier its own account was named.

A transfer is neither earned nor redeemed. What ends goes over with its end, as one lot for all that ends together.
"""

from pointguard_server.domain.codes import (
    AccountFlag,
    Context,
    Decision,
    EntryType,
    Operation,
    Outcome,
    Part,
    Reason,
)
from pointguard_server.engine.compiled.advice import heed_standing, judge_rules, raise_tripped
from pointguard_server.engine.compiled.conditions import look_at_conditions
from pointguard_server.engine.compiled.emit import add_reason, close_leg, count_leg, emit_entry, emit_leg
from pointguard_server.engine.compiled.lots import put_back, spend
from pointguard_server.engine.compiled.measured import measure_leg
from pointguard_server.engine.compiled.redemptions import POINTS_MAX, worth
from pointguard_server.engine.world import ENTRIES, FIRST_ENTRY, LOTS_TO_MOVE, NOW
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.windows import APPROVED, BLOCKED

_TRANSFER = int(Operation.TRANSFER)
_OF_TRANSFERS, _REDEMPTION, _EARNING = int(Context.TRANSFER), int(Context.REDEMPTION), int(Context.EARNING)
_APPROVED, _DECLINED = int(Decision.APPROVED), int(Decision.DECLINED)
_OUT, _IN, _HOUSEHOLD = int(Part.TRANSFER_OUT), int(Part.TRANSFER_IN), int(Part.HOUSEHOLD_REDEEM)
_OUT_ENTRY, _IN_ENTRY, _REDEEM_ENTRY = (
    int(EntryType.TRANSFER_OUT),
    int(EntryType.TRANSFER_IN),
    int(EntryType.REDEEM),
)
_SUSPENDED_FLAG, _LOCKED_FLAG = int(AccountFlag.SUSPENDED), int(AccountFlag.REDEMPTION_LOCKED)
_SUSPENDED, _LOCKED = int(Reason.ACCOUNT_SUSPENDED), int(Reason.REDEMPTION_LOCKED)
_INSUFFICIENT, _ARITHMETIC = int(Reason.INSUFFICIENT_POINTS), int(Reason.RULE_ARITHMETIC)
_SAME_ACCOUNT, _NAMED_TWICE = int(Outcome.SAME_ACCOUNT), int(Outcome.NAMED_TWICE)
_TOO_MANY_LOTS = int(Outcome.TOO_MANY_LOTS)


@part
def sides_of(batch, r):
    """Return where the accounts of a request begin and end in ``batch.sides``."""
    first = batch.envelopes[r].refers_to - 1
    return first, first + batch.sides[first].count


@part
def move_points(arrays, world, batch, out, r):
    """Decide a transfer or a household redemption; all of its accounts have been brought up to date."""
    first, last = sides_of(batch, r)
    request = batch.requests[r]
    is_transfer = request.operation == _TRANSFER
    if _is_twice(batch, first, last):
        out.answers[r].outcome = _SAME_ACCOUNT if is_transfer else _NAMED_TWICE
        return
    if is_transfer:
        lots = arrays.accounts[batch.sides[first].slot].lot_count
        if lots > batch.header[LOTS_TO_MOVE]:
            out.answers[r].outcome = _TOO_MANY_LOTS
            return
        batch.header[LOTS_TO_MOVE] -= lots
    enough = _share(arrays, world, batch, first, last, request.points, is_transfer)
    if not enough:
        add_reason(out, r, _INSUFFICIENT, 0)
    stopped, blocked, unverified = _stop(arrays, world, batch, out, r, first, last, is_transfer)
    flags = (APPROVED if enough and not (stopped or blocked or unverified) else 0) | (BLOCKED if blocked else 0)
    if _is_forbidden(arrays, world, batch, out, r, first, last, is_transfer, flags):
        flags &= BLOCKED
    _settle(arrays, world, batch, out, r, first, last, is_transfer, flags)


@part
def _is_twice(batch, first, last):
    for i in range(first, last):
        for j in range(first, i):
            if batch.sides[i].slot == batch.sides[j].slot:
                return True
    return False


@part
def _share(arrays, world, batch, first, last, points, is_transfer):
    """Note what each account is about; return whether there is enough.

    Of a household each gives what it has, in the order asked for; what nobody has is asked of the first.
    """
    rest = points
    for i in range(first, last):
        side = batch.sides[i]
        account = arrays.accounts[side.slot]
        floor = world.programs[account.program].points_floor
        available = max(account.posted - account.pending - account.reserved - floor, 0)
        if is_transfer:
            side.points = points
            rest -= available if i == first else 0
        else:
            side.points = min(available, rest)
            rest -= side.points
    if not is_transfer:
        batch.sides[first].points += rest
    return rest <= 0


@part
def _takes_part(batch, i, first):
    """Whether an account has a leg: one that gives nothing has none, but for the first."""
    return i == first or batch.sides[i].points > 0


@part
def _stop(arrays, world, batch, out, r, first, last, is_transfer):
    """Add the reasons that forbid any movement of these accounts.

    Return (it is forbidden, a standing advice forbids it, one asks for a factor that was not verified). What stops an
    account's redeeming stops what it gives away, and what stops its earning what it gets.
    """
    stopped = blocked = unverified = False
    for i in range(first, last):
        if not _takes_part(batch, i, first):
            continue
        account = arrays.accounts[batch.sides[i].slot]
        if account.flags & _SUSPENDED_FLAG:
            add_reason(out, r, _SUSPENDED, 0)
            stopped = True
        if not is_transfer and account.flags & _LOCKED_FLAG:
            add_reason(out, r, _LOCKED, 0)
            stopped = True
        gets = is_transfer and i > first
        if gets and account.posted + batch.sides[i].points > POINTS_MAX:
            add_reason(out, r, _ARITHMETIC, 0)
            stopped = True
        for k in range(2 if is_transfer else 1):
            context = _OF_TRANSFERS if k == 1 else (_EARNING if gets else _REDEMPTION)
            stops, asks = heed_standing(arrays, world, batch, out, r, account, context)
            blocked, unverified = blocked or stops, unverified or asks
    return stopped, blocked, unverified


@part
def _is_forbidden(arrays, world, batch, out, r, first, last, is_transfer, flags):
    """Write the legs, each declined so far, and return whether a fraud rule forbids one of them."""
    request, envelope = batch.requests[r], batch.envelopes[r]
    context = _OF_TRANSFERS if is_transfer else _REDEMPTION
    forbidden = False
    before = 0  # points of the accounts before
    number = 0
    for i in range(first, last):
        side = batch.sides[i]
        if not _takes_part(batch, i, first):
            continue
        account = arrays.accounts[side.slot]
        program = world.programs[account.program]
        envelope.identifier_kind, envelope.identifier_id = side.identifier_kind, side.identifier_id
        parts = 1 << ((_IN if i > first else _OUT) if is_transfer else _HOUSEHOLD)
        row = emit_leg(batch, out, account, program, r, request.operation, request.kind, parts, _DECLINED)
        side.row = row
        leg = out.legs[row]
        leg.leg_number = number
        leg.transaction_id_high = batch.ids[row - number, 0]
        leg.transaction_id_low = batch.ids[row - number, 1]
        leg.points = side.points
        if not is_transfer:
            leg.money = worth(program, before + side.points) - worth(program, before)
        before += side.points
        number += 1
        measure_leg(arrays, world, batch, out, row, side.slot, flags)
        look_at_conditions(arrays, world, batch, out, row, side.slot, flags)
        if judge_rules(arrays, world, batch, out, row, side.slot, context, flags):
            forbidden = True
        raise_tripped(arrays, world, batch, out, row, side.slot, context, flags)
    own = batch.sides[first]
    envelope.identifier_kind, envelope.identifier_id = own.identifier_kind, own.identifier_id
    return forbidden


@part
def _settle(arrays, world, batch, out, r, first, last, is_transfer, flags):
    """Move the points if it is approved, count the legs and close them: the first one last, which is the answer's."""
    points = 0
    for i in range(first, last):
        if not _takes_part(batch, i, first):
            continue
        side = batch.sides[i]
        account, leg = arrays.accounts[side.slot], out.legs[side.row]
        leg.event_flags = flags
        if flags & APPROVED:
            leg.decision = _APPROVED
            points += leg.points
            # The entries of the legs before have come since it was begun.
            leg.first_entry = batch.header[FIRST_ENTRY] + out.counts[ENTRIES]
            if is_transfer and i > first:
                points = leg.points
                _receive(arrays, batch, out, account, leg, out.legs[batch.sides[first].row])
            else:
                entry_type = _OUT_ENTRY if is_transfer else _REDEEM_ENTRY
                if not is_transfer:
                    account.redeemed_total += leg.points
                if leg.points > 0:
                    spend(
                        arrays, batch, out, account, leg, entry_type, _OUT if is_transfer else _HOUSEHOLD, leg.points,
                        batch.header[NOW],
                    )  # fmt: skip
        count_leg(arrays, world, leg, account, world.programs[account.program], side.slot)
    for k in range(last - first):
        i = last - 1 - k
        if _takes_part(batch, i, first):
            side = batch.sides[i]
            close_leg(arrays, batch, out, arrays.accounts[side.slot], side.row)
    out.answers[r].points = points


@part
def _receive(arrays, batch, out, account, leg, given):
    """Write the entries that bring in what another leg has given: points that end together as one lot."""
    at = given.first_entry - batch.header[FIRST_ENTRY]
    end = at + given.entry_count
    while at < end:
        expires_at, points = out.entries[at].expires_at, 0
        while at < end and out.entries[at].expires_at == expires_at:
            points -= out.entries[at].signed_points
            at += 1
        if expires_at == 0:
            emit_entry(batch, out, account, leg, _IN_ENTRY, _IN, points, 0)
        else:
            put_back(arrays, batch, out, account, leg, _IN_ENTRY, _IN, points, leg.seq, 0, 0, expires_at)
