"""The ends of a reservation decided again: capture, void, and time."""

from dataclasses import replace

from pointguard_server.domain.codes import Kind, Operation, Part
from pointguard_server.service.explanation.case import Case, Retrial, close
from pointguard_server.service.explanation.lots import lots_of
from pointguard_server.service.explanation.past import OpenReservation
from pointguard_server.service.explanation.redemption import REDEEM_PARTS, worth


def end_reservation(case: Case) -> Retrial | None:
    """Return what becomes of a capture, a void, or an end by time; None if there was nothing open to be ended."""
    reservation = _reservation(case)
    if reservation is None:
        return None
    retrial = Retrial(
        replace(case.past.state, reserved=case.past.state.reserved - reservation.points),
        kind=int(Kind.ADHOC_REDEEM),
        parts=REDEEM_PARTS,
        points=reservation.points,
        money=reservation.money,
        released=reservation.points,
        refers_to_seq=reservation.seq,
        redemption_type_id=reservation.redemption_type_id,
        ended=reservation,
    )
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
    # All of it is worth what was authorised; a part, what the program's rate makes of it.
    is_all = points == reservation.points
    money = reservation.money if is_all else min(worth(case.config.redemption, points), reservation.money)
    retrial.points, retrial.money, retrial.released = points, money, reservation.points - points
    retrial.after = replace(retrial.after, redeemed_total=retrial.after.redeemed_total + points)
    lots = lots_of(case, retrial)
    opened_at = next(event.counts_at for event in case.past.events if event.seq == reservation.seq)
    lots.spend(Part.REDEEM, points, opened_at)
    lots.write_off()
