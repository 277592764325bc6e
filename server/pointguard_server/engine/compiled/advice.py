"""Standing advice: what stands, what suppresses its rule, and raising it when a fraud rule trips.

A case is the advice of a rule with posture REVIEW or REVIEW_BLOCK: it stands until it is resolved.
"""

import numpy as np

from pointguard_server.domain.codes import (
    ADVICE_A_LEG,
    UNTIL_RESOLVED,
    AdviceEntity,
    AdviceEvent,
    Posture,
    Reason,
    RequestFlag,
    Scope,
)
from pointguard_server.engine.compiled.agents import advice_about, note_about, settle_about
from pointguard_server.engine.compiled.conditions import reason_against
from pointguard_server.engine.compiled.emit import add_evident_reason, add_reason, new_advice_row
from pointguard_server.engine.compiled.exemptions import is_exempt
from pointguard_server.engine.compiled.measured import UNCOUNTED, held_by_leg, measured
from pointguard_server.engine.compiled.past_windows import fullest_window
from pointguard_server.engine.compiled.scopes import entity_of_leg
from pointguard_server.engine.world import NOW, SHOWN
from pointguard_server.velocity.compiling import entry, part
from pointguard_server.velocity.scopes import TERMINAL_BITS, scope_start
from pointguard_server.velocity.windows import NONE, RECORDED, window_start

_RAISED, _EXTENDED, _OVERRIDDEN = int(AdviceEvent.RAISED), int(AdviceEvent.EXTENDED), int(AdviceEvent.OVERRIDDEN)
_RESOLVED = int(AdviceEvent.RESOLVED)
_WARN, _BLOCK, _REVIEW, _STEP_UP = int(Posture.WARN), int(Posture.BLOCK), int(Posture.REVIEW), int(Posture.STEP_UP)
_REVIEW_BLOCK, _LOCK, _SUSPEND = int(Posture.REVIEW_BLOCK), int(Posture.LOCK), int(Posture.SUSPEND)
_ACCOUNT, _GROUP, _AGENT = int(Scope.ACCOUNT), int(Scope.GROUP), int(AdviceEntity.AGENT)
BY_STAFF = -1
"""Stands for the context of an intervention: rules about agents alone look at it."""
_UNAVAILABLE, _SKIPPED = int(Reason.RULE_UNAVAILABLE), int(Reason.RULE_SKIPPED)
_ADVICE_BLOCK, _FRAUD_WARNING = int(Reason.ADVICE_BLOCK), int(Reason.FRAUD_WARNING)
_LOCKED, _SUSPENDED = int(Reason.REDEMPTION_LOCKED), int(Reason.ACCOUNT_SUSPENDED)
_UNDER_REVIEW, _STEP_UP_REASON = int(Reason.UNDER_REVIEW), int(Reason.STEP_UP)
_FIRST_VERIFIED = int(RequestFlag.PIN_VERIFIED)
_VERIFIED = int(
    RequestFlag.PIN_VERIFIED
    | RequestFlag.ID_DOCUMENT_VERIFIED
    | RequestFlag.ONE_TIME_CODE_VERIFIED
    | RequestFlag.SUPERVISOR_VERIFIED
)


@part
def forbids(posture):
    """Return whether what trips or stands with this posture declines, whatever the till does."""
    return posture in (_BLOCK, _REVIEW_BLOCK, _LOCK, _SUSPEND)


@part
def is_case(posture):
    """Return whether advice with this posture is a case."""
    return posture in (_REVIEW, _REVIEW_BLOCK)


@part
def is_over(advice):
    """Return whether an advice that has not ended does not stand: it suppresses its rule."""
    return advice.event in (_OVERRIDDEN, _RESOLVED)


@part
def bears_on(rule, context):
    """Return whether a rule that trips touches a transaction of this context: one that suspends touches any."""
    return rule.context == context or (rule.posture == _SUSPEND and rule.measure >= 0)


@part
def is_verified(flags, factor):
    """Return whether a request's flags say that the till verified the member by a factor; 0: by any."""
    if factor == 0:
        return flags & _VERIFIED != 0
    return flags & _FIRST_VERIFIED << factor - 1 != 0


@part
def rule_of(world, program, advice):
    """Return the index of the rule that raised an advice, as the program has it now; NONE if there is none."""
    for i in range(program.first_rule, program.first_rule + program.rule_count):
        if world.rules[i].rule_id == advice.rule_id and world.rules[i].context == advice.context:
            return i
    return NONE


@part
def _factor_of(world, program, advice):
    """Return the factor that a STEP_UP asks for: what its rule says now; 0, any, if there is no rule."""
    index = rule_of(world, program, advice)
    return 0 if index == NONE else world.rules[index].factor


