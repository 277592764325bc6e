"""Redemptions: what may be spent, and spending it."""

from pointguard_server.domain.codes import (
    AccountFlag,
    Context,
    Decision,
    EntryType,
    Kind,
    Measure,
    Operation,
    Part,
    Posture,
    Reason,
    RequestFlag,
)
from pointguard_server.engine.compiled.accounts import move_windows
from pointguard_server.engine.compiled.advice import (
    bears_on,
    forbids,
    heed_standing,
    is_passed_over,
    judge_rules,
    raise_tripped,
    show_standing,
)
from pointguard_server.engine.compiled.conditions import fill_held, look_at_conditions, reason_against
from pointguard_server.engine.compiled.emit import add_reason, close_leg, count_leg, emit_leg
from pointguard_server.engine.compiled.lots import spend
from pointguard_server.engine.compiled.measured import UNCOUNTED, measure_leg
from pointguard_server.engine.compiled.reservations import open_hold
from pointguard_server.engine.compiled.scopes import held_by_scope
from pointguard_server.engine.compiled.stops import heed_stops
from pointguard_server.engine.compiled.tallies import value_now
from pointguard_server.engine.world import CONDITION, NOW
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.naming import named_by
from pointguard_server.velocity.scopes import bucket_at
from pointguard_server.velocity.windows import APPROVED, BLOCKED, STOPPED, amount, matches

_REDEMPTION = int(Context.REDEMPTION)
_APPROVED, _DECLINED = int(Decision.APPROVED), int(Decision.DECLINED)
_AUTHORISE = int(Operation.AUTHORISE)
_REDEEM_PART, _REDEEM_ENTRY = int(Part.REDEEM), int(EntryType.REDEEM)
_CONVERSION, _CONVERT_ENTRY = int(Kind.CONVERSION), int(EntryType.CONVERT)
_SUSPENDED_FLAG, _LOCKED_FLAG = int(AccountFlag.SUSPENDED), int(AccountFlag.REDEMPTION_LOCKED)
_SUSPENDED, _LOCKED, _INSUFFICIENT = (
    int(Reason.ACCOUNT_SUSPENDED),
    int(Reason.REDEMPTION_LOCKED),
    int(Reason.INSUFFICIENT_POINTS),
)
_CAPTURE, _ALLOW_PARTIAL, _IN_MONEY = (
    int(RequestFlag.CAPTURE),
    int(RequestFlag.ALLOW_PARTIAL),
    int(RequestFlag.IN_MONEY),
)
_UNAVAILABLE, _SKIPPED = int(Reason.RULE_UNAVAILABLE), int(Reason.RULE_SKIPPED)
POINTS_MAX = 10**12
_STEP_UP, _POINTS, _MONEY = int(Posture.STEP_UP), int(Measure.POINTS), int(Measure.MONEY)


@part
def worth(program, points):
    """Return the money that points are worth at the program's rate, rounded down."""
    return points * program.rate_money // program.rate_points


@part
def _points_within(program, money):
    """Return the most points that are worth at most ``money``."""
    return ((money + 1) * program.rate_points - 1) // program.rate_money if money >= 0 else 0


@part
def _stop(arrays, world, batch, out, r, account):
    """Add the reasons that forbid any redemption.

    Return (it is forbidden, how it counts therefore, a standing advice asks for a factor that was not verified).
    """
    flags = heed_stops(world, batch, out, r, world.programs[account.program])
    stopped = flags != 0
    if account.flags & _SUSPENDED_FLAG:
        add_reason(out, r, _SUSPENDED, 0)
        stopped = True
    if account.flags & _LOCKED_FLAG:
        add_reason(out, r, _LOCKED, 0)
        stopped = True
    blocked, unverified = heed_standing(arrays, world, batch, out, r, account, _REDEMPTION)
    return stopped or blocked, flags | (BLOCKED if blocked else 0), unverified


@part
def _room_under(world, program, rule, measure, value):
    """Return how many points still fit under a rule's threshold when its window holds ``value``."""
    room = rule.threshold - max(value, 0)
    if measure.measure == _MONEY:
        return _points_within(program, room)
    if measure.measure == _POINTS:
        return max(room, 0)
    return 0 if room < 1 else POINTS_MAX


