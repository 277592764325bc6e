"""The interfaces that the engine needs: a clock and a ledger store. ``storage`` implements them; ``engine`` calls them.

A store is called from one thread only. Between ``begin`` and ``commit`` or ``rollback`` everything read is current and
everything written is one atomic step. Any failure of the database is raised as ``StorageUnavailable``.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt

from pointguard_server.domain.codes import Outcome

IntArray = npt.NDArray[np.int64]
RowArray = npt.NDArray[np.void]

AWARDED = np.dtype([("rule_id", "<i8"), ("accepted_at", "<i8"), ("points", "<i8")])
"""Points that a rule gave an account at a moment."""


class Clock(Protocol):
    """The wall clock."""

    def now(self) -> int:
        """Return microseconds since 1970-01-01 UTC. May step back; the engine never does."""
        ...


@dataclass(frozen=True, slots=True)
class Heads:
    """Where the ledger ends.

    The last number used of each kind (0: none), the last moment, and the last batch's digest.
    """

    position: int
    entry: int
    advice: int
    batch_id: int
    accepted_at: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class History:
    """What an account's decisions still need.

    Its legs in order of seq (never empty), the steps of advice that they took, and the entries of the lots that may be
    left.
    """

    program_id: int
    enrolled_at: int
    legs: RowArray  # engine.rows.LEG
    advice: RowArray  # engine.rows.ADVICE
    lots: RowArray  # engine.rows.ENTRY: see ``engine/lots.py``
    awards: RowArray = field(default_factory=lambda: np.zeros(0, AWARDED))  # what rules gave, as far back as was asked
    birth_date: int = 0  # of the member, if it was asked for and is known: domain/age_bands.packed


class Original(NamedTuple):
    """A transaction with what returned and corrected it: its account and place, and records as the ledger has them."""

    account_id: int
    seq: int
    record: bytes
    returns: dict[int, bytes]  # by position
    corrections: dict[int, bytes]  # likewise


class Identified(NamedTuple):
    """What an identifier finds: the account, and the identifier's own number."""

    account_id: int
    identifier_id: int


class BatchRecord(NamedTuple):
    """What ties a batch's rows together: see ``storage/tables.py``."""

    batch_id: int
    writer_id: int
    writer_epoch: int
    first_position: int
    leg_count: int
    accepted_at: int
    records_digest: bytes
    previous_digest: bytes
    digest: bytes

    @classmethod
    def following(
        cls, heads: Heads, writer_id: int, writer_epoch: int, legs: int, now: int, records: memoryview
    ) -> Self:
        """Return that of the batch that follows where the ledger ends; ``records`` are its legs', in a row."""
        place = (writer_id, writer_epoch, heads.batch_id + 1, heads.position + 1, legs, now)
        records_digest = hashlib.blake2b(records, digest_size=32).digest()
        chained = b"".join(number.to_bytes(8, "big") for number in place)
        digest = hashlib.blake2b(heads.digest + chained + records_digest, digest_size=32).digest()
        return cls(heads.batch_id + 1, *place[:2], *place[3:], records_digest, heads.digest, digest)


@dataclass(frozen=True, slots=True)
class Rows:
    """What a batch appends. ``texts`` gives each leg's (currency, order reference, record)."""

    legs: RowArray  # engine.rows.LEG_COLUMNS
    texts: Sequence[tuple[str, str, bytes]]
    entries: RowArray  # engine.rows.ENTRY
    advice: RowArray  # engine.rows.ADVICE_COLUMNS
    batch: BatchRecord


class ProgramChange(NamedTuple):
    """A change of what decides, made by any server: counted up, not always by one; and its moment."""

    number: int
    changed_at: int


NO_CHANGE = ProgramChange(0, 0)


class Others(Protocol):
    """What other servers commit to the same ledger; asked inside the atomic step, when nobody commits anything."""

    latest_change: ProgramChange
    """As the step began."""

    def latest_change_now(self) -> ProgramChange:
        """Return it with what this step has changed."""
        ...

    def has_batch(self, batch_id: int, digest: bytes) -> bool:
        """Return whether the ledger has a batch with this number and digest."""
        ...

    def accounts_after(self, position: int, most: int) -> IntArray | None:
        """Return the accounts whose legs are behind a position; None if those are more than ``most`` legs.

        Identifiers that they have ended find nobody from now on.
        """
        ...

    def legs_after(self, position: int) -> RowArray:
        """Return the legs (``engine.rows.LEG``) behind a position."""
        ...

    def legs_about(self, tenant_id: int, account_id: int, seqs: Collection[int], position: int) -> RowArray:
        """Return the legs up to a position at these places of an account, and all that refer to one another with them.

        In order, as ``engine.rows.LEG``.
        """
        ...

    def agent_advice_after(self, position: int) -> RowArray:
        """Return the steps of advice about agents behind a position, as ``rows.ADVICE``."""
        ...


