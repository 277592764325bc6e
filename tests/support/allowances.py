"""Allowances without a server: signed as one would, by a key of the test's own."""

from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pointguard.v1 import common_pb2, offline_pb2
from pointguard_client import Allowance, AllowanceKey, Identifier, new_idempotency_key

SIGNED = b"pointguard allowance 1\0"
STORE, TERMINAL = "12", "till-3"
MEMBER = Identifier.loyalty_id("385")
ISSUED = datetime(2026, 11, 23, 8, tzinfo=UTC)


class Signer:
    """Signs allowances out to a terminal."""

    def __init__(self) -> None:
        self._private = Ed25519PrivateKey.generate()
        self.key = AllowanceKey("1-test", self._private.public_key().public_bytes_raw(), ISSUED)

    def allowance(
        self, points: int, *, each: int = 0, terminal: str = TERMINAL, lives: timedelta = timedelta(hours=8)
    ) -> Allowance:
        """Return an allowance of so many points, two of which are worth three cents."""
        terms = offline_pb2.AllowanceTerms(
            allowance_id=new_idempotency_key(),
            account_id=7,
            store_id=STORE,
            terminal_id=terminal,
            points=points,
            points_each_max=each,
            rate_points=2,
            rate_money=common_pb2.Money(currency_code="CAD", minor_units=3),
        )
        terms.issued_at.FromDatetime(ISSUED)
        terms.expires_at.FromDatetime(ISSUED + lives)
        terms.settle_by.FromDatetime(ISSUED + 2 * lives)
        serialized = terms.SerializeToString()
        return Allowance(serialized, self.key.key_id, self._private.sign(SIGNED + serialized))
