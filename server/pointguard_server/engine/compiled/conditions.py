"""Conditions of fraud rules, compiled as one: what became of each for one transaction.

``out.held`` then has, for each condition of the program, 1 where it holds, 0 where it does not, and one of the negative
numbers below where that could not be computed. A program without conditions pays one comparison.
"""

from pointguard_server.domain.codes import Reason
from pointguard_server.engine.compiled.moments import counts_at
from pointguard_server.engine.compiled.past_windows import held_with_itself
from pointguard_server.engine.compiled.rule_facts import (
    FACT_INDEX,
    MONEY_MAX,
    NUMBER,
    POINTS_MAX,
    gather_facts,
    has_bit,
)
from pointguard_server.engine.compiled.tallies import value_now
from pointguard_server.engine.world import MATCHED, MATCHED_NUMBER, NOW
from pointguard_server.rules.checked import NOT_COMPUTED
from pointguard_server.rules.native_call import call_earn
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.distinct import is_another
from pointguard_server.velocity.naming import named_by
from pointguard_server.velocity.windows import DISTINCT_STORES, RECORDED, amount, matches

_STOPPED = NOT_COMPUTED - 1
"""The sandbox stopped the conditions: nothing is known of any."""
_TOTAL, _POINTS, _TYPE = FACT_INDEX["order.total"], FACT_INDEX["order.points"], FACT_INDEX["order.redemption_type"]
_POSTED, _AVAILABLE = FACT_INDEX["account.posted"], FACT_INDEX["account.available"]
_ARITHMETIC, _RULES_STOPPED = int(Reason.RULE_ARITHMETIC), int(Reason.RULES_STOPPED)


@part
def look_at_conditions(arrays, world, batch, out, row, slot, flags):
    """Say of each condition whether it holds for a leg that is not counted yet, and note what its windows hold.

    ``flags`` say how the transaction counts if no rule trips. Uses the scratch of the earn rules' facts.
    """
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    if program.condition_count == 0:
        return
    leg = out.legs[row]
    r = out.leg_request[row]
    available = account.posted - account.pending - account.reserved
    fill_held(
        arrays,
        world,
        batch,
        out,
        r,
        slot,
        leg.kind,
        leg.parts,
        leg.points,
        leg.money,
        flags,
        counts_at(leg),
        account.posted,
        available,
    )
    for i in range(program.first_condition_input, program.first_condition_input + program.condition_input_count):
        wanted = world.inputs[i]
        if wanted.measure >= 0:
            out.windows[row, wanted.measure] = out.facts[wanted.fact] // wanted.scale


@part
def fill_held(arrays, world, batch, out, r, slot, kind, parts, points, money, flags, moment, posted, available):
    """Evaluate the program's conditions for a transaction as it would count in windows, with itself in them.

    Windows end now; of recorded activity see ``held_with_itself``, which counts at its own ``moment``.
    ``posted`` and ``available`` are the account's points, which a reader sees before rows say so.
    """
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    facts = out.facts
    gather_facts(world, batch, facts, r, account, program)
    facts[_TOTAL] = min(money, MONEY_MAX // program.money_scale) * program.money_scale
    facts[_POINTS] = min(points, POINTS_MAX // NUMBER) * NUMBER
    facts[_TYPE] = batch.requests[r].redemption_type_id
    facts[_POSTED] = min(posted, POINTS_MAX // NUMBER) * NUMBER
    facts[_AVAILABLE] = min(available, POINTS_MAX // NUMBER) * NUMBER
    for i in range(program.first_condition_input, program.first_condition_input + program.condition_input_count):
        wanted = world.inputs[i]
        value = wanted.most
        if wanted.measure >= 0:
            measure = world.measures[program.first_measure + wanted.measure]
            tally, counts = arrays.tallies[slot, wanted.measure], matches(measure, kind, parts, flags)
            if flags & RECORDED:
                held = held_with_itself(
                    arrays, batch, r, slot, program, measure, tally, moment, batch.header[NOW], points, money, counts
                )
            else:
                held = value_now(arrays, account, measure, tally, batch.header[NOW])
                if counts and measure.measure >= DISTINCT_STORES:
                    named = named_by(batch.envelopes[r])
                    held += is_another(arrays, slot, wanted.measure, measure, batch.requests[r], named)
                elif counts:
                    held += amount(measure, points, money)
            value = min(value, held)
        elif wanted.measure == MATCHED:
            value = has_bit(world.code_words, facts[wanted.source], wanted.most)
        elif wanted.measure == MATCHED_NUMBER:
            value = wanted.most >> facts[wanted.source] & 1
        facts[wanted.fact] = value * wanted.scale
    status = call_earn(
        program.condition_address,
        facts,
        batch.lines[batch.envelopes[r].first_line :],
        batch.envelopes[r].line_count,
        world.constants[program.first_condition_constant :],
        out.held,
    )
    if status != 0:
        for i in range(program.condition_count):
            out.held[i] = _STOPPED


@part
def reason_against(out, rule):
    """Return why a rule whose condition does not fail to hold forbids a transaction."""
    if rule.condition >= 0 and out.held[rule.condition] < 0:
        return _ARITHMETIC if out.held[rule.condition] == NOT_COMPUTED else _RULES_STOPPED
    return rule.reason
