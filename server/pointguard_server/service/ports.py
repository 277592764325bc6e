"""The interfaces that the services need of storage, and the values that cross them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from pointguard_server.domain.codes import CaseState, CodeKind, ExperimentEventKind, Outcome, RuleSetActivationKind
from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.engine.ask import StandingAdvice
from pointguard_server.service.credentials import ApiKeyRecord
from pointguard_server.service.directive import Deed, Each
from pointguard_server.service.experiment import Design, Experiment, KnownStep, MemberFigures, Step
from pointguard_server.service.rule_versions import (
    NO_FILES,
    FilePiece,
    KnownRequest,
    RequestKey,
    RuleChange,
    RuleSetActivation,
    RuleSetVersion,
    SetFiles,
    Timeline,
)
from pointguard_server.service.shadow import KnownShadowStep, Shadow


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What decisions need to know of a store."""

    store_id: int
    business_unit_id: int
    province_id: int
    country: str = ""


Stores = dict[tuple[int, str], StoreFacts]
"""By tenant and code."""


@dataclass(frozen=True, slots=True)
class NewMember:
    """A member to enroll: normalized identifiers, the serialized profile, and what is kept apart from it.

    ``birth_date`` is ISO 8601 or empty; ``key`` is the request's idempotency key.
    """

    program_id: int
    identifiers: tuple[tuple[IdentifierKind, str], ...]
    profile: bytes
    birth_date: str = ""
    key: bytes = b""


@dataclass(frozen=True, slots=True)
class Link:
    """A normalized identifier to link at a moment, by a store of a business unit (0: none).

    ``replaces`` is the identifier of the account that it takes the place of. No more than ``most`` cards, in place of
    others or beside them, are linked to an account by one business unit from ``counted_from`` on; None: any number.
    """

    kind: IdentifierKind
    value: str
    linked_at: int
    business_unit_id: int = 0
    replaces: tuple[IdentifierKind, str] | None = None
    most: int | None = None
    counted_from: int = 0


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

    def note(self, connection: Any, name: str, value: str) -> None:
        """Write a property that may change."""
        ...

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

    on_new_code: Callable[[int, CodeKind, str, int], None]
    """Told (tenant, kind, text, number) of each text that gets a number, on the writer's thread."""

    def codes(self, connection: Any, tenant_id: int, kind: CodeKind) -> list[tuple[str, int]]:
        """Return all texts of a kind with their numbers."""
        ...

    def remember(self, tenant_id: int, kind: CodeKind, text: str, code_id: int) -> None:
        """Keep a text's number in memory, now that it is durable."""
        ...

    def add_store(
        self, connection: Any, tenant_id: int, code: str, business_unit: str, country: str, province: str
    ) -> None:
        """Add a store, or change what is known of it. Memory has it once ``keep_stores`` has been told."""
        ...

    @property
    def stores(self) -> Stores:
        """All stores that memory has."""
        ...

    def version_stores(self, connection: Any, tenant_id: int, moment: int) -> None:
        """Keep what is known of the tenant's stores as what decides from a moment on."""
        ...

    def read_stores(self, connection: Any) -> Stores:
        """Return all stores."""
        ...

    def keep_stores(self, stores: Stores) -> None:
        """Keep all stores in memory, now that they are durable."""
        ...

    def enroll(self, connection: Any, tenant_id: int, member: NewMember, now: int) -> tuple[Outcome, int]:
        """Make a member with an account; return the outcome and the account."""
        ...

    def link(self, connection: Any, tenant_id: int, account_id: int, link: Link) -> tuple[Outcome, int]:
        """Link an identifier to an account that exists; return how many cards were counted for the cap, too."""
        ...

    def forget(self, tenant_id: int, identifiers: Sequence[tuple[int, str]]) -> None:
        """Drop identifiers from memory, after a step that failed."""
        ...


class OthersReader(Protocol):
    """What other servers of the same ledger have done, read beside the queue."""

    async def ledger_end(self) -> int:
        """Return the ledger's last position."""
        ...


class TakenStep(NamedTuple):
    """A step in the life of an advice, and the advice as it left it; ``record``: of the leg, if the staff took it."""

    event: int
    transaction_id: bytes
    happened_at: int
    record: bytes | None
    advice: StandingAdvice


class AdviceHistory(NamedTuple):
    """An advice with its steps, oldest first and never none; of more than 100, the newest."""

    raised_position: int  # of the row that raised it
    account_id: int
    steps: tuple[TakenStep, ...]
    agent_id: int = 0  # if it is about an agent


class Notice(NamedTuple):
    """A transaction of the feed of advice: it took steps in the life of advice, or set an account's status.

    ``steps`` are pairs of the event and the advice as it left it; ``record`` is the leg's, if the staff did it.
    """

    position: int
    transaction_id: bytes
    account_id: int
    seq: int
    happened_at: int
    account_flags: int
    record: bytes | None
    leg_number: int
    steps: tuple[tuple[int, StandingAdvice], ...]


