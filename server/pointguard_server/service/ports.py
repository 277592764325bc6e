"""The interfaces that the services need of storage, and the values that cross them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pointguard_server.domain.codes import CodeKind, Outcome
from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.service.credentials import ApiKeyRecord


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What decisions need to know of a store."""

    store_id: int
    business_unit_id: int
    province_id: int


Stores = dict[tuple[int, str], StoreFacts]
"""By tenant and code."""


@dataclass(frozen=True, slots=True)
class NewMember:
    """A member to enroll: normalized identifiers and the serialized profile."""

    program_id: int
    identifiers: tuple[tuple[IdentifierKind, str], ...]
    profile: bytes


@dataclass(frozen=True, slots=True)
class FoundMember:
    """A member as the directory holds it, decrypted."""

    member_id: int
    account_id: int
    identifiers: tuple[tuple[IdentifierKind, str], ...]
    profile: bytes
    enrolled_at: int


class Directory(Protocol):
    """Tenants' vocabularies, stores and members.

    What takes a connection runs on the writer's thread, in its atomic step.
    """

    def store(self, tenant_id: int, code: str) -> StoreFacts | None:
        """Return a store by its code."""
        ...

    def code(self, tenant_id: int, kind: CodeKind, text: str) -> int | None:
        """Return the number of a text, if memory has it."""
        ...

    def text(self, code_id: int) -> str:
        """Return the text of a number; empty for 0."""
        ...

    def intern(self, connection: Any, tenant_id: int, kind: CodeKind, text: str) -> int:
        """Return the number of a text, giving it one if it has none."""
        ...

    def remember(self, tenant_id: int, kind: CodeKind, text: str, code_id: int) -> None:
        """Keep a text's number in memory, now that it is durable."""
        ...

    def add_store(
        self, connection: Any, tenant_id: int, code: str, business_unit: str, country: str, province: str
    ) -> None:
        """Add a store, or change what is known of it. Memory has it once ``keep_stores`` has been told."""
        ...

    def read_stores(self, connection: Any) -> Stores:
        """Return all stores."""
        ...

    def keep_stores(self, stores: Stores) -> None:
        """Keep all stores in memory, now that they are durable."""
        ...

    def version(self, connection: Any, tenant_id: int, program_id: int, subject: str, source: str, now: int) -> int:
        """Return the version of a program's source text; one that differs from the last is kept as a new version."""
        ...

    def enroll(self, connection: Any, tenant_id: int, member: NewMember, now: int) -> tuple[Outcome, int]:
        """Make a member with an account; return the outcome and the account."""
        ...

    def link(self, connection: Any, tenant_id: int, account_id: int, kind: IdentifierKind, value: str) -> Outcome:
        """Link an identifier to an account that exists."""
        ...

    def forget(self, tenant_id: int, identifiers: Sequence[tuple[int, str]]) -> None:
        """Drop identifiers from memory, after a step that failed."""
        ...


class Reader(Protocol):
    """Reads committed data, beside the writer."""

    async def record(self, tenant_id: int, transaction_id: bytes) -> tuple[bytes, str] | None:
        """Return a transaction's record and its currency, if the tenant has it."""
        ...

    async def transaction_at(self, tenant_id: int, account_id: int, seq: int) -> bytes | None:
        """Return the id of the transaction at a place of an account's sequence."""
        ...

    async def member(self, tenant_id: int, account_id: int) -> FoundMember | None:
        """Return the first member of an account."""
        ...

    async def text(self, code_id: int) -> str:
        """Return the text of a number; empty for 0 and for a number that is not there."""
        ...

    async def api_key(self, key_id: str) -> ApiKeyRecord | None:
        """Return an API key that is not revoked."""
        ...
