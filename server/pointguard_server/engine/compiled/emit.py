"""Writing rows: legs, entries, events and reasons."""

import numpy as np

from pointguard_server.domain.codes import AdviceEntity, Decision, Reason, precedence
from pointguard_server.domain.ledger_rows import SCHEMA_VERSION
from pointguard_server.engine.compiled.moments import counts_at
from pointguard_server.engine.compiled.scopes import count_for_scopes
from pointguard_server.engine.world import (
    ADVICE_ROWS,
    BATCH_ID,
    ENTRIES,
    FIRST_ADVICE,
    FIRST_ENTRY,
    FIRST_POSITION,
    LEGS,
    NOW,
)
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.distinct import count_another, count_distinct
from pointguard_server.velocity.naming import named_by
from pointguard_server.velocity.windows import (
    APPROVED,
    DISTINCT_STORES,
    NONE,
    RECORDED,
    append,
    count_in,
    count_in_time,
    moved_on,
    put_in_time,
    window_start,
)

_APPROVED, _ACCOUNT = int(Decision.APPROVED), int(AdviceEntity.ACCOUNT)
NO_REQUEST = -1
NOT_LOOKED_AT = -1
NOT_MOVED = 0
"""Instead of a moment: the windows hold all that memory has."""
_RANKS = np.array([0, *(3 * place + behind for place, behind in map(precedence, Reason))], np.int64)


@part
def _rank(code):
    return _RANKS[code]


@part
def add_reason(out, r, code, rule_id):
    """Add a reason for which nothing was measured: see ``add_evident_reason``."""
    add_evident_reason(out, r, code, rule_id, NOT_LOOKED_AT, 0)


@part
def add_evident_reason(out, r, code, rule_id, measured, ends_at):
    """Add a reason to the answer once, keeping order of precedence; were there no room, the weakest would be dropped.

    ``measured`` is what its rule saw, ``ends_at`` until when its advice stands; 0: it has no end, or there is none.
    """
    count, most = out.answers[r].reason_count, out.reasons.shape[1] // 2
    for i in range(count):
        if out.reasons[r, 2 * i] == code and out.reasons[r, 2 * i + 1] == rule_id:
            return
    place = count
    while place > 0 and _rank(out.reasons[r, 2 * place - 2]) > _rank(code):
        place -= 1
    if place >= most:
        return
    last = min(count, most - 1)
    for i in range(last, place, -1):
        out.reasons[r, 2 * i] = out.reasons[r, 2 * i - 2]
        out.reasons[r, 2 * i + 1] = out.reasons[r, 2 * i - 1]
        out.evidence[r, 2 * i] = out.evidence[r, 2 * i - 2]
        out.evidence[r, 2 * i + 1] = out.evidence[r, 2 * i - 1]
    out.reasons[r, 2 * place] = code
    out.reasons[r, 2 * place + 1] = rule_id
    out.evidence[r, 2 * place] = measured
    out.evidence[r, 2 * place + 1] = ends_at
    out.answers[r].reason_count = last + 1


@part
def emit_leg(batch, out, account, program, r, operation, kind, parts, decision):
    """Write the next leg of the account's sequence; return its row. Points and what hangs on them are the caller's."""
    row = out.counts[LEGS]
    out.counts[LEGS] = row + 1
    out.leg_request[row] = r
    account.seq += 1
    account.accepted_at = batch.header[NOW]
    leg = out.legs[row]
    leg.position = batch.header[FIRST_POSITION] + row
    leg.tenant_id = account.tenant_id
    leg.transaction_id_high = batch.ids[row, 0]
    leg.transaction_id_low = batch.ids[row, 1]
    leg.leg_number = 0
    leg.account_id = account.account_id
    leg.seq = account.seq
    leg.operation = operation
    leg.kind = kind
    leg.parts = parts
    leg.decision = decision
    leg.accepted_at = batch.header[NOW]
    leg.program_id = program.program_id
    leg.rule_set_version = program.rule_set_version
    leg.fraud_rules_version = program.fraud_rules_version
    leg.program_epoch = program.epoch
    leg.schema_version = SCHEMA_VERSION
    leg.batch_id = batch.header[BATCH_ID]
    leg.first_entry = batch.header[FIRST_ENTRY] + out.counts[ENTRIES]
    leg.entry_count = 0
    leg.reason = 0
    leg.points = 0
    leg.money = 0
    leg.released = 0
    leg.refers_to_seq = 0
    leg.hold_expires_at = 0
    leg.event_flags = APPROVED if decision == _APPROVED else 0
    leg.group_set_id = account.group_set_id
    leg.experiment_id = program.experiment_id
    leg.arm = program.arm
    _copy_request(batch, leg, r)
    for m in range(out.windows.shape[1]):
        out.windows[row, m] = NOT_LOOKED_AT
    return row