class AccountState(NamedTuple):
    """What stands against an account after the newest of its legs."""

    seq: int
    account_flags: int
    happened_at: int
    advice: tuple[StandingAdvice, ...]


class NoticeReader(Protocol):
    """Reads the feed of advice, beside the writer; nothing in front of what it returns is still to come."""

    catch_up: Callable[[], Awaitable[None]]
    """Waits until all that was answered can be read."""

    async def newest(self, tenant_id: int) -> int:
        """Return the position of the newest notice; 0 if there is none."""
        ...

    async def notices(self, tenant_id: int, after: int, count: int) -> list[Notice]:
        """Return up to ``count`` notices after a position, in order."""
        ...

    async def account_state(self, tenant_id: int, account_id: int, moment: int) -> AccountState | None:
        """Return an account's state with the advice that stands at a moment, if the tenant has the account."""
        ...


class DeadLetter(NamedTuple):
    """A notice that a target has refused; ``failed_at`` is a moment."""

    target: str
    position: int
    problem: str
    failed_at: int
    requeued: bool


class Publications(Protocol):
    """How far the targets of the feed are, and what they refused; for the connection that writes."""

    def cursor(self, connection: Any, tenant_id: int, target: str) -> int | None:
        """Return the position up to which a target has all; None if nothing was ever published to it."""
        ...

    def advance(self, connection: Any, tenant_id: int, target: str, position: int) -> None:
        """Note that a target has all up to a position."""
        ...

    def bury(self, connection: Any, tenant_id: int, letter: DeadLetter) -> None:
        """Keep what a target has refused."""
        ...

    def dig_up(self, connection: Any, tenant_id: int, target: str, positions: Sequence[int]) -> None:
        """Forget dead letters."""
        ...

    def dead_letters(self, connection: Any, tenant_id: int) -> list[DeadLetter]:
        """Return what the targets have refused, oldest first."""
        ...

    def requeue(self, connection: Any, tenant_id: int) -> int:
        """Have all dead letters published again at the next start; return how many there are."""
        ...


class Reader(Protocol):
    """Reads committed data, beside the writer."""

    async def records(self, tenant_id: int, transaction_id: bytes) -> list[tuple[bytes, str]]:
        """Return the record and the currency of each leg of a transaction, in order; none if the tenant has it not."""
        ...

    async def transaction_at(self, tenant_id: int, account_id: int, seq: int) -> bytes | None:
        """Return the id of the transaction at a place of an account's sequence."""
        ...

    async def member(self, tenant_id: int, account_id: int) -> FoundMember | None:
        """Return the first member of an account."""
        ...

    async def birth_date(self, tenant_id: int, account_id: int, seq: int) -> str | None:
        """Return the member's birth date as of a place in an account's sequence.

        Empty if it is not known any more; None if it never was.
        """
        ...

    async def standing(self, tenant_id: int, account_id: int, seq: int) -> tuple[str, str]:
        """Return the member's tier and the text of its set of groups, as an account's leg has them."""
        ...

    async def group_members(self, tenant_id: int, group: str, after: int, count: int) -> list[int]:
        """Return the first accounts behind an account (0: all) whose members are in a group now, in order."""
        ...

    async def advice_owner(self, tenant_id: int, advice_id: bytes) -> int | None:
        """Return the account that an advice is against, if the tenant has it."""
        ...

    async def advice_histories(
        self, tenant_id: int, account_id: int, below: int, count: int, standing_at: int
    ) -> list[AdviceHistory]:
        """Return a page of advice, the one that was raised last first, as of all that was answered.

        Of one account, or of all for 0; raised below a position, or 0 for the first page; and if ``standing_at`` is
        not 0, only what stands after that moment.
        """
        ...

    async def cases(
        self, tenant_id: int, account_id: int, below: int, count: int, states: frozenset[CaseState]
    ) -> list[AdviceHistory]:
        """Return a page of cases in some states, the one that was opened last first; otherwise as advice."""
        ...

    async def open_cases(self, tenant_id: int) -> tuple[int, int]:
        """Return how many cases are not resolved, and since when the oldest one is open; 0 for none."""
        ...

    async def standing_advice(self, tenant_id: int, moment: int) -> dict[int, int]:
        """Return how much advice stands at a moment, by posture."""
        ...

    async def has_key(self, tenant_id: int, key: bytes) -> bool:
        """Whether a request with an idempotency key was decided, as of all that was answered."""
        ...

    async def text(self, code_id: int) -> str:
        """Return the text of a number; empty for 0 and for a number that is not there."""
        ...

    async def api_key(self, key_id: str) -> ApiKeyRecord | None:
        """Return an API key that is not revoked."""
        ...


