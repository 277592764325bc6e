"""An account as an earlier moment saw it, made of its legs: what had happened, what was open, what stood against it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pointguard_server.domain.codes import INTERVENTIONS, Decision, Operation
from pointguard_server.domain.identifiers import card_number, device_number
from pointguard_server.service.explanation.ports import PastAdvice, PastLeg, PastLot

ENDS = (Operation.CAPTURE, Operation.VOID, Operation.EXPIRE)
"""The operations that end a reservation, or with a capture that leaves it open a part of it. They are no events: they
give back part of the authorise's own."""
NO_EVENTS = (*ENDS, Operation.EXTEND, Operation.MATURE)
"""What no window counts."""
APPROVED, BLOCKED, RECORDED, STOPPED_FLAG = 1, 2, 8, 16
"""Bits of the column ``event_flags``: approved; declined under a standing block; recorded for another system; declined
while redemptions were stopped, which no window counts."""


@dataclass(frozen=True, slots=True)
class AccountState:
    """The account's totals and switches after a leg: points, money in minor units, numbers of codes."""

    posted: int = 0
    reserved: int = 0
    pending: int = 0
    earned_total: int = 0
    redeemed_total: int = 0
    spend_total: int = 0
    account_flags: int = 0
    province_id: int = 0
    tier_id: int = 0
    group_set_id: int = 0


@dataclass(frozen=True, slots=True)
class PastEvent:
    """A leg as windows count it, with what was given back of it up to now; ``reversed``: all of it.

    ``counts_at`` is when it was decided, and of what was ``recorded`` when it happened.
    """

    seq: int
    transaction_id: bytes
    counts_at: int
    kind: int
    parts: int
    approved: bool
    blocked: bool
    points: int
    money: int
    store_id: int = 0
    cashier_id: int = 0
    terminal_id: int = 0
    card_id: int = 0
    device_id: int = 0
    recorded: bool = False
    released_points: int = 0
    released_money: int = 0
    reversed: bool = False


@dataclass(frozen=True, slots=True)
class OpenReservation:
    """A reservation that nothing has ended: ``points`` and ``money`` are what captures have left of it."""

    seq: int
    transaction_id: bytes
    points: int
    money: int
    expires_at: int
    redemption_type_id: int
    captured_points: int = 0
    captured_money: int = 0


@dataclass(frozen=True, slots=True)
class Past:
    """An account just before a leg. Events are in the order in which they count, oldest first.

    Reservations and advice are newest first, as they are heeded.

    ``seq`` is that of the leg before, 0 for none; ``strays`` are legs that end what was not open or return what was not
    there, which no ledger has that was not tampered with. ``lots`` are those with something left; what had matured by
    ``settled_at`` was written down before the leg's moment.
    """

    seq: int
    state: AccountState
    enrolled_at: int
    events: tuple[PastEvent, ...]
    reservations: tuple[OpenReservation, ...]
    standing: tuple[PastAdvice, ...]
    strays: tuple[int, ...] = ()
    lots: tuple[PastLot, ...] = ()
    settled_at: int = 0


def past_of(legs: Sequence[PastLeg], standing: Sequence[PastAdvice]) -> Past:
    """Return the account as its legs, oldest first, left it."""
    events: dict[int, PastEvent] = {}
    reservations: dict[int, OpenReservation] = {}
    captured: dict[int, int] = {}  # by the capture's seq, its authorise's, which windows count
    strays = []
    for leg in legs:
        if leg.operation in INTERVENTIONS:
            continue
        if leg.operation == Operation.MATURE or (leg.operation == Operation.EXPIRE and not leg.refers_to_seq):
            continue
        if leg.operation not in (*ENDS, Operation.EXTEND):
            if not leg.event_flags & STOPPED_FLAG:
                events[leg.seq] = _event(leg)
            if leg.hold_expires_at and leg.decision == Decision.APPROVED:
                reservations[leg.seq] = _reservation(leg)
            if leg.operation == Operation.RETURN and leg.refers_to_seq:
                seq = captured.get(leg.refers_to_seq, leg.refers_to_seq)
                if seq in events:
                    events[seq] = with_return(events[seq], leg.points + leg.released, leg.money)
                else:
                    strays.append(leg.seq)
        elif leg.refers_to_seq not in reservations:
            strays.append(leg.seq)
        elif leg.hold_expires_at:
            # It goes to its old place: reservations are heeded in the order in which they were made.
            reservations[leg.refers_to_seq] = left_open(reservations[leg.refers_to_seq], leg)
            captured[leg.seq] = leg.refers_to_seq
        else:
            ended = reservations.pop(leg.refers_to_seq)
            events[ended.seq] = _released(events[ended.seq], ended, leg)
            captured[leg.seq] = ended.seq
    return Past(
        seq=legs[-1].seq if legs else 0,
        state=_state(legs[-1]) if legs else AccountState(),
        enrolled_at=legs[0].accepted_at if legs else 0,
        events=tuple(sorted(events.values(), key=lambda event: event.counts_at)),
        reservations=tuple(reversed(reservations.values())),
        standing=tuple(standing),
        strays=tuple(strays),
    )


