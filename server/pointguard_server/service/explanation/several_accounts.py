"""A transfer or a household redemption decided again: each leg by what its own account was, and all together."""

from collections.abc import Sequence
from dataclasses import replace

from pointguard_server.domain.codes import (
    AccountFlag,
    Context,
    Decision,
    EntryType,
    Operation,
    Part,
    Reason,
)
from pointguard_server.service.explanation.case import Case, Retrial, close, heed_standing, judge
from pointguard_server.service.explanation.lots import Piece, lots_of
from pointguard_server.service.explanation.past import APPROVED, BLOCKED
from pointguard_server.service.explanation.redemption import worth

POINTS_MAX = 10**12


def decide_together(cases: Sequence[Case]) -> list[Retrial]:
    """Return what becomes of each leg of a transaction, given all of them in order."""
    is_transfer = cases[0].operation == Operation.TRANSFER
    points = cases[0].request["points"]
    enough, shares = (_available(cases[0]) >= points, [points] * len(cases)) if is_transfer else _shares(cases, points)
    retrials = [
        _begin(case, number, share, sum(shares[:number]))
        for number, (case, share) in enumerate(zip(cases, shares, strict=True))
    ]
    sides = list(zip(cases, retrials, strict=True))
    if not enough:
        retrials[0].add_reason(Reason.INSUFFICIENT_POINTS)
    stopped = blocked = False
    # The legs have the transaction's reasons, and each adds to them what it sees.
    for number, (case, retrial) in enumerate(sides):
        _go_on(retrials, number)
        stops, blocks = _stopped(case, retrial, gets=is_transfer and number > 0)
        stopped, blocked = stopped or stops, blocked or blocks
    flags = (APPROVED if enough and not stopped else 0) | (BLOCKED if blocked else 0)
    forbidden = False
    retrials[0].reasons = retrials[-1].reasons
    for number, (case, retrial) in enumerate(sides):
        _go_on(retrials, number)
        context = Context.TRANSFER if is_transfer else Context.REDEMPTION
        forbidden = judge(case, retrial, context, flags) or forbidden
    approved = bool(flags & APPROVED) and not forbidden
    pieces: list[Piece] = []
    for number, (case, retrial) in enumerate(sides):
        retrial.reasons = retrials[-1].reasons
        retrial.event_flags = APPROVED if approved else flags & BLOCKED
        retrial.decision = Decision.APPROVED if approved else Decision.DECLINED
        if approved and is_transfer and number:
            lots_of(case, retrial).receive(pieces)
        elif approved:
            pieces = _give(case, retrial)
        close(case, retrial)
    return retrials


def _go_on(retrials: Sequence[Retrial], number: int) -> None:
    """Have a leg go on with the reasons of the one before."""
    if number:
        retrials[number].reasons = retrials[number - 1].reasons


def _available(case: Case) -> int:
    state = case.past.state
    return max(state.posted - state.pending - state.reserved - case.config.points_floor, 0)


def _shares(cases: Sequence[Case], points: int) -> tuple[bool, list[int]]:
    """Return whether a household has enough, and what each gives of it; what nobody has is asked of the first."""
    rest, shares = points, []
    for case in cases:
        shares.append(min(_available(case), rest))
        rest -= shares[-1]
    shares[0] += rest
    return rest <= 0, shares


def _begin(case: Case, number: int, share: int, before: int) -> Retrial:
    request = case.request
    retrial = Retrial(
        case.past.state, kind=request["kind"], redemption_type_id=request["redemption_type_id"], points=share
    )
    if case.operation == Operation.TRANSFER:
        retrial.parts = 1 << (Part.TRANSFER_IN if number else Part.TRANSFER_OUT)
    else:
        retrial.parts = 1 << Part.HOUSEHOLD_REDEEM
        rate = case.config.redemption
        retrial.money = worth(rate, before + share) - worth(rate, before)
    return retrial


def _stopped(case: Case, retrial: Retrial, *, gets: bool) -> tuple[bool, bool]:
    """Note what forbids that points of an account are moved; return (it is stopped, advice blocks it)."""
    is_transfer = case.operation == Operation.TRANSFER
    state = case.past.state
    stops = {
        Reason.ACCOUNT_SUSPENDED: bool(state.account_flags & AccountFlag.SUSPENDED),
        Reason.REDEMPTION_LOCKED: not is_transfer and bool(state.account_flags & AccountFlag.REDEMPTION_LOCKED),
        Reason.RULE_ARITHMETIC: gets and state.posted + retrial.points > POINTS_MAX,
    }
    for reason, stopped in stops.items():
        if stopped:
            retrial.add_reason(reason)
    contexts = [Context.EARNING if gets else Context.REDEMPTION, *([Context.TRANSFER] if is_transfer else [])]
    found = [heed_standing(case, retrial, context) for context in contexts]
    blocked, unverified = any(blocks for blocks, _ in found), any(asks for _, asks in found)
    return any(stops.values()) or blocked or unverified, blocked


def _give(case: Case, retrial: Retrial) -> list[Piece]:
    if case.operation == Operation.TRANSFER:
        return lots_of(case, retrial).spend(Part.TRANSFER_OUT, retrial.points, case.moment, EntryType.TRANSFER_OUT)
    after = retrial.after
    retrial.after = replace(after, redeemed_total=after.redeemed_total + retrial.points)
    return lots_of(case, retrial).spend(Part.HOUSEHOLD_REDEEM, retrial.points, case.moment)
