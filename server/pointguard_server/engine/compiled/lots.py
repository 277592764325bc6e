"""Lots: the points of an award that end or are held back, until they are spent or gone.

An account's lots are a chain in the order in which they are spent: the one that ends first before the others, one that
never ends last; of two that end together the one that may be spent earlier; of two alike the one that was given first,
and of one leg's the one whose rule has the lower number.
Points that never end and are not held back are in no lot: they are what ``posted`` has beyond ``lot_points``, are spent
after all lots, and may fall below zero where the program has a floor below zero (a debt). A debt is paid from the next
points that may be spent.

A reservation sets points aside, not lots: a lot that ends meanwhile keeps what reservations made before its end still
need, and their captures alone may spend it. What their end leaves over goes with the leg that ends them.

Every movement of a lot is an entry that names it, by ``lot_seq``, ``rule_id`` and ``expires_at``: a rule gives one
award a leg, and what comes over in one transfer and ends together is one lot. So the chain can be built again from the
entries, and what is here is never the truth.
"""

from pointguard_server.domain.codes import Decision, EntryType, Kind, Operation
from pointguard_server.engine.compiled.emit import NO_REQUEST, close_leg, emit_entry, emit_leg
from pointguard_server.engine.world import NOW
from pointguard_server.velocity.compiling import entry, part
from pointguard_server.velocity.scopes import group_at, group_count
from pointguard_server.velocity.windows import NONE

_APPROVED = int(Decision.APPROVED)
_EXPIRE, _MATURE = int(Operation.EXPIRE), int(Operation.MATURE)
_EXPIRY, _ACTIVITY = int(Kind.EXPIRY), int(Kind.ACTIVITY)
_EXPIRE_ENTRY, _ADJUST_ENTRY = int(EntryType.EXPIRE), int(EntryType.ADJUST)
_NO_PART = 0


# --------------------------------------------------------------------------------------------------------- the chain


@part
def _is_before(lot, other):
    """Whether a lot is spent before another."""
    if lot.expires_at != other.expires_at:
        return other.expires_at == 0 or (lot.expires_at != 0 and lot.expires_at < other.expires_at)
    if lot.matures_at != other.matures_at:
        return lot.matures_at < other.matures_at
    return lot.seq < other.seq or (lot.seq == other.seq and lot.rule_id < other.rule_id)


@part
def find_lot(arrays, account, seq, rule_id, expires_at):
    """Return the index of what is left of a lot, or NONE."""
    index = account.first_lot
    while index != NONE:
        lot = arrays.lots[index]
        if lot.seq == seq and lot.rule_id == rule_id and lot.expires_at == expires_at:
            return index
        index = lot.next
    return index


@part
def _add(arrays, account, seq, rule_id, points, matures_at, expires_at, is_pending):
    """Put a new lot at its place in the chain; return its index."""
    arrays.free_counts[3] -= 1
    index = arrays.free_lots[arrays.free_counts[3]]
    lot = arrays.lots[index]
    lot.seq = seq
    lot.rule_id = rule_id
    lot.points = points
    lot.matures_at = matures_at
    lot.expires_at = expires_at
    lot.is_pending = is_pending
    previous = NONE
    following = account.first_lot
    last = account.last_lot
    if last != NONE and not _is_before(lot, arrays.lots[last]):
        previous, following = last, NONE
    while following != NONE and not _is_before(lot, arrays.lots[following]):
        previous, following = following, arrays.lots[following].next
    lot.next = following
    if previous == NONE:
        account.first_lot = index
    else:
        arrays.lots[previous].next = index
    if following == NONE:
        account.last_lot = index
    account.lot_count += 1
    account.lot_points += points
    if is_pending:
        account.pending += points
    return index