@part
def _limit(arrays, world, batch, out, r, slot, points, money, available):
    """Return the most points that balance and limiting rules leave of ``points``, adding what binds to the reasons.

    ``money`` is what all of them cover, which may be less than they are worth.
    """
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    limit = points
    if available < points:
        limit = max(available, 0)
        add_reason(out, r, _INSUFFICIENT, 0)
    for i in range(program.first_rule, program.first_rule + program.rule_count):
        rule = world.rules[i]
        if not rule.is_limit or not forbids(rule.posture) or rule.context != _REDEMPTION:
            continue
        measure = world.measures[program.first_measure + rule.measure]
        if not matches(measure, batch.requests[r].kind, 1 << _REDEEM_PART, APPROVED):
            continue
        if is_passed_over(arrays, world, batch, r, account, rule):
            continue
        value = arrays.tallies[slot, rule.measure, 0]
        room = _room_under(world, program, rule, measure, value)
        if room < limit and value + amount(measure, points, money) > rule.threshold:
            limit = room
            add_reason(out, r, rule.reason, rule.rule_id)
    return limit


@part
def authorise(arrays, world, batch, out, r, slot):
    """Decide a redemption.

    Set the points aside, or (``capture``) spend them; a declined one is recorded all the same. While redemptions are
    stopped no rule looks at it: that it was asked for says nothing about the account.
    """
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    request = batch.requests[r]
    points, money = request.points, worth(program, request.points)
    if request.flags & _IN_MONEY:
        money = request.money
        points = (money * program.rate_points + program.rate_money - 1) // program.rate_money
    available = account.posted - account.pending - account.reserved - program.points_floor
    stopped, flags, unverified = _stop(arrays, world, batch, out, r, account)
    enough = available >= points
    if not stopped and request.flags & _ALLOW_PARTIAL:
        limit = _limit(arrays, world, batch, out, r, slot, points, money, available)
        if 0 < limit < points:
            points, money, enough = limit, worth(program, limit), True
    elif not enough:
        add_reason(out, r, _INSUFFICIENT, 0)
    row = emit_leg(batch, out, account, program, r, _AUTHORISE, request.kind, 1 << _REDEEM_PART, _DECLINED)
    leg = out.legs[row]
    leg.points, leg.money = points, money
    flags |= APPROVED if enough and not stopped and not unverified else 0
    forbidden = False
    if not flags & STOPPED:
        measure_leg(arrays, world, batch, out, row, slot, flags)
        look_at_conditions(arrays, world, batch, out, row, slot, flags)
        forbidden = judge_rules(arrays, world, batch, out, row, slot, _REDEMPTION, flags)
        raise_tripped(arrays, world, batch, out, row, slot, _REDEMPTION, flags)
    if flags & APPROVED and not forbidden:
        leg.decision, leg.event_flags = _APPROVED, APPROVED
    else:
        leg.event_flags = flags & (BLOCKED | STOPPED)
    _settle(arrays, world, batch, out, slot, row, request)
    close_leg(arrays, batch, out, account, row)
    if leg.decision == _DECLINED:
        out.answers[r].points = out.answers[r].money = 0


@part
def _settle(arrays, world, batch, out, slot, row, request):
    """Count the decided redemption in the windows and, if approved, reserve or spend its points."""
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    leg = out.legs[row]
    event = count_leg(arrays, world, leg, account, program, slot)
    if leg.decision != _APPROVED:
        return
    if request.flags & _CAPTURE:
        account.redeemed_total += leg.points
        entry_type = _CONVERT_ENTRY if request.kind == _CONVERSION else _REDEEM_ENTRY
        spend(arrays, batch, out, account, leg, entry_type, _REDEEM_PART, leg.points, batch.header[NOW])
        return
    account.reserved += leg.points
    leg.hold_expires_at = batch.header[NOW] + (
        request.time_to_live if request.time_to_live != 0 else program.hold_default
    )
    open_hold(arrays, account, leg, event)


@part
def _is_quoted(arrays, world, batch, out, r, account, rule):
    """Return whether a quote looks at a rule: it may decline a redemption, whatever is redeemed."""
    if rule.is_shadow or not bears_on(rule, _REDEMPTION) or not (rule.posture == _STEP_UP or forbids(rule.posture)):
        return False
    if rule.condition >= 0 and (rule.is_sized or out.held[rule.condition] == 0):
        return False
    return not is_passed_over(arrays, world, batch, r, account, rule)


@part
def _reason_against_any(batch, out, r, account, rule):
    """Return why a rule without a measure declines any redemption here; 0 if it does not."""
    if rule.measure == CONDITION:
        return reason_against(out, rule)
    home, there = account.province_id, batch.envelopes[r].store_province_id
    return rule.reason if home != 0 and there != 0 and home != there else 0


