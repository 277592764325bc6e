"""What those who look into fraud get: frozen data with Python's own types. Anyone may use it."""

from dataclasses import dataclass
from datetime import datetime

from pointguard_client.results import Advice, AdviceChange, Intervention
from pointguard_client.words import AccountStatus, AdviceEvent, AdviceState, CaseOutcome, CaseState


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
