"""Why a past decision fell as it did: frozen data with Python's own types. Anyone may use it."""

from dataclasses import dataclass
from datetime import datetime

from pointguard_client.requests import Basket, Money
from pointguard_client.results import Advice, Balance, Entry, Reason, Transaction
from pointguard_client.rule_values import RuleFact, RuleOutcome
from pointguard_client.words import AdviceContext, AdvicePosture, FraudScope, ReasonCode


@dataclass(frozen=True, slots=True)
class DecisionDifference:
    """Where what is recorded and what comes out now are not the same; `part` says of what."""

    part: str
    recorded: str
    reproduced: str


@dataclass(frozen=True, slots=True)
class DecidedBy:
    """The texts that decided, their versions and their SHA-256 digests in hexadecimal."""

    program_epoch: int
    configuration_version: int
    configuration_digest: str
    configuration: str
    rule_set_version: int
    rule_set_digest: str
    rule_set_source: str


@dataclass(frozen=True, slots=True)
class OpenReservation:
    """A reservation that was open."""

    transaction_id: str
    points: int
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class AccountBefore:
    """An account just before a transaction; `enrolled_at` is None for its first one."""

    balance: Balance
    earned_total: int
    redeemed_total: int
    spend_total: Money
    tier: str
    province: str
    enrolled_at: datetime | None
    redemption_locked: bool
    suspended: bool
    transaction_count: int
    standing_advice: tuple[Advice, ...]
    open_reservations: tuple[OpenReservation, ...]
    overridden_advice: tuple[Advice, ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionInput:
    """Something that a decision saw beside the account; `gone`, if the person was erased and it cannot be read."""

    name: str
    value: str
    gone: bool


@dataclass(frozen=True, slots=True)
class CountedTransaction:
    """A transaction that a window held, and what it counted for: 1, points, or money in minor units."""

    transaction_id: str
    accepted_at: datetime | None
    amount: int


@dataclass(frozen=True, slots=True)
class ExplainedWindow:
    """What a window held just before the transaction; of more than 100 transactions it shows the newest."""

    starts_after: datetime | None
    ends_at: datetime | None
    value: int
    transaction_count: int
    transactions: tuple[CountedTransaction, ...]


@dataclass(frozen=True, slots=True)
class ExplainedCheck:
    """A fraud rule or control, and what it did; `seen` has the transaction counted, and is None if it does not count.

    `window` is None for the control that compares provinces, and where the transaction names no one of its scope.
    `scope` says whose transactions the window counts, and `entity` whose of that scope. `verified`: it asked for a
    factor, and the till had it. `unavailable`: nobody knew then what its window held.
    """

    rule: str
    context: AdviceContext
    posture: AdvicePosture
    reason: ReasonCode
    window: ExplainedWindow | None
    seen: int | None
    threshold: int
    tripped: bool
    forbade: bool
    stood: bool
    raised: bool
    suppressed: bool = False
    scope: FraudScope = FraudScope.UNSPECIFIED
    entity: str = ""
    verified: bool = False
    exemption_id: int = 0
    unavailable: bool = False


@dataclass(frozen=True, slots=True)
class ExplainedRuleWindow:
    """A window that the earn rules looked at, as they write it."""

    window: str
    held: ExplainedWindow


@dataclass(frozen=True, slots=True)
class ExplainedEarning:
    """What the earn rules came to; `failed_line` and `failed_column` are 0 unless the arithmetic failed."""

    points: int
    outcomes: tuple[RuleOutcome, ...]
    facts: tuple[RuleFact, ...]
    windows: tuple[ExplainedRuleWindow, ...]
    failed_line: int
    failed_column: int
    trace_is_cut: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """A past decision made again from the ledger alone. `reproduced`: in every part it is the recorded one.

    `transaction` is None if its record cannot be read, `earning` unless it is an accrual. `reasons` and `entries` are
    those that came out now.
    """

    transaction: Transaction | None
    reproduced: bool
    differences: tuple[DecisionDifference, ...]
    decided_by: DecidedBy
    account_before: AccountBefore
    inputs: tuple[DecisionInput, ...]
    basket: Basket | None
    checks: tuple[ExplainedCheck, ...]
    earning: ExplainedEarning | None
    reasons: tuple[Reason, ...]
    entries: tuple[Entry, ...]