class DueKind(StrEnum):
    """What time does to accounts."""

    RESERVATIONS = "reservations"
    MATURITY = "maturity"
    EXPIRY = "expiry"

    @property
    def note(self) -> str:
        """The name of the note that says how far it has been written down."""
        return f"swept {self.value}"


class SweptUpTo(NamedTuple):
    """A place in the order of moments; of those at one moment, in the ledger's."""

    moment: int
    position: int


class Due(NamedTuple):
    """Something that time does to an account. ``is_due``: it may not have been written down yet."""

    at: SweptUpTo
    tenant_id: int
    account_id: int
    is_due: bool


class DueAccounts(Protocol):
    """Reads what time has done, beside the writer."""

    catch_up: Callable[[], Awaitable[None]]
    """Waits until what has been decided is where it is read."""

    async def due(self, kind: DueKind, after: SweptUpTo, until: int, count: int) -> list[Due]:
        """Return what comes next after a place and up to a moment, at most ``count``."""
        ...

    async def left(self, kind: DueKind, after: SweptUpTo, until: int) -> int:
        """Return how much comes after a place and up to a moment, whether it has been written down or not."""
        ...

    async def swept_up_to(self, kind: DueKind) -> SweptUpTo:
        """Return how far it was noted that all has been written down."""
        ...


class RuleVersions(Protocol):
    """Versions of rule sets and their activations, for the writer's thread: each runs in its atomic step."""

    def add_version(
        self,
        connection: Any,
        tenant_id: int,
        program_id: int,
        source: str,
        change: RuleChange,
        now: int,
        key: RequestKey | None = None,
        files: SetFiles = NO_FILES,
        digest: bytes | None = None,
    ) -> RuleSetVersion:
        """Keep a source text, with the files of its sets, as the program's next version.

        ``digest`` is their ``source_digest``, if that was made before.
        """
        ...

    def add_piece(self, connection: Any, tenant_id: int, piece: FilePiece) -> None:
        """Keep a piece of a file, if it is not kept; nobody sees it before a version has all of the file."""
        ...

    def add_activation(
        self,
        connection: Any,
        tenant_id: int,
        program_id: int,
        version: int,
        kind: RuleSetActivationKind,
        change: RuleChange,
        *,
        effective_at: int,
        now: int,
        key: RequestKey | None = None,
    ) -> RuleSetActivation:
        """Have a version decide from ``effective_at`` on, which is not before ``now``."""
        ...

    def add_cancellation(
        self,
        connection: Any,
        tenant_id: int,
        program_id: int,
        activation: int,
        change: RuleChange,
        *,
        now: int,
        key: RequestKey | None = None,
    ) -> RuleSetActivation:
        """Call an activation off that is planned for a moment after ``now``; return it with its cancellation."""
        ...

    def activation(self, connection: Any, tenant_id: int, program_id: int, activation: int) -> RuleSetActivation | None:
        """Return an activation, with its cancellation if it was called off."""
        ...

    def version(self, connection: Any, tenant_id: int, program_id: int, version: int) -> RuleSetVersion | None:
        """Return a version."""
        ...

    def digest(self, connection: Any, tenant_id: int, program_id: int, version: int) -> bytes | None:
        """Return a version's digest, without reading its text."""
        ...

    def last_of_file(self, connection: Any, tenant_id: int, program_id: int) -> RuleSetVersion | None:
        """Return the newest version that came from the program's file, if any did."""
        ...

    def timeline(self, connection: Any, tenant_id: int, program_id: int, moment: int) -> Timeline:
        """Return what decides from a moment on."""
        ...

    def version_without(self, connection: Any, tenant_id: int, program_id: int, planned: RuleSetActivation) -> int:
        """Return the version that decides at the moment of a planned activation if that is called off; 0 if none."""
        ...

    def latest_moment(self, connection: Any, tenant_id: int, program_id: int) -> int:
        """Return when the newest activation, a configuration's included, was made; 0 if there is none."""
        ...

    def was_active(self, connection: Any, tenant_id: int, program_id: int, version: int, moment: int) -> bool:
        """Whether a version decides at a moment or has decided before."""
        ...

    def known(self, connection: Any, tenant_id: int, key: bytes) -> KnownRequest | None:
        """Return what the request of an idempotency key made, if the key was used."""
        ...


class RuleVersionReader(Protocol):
    """Reads committed versions and activations, beside the writer. Newest first; ``below`` 0 begins at the newest."""

    async def version(self, tenant_id: int, program_id: int, version: int) -> RuleSetVersion | None:
        """Return a version with its source text."""
        ...

    async def versions(self, tenant_id: int, program_id: int, below: int, count: int) -> list[RuleSetVersion]:
        """Return up to ``count`` versions with lower numbers than ``below``, without their source texts."""
        ...

    async def activations(self, tenant_id: int, program_id: int, below: int, count: int) -> list[RuleSetActivation]:
        """Return up to ``count`` activations with lower numbers than ``below``."""
        ...


