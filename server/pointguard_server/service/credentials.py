"""API keys: making them, and telling who calls from one, without paying for Argon2 on every call.

For the edge (which authenticates each call) and for whatever issues and revokes keys. A raw key reads
``pg_<key id: 12 base32 characters>_<secret: 43 URL-safe characters>``; the key id may be logged, the rest may not.

Argon2id runs once for each key and process, in a small thread pool. After that a fingerprint of the raw key (BLAKE2b
under a random key that lives and dies with the process) is enough; every 60 s the record is looked up again, so that a
key revoked on another server stops working here within that time. The raw key itself is never kept.

Errors, all of them ``PointguardError``: ``Unauthenticated`` with one text for a malformed, unknown, revoked or wrong
key, ``Overloaded`` when too many keys wait for verification, and ``VerificationFailed`` (UNAVAILABLE at the edge).
"""

import asyncio
import base64
import hashlib
import os
import re
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from pointguard_server.domain.errors import Overloaded, PointguardError, Unauthenticated

TILL: Final = "till"
MANAGER: Final = "manager"
FRAUD: Final = "fraud"
AGENT: Final = "agent"
ROLES: Final = (TILL, MANAGER, FRAUD, AGENT)
"""What an API key may be for: transactions and members, rules, what is done about fraud, or points given by hand.

Managers and the fraud team alike may change the configuration. A key may have several.
"""
RAW_KEY_CHARACTERS: Final = 59
KEY_ID_CHARACTERS: Final = 12
TIME_TO_LIVE_S: Final = 60.0
REFUSAL_TIME_TO_LIVE_S: Final = 5.0
REMEMBERED_KEYS_MAX: Final = 10_000
VERIFICATIONS_AT_ONCE_MAX: Final = 2
VERIFICATIONS_WAITING_MAX: Final = 64
VERIFICATIONS_PER_KEY_MAX: Final = 4
"""Key ids are no secret: whoever sends one with many wrong secrets must not fill the queue for every other key."""
RETRY_AFTER_S: Final = 1.0

Value = TypeVar("Value")

_RAW_KEY: Final = re.compile(r"pg_([a-z2-7]{12})_[A-Za-z0-9_-]{43}")
# OWASP's recommendation for Argon2id: 19 MiB, two passes, one lane.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16)


class VerificationFailed(PointguardError):
    """The key could be neither confirmed nor refused: its stored hash is unreadable, or Argon2 got no memory."""

    reason = "CREDENTIAL_NOT_VERIFIED"

    def __init__(self) -> None:
        super().__init__("the credential could not be verified; try again later")


@dataclass(frozen=True, slots=True)
class ApiKeyRecord:
    """A stored API key. ``role`` is what is stored: one role or several, with spaces between them."""

    key_id: str
    tenant_id: int
    hash: str = field(repr=False)
    role: str


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls, and in which of ``ROLES``; the edge maps those to the calls that they allow."""

    tenant_id: int
    key_id: str
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new API key: the raw key is shown once and never stored, the hash is stored."""

    key_id: str
    raw_key: str = field(repr=False)
    hash: str = field(repr=False)


def issue() -> IssuedKey:
    """Make an API key with 256 random bits. Takes some 30 ms and 19 MiB: not for the event loop."""
    key_id = base64.b32encode(os.urandom(8)).decode().lower()[:KEY_ID_CHARACTERS]
    raw_key = f"pg_{key_id}_{secrets.token_urlsafe(32)}"
    return IssuedKey(key_id, raw_key, _HASHER.hash(raw_key))


def key_id_of(raw_key: str) -> str:
    """Return the public id of a well-formed raw key."""
    return raw_key.split("_")[1]


def argon2_matches(stored_hash: str, raw_key: str) -> bool:
    """Whether the hash was made of this raw key; takes some 30 ms. Raises VerificationFailed."""
    try:
        return _HASHER.verify(stored_hash, raw_key)
    except VerifyMismatchError:
        return False
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        raise VerificationFailed from None


@dataclass(frozen=True, slots=True)
class _Verified:
    principal: Principal
    hash: str
    fresh_until: float


@dataclass(slots=True)
class _Flight:
    """One verification under way; every caller with the same raw key waits for it."""

    key_id: str
    outdated: bool = False
    task: "asyncio.Task[Principal] | None" = None