@part
def _copy_request(batch, leg, r):
    if r == NO_REQUEST:
        leg.idempotency_key_high = leg.idempotency_key_low = 0
        leg.request_digest_high = leg.request_digest_low = 0
        leg.occurred_at = leg.business_unit_id = leg.store_id = leg.terminal_id = 0
        leg.cashier_id = leg.channel = leg.redemption_type_id = leg.agent_id = 0
        leg.identifier_kind = leg.identifier_id = 0
        return
    request, envelope = batch.requests[r], batch.envelopes[r]
    leg.idempotency_key_high = envelope.idempotency_key_high
    leg.idempotency_key_low = envelope.idempotency_key_low
    leg.request_digest_high = envelope.request_digest_high
    leg.request_digest_low = envelope.request_digest_low
    leg.occurred_at = request.occurred_at
    leg.business_unit_id = envelope.business_unit_id
    leg.store_id = request.store_id
    leg.terminal_id = request.terminal_id
    leg.cashier_id = request.cashier_id
    leg.channel = request.channel
    leg.redemption_type_id = request.redemption_type_id
    leg.agent_id = envelope.agent_id
    leg.identifier_kind = envelope.identifier_kind
    leg.identifier_id = envelope.identifier_id


@part
def emit_entry(batch, out, account, leg, entry_type, part, signed_points, rule_id):
    """Write an entry of the leg and move the account's posted points by it; return its row."""
    row = out.counts[ENTRIES]
    out.counts[ENTRIES] = row + 1
    account.posted += signed_points
    entry = out.entries[row]
    entry.position = batch.header[FIRST_ENTRY] + row
    entry.tenant_id = account.tenant_id
    entry.leg_position = leg.position
    entry.account_id = account.account_id
    entry.seq = leg.seq
    entry.line = leg.entry_count
    entry.entry_type = entry_type
    entry.part = part
    entry.signed_points = signed_points
    entry.running_balance = account.posted
    entry.lot_seq = 0
    entry.expires_at = 0
    entry.matures_at = 0
    entry.rule_id = rule_id
    leg.entry_count += 1
    return row


@part
def close_leg(arrays, batch, out, account, row):
    """Write the account's running totals on its newest leg, and the answer's figures if a request asked for it."""
    leg = out.legs[row]
    leg.posted = account.posted
    leg.reserved = account.reserved
    leg.pending = account.pending
    leg.earned_total = account.earned_total
    leg.redeemed_total = account.redeemed_total
    leg.spend_total = account.spend_total
    leg.account_flags = account.flags
    leg.province_id = account.province_id
    leg.tier_id = account.tier_id
    leg.open_from_seq = _open_from(arrays, account)
    r = out.leg_request[row]
    if r == NO_REQUEST:
        return
    answer = out.answers[r]
    if answer.reason_count > 0:
        leg.reason = out.reasons[r, 0]
    answer.leg_row = row
    answer.position = leg.position
    answer.transaction_id_high = leg.transaction_id_high
    answer.transaction_id_low = leg.transaction_id_low
    answer.seq = leg.seq
    answer.decision = leg.decision
    answer.experiment_id = leg.experiment_id
    answer.arm = leg.arm
    answer.points = leg.points
    answer.money = leg.money
    answer.released = leg.released
    answer.expires_at = leg.hold_expires_at
    answer.first_entry = leg.first_entry - batch.header[FIRST_ENTRY]
    answer.entry_count = leg.entry_count


