"""The keys that sign allowances: Ed25519, made here, kept wrapped by the tenant's key of the key ring.

The newest signs. An allowance that is asked for again is signed by the key that signed it first, so the answer is the
same for ever: what was signed says when, and a key signs from its start to the next one's.
"""

from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pointguard_server.domain.errors import KeyReused
from pointguard_server.engine.batch import Decider
from pointguard_server.engine.engine import Engine
from pointguard_server.service.rule_versions import RequestKey
from pointguard_server.service.vault import KeyCustodian

SIGNED: Final = b"pointguard allowance 1\0"
"""What stands before the terms in what is signed: a signature for anything else is none here."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key: its number, the public part's 32 bytes, the private part wrapped, and from when on it signs."""

    number: int
    public: bytes
    wrapped: bytes = field(repr=False)
    starts_at: int

    @property
    def key_id(self) -> str:
        """What allowances name it by: its number, and what tells it from a key of another tenant's or ledger's."""
        return f"{self.number}-{self.public[:4].hex()}"

    def verifies(self, terms: bytes, signature: bytes) -> bool:
        """Whether the key has signed the terms."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, SIGNED + terms)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Rotation:
    """Why a key is made, and by which API key; what stands under the request's idempotency key."""

    key: RequestKey
    note: str
    key_id: str


_FIRST: Final = Rotation(RequestKey(bytes(16), bytes(16)), "the first one", "")


class KeyStore(Protocol):
    """The keys of a ledger, for the writer's thread: each method runs in its atomic step."""

    def add(
        self, connection: Any, tenant_id: int, public: bytes, wrapped: bytes, starts_at: int, why: Rotation
    ) -> SigningKey:
        """Keep a key behind all others."""
        ...

    def all(self, connection: Any, tenant_id: int) -> list[SigningKey]:
        """Return a tenant's keys, the newest first."""
        ...

    def known(self, connection: Any, tenant_id: int, key: bytes) -> tuple[bytes, SigningKey] | None:
        """Return the digest of the request that a key was used for, and the signing key that it made."""
        ...


class AllowanceKeys:
    """A tenant's keys. The first is made when it is first asked for."""

    def __init__(
        self, engine: Engine, decider: Decider, store: KeyStore, custodian: KeyCustodian, tenant_id: int
    ) -> None:
        self._engine, self._decider, self._store = engine, decider, store
        self._custodian, self._tenant_id = custodian, tenant_id
        self._keys: list[SigningKey] = []
        self._private: dict[int, Ed25519PrivateKey] = {}

    async def all(self) -> list[SigningKey]:
        """Return all keys, the newest first; there is one at least."""
        if not self._keys:
            await self._engine.run(self._load, self._take)
        return self._keys

    async def find(self, key_id: str) -> SigningKey | None:
        """Return the key of an id."""
        found = next((key for key in await self.all() if key.key_id == key_id), None)
        if found is None and key_id.partition("-")[0] not in {str(key.number) for key in self._keys}:
            # Another server of the ledger may have made it just now.
            await self.look_again()
            found = next((key for key in self._keys if key.key_id == key_id), None)
        return found

    async def look_again(self) -> None:
        """Know of the keys that other servers have made."""
        await self._engine.run(self._load, self._take)

    async def sign(self, terms: bytes, issued_at: int) -> tuple[str, bytes]:
        """Return the key that signs what was issued at a moment, and its signature."""
        keys = await self.all()
        key = next((key for key in keys if key.starts_at <= issued_at), keys[-1])
        private = self._private.get(key.number)
        if private is None:
            raw = self._custodian.unwrap(self._tenant_id, key.wrapped)
            private = self._private[key.number] = Ed25519PrivateKey.from_private_bytes(raw)
        return key.key_id, private.sign(SIGNED + terms)

    async def rotate(self, why: Rotation) -> SigningKey:
        """Return a new key, which signs what is issued from now on.

        Raises:
            KeyReused: if the idempotency key was used for another request.
        """

        def step(connection: Any) -> tuple[SigningKey, list[SigningKey]]:
            known = self._store.known(connection, self._tenant_id, why.key.key)
            if known is not None and known[0] != why.key.digest:
                raise KeyReused
            self._load(connection)
            made = known[1] if known is not None else self._make(connection, self._decider.moment(), why)
            return made, self._store.all(connection, self._tenant_id)

        made: SigningKey
        made, _ = await self._engine.run(step, lambda done: self._take(done[1]))
        return made

    def _load(self, connection: Any) -> list[SigningKey]:
        keys = self._store.all(connection, self._tenant_id)
        return keys or [self._make(connection, 0, _FIRST)]

    def _make(self, connection: Any, starts_at: int, why: Rotation) -> SigningKey:
        private = Ed25519PrivateKey.generate()
        wrapped = self._custodian.wrap(self._tenant_id, private.private_bytes_raw())
        public = private.public_key().public_bytes_raw()
        return self._store.add(connection, self._tenant_id, public, wrapped, starts_at, why)

    def _take(self, keys: list[SigningKey]) -> None:
        self._keys = keys