@part
def quote(arrays, world, batch, out, r, slot):
    """Say how many points an authorise would approve now, and what binds the figure. Writes nothing.

    The answer shows the balance already. A factor that an authorise would ask for is named, and binds nothing.
    """
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    now = batch.header[NOW]
    move_windows(arrays, world, account, program, slot, now)
    show_standing(arrays, world, out, r, account, _REDEMPTION, now)
    stopped, _, _ = _stop(arrays, world, batch, out, r, account)
    answer = out.answers[r]
    available = answer.posted - answer.pending - answer.reserved
    limit = min(max(available - program.points_floor, 0), POINTS_MAX)
    declined, room, reason, rule_id = _room_under_rules(arrays, world, batch, out, r, slot, limit)
    if not stopped and not declined:
        if room < limit:
            add_reason(out, r, reason, rule_id)
        else:
            add_reason(out, r, _INSUFFICIENT, 0)
        out.answers[r].points = room
        out.answers[r].money = worth(program, room)


@part
def _room_under_rules(arrays, world, batch, out, r, slot, limit):
    """Look at the rules that may decline a redemption whatever is redeemed, and add the reasons of those that do.

    Return (whether they decline any, how many points they leave up to ``limit``, what leaves no more, its rule). The
    account's windows have been moved. A factor that is asked for declines nothing.
    """
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    request, answer = batch.requests[r], out.answers[r]
    declined, binding, binding_rule = False, 0, 0
    if program.condition_count > 0:
        fill_held(
            arrays,
            world,
            batch,
            out,
            r,
            slot,
            request.kind,
            1 << _REDEEM_PART,
            0,
            0,
            APPROVED,
            batch.header[NOW],
            answer.posted,
            answer.posted - answer.pending - answer.reserved,
        )
    for i in range(program.first_rule, program.first_rule + program.rule_count):
        rule = world.rules[i]
        if not _is_quoted(arrays, world, batch, out, r, account, rule):
            continue
        asks = rule.posture == _STEP_UP
        if rule.measure < 0:
            reason = _reason_against_any(batch, out, r, account, rule)
            if reason != 0:
                add_reason(out, r, reason, rule.rule_id)
                declined = declined or not asks
            continue
        room = _room_now(arrays, world, batch, r, slot, program, rule)
        if room == UNCOUNTED:
            closed = rule.fails_closed != 0 and not asks
            add_reason(out, r, _UNAVAILABLE if closed else _SKIPPED, rule.rule_id)
            declined = declined or closed
        elif asks:
            if room < 1:
                add_reason(out, r, rule.reason, rule.rule_id)
        elif room < limit:
            limit, binding, binding_rule = room, rule.reason, rule.rule_id
    return declined, limit, binding, binding_rule


@part
def _room_now(arrays, world, batch, r, slot, program, rule):
    """Return how many points a rule's window leaves; of a wider scope, as far as the request says where it is made.

    UNCOUNTED if that is not known.
    """
    request, account = batch.requests[r], arrays.accounts[slot]
    if rule.scoped < 0:
        measure = world.measures[program.first_measure + rule.measure]
        if not matches(measure, request.kind, 1 << _REDEEM_PART, APPROVED):
            return POINTS_MAX
        tally = arrays.tallies[slot, rule.measure]
        return _room_under(world, program, rule, measure, value_now(arrays, account, measure, tally, batch.header[NOW]))
    scoped = world.scoped[program.first_scoped + rule.scoped]
    if not matches(scoped, request.kind, 1 << _REDEEM_PART, APPROVED):
        return POINTS_MAX
    bucket = bucket_at(scoped, program, batch.header[NOW])
    value, _, _ = held_by_scope(
        arrays,
        world,
        program,
        scoped,
        batch.envelopes[r].business_unit_id,
        request.store_id,
        request.terminal_id,
        request.cashier_id,
        named_by(batch.envelopes[r]),
        0,
        account.group_set_id,
        bucket,
        bucket,
    )
    if value < 0:
        return POINTS_MAX
    if scoped.uncounted or batch.envelopes[r].is_hurried:
        return UNCOUNTED
    return _room_under(world, program, rule, scoped, value)


@part
def check(arrays, world, batch, out, r, slot):
    """Show the advice that stands in the context asked for (``request.time_to_live`` carries it; 0: all).

    And, as reasons, what stops redemptions, and which rules and controls would decline any. Writes nothing.
    """
    account, context = arrays.accounts[slot], batch.requests[r].time_to_live
    now = batch.header[NOW]
    show_standing(arrays, world, out, r, account, context, now)
    if context in (0, _REDEMPTION):
        program = world.programs[account.program]
        heed_stops(world, batch, out, r, program)
        move_windows(arrays, world, account, program, slot, now)
        _, room, reason, rule_id = _room_under_rules(arrays, world, batch, out, r, slot, 1)
        if room < 1:
            add_reason(out, r, reason, rule_id)