@part
def _remove(arrays, account, previous, index):
    """Take the lot behind ``previous`` (NONE: the first one) out of the chain. Its points must have been moved."""
    following = arrays.lots[index].next
    if previous == NONE:
        account.first_lot = following
    else:
        arrays.lots[previous].next = following
    if account.last_lot == index:
        account.last_lot = previous
    arrays.free_lots[arrays.free_counts[3]] = index
    arrays.free_counts[3] += 1
    account.lot_count -= 1


@part
def _drop(arrays, account, index):
    """Take a lot out of the chain wherever it is."""
    previous = NONE
    at = account.first_lot
    while at != index:
        previous, at = at, arrays.lots[at].next
    _remove(arrays, account, previous, index)


@part
def _move(batch, out, account, leg, entry_type, part, lot, points):
    """Write the entry that takes points from a lot."""
    row = emit_entry(batch, out, account, leg, entry_type, part, -points, lot.rule_id)
    written = out.entries[row]
    written.lot_seq = lot.seq
    written.expires_at = lot.expires_at
    written.matures_at = lot.matures_at
    lot.points -= points
    account.lot_points -= points


# ------------------------------------------------------------------------------------------------------ what is given


@part
def is_exempt(world, program, account):
    """Whether an account's member is in a group whose points do not end by the program's word."""
    for i in range(program.first_exempt, program.first_exempt + program.exempt_count):
        for which in range(group_count(world, account.group_set_id)):
            if group_at(world, account.group_set_id, which) == world.exempt_groups[i]:
                return True
    return False


@part
def give_lot(arrays, batch, out, account, leg, award, row, exempt):
    """Make the points of an award's entry a lot, if they end or are held back; what is owed is paid from it at once.

    ``exempt``: whether the member is in an exempt group.
    """
    now = batch.header[NOW]
    expires_at = now + award.expires_after if award.expires_after != 0 else award.expires_at
    if exempt and award.spares_groups != 0:
        expires_at = 0
    if award.pending == 0 and expires_at == 0:
        return
    given = out.entries[row]
    given.lot_seq = leg.seq
    given.matures_at = now + award.pending if award.pending != 0 else 0
    given.expires_at = expires_at
    index = _add(
        arrays,
        account,
        leg.seq,
        award.rule_id,
        given.signed_points,
        given.matures_at,
        given.expires_at,
        1 if award.pending != 0 else 0,
    )
    if award.pending == 0:
        _pay_debt(arrays, batch, out, account, leg, index)
        if arrays.lots[index].points == 0:
            _drop(arrays, account, index)


@part
def _pay_debt(arrays, batch, out, account, leg, index):
    """Have a lot that may be spent pay what the points outside of lots are below zero."""
    debt = account.lot_points - account.posted
    points = min(debt, arrays.lots[index].points)
    if points > 0:
        _move(batch, out, account, leg, _ADJUST_ENTRY, _NO_PART, arrays.lots[index], points)
        emit_entry(batch, out, account, leg, _ADJUST_ENTRY, _NO_PART, points, 0)


# ------------------------------------------------------------------------------------------------------- what goes back


@part
def put_back(arrays, batch, out, account, leg, entry_type, part, points, seq, rule_id, matures_at, expires_at):
    """Write the entry that puts points which may be spent into a lot, new or not; what is owed is paid at once."""
    row = emit_entry(batch, out, account, leg, entry_type, part, points, rule_id)
    given = out.entries[row]
    given.lot_seq = seq
    given.matures_at = matures_at
    given.expires_at = expires_at
    index = find_lot(arrays, account, seq, rule_id, expires_at)
    if index == NONE:
        index = _add(arrays, account, seq, rule_id, points, matures_at, expires_at, 0)
    else:
        arrays.lots[index].points += points
        account.lot_points += points
    _pay_debt(arrays, batch, out, account, leg, index)
    if arrays.lots[index].points == 0:
        _drop(arrays, account, index)


@part
def take_from_lot(arrays, batch, out, account, leg, entry_type, part, index, points):
    """Write the entry that takes points from one lot, whether they have matured or not."""
    lot = arrays.lots[index]
    _move(batch, out, account, leg, entry_type, part, lot, points)
    if lot.is_pending:
        account.pending -= points
    if lot.points == 0:
        _drop(arrays, account, index)


