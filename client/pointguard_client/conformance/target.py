"""Looks at who is asked before the scenarios are: whether it can be reached, whose key it is, which program it serves.

For ``run``.
"""

from dataclasses import dataclass
from typing import Final

from pointguard.v1 import common_pb2, member_pb2, transaction_pb2
from pointguard_client.conformance.outcome import Outcome
from pointguard_client.conformance.phrases import CURRENCY
from pointguard_client.conformance.wire import Wire
from pointguard_client.errors import PointguardError
from pointguard_client.idempotency import new_idempotency_key

OPENING_RULE: Final = "kit opening 1"
"""The earn rule by which the kit knows its program, and its edition."""
_STORE: Final = "K-ON"
_WRITE_PROGRAM: Final = "pointguard-client conformance --write-program FOLDER writes the program's files"


class UnfitTarget(PointguardError):
    """The scenarios cannot be tried against this target; nothing is known of how it does."""


@dataclass(frozen=True, slots=True)
class Target:
    """What was found out. ``roles`` are those that the API key has."""

    roles: frozenset[str]


async def look_at(wire: Wire) -> Target:
    """Return what the target is.

    Raises:
        UnfitTarget: it cannot be reached, does not know the key, or serves another program.
    """
    try:
        await wire.ready()
    except TimeoutError:
        raise UnfitTarget("the target cannot be reached: nothing there speaks gRPC in time (or it wants TLS)") from None
    member = common_pb2.MemberReference(loyalty_id=f"kit-{new_idempotency_key()}")
    enroll = member_pb2.EnrollMemberRequest(idempotency_key=new_idempotency_key(), identifiers=[member])
    _demand(await wire.call("EnrollMember", enroll), "enroll a member")
    opening = transaction_pb2.AccrueRequest(
        idempotency_key=new_idempotency_key(),
        member=member,
        tender="OPENING",
        origin=common_pb2.Origin(store_id=_STORE),
    )
    opening.total.CopyFrom(common_pb2.Money(currency_code=CURRENCY, minor_units=100))
    outcome = await wire.call("Accrue", opening)
    if outcome.code == "INVALID_ARGUMENT":
        raise UnfitTarget(
            f"the target refuses {' and '.join(outcome.fields)}: it does not serve the kit's program, whose stores and "
            f"currency it would know. {_WRITE_PROGRAM}."
        )
    _demand(outcome, "accrue")
    rules = [award.rule for award in outcome.message.awards]
    if rules != [OPENING_RULE]:
        raise UnfitTarget(
            f"the target serves another program: a purchase paid by OPENING earned by {', '.join(rules) or 'no rule'}, "
            f"and by {OPENING_RULE!r} it should. {_WRITE_PROGRAM}."
        )
    return Target(frozenset({"till"}) | await _other_roles(wire))


async def _other_roles(wire: Wire) -> frozenset[str]:
    """Return what else the key may do. Empty requests are asked, which change nothing whoever asks."""
    asked = {
        "agent": ("AdjustPoints", transaction_pb2.AdjustPointsRequest()),
        "fraud": ("SetAccountStatus", member_pb2.SetAccountStatusRequest()),
    }
    outcomes = {role: await wire.call(*call) for role, call in asked.items()}
    return frozenset(role for role, outcome in outcomes.items() if outcome.code == "INVALID_ARGUMENT")


def _demand(outcome: Outcome, what: str) -> None:
    if outcome.code == "OK":
        return
    hints = {
        "UNAUTHENTICATED": "the target does not know the API key",
        "PERMISSION_DENIED": "the API key needs the role till",
        "UNIMPLEMENTED": "the target does not offer pointguard.v1",
    }
    told = hints.get(outcome.code, f"the target did not {what}: {outcome.code} {outcome.reason} {outcome.text}")
    raise UnfitTarget(" ".join(told.split()))
