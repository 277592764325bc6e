"""What becomes of a reservation, decided again: capture, extension, void, and time."""

from dataclasses import replace

from pointguard_server.domain.calendar import MICROSECOND
from pointguard_server.domain.codes import Kind, Operation, Part, RequestFlag
from pointguard_server.service.explanation.case import Case, Retrial, close
from pointguard_server.service.explanation.lots import lots_of
from pointguard_server.service.explanation.past import OpenReservation
from pointguard_server.service.explanation.redemption import REDEEM_PARTS, worth


def about_reservation(case: Case) -> Retrial | None:
    """Return what becomes of a capture, an extension, a void, or an end by time; None if nothing was open for it."""
    reservation = _reservation(case)
    if reservation is None:
        return None
    retrial = Retrial(
        case.past.state,
        kind=int(Kind.ADHOC_REDEEM),
        parts=REDEEM_PARTS,
        points=reservation.points,
        money=reservation.money,
        refers_to_seq=reservation.seq,
        redemption_type_id=reservation.redemption_type_id,
    )
    if case.operation == Operation.EXTEND:
        asked = case.request["time_to_live"] or case.config.reservation_ttl_default // MICROSECOND
        retrial.hold_expires_at = max(reservation.expires_at, case.moment + asked)
        return close(case, retrial)
    retrial.after = replace(case.past.state, reserved=case.past.state.reserved - reservation.points)
    retrial.released, retrial.ended = reservation.points, reservation
    if case.operation == Operation.EXPIRE:
        retrial.kind, retrial.redemption_type_id = int(Kind.EXPIRY), 0
    elif case.operation == Operation.CAPTURE:
        _capture(case, retrial, reservation)
    else:
        lots_of(case, retrial).write_off()
    return close(case, retrial)


def _reservation(case: Case) -> OpenReservation | None:
    """Return the reservation that is ended: the one that is named, or the one whose time was up first."""
    if case.operation != Operation.EXPIRE:
        return next((each for each in case.past.reservations if each.seq == case.reservation_seq), None)
    due = [each for each in case.past.reservations if each.expires_at <= case.moment]
    return min(due, key=lambda each: each.expires_at, default=None)


def _capture(case: Case, retrial: Retrial, reservation: OpenReservation) -> None:
    points = case.request["points"] or reservation.points
    # All that is left is worth the rest of what was authorised; a part, what the program's rate makes of all captures.
    is_all = points == reservation.points
    together = worth(case.config.redemption, reservation.captured_points + points)
    by_rate = min(max(together - reservation.captured_money, 0), reservation.money)
    money, left = reservation.money if is_all else by_rate, reservation.points - points
    retrial.points, retrial.money = points, money
    if left and case.request["flags"] & RequestFlag.KEEP_OPEN:
        retrial.left_open = replace(reservation, points=left, money=reservation.money - money)
        retrial.released, retrial.hold_expires_at = 0, reservation.expires_at
        retrial.after = replace(retrial.after, reserved=retrial.after.reserved + left)
    else:
        retrial.released = left
    retrial.after = replace(retrial.after, redeemed_total=retrial.after.redeemed_total + points)
    lots = lots_of(case, retrial)
    opened_at = next(event.counts_at for event in case.past.events if event.seq == reservation.seq)
    lots.spend(Part.REDEEM, points, opened_at)
    lots.write_off()