# ------------------------------------------------------------------------------------------------------ what is spent


@part
def spend(arrays, batch, out, account, leg, entry_type, part, points, since):
    """Write the entries that spend points: from lots in their order, but for those ended by ``since``, then others."""
    previous = NONE
    index = account.first_lot
    while index != NONE and points > 0:
        lot = arrays.lots[index]
        following = lot.next
        taken = 0
        if not lot.is_pending and (lot.expires_at == 0 or lot.expires_at > since):
            taken = min(points, lot.points)
        if taken > 0:
            _move(batch, out, account, leg, entry_type, part, lot, taken)
            points -= taken
        if lot.points == 0:
            _remove(arrays, account, previous, index)
        else:
            previous = index
        index = following
    if points > 0:
        emit_entry(batch, out, account, leg, entry_type, part, -points, 0)


# ------------------------------------------------------------------------------------------------- what time has done


@part
def _held_since_before(arrays, account, moment, now):
    """Return the points of reservations that were made before a moment and are open at ``now``."""
    points = 0
    index = account.first_hold
    while index != NONE:
        hold = arrays.holds[index]
        if hold.expires_at > now and arrays.events[hold.event].time < moment:
            points += hold.points
        index = hold.next
    return points


@part
def _next_to_mature(arrays, account, now):
    """Return the lot that matured first of those that are still pending in memory, or NONE."""
    first = NONE
    index = account.first_lot
    while index != NONE:
        lot = arrays.lots[index]
        is_due = lot.is_pending and lot.matures_at <= now
        if is_due and (first == NONE or lot.matures_at < arrays.lots[first].matures_at):
            first = index
        index = lot.next
    return first


@part
def mature_lots(arrays, batch, out, account, program):
    """Write a MATURE leg for the lots whose points may be spent by now, if there are any."""
    now = batch.header[NOW]
    index = _next_to_mature(arrays, account, now) if account.pending > 0 else NONE
    if index == NONE:
        return
    row = _emit_own_leg(batch, out, account, program, _MATURE, _ACTIVITY)
    leg = out.legs[row]
    while index != NONE:
        lot = arrays.lots[index]
        lot.is_pending = 0
        account.pending -= lot.points
        leg.points += lot.points
        leg.occurred_at = lot.matures_at
        _pay_debt(arrays, batch, out, account, leg, index)
        if lot.points == 0 or lot.expires_at == 0:
            account.lot_points -= lot.points
            _drop(arrays, account, index)
        index = _next_to_mature(arrays, account, now) if account.pending > 0 else NONE
    close_leg(arrays, batch, out, account, row)


@part
def _emit_own_leg(batch, out, account, program, operation, kind):
    """Write a leg that no request asked for; return its row."""
    row = emit_leg(batch, out, account, program, NO_REQUEST, operation, kind, 0, _APPROVED)
    leg = out.legs[row]
    # The server's own key: the complement of an id is no UUIDv7, so no client's key can equal it.
    leg.idempotency_key_high = ~leg.transaction_id_high
    leg.idempotency_key_low = ~leg.transaction_id_low
    return row


@part
def _over(arrays, account, now):
    """Return the points that have ended and that no reservation keeps."""
    gone = kept = 0
    index = account.first_lot
    while index != NONE:
        lot = arrays.lots[index]
        if lot.expires_at == 0 or lot.expires_at > now:
            break
        keep = min(lot.points, max(_held_since_before(arrays, account, lot.expires_at, now) - kept, 0))
        kept += keep
        gone += lot.points - keep
        index = lot.next
    return gone


