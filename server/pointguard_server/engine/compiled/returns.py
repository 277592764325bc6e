"""Returns: undoing an accrual or a redemption, in full or in part. ``engine/originals.py`` says what the originals are.

What a part comes to is what all that was returned up to now comes to, less what the earlier parts came to, both rounded
down: so all parts together come to the whole, however it is cut. A return is recorded whatever fraud rules say of it:
it counts for them, and the advice that it raises bears on what comes after.
"""

from pointguard_server.domain.codes import Decision, EntryType, Kind, Operation, Outcome, Part, RequestFlag
from pointguard_server.engine.compiled.advice import raise_tripped
from pointguard_server.engine.compiled.conditions import look_at_conditions
from pointguard_server.engine.compiled.emit import close_leg, count_leg, emit_entry, emit_leg
from pointguard_server.engine.compiled.lots import find_lot, put_back, spend, take_from_lot
from pointguard_server.engine.compiled.measured import measure_leg
from pointguard_server.engine.compiled.scopes import give_back_for_scopes
from pointguard_server.engine.world import NOW
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.distinct import withdraw_distinct
from pointguard_server.velocity.windows import APPROVED, NONE, release, successor

_APPROVED, _NO_CONTEXT = int(Decision.APPROVED), 0
_RETURN, _RETURN_KIND = int(Operation.RETURN), int(Kind.RETURN)
_REVERSE, _VOID = int(EntryType.REVERSE), int(EntryType.VOID)
_BASE, _REDEEM = int(Part.BASE), int(Part.REDEEM)
_WHOLE = int(RequestFlag.WHOLE)
_ABOVE, _WINDOW_OVER = int(Outcome.RETURN_ABOVE_ORIGINAL), int(Outcome.RETURN_WINDOW_OVER)
_MISMATCH, _NO_SUCH_LINE = int(Outcome.RETURN_AMOUNT_MISMATCH), int(Outcome.NO_SUCH_LINE)
_RECEIPT_REQUIRED = int(Outcome.RECEIPT_REQUIRED)
_NO_LIMIT = 1 << 62
_BITS = 61


@part
def share(total, piece, whole):
    """Return total × piece ÷ whole, rounded down, for 0 ≤ piece ≤ whole < 2^61, without passing 64 bits.

    Of a whole of nothing, the piece is all of it.
    """
    if whole == 0:
        return total
    rest = total % whole
    result = remainder = 0
    for bit in range(_BITS - 1, -1, -1):
        result *= 2
        remainder *= 2
        if piece >> bit & 1:
            remainder += rest
        while remainder >= whole:
            remainder -= whole
            result += 1
    return total // whole * piece + result


@part
def _between(total, before, after, whole):
    """Return what the parts from ``before`` to ``after`` of a whole come to of a total."""
    return share(total, after, whole) - (share(total, before, whole) if whole > 0 else 0)


@part
def _find_event(arrays, account, seq):
    """Return the index of the event of a leg, or NONE: no window of the account reaches back so far."""
    index = account.first_event
    while index != NONE and arrays.events[index].seq != seq:
        index = successor(index, account.last_event, arrays.next_block)
    return index


@part
def release_returned(arrays, world, account, program, slot, seq, points, money):
    """Give what was returned back to the windows that hold its original, whose event is that of leg ``seq``."""
    index = _find_event(arrays, account, seq)
    if index == NONE:
        return
    event = arrays.events[index]
    whole = event.released_points + points == event.points and event.released_money + money == event.money
    if whole and program.distinct_count > 0:
        withdraw_distinct(arrays, world, slot, program, index)
    release(
        arrays.events,
        index,
        points,
        money,
        whole,
        world.measures,
        program.first_measure,
        program.measure_count,
        arrays.tallies[slot],
    )


@part
def give_back(arrays, world, batch, out, r, slot):
    """Decide a return: refuse it, or undo what is asked of its original."""
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    answer = out.answers[r]
    named = batch.envelopes[r].refers_to
    if named == 0:
        if program.unreceipted_points == 0:
            answer.outcome = _RECEIPT_REQUIRED
            return
        money = batch.requests[r].money
        due = money * program.unreceipted_points // program.unreceipted_money
        room = _room(account, program)
        row = _begin(arrays, world, batch, out, r, slot, min(due, room), max(due - room, 0), money)
        leg = out.legs[row]
        if leg.points > 0:
            spend(arrays, batch, out, account, leg, _REVERSE, _BASE, leg.points, batch.header[NOW])
        account.earned_total -= leg.points
        account.spend_total -= money
        count_leg(arrays, world, leg, account, program, slot)
        close_leg(arrays, batch, out, account, row)
        return
    asked = batch.returns.requests[named - 1]
    original = batch.returns.originals[asked.original]
    if program.return_window > 0 and batch.header[NOW] - original.accepted_at > program.return_window:
        answer.outcome = _WINDOW_OVER
    elif original.is_redemption:
        _return_redemption(arrays, world, batch, out, r, slot, original)
    else:
        _return_accrual(arrays, world, batch, out, r, slot, original, asked)


