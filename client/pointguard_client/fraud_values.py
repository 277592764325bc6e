"""What those who look into fraud get: frozen data with Python's own types. Anyone may use it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from pointguard_client.results import Advice, AdviceChange, Intervention
from pointguard_client.words import AccountStatus, AdviceContext, AdviceEvent, AdviceState, CaseOutcome, CaseState


@dataclass(frozen=True, slots=True)
class AdviceStep:
    """A step in the life of an advice; `intervention` is None where a fraud rule took it.

    `ends_at` is until when the advice stands, or its rule is suppressed, from this step on; `outcome` is of a case.
    """

    event: AdviceEvent
    transaction_id: str
    happened_at: datetime | None
    ends_at: datetime | None
    intervention: Intervention | None
    outcome: CaseOutcome = CaseOutcome.UNSPECIFIED


@dataclass(frozen=True, slots=True)
class AdviceHistory:
    """An advice as its latest step left it, and its steps, oldest first; of more than 100, the newest."""

    advice: Advice
    account_id: int
    state: AdviceState
    steps: tuple[AdviceStep, ...]
    agent_id: str = ""  # if it is about an agent


@dataclass(frozen=True, slots=True)
class AdviceHistories:
    """A page of advice, the one that was raised last first. The token of the next page is empty on the last one."""

    advice: tuple[AdviceHistory, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class AdviceIntervention:
    """An advice that was raised, overridden or removed by hand."""

    transaction_id: str
    account_id: int
    advice_id: str


@dataclass(frozen=True, slots=True)
class GroupChange:
    """A member who was put into a group or taken out of it."""

    transaction_id: str
    account_id: int


@dataclass(frozen=True, slots=True)
class GroupMembers:
    """Accounts whose members are in a group, in order, and the token of the page after them; empty: the last one."""

    account_ids: tuple[int, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class AccountStanding:
    """An account that was suspended or reinstated."""

    transaction_id: str
    account_id: int
    status: AccountStatus


@dataclass(frozen=True, slots=True)
class AdviceNotice:
    """What a transaction did to the advice against an account and to its status: one of the feed of advice.

    `position` is where to go on from. `intervention` is None where no staff did it. Where it is told twice, it has the
    same `transaction_id`.
    """

    position: int
    transaction_id: str
    account_id: int
    seq: int
    happened_at: datetime | None
    steps: tuple[AdviceChange, ...]
    redemption_locked: bool
    suspended: bool
    intervention: Intervention | None


@dataclass(frozen=True, slots=True)
class Case:
    """What a rule found that has somebody look into it; `outcome` is what was found, or is proposed."""

    case_id: str
    account_id: int
    state: CaseState
    outcome: CaseOutcome
    advice: Advice
    steps: tuple[AdviceStep, ...]
    agent_id: str = ""  # if it is about an agent


@dataclass(frozen=True, slots=True)
class Cases:
    """A page of cases, the one that was opened last first. The token of the next page is empty on the last one."""

    cases: tuple[Case, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class CaseResolution:
    """A resolution: RESOLVED, or PROPOSED until another author says the same."""

    transaction_id: str
    account_id: int
    state: CaseState


@dataclass(frozen=True, slots=True)
class ExemptSubject:
    """What an exemption lets pass, other than an account; `kind` is the contract's field."""

    kind: str
    code: str

    @classmethod
    def group(cls, code: str) -> Self:
        """Every account whose member is in this group."""
        return cls("group", code)

    @classmethod
    def store(cls, code: str) -> Self:
        """What happens in this store."""
        return cls("store_id", code)

    @classmethod
    def cashier(cls, code: str) -> Self:
        """What this cashier rings up."""
        return cls("cashier_id", code)

    @classmethod
    def redemption_type(cls, code: str) -> Self:
        """Redemptions of this kind."""
        return cls("redemption_type", code)


@dataclass(frozen=True, slots=True)
class Exemption:
    """What lets transactions pass fraud rules: of an account, or of `subject`.

    `context` UNSPECIFIED and an empty `rule` stand for all.
    """

    exemption_id: int
    account_id: int
    subject: ExemptSubject | None
    context: AdviceContext
    rule: str
    starts_at: datetime | None
    ends_at: datetime | None
    added: Intervention
    ended_at: datetime | None
    ended: Intervention | None


@dataclass(frozen=True, slots=True)
class Exemptions:
    """A page of exemptions, the newest first. The token of the next page is empty on the last one."""

    exemptions: tuple[Exemption, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class StopSubject:
    """Which redemptions are stopped; `kind` is the contract's field. Of a terminal, `code` is its store's."""

    kind: str
    code: str = ""
    terminal_id: str = ""

    @classmethod
    def program(cls) -> Self:
        """All of the program."""
        return cls("program")

    @classmethod
    def business_unit(cls, code: str) -> Self:
        """Those in the stores of a business unit."""
        return cls("business_unit_id", code)

    @classmethod
    def store(cls, code: str) -> Self:
        """Those in a store."""
        return cls("store_id", code)

    @classmethod
    def terminal(cls, store_id: str, terminal_id: str) -> Self:
        """Those at a terminal of a store."""
        return cls("terminal", store_id, terminal_id)


@dataclass(frozen=True, slots=True)
class RedemptionStop:
    """What declines redemptions, until a moment or, without `ends_at`, until it is released."""

    stop_id: int
    subject: StopSubject
    starts_at: datetime | None
    ends_at: datetime | None
    stopped: Intervention
    released_at: datetime | None
    released: Intervention | None


@dataclass(frozen=True, slots=True)
class RedemptionStops:
    """A page of stops of redemptions, the newest first. The token of the next page is empty on the last one."""

    stops: tuple[RedemptionStop, ...]
    next_page_token: str