@part
def _open_from(arrays, account):
    """Return the lowest seq that open reservations and standing advice still need; later readers begin there."""
    lowest = account.seq
    index = account.first_hold
    while index != -1:
        lowest = min(lowest, arrays.holds[index].seq)
        index = arrays.holds[index].next
    index = account.first_advice
    while index != -1:
        lowest = min(lowest, arrays.standing[index].seq)
        index = arrays.standing[index].next
    return lowest


@part
def add_event(arrays, world, leg, account, program, slot):
    """Count the leg in the account's windows; return the event's index."""
    if leg.event_flags & RECORDED:
        return put_event(arrays, world, leg, account, program, slot, NOT_MOVED)
    index = _append_event(arrays, leg, account)
    count_in(arrays.events, index, world.measures, program.first_measure, program.measure_count, arrays.tallies[slot])
    if program.distinct_count > 0:
        count_distinct(arrays, world, slot, program, index)
    return index


@part
def _append_event(arrays, leg, account):
    index = append(account, arrays.next_block, arrays.free_blocks, arrays.free_counts[0:1])
    event = arrays.events[index]
    event.seq = leg.seq
    event.time = counts_at(leg)
    event.points = leg.points
    event.money = leg.money
    event.released_points = 0
    event.released_money = 0
    event.store_id = leg.store_id
    event.cashier_id = leg.cashier_id
    event.terminal_id = leg.terminal_id
    event.named_by = named_by(leg)
    event.parts = leg.parts
    event.kind = leg.kind
    event.flags = leg.event_flags
    return index


@part
def put_event(arrays, world, leg, account, program, slot, now):
    """Count recorded activity at the moment when it happened, in the windows that end now; return the event's index.

    What happened after it and is known already moves on by one place, and with it whoever holds such a place.
    """
    _append_event(arrays, leg, account)
    index = account.first_hold
    while index != NONE:
        hold = arrays.holds[index]
        hold.event = moved_on(account, arrays.events, arrays.next_block, hold.event)
        index = hold.next
    place = put_in_time(account, arrays.events, arrays.next_block)
    for m in range(program.measure_count):
        measure = world.measures[program.first_measure + m]
        start = NOT_MOVED
        if now != NOT_MOVED:
            start = window_start(measure, now, program.day_start, program.week_start, program.month_start)
        tally = arrays.tallies[slot, m]
        count_in_time(account, arrays.events, arrays.next_block, place, measure, tally, start)
        if measure.measure >= DISTINCT_STORES and arrays.events[place].time > start:
            count_another(arrays, measure, slot, m, place)
    return place


@part
def count_leg(arrays, world, leg, account, program, slot):
    """Count a leg that was just decided, in the account's windows and in wider ones; return the event's index."""
    if program.scoped_count > 0:
        count_for_scopes(arrays, world, program, leg, False)
    return add_event(arrays, world, leg, account, program, slot)


@part
def new_advice_row(batch, out, account, leg):
    """Return the row of a new step of an advice against the account, which the leg takes. The rest is the caller's."""
    row = out.counts[ADVICE_ROWS]
    out.counts[ADVICE_ROWS] = row + 1
    advice = out.advice[row]
    advice.position = batch.header[FIRST_ADVICE] + row
    advice.tenant_id = account.tenant_id
    advice.leg_position = leg.position
    advice.account_id = account.account_id
    advice.seq = leg.seq
    advice.entity = _ACCOUNT
    advice.actor_id = 0
    advice.scope = 0
    advice.scope_entity = 0
    return row