@part
def expire_lots(arrays, batch, out, account, program):
    """Write an EXPIRE leg for the points that have ended by now, if there are any. Maturity must have been written."""
    if account.first_lot == NONE or _over(arrays, account, batch.header[NOW]) == 0:
        return
    row = _emit_own_leg(batch, out, account, program, _EXPIRE, _EXPIRY)
    leg = out.legs[row]
    leg.points = write_off(arrays, batch, out, account, leg)
    close_leg(arrays, batch, out, account, row)


@part
def write_off(arrays, batch, out, account, leg):
    """Write with a leg the entries that take what has ended and is not kept by a reservation; return the points.

    Of a leg that no request asked for, ``occurred_at`` becomes the last of the ends.
    """
    now = batch.header[NOW]
    gone = kept = 0
    previous = NONE
    index = account.first_lot
    while index != NONE:
        lot = arrays.lots[index]
        if lot.expires_at == 0 or lot.expires_at > now:
            break
        following = lot.next
        keep = min(lot.points, max(_held_since_before(arrays, account, lot.expires_at, now) - kept, 0))
        kept += keep
        over = lot.points - keep
        if over > 0:
            gone += over
            if leg.refers_to_seq == 0:
                leg.occurred_at = lot.expires_at
            _move(batch, out, account, leg, _EXPIRE_ENTRY, _NO_PART, lot, over)
        if lot.points == 0:
            _remove(arrays, account, previous, index)
        else:
            previous = index
        index = following
    return gone


# -------------------------------------------------------------------------------------------------- what readers see


@part
def _share_of_debt(arrays, account, index, debt, now):
    """Return what a lot that has matured since the account's last leg will have paid of the debt: the first pays first.

    Lots that matured at the same moment pay in the chain's order.
    """
    lot = arrays.lots[index]
    is_ahead = True
    at = account.first_lot
    while at != NONE:
        other = arrays.lots[at]
        if at == index:
            is_ahead = False
        pays_first = other.matures_at < lot.matures_at or (is_ahead and other.matures_at == lot.matures_at)
        if other.is_pending and other.matures_at <= now and pays_first:
            debt -= other.points
        at = other.next
    return min(max(debt, 0), lot.points)


@part
def show_lots(arrays, account, answer, now):
    """Show in the answer to a read what time has done since the account's last leg, and what ends next.

    ``answer.posted`` and ``answer.pending`` are set: to what they are once all of it is written down.
    """
    pending = gone = kept = 0
    debt = account.lot_points - account.posted
    index = account.first_lot
    while index != NONE:
        lot = arrays.lots[index]
        points = lot.points
        has_matured = not lot.is_pending or lot.matures_at <= now
        if debt > 0 and lot.is_pending and has_matured:
            points -= _share_of_debt(arrays, account, index, debt, now)
        if lot.expires_at != 0 and lot.expires_at <= now:
            keep = min(points, max(_held_since_before(arrays, account, lot.expires_at, now) - kept, 0))
            kept += keep
            gone += points - keep
        else:
            if not has_matured:
                pending += points
            if lot.expires_at != 0 and points > 0 and answer.expiring_at in (0, lot.expires_at):
                answer.expiring_at = lot.expires_at
                answer.expiring_points += points
        index = lot.next
    answer.posted = account.posted - gone
    answer.pending = pending


# -------------------------------------------------------------------------------------------------------- reading back


@entry
def replay_lots(arrays, entries, slot):
    """Build an account's lots again. ``entries`` are those that gave them, with what is left as their points.

    They are in the order of the ledger; the account's legs must have been replayed. Those that have matured by its
    newest leg and never end were in no lot any more.
    """
    account = arrays.accounts[slot]
    account.pending = 0
    for i in range(entries.shape[0]):
        given = entries[i]
        is_pending = 1 if given.matures_at > account.accepted_at else 0
        if given.signed_points > 0 and (is_pending or given.expires_at != 0):
            _add(
                arrays,
                account,
                given.lot_seq,
                given.rule_id,
                given.signed_points,
                given.matures_at,
                given.expires_at,
                is_pending,
            )
