"""A redemption decided again."""

from dataclasses import replace

from pointguard_server.domain.calendar import MICROSECOND
from pointguard_server.domain.codes import (
    AccountFlag,
    Context,
    Decision,
    EntryType,
    Kind,
    Measure,
    Part,
    Reason,
    RequestFlag,
)
from pointguard_server.service.explanation.case import (
    FORBIDDING,
    Case,
    Retrial,
    advice_of,
    close,
    exemption_from,
    heed_standing,
    heed_stops,
    judge,
)
from pointguard_server.service.explanation.checks import Check
from pointguard_server.service.explanation.lots import lots_of
from pointguard_server.service.explanation.past import APPROVED, BLOCKED, STOPPED_FLAG
from pointguard_server.service.explanation.windows import look
from pointguard_server.service.program_config import RedemptionConfig

REDEEM_PARTS = 1 << Part.REDEEM


def worth(redemption: RedemptionConfig, points: int) -> int:
    """Return the money that points are worth, in minor units, rounded down."""
    return points * redemption.money_minor // redemption.points


def points_for(redemption: RedemptionConfig, money: int) -> int:
    """Return the fewest points that are worth at least an amount of money."""
    return -(-money * redemption.points // redemption.money_minor)


def most_points_within(redemption: RedemptionConfig, money: int) -> int:
    """Return the most points that are worth no more than an amount of money."""
    return ((money + 1) * redemption.points - 1) // redemption.money_minor if money >= 0 else 0


def decide_redemption(case: Case) -> Retrial:
    """Return what becomes of an authorise."""
    request, config = case.request, case.config
    asked = request["flags"]
    retrial = Retrial(
        case.past.state,
        kind=request["kind"],
        parts=REDEEM_PARTS,
        redemption_type_id=request["redemption_type_id"],
        points=request["points"],
        money=worth(config.redemption, request["points"]),
    )
    if asked & RequestFlag.IN_MONEY:
        retrial.points, retrial.money = points_for(config.redemption, request["money"]), request["money"]
    flags = heed_stops(case, retrial)
    stopped = _stopped_by_flags(case, retrial) or flags != 0
    blocked, unverified = heed_standing(case, retrial, Context.REDEMPTION)
    stopped = stopped or blocked
    enough = _fit(case, retrial, may_cut=not stopped and bool(asked & RequestFlag.ALLOW_PARTIAL))
    flags |= (APPROVED if enough and not stopped and not unverified else 0) | (BLOCKED if blocked else 0)
    forbidden = not flags & STOPPED_FLAG and judge(case, retrial, Context.REDEMPTION, flags)
    if flags & APPROVED and not forbidden:
        retrial.event_flags = APPROVED
        _settle(case, retrial)
    else:
        retrial.decision, retrial.event_flags = Decision.DECLINED, flags & (BLOCKED | STOPPED_FLAG)
    return close(case, retrial)


def _stopped_by_flags(case: Case, retrial: Retrial) -> bool:
    flags = case.past.state.account_flags
    if flags & AccountFlag.SUSPENDED:
        retrial.add_reason(Reason.ACCOUNT_SUSPENDED)
    if flags & AccountFlag.REDEMPTION_LOCKED:
        retrial.add_reason(Reason.REDEMPTION_LOCKED)
    return bool(flags & (AccountFlag.SUSPENDED | AccountFlag.REDEMPTION_LOCKED))


def _fit(case: Case, retrial: Retrial, *, may_cut: bool) -> bool:
    """Return whether there are points enough, cutting the redemption down where it was allowed to be."""
    state = case.past.state
    available = state.posted - state.pending - state.reserved - case.config.points_floor
    enough = available >= retrial.points
    if not enough:
        retrial.add_reason(Reason.INSUFFICIENT_POINTS)
    if not may_cut:
        return enough
    limit = min(retrial.points, max(available, 0))
    for check in case.checks:
        room = _room(case, retrial, check)
        if room is not None and room < limit:
            limit = room
            retrial.add_reason(check.reason, check.name)
    if 0 < limit < retrial.points:
        retrial.points, retrial.money = limit, worth(case.config.redemption, limit)
        return True
    return enough


def _room(case: Case, retrial: Retrial, check: Check) -> int | None:
    """Return how many points fit under a limit that this redemption is above; None if it does not bear on it."""
    counting = check.counting
    is_limit = check.is_limit and check.posture in FORBIDDING and check.context is Context.REDEMPTION
    if not is_limit or counting is None:
        return None
    if exemption_from(case, check) or ((advice := advice_of(case, check)) is not None and advice.overridden):
        return None
    if not counting.matches(retrial.kind, retrial.parts, approved=True, blocked=False):
        return None
    value = look(counting, case.past.events, case.moment, case.zone).value
    if value + counting.amount(retrial.points, retrial.money) <= check.threshold:
        return None
    room = check.threshold - max(value, 0)
    match counting.adds:
        case Measure.MONEY:
            return most_points_within(case.config.redemption, room)
        case Measure.POINTS:
            return max(room, 0)
        case Measure.COUNT:
            return 0


def _settle(case: Case, retrial: Retrial) -> None:
    """Spend the points, or set them aside."""
    state = retrial.after
    if case.request["flags"] & RequestFlag.CAPTURE:
        retrial.after = replace(state, redeemed_total=state.redeemed_total + retrial.points)
        entry_type = EntryType.CONVERT if case.request["kind"] == Kind.CONVERSION else EntryType.REDEEM
        lots_of(case, retrial).spend(Part.REDEEM, retrial.points, case.moment, entry_type)
        return
    retrial.after = replace(state, reserved=state.reserved + retrial.points)
    default = case.config.reservation_ttl_default // MICROSECOND
    retrial.hold_expires_at = case.moment + (case.request["time_to_live"] or default)