@part
def _room(account, program):
    """Return the most points that may be taken of those that could be spent."""
    if not program.forgives:
        return _NO_LIMIT
    return max(account.posted - account.pending - account.reserved - program.points_floor, 0)


@part
def _begin(arrays, world, batch, out, r, slot, points, unmoved, money):
    """Write the leg of a return, and have the fraud rules see it while nothing is undone yet; return its row."""
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    row = emit_leg(batch, out, account, program, r, _RETURN, _RETURN_KIND, 0, _APPROVED)
    leg = out.legs[row]
    leg.points, leg.released, leg.money = points, unmoved, money
    measure_leg(arrays, world, batch, out, row, slot, APPROVED)
    look_at_conditions(arrays, world, batch, out, row, slot, APPROVED)
    raise_tripped(arrays, world, batch, out, row, slot, _NO_CONTEXT, APPROVED)
    return row


@part
def _finish(arrays, world, batch, out, slot, row, original):
    """Take what is returned out of the original and out of the windows that hold it, and count the return itself."""
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    leg = out.legs[row]
    points = leg.points + leg.released
    leg.refers_to_seq = original.seq
    original.returns += 1
    original.returned_points += points
    original.returned_money += leg.money
    if program.scoped_count > 0:
        counted = batch.returns.counted[original.counted]
        index = _find_event(arrays, account, original.event_seq)
        if index != NONE:
            # Of a reservation, the batch may have released something since its returns were looked up.
            counted.released_points = arrays.events[index].released_points
            counted.released_money = arrays.events[index].released_money
        _give_back_for_scopes(arrays, world, batch.header[NOW], program, counted, points, leg.money)
    release_returned(arrays, world, account, program, slot, original.event_seq, points, leg.money)
    count_leg(arrays, world, leg, account, program, slot)
    close_leg(arrays, batch, out, account, row)


@part
def _give_back_for_scopes(arrays, world, now, program, counted, points, money):
    """Take what is returned out of wider windows. Memory may have forgotten the original's event; the batch has it."""
    whole = counted.released_points + points == counted.points and counted.released_money + money == counted.money
    give_back_for_scopes(
        arrays,
        world,
        now,
        program,
        counted,
        counted.business_unit_id,
        counted.agent_id,
        counted.group_set_id,
        points,
        money,
        whole,
    )
    counted.released_points += points
    counted.released_money += money


# ------------------------------------------------------------------------------------------------------- of an accrual


@part
def _lines_money(batch, asked, original):
    """Return what the lines that are returned come to; below 0, the outcome that refuses them."""
    money = 0
    lines = batch.returns.lines
    for i in range(asked.first_line, asked.first_line + asked.line_count):
        number, amount = batch.returns.asked_lines[i, 0], batch.returns.asked_lines[i, 1]
        if number > original.line_count:
            return -_NO_SUCH_LINE
        line = original.first_line + number - 1
        if amount == 0:
            amount = batch.returns.asked_lines[i, 1] = lines[line, 0]
        if lines[line, 1] + amount > lines[line, 0]:
            return -_ABOVE
        money += amount
    return money


@part
def _return_accrual(arrays, world, batch, out, r, slot, original, asked):
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    request = batch.requests[r]
    left = original.money - original.returned_money
    money = request.money
    if request.flags & _WHOLE:
        money = left
    elif asked.line_count > 0:
        money = _lines_money(batch, asked, original)
        if money < 0:
            out.answers[r].outcome = -money
            return
    elif request.points > 0:
        out.answers[r].outcome = _MISMATCH
        return
    if money > left or (left == 0 and original.returns > 0):
        out.answers[r].outcome = _ABOVE
        return
    before = original.returned_money
    held_back = due = 0
    for i in range(original.first_part, original.first_part + original.part_count):
        award = batch.returns.parts[i]
        points = _between(award.points, before, before + money, original.money)
        due += points
        held_back += _still_pending(arrays, account, original.seq, award, points)
    room = _room(account, program)
    taken = held_back + min(due - held_back, room)
    row = _begin(arrays, world, batch, out, r, slot, taken, due - taken, money)
    leg = out.legs[row]
    for i in range(original.first_part, original.first_part + original.part_count):
        award = batch.returns.parts[i]
        points = _between(award.points, before, before + money, original.money)
        room = _claw_back(arrays, batch, out, account, leg, original.seq, award, points, room)
    account.earned_total -= taken
    account.spend_total -= money
    for i in range(asked.first_line, asked.first_line + asked.line_count):
        line = original.first_line + batch.returns.asked_lines[i, 0] - 1
        batch.returns.lines[line, 1] += batch.returns.asked_lines[i, 1]
    _finish(arrays, world, batch, out, slot, row, original)


