"""Recorded activity taken down again: it moves no points and nothing declines it, but checks judge it."""

from dataclasses import replace

from pointguard_server.domain.codes import PARTS_SHIFT, Context, Kind, Part
from pointguard_server.service.explanation.case import NO_CONTEXT, Case, Retrial, close, heed_standing, judge
from pointguard_server.service.explanation.past import APPROVED, RECORDED

_REDEEMING = 1 << Part.REDEEM | 1 << Part.HOUSEHOLD_REDEEM
_TRANSFERRING = 1 << Part.TRANSFER_OUT | 1 << Part.TRANSFER_IN


def record_activity(case: Case) -> Retrial:
    """Return what becomes of recorded activity."""
    request = case.request
    parts = request["flags"] >> PARTS_SHIFT
    retrial = Retrial(
        case.past.state,
        kind=request["kind"],
        parts=parts,
        points=request["points"],
        money=request["money"],
        event_flags=APPROVED | RECORDED,
        redemption_type_id=request["redemption_type_id"],
    )
    context = Context.EARNING if parts else NO_CONTEXT
    if parts & _REDEEMING:
        context = Context.REDEMPTION
    elif parts & _TRANSFERRING:
        context = Context.TRANSFER
    if context:
        heed_standing(case, retrial, context)
    judge(case, retrial, context, APPROVED)
    if retrial.kind == Kind.RETURN:
        retrial.after = replace(retrial.after, spend_total=retrial.after.spend_total - retrial.money)
    elif parts >> Part.BASE & 1:
        retrial.after = replace(retrial.after, spend_total=retrial.after.spend_total + retrial.money)
    return close(case, retrial)