@part
def drop_ended(arrays, account, now):
    """Forget the advice that has ended, overridden or not."""
    index = account.first_advice
    while index != NONE:
        following = arrays.standing[index].next
        if arrays.standing[index].ends_at <= now:
            drop_standing(arrays, account, index)
        index = following


@part
def drop_standing(arrays, account, index):
    """Forget an advice."""
    _unchain(arrays, account, index)
    arrays.free_standing[arrays.free_counts[2]] = index
    arrays.free_counts[2] += 1
    account.advice_count -= 1


@part
def _unchain(arrays, account, index):
    following = arrays.standing[index].next
    if account.first_advice == index:
        account.first_advice = following
        return
    previous = account.first_advice
    while arrays.standing[previous].next != index:
        previous = arrays.standing[previous].next
    arrays.standing[previous].next = following


@part
def find_advice(arrays, account, id_high, id_low):
    """Return the index of an advice that has not ended, overridden or not, or NONE."""
    index = account.first_advice
    while index != NONE:
        advice = arrays.standing[index]
        if advice.advice_id_high == id_high and advice.advice_id_low == id_low:
            return index
        index = advice.next
    return NONE


@part
def heed_standing(arrays, world, batch, out, r, account, context):
    """Add the reasons that standing advice gives in this context.

    Return (it forbids, it asks for a factor that the till has not verified the member by).
    """
    blocked, unverified = False, False
    program = world.programs[account.program]
    index = account.first_advice
    while index != NONE:
        advice = arrays.standing[index]
        bears = advice.entity != _AGENT and (advice.context == context or advice.posture == _SUSPEND)
        if bears and advice.ends_at > batch.header[NOW] and not is_over(advice):
            if forbids(advice.posture):
                _add_standing_reason(out, r, _standing_reason(advice.posture), advice)
                blocked = True
            elif advice.posture == _STEP_UP:
                factor = _factor_of(world, program, advice)
                if not is_verified(batch.requests[r].flags, factor):
                    _add_standing_reason(out, r, _STEP_UP_REASON + factor, advice)
                    unverified = True
            elif advice.posture == _REVIEW:
                _add_standing_reason(out, r, _UNDER_REVIEW, advice)
            elif advice.posture == _WARN:
                _add_standing_reason(out, r, _FRAUD_WARNING, advice)
        index = advice.next
    return blocked, unverified


@part
def _add_standing_reason(out, r, code, advice):
    ends_at = advice.ends_at if advice.ends_at < UNTIL_RESOLVED else 0
    add_evident_reason(out, r, code, advice.rule_id, advice.measured, ends_at)


@part
def _standing_reason(posture):
    if posture == _SUSPEND:
        return _SUSPENDED
    return _LOCKED if posture == _LOCK else _ADVICE_BLOCK


@part
def show_standing(arrays, world, out, r, account, context, now):
    """Copy what stands in this context (0: all) to the answer of a read; a lock or suspension whatever the context.

    What is about an agent is not the member's business, nor for the agent's own eyes.
    """
    index = account.first_advice
    while index != NONE:
        advice = arrays.standing[index]
        shown = context in (0, advice.context) or advice.posture in (_LOCK, _SUSPEND)
        if shown and advice.entity != _AGENT and advice.ends_at > now and not is_over(advice):
            row = out.counts[SHOWN]
            out.counts[SHOWN] = row + 1
            out.shown[row] = advice
            if advice.posture == _STEP_UP:
                out.shown[row].factor = _factor_of(world, world.programs[account.program], advice)
            out.shown_request[row] = r
        index = advice.next


@part
def _advice_of(arrays, account, rule):
    """Return the index of the rule's advice that has not ended, overridden or not, or NONE."""
    index = account.first_advice
    while index != NONE:
        if arrays.standing[index].rule_id == rule.rule_id and arrays.standing[index].context == rule.context:
            return index
        index = arrays.standing[index].next
    return NONE


@part
def is_suppressed(arrays, account, rule, now):
    """Return whether the rule has no effect on this account: its advice was overridden and has not ended.

    So it is with a case that was found to be no fraud.
    """
    index = _advice_of(arrays, account, rule)
    return index != NONE and is_over(arrays.standing[index]) and arrays.standing[index].ends_at > now


@part
def is_passed_over(arrays, world, batch, r, account, rule):
    """Return whether the rule has no effect on this transaction: it is suppressed, or an exemption lets it pass."""
    if rule.of_agent:
        about = advice_about(batch, batch.envelopes[r].agent_id, rule.rule_id)
        return about != NONE and batch.agent_advice[about].is_over != 0
    return is_suppressed(arrays, account, rule, batch.header[NOW]) or is_exempt(world, batch, r, account, rule)


@part
def _has_advice(arrays, batch, r, account, rule):
    """Return whether the rule has advice that has not ended, against the account or about the agent."""
    if rule.of_agent:
        return advice_about(batch, batch.envelopes[r].agent_id, rule.rule_id) != NONE
    return _advice_of(arrays, account, rule) != NONE


