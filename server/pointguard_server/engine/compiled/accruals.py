"""Accruals: what a purchase earns, by the program's compiled earn rules."""

from pointguard_server.domain.codes import AccountFlag, Context, Decision, Operation, Part, Reason
from pointguard_server.engine.compiled.advice import heed_standing, judge_rules, raise_tripped
from pointguard_server.engine.compiled.conditions import look_at_conditions
from pointguard_server.engine.compiled.counters import count_award, counted
from pointguard_server.engine.compiled.emit import add_reason, close_leg, count_leg, emit_entry, emit_leg
from pointguard_server.engine.compiled.lots import give_lot, is_exempt
from pointguard_server.engine.compiled.measured import measure_leg
from pointguard_server.engine.compiled.rule_facts import POINTS_MAX, gather_facts, has_bit
from pointguard_server.engine.world import EARNED, MATCHED, MATCHED_NUMBER
from pointguard_server.rules.fixed_point import Status
from pointguard_server.rules.native_call import call_earn
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.windows import APPROVED, BLOCKED

_EARNING = int(Context.EARNING)
_APPROVED, _DECLINED = int(Decision.APPROVED), int(Decision.DECLINED)
_ACCRUE, _BASE = int(Operation.ACCRUE), int(Part.BASE)
_SUSPENDED_FLAG = int(AccountFlag.SUSPENDED)
_SUSPENDED, _ARITHMETIC = int(Reason.ACCOUNT_SUSPENDED), int(Reason.RULE_ARITHMETIC)
_STOPPED = int(Reason.RULES_STOPPED)
_OUT_OF_FUEL = int(Status.OUT_OF_FUEL)
# What the earn rules come to if they decide nothing.
_FAILED_POINTS, _STOPPED_POINTS = -1, -2


@part
def _gather_inputs(arrays, world, facts, slot, program):
    """Fill the facts that this program's earn rules alone have; this transaction is not counted in windows yet."""
    for i in range(program.first_input, program.first_input + program.input_count):
        wanted = world.inputs[i]
        value = wanted.most
        if wanted.measure >= 0:
            value = min(value, arrays.tallies[slot, wanted.measure, 0])
        elif wanted.measure == MATCHED:
            value = has_bit(world.code_words, facts[wanted.source], wanted.most)
        elif wanted.measure == MATCHED_NUMBER:
            value = wanted.most >> facts[wanted.source] & 1
        elif wanted.measure == EARNED:
            value = counted(arrays, world, slot, program, wanted.source)
        facts[wanted.fact] = value * wanted.scale


@part
def _note_windows(arrays, world, out, row, slot, program):
    """Note with the leg what the earn rules' windows and counters held."""
    for i in range(program.first_input, program.first_input + program.input_count):
        wanted = world.inputs[i]
        if wanted.measure >= 0:
            out.windows[row, wanted.measure] = arrays.tallies[slot, wanted.measure, 0]
        elif wanted.measure == EARNED:
            out.windows[row, wanted.most] = counted(arrays, world, slot, program, wanted.source)


@part
def _earn(arrays, world, batch, out, r, slot, account, program):
    """Run the earn rules into ``out.award_points``; return the points in all, or why there are none."""
    gather_facts(world, batch, out.facts, r, account, program)
    _gather_inputs(arrays, world, out.facts, slot, program)
    first = batch.envelopes[r].first_line
    status = call_earn(
        program.earn_address,
        out.facts,
        batch.lines[first:],
        batch.envelopes[r].line_count,
        world.constants[program.first_constant :],
        out.work,
    )
    if status >= _OUT_OF_FUEL:
        return _STOPPED_POINTS
    if status != 0:
        return _FAILED_POINTS
    total = 0
    for i in range(program.award_count):
        total += out.award_points[i]
        if out.award_points[i] > POINTS_MAX or total > POINTS_MAX:
            return _FAILED_POINTS
    return total if account.posted + total <= POINTS_MAX else _FAILED_POINTS


@part
def accrue(arrays, world, batch, out, r, slot):
    """Decide an accrual and, if approved, write one entry for each rule that gives points."""
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    request = batch.requests[r]
    stopped = False
    if account.flags & _SUSPENDED_FLAG:
        add_reason(out, r, _SUSPENDED, 0)
        stopped = True
    blocked, _ = heed_standing(arrays, world, batch, out, r, account, _EARNING)
    points = _earn(arrays, world, batch, out, r, slot, account, program)
    if points < 0:
        add_reason(out, r, _STOPPED if points == _STOPPED_POINTS else _ARITHMETIC, 0)
    flags = (0 if stopped or blocked or points < 0 else APPROVED) | (BLOCKED if blocked else 0)
    points = max(points, 0)
    parts = 1 << _BASE
    for i in range(program.award_count):
        if points > 0 and out.award_points[i] > 0:
            parts |= 1 << world.awards[program.first_award + i].part
    row = emit_leg(batch, out, account, program, r, _ACCRUE, request.kind, parts, _DECLINED)
    leg = out.legs[row]
    leg.points, leg.money = points, request.money
    _note_windows(arrays, world, out, row, slot, program)
    measure_leg(arrays, world, batch, out, row, slot, flags)
    look_at_conditions(arrays, world, batch, out, row, slot, flags)
    forbidden = judge_rules(arrays, world, batch, out, row, slot, _EARNING, flags)
    raise_tripped(arrays, world, batch, out, row, slot, _EARNING, flags)
    leg.event_flags = flags & BLOCKED
    if flags & APPROVED and not forbidden:
        leg.decision, leg.event_flags = _APPROVED, APPROVED
        _post(arrays, world, batch, out, slot, program, leg, points)
    count_leg(arrays, world, leg, account, program, slot)
    close_leg(arrays, batch, out, account, row)
    if leg.decision == _DECLINED:
        out.answers[r].points = 0


@part
def _post(arrays, world, batch, out, slot, program, leg, points):
    account = arrays.accounts[slot]
    account.earned_total += points
    account.spend_total += leg.money
    exempt = is_exempt(world, program, account)
    for i in range(program.award_count):
        if out.award_points[i] > 0:
            award = world.awards[program.first_award + i]
            row = emit_entry(batch, out, account, leg, award.entry_type, award.part, out.award_points[i], award.rule_id)
            give_lot(arrays, batch, out, account, leg, award, row, exempt)
            count_award(arrays, world, slot, program, award.rule_id, out.award_points[i])
