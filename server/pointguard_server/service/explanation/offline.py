"""An offline redemption that nothing covered any more, taken down again: nothing declines it, but checks judge it."""

from dataclasses import replace

from pointguard_server.domain.codes import Context, Kind, Part, Reason
from pointguard_server.service.explanation.case import Case, Retrial, close, heed_standing, judge
from pointguard_server.service.explanation.lots import lots_of
from pointguard_server.service.explanation.past import APPROVED, RECORDED
from pointguard_server.service.explanation.redemption import REDEEM_PARTS, worth


def redeem_uncovered(case: Case) -> Retrial | None:
    """Return what becomes of it; None if its reservation was open, and would have covered it."""
    if any(each.seq == case.refers_to_seq for each in case.past.reservations):
        return None
    points = case.request["points"]
    retrial = Retrial(
        case.past.state,
        kind=int(Kind.ADHOC_REDEEM),
        parts=REDEEM_PARTS,
        points=points,
        money=worth(case.config.redemption, points),
        event_flags=APPROVED | RECORDED,
        refers_to_seq=case.refers_to_seq,
    )
    heed_standing(case, retrial, Context.REDEMPTION)
    judge(case, retrial, Context.REDEMPTION, APPROVED)
    retrial.add_reason(Reason.ALLOWANCE_ENDED)
    retrial.after = replace(retrial.after, redeemed_total=retrial.after.redeemed_total + points)
    lots_of(case, retrial).spend(Part.REDEEM, points, case.moment)
    return close(case, retrial)