@part
def judge_rules(arrays, world, batch, out, row, slot, context, flags):
    """Add a reason for every fraud rule of this context that the leg, which was measured, trips.

    Return whether one forbids it. A rule that forbids also does so where its condition could not be computed: it has
    not tripped then. ``flags`` say how the transaction would count if no rule tripped. Rules of other contexts trip too
    (``raise_tripped``), but do not touch this transaction. That a case is open about an
    agent is not told to him.
    """
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    r = out.leg_request[row]
    forbidden = False
    for i in range(program.first_rule, program.first_rule + program.rule_count):
        rule = world.rules[i]
        value = measured(arrays, batch, out, row, slot, rule, flags)
        if value <= rule.threshold and value != UNCOUNTED:
            continue
        if not bears_on(rule, context) or rule.is_shadow or (rule.condition >= 0 and out.held[rule.condition] == 0):
            continue
        if is_passed_over(arrays, world, batch, r, account, rule):
            continue
        stops = forbids(rule.posture) or (
            rule.posture == _STEP_UP and not is_verified(batch.requests[r].flags, rule.factor)
        )
        if value == UNCOUNTED:
            rule.unavailable += 1
            add_reason(out, r, _UNAVAILABLE if stops and rule.fails_closed else _SKIPPED, rule.rule_id)
            forbidden = forbidden or (stops and rule.fails_closed != 0)
        elif stops:
            _add_tripped_reason(out, r, reason_against(out, rule), rule, value, out.legs[row].accepted_at)
            forbidden = True
        elif (
            (rule.posture == _WARN or (rule.posture == _REVIEW and not rule.of_agent))
            and (rule.condition < 0 or out.held[rule.condition] > 0)
            and not _has_advice(arrays, batch, r, account, rule)
        ):
            code = _FRAUD_WARNING if rule.posture == _WARN else _UNDER_REVIEW
            _add_tripped_reason(out, r, code, rule, value, out.legs[row].accepted_at)
    return forbidden


@part
def _add_tripped_reason(out, r, code, rule, value, now):
    """Add a reason for a rule that trips; one that could not be computed has measured nothing."""
    seen = rule.condition < 0 or out.held[rule.condition] > 0
    ends_at = now + rule.duration if rule.duration > 0 and not is_case(rule.posture) else 0
    add_evident_reason(out, r, code, rule.rule_id, value if seen else -1, ends_at)


@part
def raise_tripped(arrays, world, batch, out, row, slot, context, flags):
    """Raise advice for every fraud rule that the leg, which was measured, trips.

    A rule whose advice stands already extends it if it ``extends``, and one that is passed over does nothing.
    """
    account = arrays.accounts[slot]
    program = world.programs[account.program]
    leg = out.legs[row]
    r = out.leg_request[row]
    for i in range(program.first_rule, program.first_rule + program.rule_count):
        rule = world.rules[i]
        value = measured(arrays, batch, out, row, slot, rule, flags)
        if value <= rule.threshold or (rule.measure < 0 and rule.context != context):
            continue
        if context == BY_STAFF and not rule.of_agent:
            continue
        if rule.condition >= 0 and out.held[rule.condition] <= 0:
            continue
        rule.tripped += 1
        if rule.is_shadow or is_exempt(world, batch, r, account, rule):
            continue
        if rule.of_agent:
            index, is_new = NONE, advice_about(batch, leg.agent_id, rule.rule_id) == NONE
        else:
            index = _advice_of(arrays, account, rule)
            is_new = index == NONE
        if not is_new and (index == NONE or not rule.extends or not _may_be_extended(arrays.standing[index])):
            continue
        evidence = _evidence(arrays, world, batch, r, slot, program, rule, leg)
        if is_new:
            _raise(arrays, batch, out, account, program, rule, leg, value, evidence, i - program.first_rule)
        else:
            _extend(arrays, batch, out, account, program, rule, leg, value, evidence, index)


@part
def _may_be_extended(advice):
    return not is_over(advice) and not is_case(advice.posture)


@part
def _evidence(arrays, world, batch, r, slot, program, rule, leg):
    """Return (where the window of a rule that tripped begins, its scope, whose transactions it holds); 0 for none."""
    if rule.measure < 0:
        return np.int64(0), np.int64(0), np.int64(0)
    if rule.scoped >= 0:
        scoped = world.scoped[program.first_scoped + rule.scoped]
        _, which, newest = held_by_leg(arrays, world, batch, r, program, scoped, leg)
        # A group's number is this process's own; that of the set, and the place in it, are the ledger's.
        entity = leg.group_set_id << TERMINAL_BITS | which
        if scoped.scope != _GROUP:
            entity = entity_of_leg(world, scoped, leg, which)
        return np.int64(scope_start(scoped, newest)), np.int64(scoped.scope), np.int64(entity)
    measure = world.measures[program.first_measure + rule.measure]
    start = window_start(measure, leg.accepted_at, program.day_start, program.week_start, program.month_start)
    if leg.event_flags & RECORDED:
        _, start = fullest_window(arrays, batch, r, slot, program, measure, arrays.tallies[slot, rule.measure], leg)
    return np.int64(start), np.int64(_ACCOUNT), np.int64(0)


