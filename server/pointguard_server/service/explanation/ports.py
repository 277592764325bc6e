"""What an explanation reads of the ledger, and who reads it. ``storage`` implements the reader."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pointguard_server.domain.codes import AdviceEvent
from pointguard_server.domain.record import Value
from pointguard_server.service.directive import Deed, Exemption, Stop
from pointguard_server.service.rule_versions import RuleSetVersion


@dataclass(frozen=True, slots=True)
class PastLeg:
    """What later decisions need of a leg: columns of ``legs`` by their names."""

    seq: int
    transaction_id: bytes
    operation: int
    kind: int
    parts: int
    decision: int
    accepted_at: int
    occurred_at: int
    redemption_type_id: int
    points: int
    money: int
    released: int
    posted: int
    reserved: int
    pending: int
    earned_total: int
    redeemed_total: int
    spend_total: int
    account_flags: int
    event_flags: int
    province_id: int
    tier_id: int
    group_set_id: int
    store_id: int
    cashier_id: int
    terminal_id: int
    identifier_kind: int
    identifier_id: int
    refers_to_seq: int
    hold_expires_at: int


@dataclass(frozen=True, slots=True)
class ScopedLeg:
    """What wider windows need of a leg: columns of ``legs`` by their names; ``in_scope``: it is the entity's own.

    One that is not ends or returns what may be.
    """

    account_id: int
    seq: int
    transaction_id: bytes
    operation: int
    kind: int
    parts: int
    decision: int
    accepted_at: int
    occurred_at: int
    points: int
    money: int
    released: int
    event_flags: int
    group_set_id: int
    refers_to_seq: int
    hold_expires_at: int
    in_scope: int


@dataclass(frozen=True, slots=True)
class PastAdvice:
    """An advice as its latest step left it: columns of ``advice`` by their names."""

    position: int
    seq: int
    advice_id: bytes
    rule_id: int
    rule_version: int
    entity: int
    context: int
    posture: int
    starts_at: int
    ends_at: int
    measured: int
    threshold: int
    window_starts_after: int
    event: int
    reason_code_id: int
    actor_id: int

    @property
    def overridden(self) -> bool:
        """Whether it does not stand, and its rule has no effect: a case may have been found to be none."""
        return self.event in (AdviceEvent.OVERRIDDEN, AdviceEvent.RESOLVED)

    @property
    def author_id(self) -> int:
        """The number of who resolved, or proposed to resolve, a case."""
        return self.actor_id >> 32

    @property
    def api_key_id(self) -> int:
        """The number of the API key that was used for it."""
        return self.actor_id & 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class PastLot:
    """What was left of a lot: its name, the place of the entry that gave it, points, and moments (0: none)."""

    position: int
    lot_seq: int
    rule_id: int
    points: int
    matures_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A leg with all that stands in the ledger for it: its columns, its record, its rows, and its batch's rows."""

    leg: dict[str, Value]
    currency: str
    order_reference: str
    record: bytes
    entries: tuple[dict[str, Value], ...]
    advice: tuple[dict[str, Value], ...]
    batch: dict[str, Any] | None
    batch_records: bytes  # of all legs of the batch, one after the other


@dataclass(frozen=True, slots=True)
class StoredText:
    """A version of a program's configuration."""

    source: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class PastAward:
    """Points that earn rules gave an account at a moment: the rule's number in the codes."""

    rule_id: int
    accepted_at: int
    points: int


@dataclass(frozen=True, slots=True)
class StoreVersion:
    """What was known of a store at a moment: numbers of codes, and an ISO 3166 country."""

    business_unit_id: int
    country: str
    province_id: int


@dataclass(frozen=True, slots=True)
class PastOriginal:
    """What a return or a correction saw of its original: its record, and those of what did so before, in order."""

    record: bytes
    returns: tuple[bytes, ...]
    corrections: tuple[bytes, ...]