@part
def _still_pending(arrays, account, seq, award, points):
    """Return how many of an award's points can be taken from its own lot because they have not matured."""
    index = find_lot(arrays, account, seq, award.rule_id, award.expires_at)
    if index == NONE or not arrays.lots[index].is_pending:
        return 0
    return min(points, arrays.lots[index].points)


@part
def _claw_back(arrays, batch, out, account, leg, seq, award, points, room):
    """Take an award's points back: from its own lot, then from what never ends if it went there, then as spending does.

    Of what could be spent, ``room`` may be taken; return what is left of that.
    """
    now = batch.header[NOW]
    index = find_lot(arrays, account, seq, award.rule_id, award.expires_at)
    if index != NONE and (arrays.lots[index].expires_at == 0 or arrays.lots[index].expires_at > now):
        taken = min(points, arrays.lots[index].points)
        if not arrays.lots[index].is_pending:
            taken = min(taken, room)
            room -= taken
        if taken > 0:
            take_from_lot(arrays, batch, out, account, leg, _REVERSE, award.part, index, taken)
        points -= taken
    points = min(points, room)
    room -= points
    if award.expires_at == 0:
        taken = min(points, max(account.posted - account.lot_points, 0))
        if taken > 0:
            emit_entry(batch, out, account, leg, _REVERSE, award.part, -taken, award.rule_id)
        points -= taken
    if points > 0:
        spend(arrays, batch, out, account, leg, _REVERSE, award.part, points, now)
    return room


# ----------------------------------------------------------------------------------------------------- of a redemption


@part
def _return_redemption(arrays, world, batch, out, r, slot, original):
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    request = batch.requests[r]
    left = original.points - original.returned_points
    points = left if request.flags & _WHOLE else request.points
    if points == 0 and left > 0:
        out.answers[r].outcome = _MISMATCH
        return
    if points > left or left == 0:
        out.answers[r].outcome = _ABOVE
        return
    now = batch.header[NOW]
    before = original.returned_points
    after = before + points
    ended = 0
    for i in range(original.part_count):
        spent = batch.returns.parts[original.first_part + i]
        if spent.expires_at != 0 and spent.expires_at <= now:
            ended += _piece(spent, before, after)
    lost = ended if program.return_grace == 0 else 0
    money = _between(original.money, before, after, original.points)
    row = _begin(arrays, world, batch, out, r, slot, points - lost, lost, money)
    leg = out.legs[row]
    for i in range(original.part_count):
        spent = batch.returns.parts[original.first_part + i]
        piece = _piece(spent, before, after)
        if piece == 0 or (spent.expires_at != 0 and spent.expires_at <= now):
            continue
        if spent.expires_at == 0:
            emit_entry(batch, out, account, leg, _VOID, _REDEEM, piece, 0)
        else:
            put_back(
                arrays, batch, out, account, leg, _VOID, _REDEEM, piece,
                spent.lot_seq, spent.rule_id, spent.matures_at, spent.expires_at,
            )  # fmt: skip
    if ended > lost:
        # What had ended begins anew, as a lot that this return gives.
        expires_at = now + program.return_grace
        put_back(arrays, batch, out, account, leg, _VOID, _REDEEM, ended, leg.seq, 0, 0, expires_at)
    account.redeemed_total -= leg.points
    _finish(arrays, world, batch, out, slot, row, original)


@part
def _piece(spent, before, after):
    """Return how much of a spent part a return takes that goes from ``before`` to ``after`` of all that was spent.

    ``spent.behind`` is what was spent after it: what was spent last is given back first.
    """
    first = max(before - spent.behind, 0)
    last = min(after - spent.behind, spent.points)
    return max(last - first, 0)
