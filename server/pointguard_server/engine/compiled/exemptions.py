"""Exemptions: whether one lets a transaction pass a fraud rule. Looked at only where a rule would have an effect.

``world.exemptions`` are sorted by what they name, so that finding one among many takes a few comparisons.
"""

from pointguard_server.domain.codes import Context, ExemptEntity
from pointguard_server.engine.compiled.rule_facts import has_bit
from pointguard_server.engine.world import NOW
from pointguard_server.velocity.compiling import part

_ACCOUNT, _GROUP = int(ExemptEntity.ACCOUNT), int(ExemptEntity.GROUP)
_STORE, _CASHIER = int(ExemptEntity.STORE), int(ExemptEntity.CASHIER)
_REDEMPTION_TYPE = int(ExemptEntity.REDEMPTION_TYPE)
_ADJUSTMENT = int(Context.ADJUSTMENT)


@part
def is_exempt(world, batch, r, account, rule):
    """Return whether an exemption that is in force names the rule and what the request is about.

    None lets pass what agents do: who adds exemptions may be one of them.
    """
    if world.exemptions.shape[0] == 0 or rule.context == _ADJUSTMENT:
        return False
    request, now = batch.requests[r], batch.header[NOW]
    program_id = world.programs[account.program].program_id
    return (
        _is_named(world, _ACCOUNT, account.account_id, program_id, rule, now)
        or _is_named(world, _STORE, request.store_id, program_id, rule, now)
        or _is_named(world, _CASHIER, request.cashier_id, program_id, rule, now)
        or _is_named(world, _REDEMPTION_TYPE, request.redemption_type_id, program_id, rule, now)
        or _is_in_group(world, account, program_id, rule, now)
    )


@part
def _first(world, entity, value):
    """Return the place of the first exemption that names this or comes behind."""
    low, high = 0, world.exemptions.shape[0]
    while low < high:
        middle = (low + high) // 2
        row = world.exemptions[middle]
        if row.entity < entity or (row.entity == entity and row.value < value):
            low = middle + 1
        else:
            high = middle
    return low


@part
def _lets_pass(row, program_id, rule, now):
    return (
        row.program_id == program_id
        and row.rule_id in (0, rule.rule_id)
        and row.context in (0, rule.context)
        and row.starts_at <= now < row.ends_at
    )


@part
def _is_named(world, entity, value, program_id, rule, now):
    if value == 0:
        return False
    i = _first(world, entity, value)
    while i < world.exemptions.shape[0]:
        row = world.exemptions[i]
        if row.entity != entity or row.value != value:
            return False
        if _lets_pass(row, program_id, rule, now):
            return True
        i += 1
    return False


@part
def _is_in_group(world, account, program_id, rule, now):
    if account.group_set_id == 0:
        return False
    i = _first(world, _GROUP, 0)
    while i < world.exemptions.shape[0] and world.exemptions[i].entity == _GROUP:
        row = world.exemptions[i]
        if has_bit(world.code_words, account.group_set_id, row.value) and _lets_pass(row, program_id, rule, now):
            return True
        i += 1
    return False
