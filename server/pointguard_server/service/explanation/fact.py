"""A fact of an account taken down again: it moves no points, but checks of any context may count it."""

from dataclasses import replace

from pointguard_server.domain.codes import AccountFlag, Operation, RequestFlag
from pointguard_server.service.explanation.case import NO_CONTEXT, Case, Retrial, close, judge
from pointguard_server.service.explanation.past import APPROVED


def record_fact(case: Case) -> Retrial:
    """Return what becomes of an enrollment, a change of the member, a link or a switch of the redemption lock."""
    request, state = case.request, case.past.state
    if case.operation == Operation.ENROLL:
        state = replace(state, province_id=request["province_id"], tier_id=request["tier_id"])
    elif case.operation == Operation.UPDATE_MEMBER:
        if request["flags"] & RequestFlag.CHANGES_TIER:
            state = replace(state, tier_id=request["tier_id"])
    elif case.operation == Operation.SET_REDEMPTION_LOCK:
        flags = state.account_flags & ~AccountFlag.REDEMPTION_LOCKED
        if request["flags"] & RequestFlag.LOCKED:
            flags |= AccountFlag.REDEMPTION_LOCKED
        state = replace(state, account_flags=int(flags))
    retrial = Retrial(state, kind=request["kind"], redemption_type_id=request["redemption_type_id"])
    judge(case, retrial, NO_CONTEXT, APPROVED)
    return close(case, retrial)
