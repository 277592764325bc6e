"""Accruals: what a purchase earns, by the program's compiled earn rules."""

from pointguard_server.domain.age_bands import FIRST_AGES
from pointguard_server.domain.codes import AccountFlag, Context, Decision, Operation, Part, Reason, RequestFlag
from pointguard_server.engine.compiled.advice import heed_standing, judge_rules, raise_tripped
from pointguard_server.engine.compiled.counters import count_award, counted
from pointguard_server.engine.compiled.emit import add_event, add_reason, close_leg, emit_entry, emit_leg
from pointguard_server.engine.compiled.lots import give_lot
from pointguard_server.engine.world import EARNED, MATCHED, MATCHED_NUMBER, NOW
from pointguard_server.rules.fields import FACT_FIELDS
from pointguard_server.rules.fixed_point import Status
from pointguard_server.rules.native_call import call_earn
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.windows import APPROVED, BLOCKED

_EARNING = int(Context.EARNING)
_APPROVED, _DECLINED = int(Decision.APPROVED), int(Decision.DECLINED)
_ACCRUE, _BASE = int(Operation.ACCRUE), int(Part.BASE)
_SUSPENDED_FLAG, _COUPON_USED = int(AccountFlag.SUSPENDED), int(RequestFlag.COUPON_USED)
_SUSPENDED, _ARITHMETIC = int(Reason.ACCOUNT_SUSPENDED), int(Reason.RULE_ARITHMETIC)
_STOPPED = int(Reason.RULES_STOPPED)
_OUT_OF_FUEL = int(Status.OUT_OF_FUEL)
# What the earn rules come to if they decide nothing.
_FAILED_POINTS, _STOPPED_POINTS = -1, -2
_NUMBER = 1_000_000  # the rules' fixed point
_DAY = 86_400_000_000
_POINTS_MAX = 1 << 60
_MONEY_MAX = 1 << 62

_INDEX = {field.name: field.index for field in FACT_FIELDS}
_TOTAL, _LINES, _CHANNEL, _TENDER, _COUPON, _KIND = (
    _INDEX[f"order.{name}"] for name in ("total", "line_count", "channel", "tender", "coupon_used", "kind")
)
_STORE, _UNIT, _STORE_PROVINCE = (_INDEX[f"store.{name}"] for name in ("id", "business_unit", "province"))
_TIER, _PROVINCE, _ENROLLED = (_INDEX[f"member.{name}"] for name in ("tier", "province", "days_since_enrolment"))
_POSTED, _AVAILABLE, _SPEND = (_INDEX[f"account.{name}"] for name in ("posted", "available", "spend"))
_COUNTRY, _GROUPS = _INDEX["store.country"], _INDEX["member.groups"]
_AGE_BAND, _BIRTHDAY_MONTH = _INDEX["member.age_band"], _INDEX["member.birthday_month"]
_DATE = _INDEX["time.date"]
_YEAR, _MONTH, _MONTH_DAY, _HOUR, _MINUTE, _WEEKDAY = (
    _INDEX[f"time.{name}"] for name in ("year", "month", "day", "hour", "minute", "weekday")
)