class DecisionReader(Protocol):
    """Reads the committed ledger, beside the writer, from one thread at a time.

    A ledger that cannot be read is raised as ``StorageUnavailable``.
    """

    def decision(self, tenant_id: int, transaction_id: bytes, leg_number: int = 0) -> StoredDecision | None:
        """Return a leg of a transaction, if the tenant has it."""
        ...

    def transaction_of_key(self, tenant_id: int, key: bytes) -> bytes | None:
        """Return the id of the transaction that an idempotency key made, if it made one."""
        ...

    def past(self, tenant_id: int, account_id: int, below_seq: int, count: int) -> list[PastLeg]:
        """Return the newest ``count`` legs of an account below a place in its sequence, oldest first."""
        ...

    def scoped_legs(
        self, tenant_id: int, program_id: int, where: Mapping[str, int], newer_than: int, below: int, most: int
    ) -> list[ScopedLeg] | None:
        """Return a program's legs behind a moment and below a position whose columns are ``where``, in order.

        And what ends reservations or returns something. ``where`` without columns: those of members with groups. None:
        more than ``most`` legs would have to be gone through.
        """
        ...

    def deeds(self, tenant_id: int, program_id: int, author: str, after: int, up_to: int) -> list[Deed]:
        """Return the directives that somebody put in force or ended after a moment, up to another, oldest first."""
        ...

    def posted(self, tenant_id: int, account_id: int, below_seq: int) -> int:
        """Return the sum of an account's entries below a place in its sequence."""
        ...

    def lots(self, tenant_id: int, account_id: int, below_seq: int) -> list[PastLot]:
        """Return what was left of an account's lots below a place in its sequence."""
        ...

    def awards(self, tenant_id: int, account_id: int, below_seq: int) -> list[PastAward]:
        """Return what earn rules gave an account below a place in its sequence."""
        ...

    def original(self, tenant_id: int, account_id: int, seq: int, below_seq: int) -> PastOriginal | None:
        """Return an account's leg, and what returned and corrected it below a place in the account's sequence."""
        ...

    def standing(self, tenant_id: int, account_id: int, below_seq: int, moment: int) -> list[PastAdvice]:
        """Return the advice that an account's earlier legs left and that had not ended at a moment.

        Overridden advice is among it. The one with the latest step is first.
        """
        ...

    def about_agent(self, tenant_id: int, agent_id: int, below: int, moment: int) -> list[PastAdvice]:
        """Return the advice about an agent that legs below a position left and that had not ended at a moment.

        Overridden advice is among it. The one that was raised first is first.
        """
        ...

    def exemptions(self, tenant_id: int, program_id: int, moment: int) -> list[Exemption]:
        """Return the exemptions that were in force at a moment."""
        ...

    def stops(self, tenant_id: int, program_id: int, moment: int) -> list[Stop]:
        """Return the stops of redemptions that were in force at a moment."""
        ...

    def configuration(self, tenant_id: int, program_id: int, version: int) -> StoredText | None:
        """Return a version of a program's configuration."""
        ...

    def rule_set_version(self, tenant_id: int, program_id: int, version: int) -> RuleSetVersion | None:
        """Return a version of a program's earn rules."""
        ...

    def store(self, tenant_id: int, store_id: int, moment: int) -> StoreVersion | None:
        """Return what was known of a store at a moment, if it was known."""
        ...

    def texts(self, code_ids: Iterable[int]) -> dict[int, str]:
        """Return the texts of numbers; 0, and a number that is not there, have the empty text."""
        ...

    def birth_date(self, tenant_id: int, account_id: int, seq: int) -> str | None:
        """Return the birth date that an account's member had as of a place in its sequence.

        Empty if none was known; None if it was erased with the member.
        """
        ...

    def erased_members(self, tenant_id: int, account_id: int) -> list[int]:
        """Return the account's members whose data key was destroyed."""
        ...