@part
def _raise(arrays, batch, out, account, program, rule, leg, value, evidence, ordinal):
    advice = out.advice[new_advice_row(batch, out, account, leg)]
    advice.event = _RAISED
    # The transaction's id with the rule's ordinal and the leg's number in the last two bytes, which every transaction
    # id leaves clear.
    advice.advice_id_high = leg.transaction_id_high
    advice.advice_id_low = leg.transaction_id_low | (ordinal + 1 + leg.leg_number * ADVICE_A_LEG) << 48
    advice.rule_id = rule.rule_id
    advice.rule_version = program.fraud_rules_version
    advice.context = rule.context
    advice.posture = rule.posture
    advice.starts_at = leg.accepted_at
    advice.ends_at = UNTIL_RESOLVED if is_case(rule.posture) else leg.accepted_at + rule.duration
    advice.measured = value
    advice.threshold = rule.threshold
    advice.window_starts_after, advice.scope, advice.scope_entity = evidence
    advice.reason_code_id = 0
    if rule.of_agent:
        advice.entity = _AGENT
        advice.actor_id = leg.agent_id << 32
    if advice.ends_at > leg.accepted_at:
        keep_standing(arrays, account, advice)
        if rule.of_agent:
            note_about(batch, leg.agent_id, advice)


@part
def _extend(arrays, batch, out, account, program, rule, leg, value, evidence, index):
    """Have the rule's advice stand for the rule's duration from now on, at the least, and for what it saw now."""
    standing = arrays.standing[index]
    standing.event = _EXTENDED
    standing.seq = leg.seq
    standing.leg_position = leg.position
    standing.rule_version = program.fraud_rules_version
    standing.posture = rule.posture
    standing.ends_at = max(standing.ends_at, leg.accepted_at + rule.duration)
    standing.measured = value
    standing.threshold = rule.threshold
    standing.window_starts_after, standing.scope, standing.scope_entity = evidence
    write_step(batch, out, account, leg, standing)
    # As it is when the account is read from the ledger: the latest step first.
    _unchain(arrays, account, index)
    standing.next = account.first_advice
    account.first_advice = index


@part
def write_step(batch, out, account, leg, standing):
    """Write a row that says what an advice is from this leg on; the latest row of an advice says all of it."""
    advice = out.advice[new_advice_row(batch, out, account, leg)]
    advice.event = standing.event
    advice.advice_id_high = standing.advice_id_high
    advice.advice_id_low = standing.advice_id_low
    advice.rule_id = standing.rule_id
    advice.rule_version = standing.rule_version
    advice.entity = standing.entity
    advice.context = standing.context
    advice.posture = standing.posture
    advice.starts_at = standing.starts_at
    advice.ends_at = standing.ends_at
    advice.measured = standing.measured
    advice.threshold = standing.threshold
    advice.window_starts_after = standing.window_starts_after
    advice.reason_code_id = standing.reason_code_id
    advice.actor_id = standing.actor_id
    advice.scope = standing.scope
    advice.scope_entity = standing.scope_entity
    if standing.entity == _AGENT:
        settle_about(batch, advice, is_over(standing))


@entry
def keep_standing(arrays, account, advice):
    """Add an advice row to what stands against the account. Also used when an account is read from the ledger."""
    arrays.free_counts[2] -= 1
    index = arrays.free_standing[arrays.free_counts[2]]
    standing = arrays.standing[index]
    standing.seq = advice.seq
    standing.advice_id_high = advice.advice_id_high
    standing.advice_id_low = advice.advice_id_low
    standing.rule_id = advice.rule_id
    standing.rule_version = advice.rule_version
    standing.entity = advice.entity
    standing.context = advice.context
    standing.posture = advice.posture
    standing.starts_at = advice.starts_at
    standing.ends_at = advice.ends_at
    standing.measured = advice.measured
    standing.threshold = advice.threshold
    standing.window_starts_after = advice.window_starts_after
    standing.leg_position = advice.leg_position
    standing.event = advice.event
    standing.factor = 0
    standing.reason_code_id = advice.reason_code_id
    standing.actor_id = advice.actor_id
    standing.scope = advice.scope
    standing.scope_entity = advice.scope_entity
    standing.next = account.first_advice
    account.first_advice = index
    account.advice_count += 1