class LedgerStore(Protocol):
    """One writer's access to the ledger."""

    writer_id: int
    writer_epoch: int

    @property
    def others(self) -> Others | None:
        """What tells of other servers; None where there can be none."""
        ...

    @property
    def behind_legs(self) -> int:
        """How many legs are durable and not yet where other readers look."""
        ...

    def heads(self) -> Heads:
        """Return where the ledger ends."""
        ...

    def begin(self) -> None:
        """Begin the atomic step."""
        ...

    def known_keys(self, tenant_id: int, keys: Sequence[bytes]) -> dict[bytes, tuple[bytes, bytes]]:
        """Return the (request digest, record) of those idempotency keys that the ledger holds."""
        ...

    def legs_after(self, position: int, newer_than: int) -> Iterator[RowArray]:
        """Yield the legs (``engine.rows.LEG``) behind a position and a moment, some at a time, in order."""
        ...

    def leg_of(self, tenant_id: int, account_id: int, seq: int) -> RowArray | None:
        """Return an account's leg at a place in its sequence, as one row of ``rows.LEG``; None: there is none."""
        ...

    def find_identifier(self, tenant_id: int, kind: int, value: str) -> Identified | None:
        """Return what a normalized identifier finds, or None."""
        ...

    @property
    def ended_identifiers(self) -> IntArray:
        """The numbers, in order, of identifiers that may have been ended since the start."""
        ...

    def is_ended(self, identifier_id: int) -> bool:
        """Return whether an identifier was ended: it finds nobody."""
        ...

    def find_reservations(self, tenant_id: int, ids: Sequence[bytes]) -> dict[bytes, tuple[int, int]]:
        """Return the (account, seq) of those ids that are transactions of the tenant."""
        ...

    def find_originals(self, tenant_id: int, ids: Sequence[bytes]) -> dict[bytes, Original]:
        """Return those of these transactions that the tenant has, with all their returns and corrections."""
        ...

    def agent_advice(self) -> RowArray:
        """Return all steps of advice about agents in order, as ``rows.ADVICE``: at a start, or when all is known."""
        ...

    def read_accounts(
        self,
        tenant_id: int,
        account_ids: Sequence[int],
        newer_than: int,
        awards_since: int | None = None,
        *,
        with_birth_date: bool = False,
    ) -> dict[int, History]:
        """Return each account's history back to ``newer_than`` and to all that is open, of those that the tenant has.

        Awards reach back to ``awards_since``: 0 for all, None for none. It is not before ``newer_than`` or it is 0.
        """
        ...

    def enroll(self, tenant_id: int, member: Any, now: int) -> tuple[Outcome, int]:
        """Make a member with an account, inside the atomic step; ``member`` is ``service.ports.NewMember``."""
        ...

    def link(self, tenant_id: int, account_id: int, link: Any) -> tuple[Outcome, int]:
        """Link an identifier to an account, inside the atomic step; ``link`` is ``service.ports.Link``.

        Returns what became of it, and how many cards were counted for the cap on linking them.
        """
        ...

    def set_birth_date(self, tenant_id: int, account_id: int, key: bytes, birth_date: str) -> Outcome:
        """Keep the birth date of an account's member from the leg of an idempotency key on, inside the atomic step.

        ``birth_date`` is ISO 8601; empty: it is not known any more.
        """
        ...

    def take_occurrence(self, tenant_id: int, occurrence: Any, now: int) -> Outcome:
        """Keep that an offline redemption came, inside the atomic step; it is a ``domain.offline.Occurrence``.

        Returns ABOVE_ALLOWANCE, and keeps that, where it is more than its allowance has left.
        """
        ...

    def append(self, rows: Rows) -> None:
        """Append a batch's rows."""
        ...

    def commit(self) -> None:
        """Make everything since ``begin`` durable. If it fails, whether it did is unknown."""
        ...

    def rollback(self) -> None:
        """Undo everything since ``begin``; never raises."""
        ...

    def write(self, job: Callable[[Any], Any]) -> Any:
        """Run ``job(connection)`` in an atomic step of its own and return what it returns."""
        ...