class Experiments(Protocol):
    """Experiments, for the writer's thread: each runs in its atomic step."""

    def add(
        self,
        connection: Any,
        tenant_id: int,
        program_id: int,
        design: Design,
        secret: bytes,
        change: RuleChange,
        now: int,
        key: RequestKey,
    ) -> Experiment:
        """Keep a design as the program's next experiment."""
        ...

    def add_event(
        self,
        connection: Any,
        tenant_id: int,
        program_id: int,
        experiment_id: int,
        kind: ExperimentEventKind,
        step: Step,
        key: RequestKey,
        *,
        arm: int = 0,
        activation: int = 0,
    ) -> None:
        """Note a step in an experiment's life; ``activation`` is in force at its start, or made by its promotion."""
        ...

    def experiment(
        self, connection: Any, tenant_id: int, program_id: int, experiment_id: int, moment: int
    ) -> Experiment | None:
        """Return an experiment as it stands at a moment."""
        ...

    def latest_started(self, connection: Any, tenant_id: int, program_id: int) -> int:
        """Return the number of the experiment that was started last; 0 if none was."""
        ...

    def known(self, connection: Any, tenant_id: int, key: bytes) -> KnownStep | None:
        """Return what the request of an idempotency key did, if the key was used."""
        ...


class ExperimentReader(Protocol):
    """Reads committed experiments and their legs, beside the writer."""

    async def experiment(self, tenant_id: int, program_id: int, experiment_id: int, moment: int) -> Experiment | None:
        """Return an experiment as it stands at a moment."""
        ...

    async def experiments(
        self, tenant_id: int, program_id: int, below: int, count: int, moment: int
    ) -> list[Experiment]:
        """Return up to ``count`` experiments with lower numbers than ``below`` (0: all), newest first."""
        ...

    async def figures(self, tenant_id: int, program_id: int, experiment_id: int) -> Sequence[MemberFigures]:
        """Return what each account did in an experiment."""
        ...


class Shadows(Protocol):
    """Shadows, for the writer's thread: each runs in its atomic step."""

    def start(
        self, connection: Any, tenant_id: int, program_id: int, version: int, step: Step, key: RequestKey
    ) -> Shadow:
        """Note that a version is evaluated from now on, as the program's next shadow."""
        ...

    def stop(
        self, connection: Any, tenant_id: int, program_id: int, shadow: Shadow, step: Step, key: RequestKey
    ) -> Shadow:
        """Note that a shadow ends."""
        ...

    def shadow(self, connection: Any, tenant_id: int, program_id: int, shadow_id: int) -> Shadow | None:
        """Return a shadow; 0 is the newest."""
        ...

    def known(self, connection: Any, tenant_id: int, key: bytes) -> KnownShadowStep | None:
        """Return what the request of an idempotency key did, if the key was used."""
        ...


class ShadowReader(Protocol):
    """Reads committed shadows, beside the writer."""

    async def shadow(self, tenant_id: int, program_id: int, shadow_id: int) -> Shadow | None:
        """Return a shadow; 0 is the newest."""
        ...


class DirectiveStore(Protocol[Each]):
    """Directives of a kind, for the writer's thread: each method runs in its atomic step."""

    def newest(self, connection: Any, tenant_id: int, program_id: int) -> int:
        """Return the number of the newest one; 0 if there is none."""
        ...

    def add(self, connection: Any, tenant_id: int, program_id: int, made: Each, key: RequestKey) -> None:
        """Keep a directive."""
        ...

    def end(self, connection: Any, tenant_id: int, program_id: int, ended: Each, key: RequestKey) -> None:
        """Keep that a directive was ended, and by whom."""
        ...

    def directive(self, connection: Any, tenant_id: int, program_id: int, number: int) -> Each | None:
        """Return a directive, if there is one of that number."""
        ...

    def in_force(self, connection: Any, tenant_id: int, program_id: int, moment: int) -> list[Each]:
        """Return those that are in force at a moment."""
        ...

    def known(self, connection: Any, tenant_id: int, program_id: int, key: bytes) -> tuple[bytes, Each] | None:
        """Return the digest of the request that a key was used for, and the directive that it was answered with."""
        ...

    def deeds(self, connection: Any, tenant_id: int, program_id: int, after: int) -> list[Deed]:
        """Return who put one in force or ended one after a moment."""
        ...


class DirectiveReader(Protocol[Each]):
    """Directives of a kind, for readers beside the writer."""

    async def directives(self, tenant_id: int, program_id: int, below: int, count: int, in_force_at: int) -> list[Each]:
        """Return a page, the newest first: numbers below one, 0 for the first page; in force at a moment, 0 for all."""
        ...
