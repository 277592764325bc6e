"""Allowances as a terminal keeps them: verified, and spent no further than they go. For `terminal`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from google.protobuf.message import DecodeError

from pointguard.v1 import offline_pb2
from pointguard_client.offline_values import Allowance
from pointguard_client.requests import Identifier, Money

_SIGNED: Final = b"pointguard allowance 1\0"


class AllowanceInvalid(Exception):
    """An allowance is not one that a trusted key has signed for this terminal."""


class Refusal(Enum):
    """Why a terminal does not approve a redemption without a line."""

    NO_ALLOWANCE = "no allowance of this member is kept here"
    EXPIRED = "the member's allowance has expired"
    TOO_MANY_AT_ONCE = "more points than one redemption may have"
    NOT_ENOUGH_LEFT = "more points than are left"


class NotCovered(Exception):
    """No allowance covers the redemption: let the customer pay otherwise. Nothing was kept of it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


@dataclass(slots=True)
class KeptAllowance:
    """An allowance that was verified, whose it is, and what was spent by it here."""

    allowance: Allowance
    member: Identifier
    allowance_id: str
    account_id: int
    points: int
    points_each_max: int
    rate: tuple[int, Money]
    expires_at: datetime
    settle_by: datetime
    spent: int = 0
    is_given_back: bool = False

    @property
    def left(self) -> int:
        """Points that may still be spent by it."""
        return 0 if self.is_given_back else self.points - self.spent

    def money(self, points: int) -> Money:
        """Return what the next points are worth: together with what was spent before, neither more nor less."""
        rate_points, rate_money = self.rate
        before, after = (each * rate_money.minor_units // rate_points for each in (self.spent, self.spent + points))
        return Money(after - before, rate_money.currency_code)

    def refusal(self, points: int, now: datetime) -> Refusal | None:
        """Return why it does not cover a redemption at a moment; None: it does."""
        if now >= self.expires_at or self.is_given_back:
            return Refusal.EXPIRED
        if self.points_each_max and points > self.points_each_max:
            return Refusal.TOO_MANY_AT_ONCE
        return Refusal.NOT_ENOUGH_LEFT if points > self.left else None


def verified(
    allowance: Allowance, member: Identifier, keys: Mapping[str, bytes], store_id: str, terminal_id: str
) -> KeptAllowance:
    """Return an allowance that one of the trusted keys has signed for a terminal.

    Raises:
        AllowanceInvalid: if none has.
    """
    key = keys.get(allowance.key_id)
    if key is None:
        raise AllowanceInvalid("signed by a key that is not trusted")
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(allowance.signature, _SIGNED + allowance.terms)
        terms = offline_pb2.AllowanceTerms.FromString(allowance.terms)
    except (InvalidSignature, ValueError, DecodeError):
        raise AllowanceInvalid("the signature does not hold") from None
    if (terms.store_id, terms.terminal_id) != (store_id, terminal_id):
        raise AllowanceInvalid("signed out to another terminal")
    return KeptAllowance(
        allowance,
        member,
        terms.allowance_id,
        terms.account_id,
        terms.points,
        terms.points_each_max,
        (terms.rate_points, Money(terms.rate_money.minor_units, terms.rate_money.currency_code)),
        terms.expires_at.ToDatetime(UTC),
        terms.settle_by.ToDatetime(UTC),
    )