def after_time(past: Past, now: int) -> Past:
    """Return the account once the reservations whose time is up by now are given back, though no leg says so yet."""
    over = {each.seq: each for each in past.reservations if each.expires_at <= now}
    events = tuple(
        with_return(event, over[event.seq].points, over[event.seq].money) if event.seq in over else event
        for event in past.events
    )
    reserved = past.state.reserved - sum(each.points for each in over.values())
    return replace(
        past,
        state=replace(past.state, reserved=reserved),
        events=events,
        reservations=tuple(each for each in past.reservations if each.seq not in over),
    )


def _event(leg: PastLeg) -> PastEvent:
    return PastEvent(
        seq=leg.seq,
        transaction_id=leg.transaction_id,
        counts_at=counts_at(leg.event_flags, leg.accepted_at, leg.occurred_at),
        kind=leg.kind,
        parts=leg.parts,
        approved=bool(leg.event_flags & APPROVED),
        blocked=bool(leg.event_flags & BLOCKED),
        points=leg.points,
        money=leg.money,
        store_id=leg.store_id,
        cashier_id=leg.cashier_id,
        terminal_id=leg.terminal_id,
        card_id=card_number(leg.identifier_kind, leg.identifier_id),
        device_id=device_number(leg.identifier_kind, leg.identifier_id),
        recorded=bool(leg.event_flags & RECORDED),
    )


def counts_at(event_flags: int, accepted_at: int, occurred_at: int) -> int:
    """Return when windows count a leg: recorded activity when it happened, though never in the future."""
    return min(occurred_at, accepted_at) if event_flags & RECORDED and occurred_at else accepted_at


def _reservation(leg: PastLeg) -> OpenReservation:
    return OpenReservation(
        leg.seq, leg.transaction_id, leg.points, leg.money, leg.hold_expires_at, leg.redemption_type_id
    )


def _released(event: PastEvent, ended: OpenReservation, leg: PastLeg) -> PastEvent:
    """Return the event with what a reservation's end gave back of what was left: what is not captured then."""
    captured = leg if leg.operation == Operation.CAPTURE else None
    return with_return(
        event,
        ended.points - (captured.points if captured else 0),
        ended.money - (captured.money if captured else 0),
    )


def left_open(reservation: OpenReservation, leg: PastLeg) -> OpenReservation:
    """Return a reservation after a capture that leaves it open, or after it was extended."""
    points, money = (leg.points, leg.money) if leg.operation == Operation.CAPTURE else (0, 0)
    return replace(
        reservation,
        points=reservation.points - points,
        money=reservation.money - money,
        captured_points=reservation.captured_points + points,
        captured_money=reservation.captured_money + money,
        expires_at=leg.hold_expires_at,
    )


def with_return(event: PastEvent, points: int, money: int) -> PastEvent:
    """Return the event with what was given back of it."""
    points, money = event.released_points + points, event.released_money + money
    is_whole = (points, money) == (event.points, event.money)
    return replace(event, released_points=points, released_money=money, reversed=is_whole)


def _state(leg: PastLeg) -> AccountState:
    return AccountState(
        posted=leg.posted,
        reserved=leg.reserved,
        pending=leg.pending,
        earned_total=leg.earned_total,
        redeemed_total=leg.redeemed_total,
        spend_total=leg.spend_total,
        account_flags=leg.account_flags,
        province_id=leg.province_id,
        tier_id=leg.tier_id,
        group_set_id=leg.group_set_id,
    )