class Authenticator:
    """Turns raw API keys into principals. Belongs to one event loop; not thread-safe.

    ``find`` looks a record up by key id. ``clock`` gives monotonic seconds. ``matches(hash, raw key)`` runs in the
    pool's threads, ``at_once_max`` at once, with ``waiting_max`` more in the queue.
    """

    def __init__(
        self,
        find: Callable[[str], Awaitable[ApiKeyRecord | None]],
        *,
        clock: Callable[[], float] = time.monotonic,
        remembered_max: int = REMEMBERED_KEYS_MAX,
        at_once_max: int = VERIFICATIONS_AT_ONCE_MAX,
        waiting_max: int = VERIFICATIONS_WAITING_MAX,
        matches: Callable[[str, str], bool] = argon2_matches,
    ) -> None:
        self._find = find
        self._clock = clock
        self._remembered_max = remembered_max
        self._verifications_max = at_once_max + waiting_max
        self._matches = matches
        self._pool = ThreadPoolExecutor(at_once_max, thread_name_prefix="api-key")
        # Copying a hash that has already taken the key in is faster than making a keyed one.
        self._keyed_hash = hashlib.blake2b(key=os.urandom(32), digest_size=16)
        # Both are in order of insertion and all entries of one live equally long: the first is the oldest.
        self._verified: dict[bytes, _Verified] = {}
        self._refused_until: dict[bytes, float] = {}
        self._flights: dict[bytes, _Flight] = {}
        self._verifying: Counter[str] = Counter()

    def cached(self, raw_key: str) -> Principal | None:
        """Who calls, if this key was confirmed in the last 60 s. About a microsecond; waits for nothing."""
        if len(raw_key) != RAW_KEY_CHARACTERS or not raw_key.isascii():
            return None
        verified = self._verified.get(self._fingerprint(raw_key))
        if verified is None or self._clock() >= verified.fresh_until:
            return None
        return verified.principal

    async def authenticate(self, raw_key: str) -> Principal:
        """Who calls. Raises Unauthenticated, Overloaded, VerificationFailed, and whatever ``find`` raises."""
        principal = self.cached(raw_key)
        if principal is not None:
            return principal
        well_formed = _RAW_KEY.fullmatch(raw_key)
        if well_formed is None:
            raise Unauthenticated
        fingerprint = self._fingerprint(raw_key)
        if self._clock() < self._refused_until.get(fingerprint, float("-inf")):
            raise Unauthenticated
        # A caller that gives up must not take the others' verification down with it.
        return await asyncio.shield(self._joined(raw_key, well_formed[1], fingerprint))

    def forget(self, key_id: str) -> None:
        """Look the key's record up anew before it is accepted again; call this when a key was revoked or changed."""
        for fingerprint in [known for known, entry in self._verified.items() if entry.principal.key_id == key_id]:
            del self._verified[fingerprint]
        for flight in self._flights.values():
            flight.outdated = flight.outdated or flight.key_id == key_id

    def close(self) -> None:
        """Stop the threads, once no call is under way any more."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _fingerprint(self, raw_key: str) -> bytes:
        keyed_hash = self._keyed_hash.copy()
        keyed_hash.update(raw_key.encode())
        return keyed_hash.digest()

    def _joined(self, raw_key: str, key_id: str, fingerprint: bytes) -> "asyncio.Task[Principal]":
        flight = self._flights.get(fingerprint)
        if flight is None or flight.task is None:
            flight = _Flight(key_id)
            flight.task = asyncio.create_task(self._confirm(raw_key, fingerprint, flight))
            flight.task.add_done_callback(lambda task: self._landed(fingerprint, task))
            self._flights[fingerprint] = flight
        return flight.task

    def _landed(self, fingerprint: bytes, task: "asyncio.Task[Principal]") -> None:
        del self._flights[fingerprint]
        if not task.cancelled():
            task.exception()  # seen, even if every caller has given up

    async def _confirm(self, raw_key: str, fingerprint: bytes, flight: _Flight) -> Principal:
        verified = self._verified.get(fingerprint)
        matched_hash = verified.hash if verified is not None else None
        if matched_hash is None:
            self._check_room(flight.key_id)  # before the lookup: what is shed costs nothing
        while True:
            flight.outdated = False
            record = await self._find(flight.key_id)
            if record is None:
                raise Unauthenticated
            if record.hash != matched_hash:
                await self._verify(raw_key, fingerprint, record)
                matched_hash = record.hash
            if not flight.outdated:
                return self._remember(fingerprint, record)
            # The key was revoked or changed meanwhile; what was found may be from before that.

    async def _verify(self, raw_key: str, fingerprint: bytes, record: ApiKeyRecord) -> None:
        key_id = record.key_id
        self._check_room(key_id)  # others may have taken it during the lookup
        self._verifying[key_id] += 1
        try:
            loop = asyncio.get_running_loop()
            matches = await loop.run_in_executor(self._pool, self._matches, record.hash, raw_key)
        finally:
            self._verifying[key_id] -= 1
            if not self._verifying[key_id]:
                del self._verifying[key_id]
        if not matches:
            refused_until = self._clock() + REFUSAL_TIME_TO_LIVE_S
            _put_last(self._refused_until, fingerprint, refused_until, self._remembered_max)
            raise Unauthenticated

    def _check_room(self, key_id: str) -> None:
        if self._verifying.total() >= self._verifications_max or self._verifying[key_id] >= VERIFICATIONS_PER_KEY_MAX:
            raise Overloaded(RETRY_AFTER_S)

    def _remember(self, fingerprint: bytes, record: ApiKeyRecord) -> Principal:
        principal = Principal(record.tenant_id, record.key_id, frozenset(record.role.split()))
        verified = _Verified(principal, record.hash, self._clock() + TIME_TO_LIVE_S)
        _put_last(self._verified, fingerprint, verified, self._remembered_max)
        return principal


def _put_last(entries: dict[bytes, Value], key: bytes, value: Value, entries_max: int) -> None:
    """Put an entry at the end and drop the oldest one if there are too many."""
    entries.pop(key, None)
    entries[key] = value
    if len(entries) > entries_max:
        del entries[next(iter(entries))]