@part
def _gather_facts(batch, facts, r, account, program):
    """Fill the facts that all earn rules see: see ``rules/fields.py`` for the units."""
    request = batch.requests[r]
    facts[_TOTAL] = request.money * program.money_scale
    facts[_LINES] = batch.envelopes[r].line_count * _NUMBER
    facts[_CHANNEL] = request.channel
    facts[_TENDER] = request.tender_id
    facts[_COUPON] = 1 if request.flags & _COUPON_USED else 0
    facts[_KIND] = request.kind
    facts[_STORE] = request.store_id
    facts[_UNIT] = batch.envelopes[r].business_unit_id
    facts[_STORE_PROVINCE] = batch.envelopes[r].store_province_id
    facts[_TIER] = account.tier_id
    facts[_PROVINCE] = account.province_id
    facts[_ENROLLED] = (batch.header[NOW] - account.enrolled_at) // _DAY * _NUMBER
    facts[_POSTED] = min(account.posted, _POINTS_MAX // _NUMBER) * _NUMBER
    facts[_AVAILABLE] = min(account.posted - account.pending - account.reserved, _POINTS_MAX // _NUMBER) * _NUMBER
    facts[_SPEND] = min(account.spend_total, _MONEY_MAX // program.money_scale) * program.money_scale
    facts[_DATE] = program.date * _NUMBER
    facts[_YEAR] = program.year * _NUMBER
    facts[_MONTH] = program.month * _NUMBER
    facts[_MONTH_DAY] = program.day * _NUMBER
    facts[_HOUR] = program.hour * _NUMBER
    facts[_MINUTE] = program.minute * _NUMBER
    facts[_WEEKDAY] = program.weekday * _NUMBER


@part
def _has_bit(code_words, number, mask):
    """Return 1 if a text's word has the bit; a number behind the words has none."""
    return 1 if number < code_words.shape[0] and code_words[number] & mask else 0


@part
def _gather_looked_up(world, facts, r, batch, account):
    """Fill the facts that stand behind a number: the country of a store, the groups of a member."""
    store = batch.requests[r].store_id
    facts[_COUNTRY] = world.store_countries[store] if store < world.store_countries.shape[0] else 0
    groups = account.group_set_id
    facts[_GROUPS] = world.code_words[groups] if groups < world.code_words.shape[0] else 0


@part
def _gather_birth(world, facts, account, program):
    """Fill the facts that stand behind a birth date, as of the program's date; a program that asks has the bands."""
    birth_date = account.birth_date
    facts[_AGE_BAND] = facts[_BIRTHDAY_MONTH] = 0
    if birth_date > 0 and world.age_bands.shape[0] > 0:
        # A day of the year counts as month × 100 + day, so that one that a common year lacks is over the day after.
        age = (program.year * 10_000 + program.month * 100 + program.day - birth_date) // 10_000
        band = 0
        for first in FIRST_AGES:
            if age >= first:
                band += 1
        facts[_AGE_BAND] = world.age_bands[band]
        facts[_BIRTHDAY_MONTH] = birth_date // 100 % 100 * _NUMBER


@part
def _gather_inputs(arrays, world, facts, slot, program):
    """Fill the facts that this program's earn rules alone have; this transaction is not counted in windows yet."""
    for i in range(program.first_input, program.first_input + program.input_count):
        wanted = world.inputs[i]
        value = wanted.most
        if wanted.measure >= 0:
            value = min(value, arrays.tallies[slot, wanted.measure, 0])
        elif wanted.measure == MATCHED:
            value = _has_bit(world.code_words, facts[wanted.source], wanted.most)
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
    _gather_facts(batch, out.facts, r, account, program)
    _gather_looked_up(world, out.facts, r, batch, account)
    _gather_birth(world, out.facts, account, program)
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
        if out.award_points[i] > _POINTS_MAX or total > _POINTS_MAX:
            return _FAILED_POINTS
    return total if account.posted + total <= _POINTS_MAX else _FAILED_POINTS


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
    blocked = heed_standing(arrays, out, r, account, _EARNING, batch.header[NOW])
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
    forbidden = judge_rules(arrays, world, batch, out, row, slot, _EARNING, flags)
    raise_tripped(arrays, world, batch, out, row, slot, _EARNING, flags)
    leg.event_flags = flags & BLOCKED
    if flags & APPROVED and not forbidden:
        leg.decision, leg.event_flags = _APPROVED, APPROVED
        _post(arrays, world, batch, out, slot, program, leg, points)
    add_event(arrays, world, leg, account, program, slot)
    close_leg(arrays, batch, out, account, row)
    if leg.decision == _DECLINED:
        out.answers[r].points = 0


@part
def _post(arrays, world, batch, out, slot, program, leg, points):
    account = arrays.accounts[slot]
    account.earned_total += points
    account.spend_total += leg.money
    for i in range(program.award_count):
        if out.award_points[i] > 0:
            award = world.awards[program.first_award + i]
            row = emit_entry(batch, out, account, leg, award.entry_type, award.part, out.award_points[i], award.rule_id)
            give_lot(arrays, batch, out, account, leg, award, row)
            count_award(arrays, world, slot, program, award.rule_id, out.award_points[i])
