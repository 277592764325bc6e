"""What a manager asks and hears about earn rules: frozen data with Python's own types. Anyone may use it."""

from dataclasses import dataclass
from datetime import datetime

from pointguard_client.requests import NOWHERE, Basket, Identifier, Money, Origin
from pointguard_client.results import Entry, Reason
from pointguard_client.words import (
    RuleChangeReason,
    RuleLimit,
    RuleSetActivationKind,
    TransactionKind,
    TransactionPart,
)


@dataclass(frozen=True, slots=True)
class RuleChange:
    """Who changes rules, and why; a note is required for OTHER. `api_key_id` is the server's to say."""

    author: str
    reason: RuleChangeReason
    note: str = ""
    api_key_id: str = ""


@dataclass(frozen=True, slots=True)
class RuleProblem:
    """A mistake in a source text: its place (from 1, the end column after its last character), and what is wrong."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str
    message: str
    expected: str
    hint: str


@dataclass(frozen=True, slots=True)
class RuleSetReport:
    """What was found in a source text: its mistakes, or else its rules' names and what it costs at worst, in units."""

    problems: tuple[RuleProblem, ...]
    rules: tuple[str, ...]
    cost: float


@dataclass(frozen=True, slots=True)
class FormattedRuleSet:
    """A source text in its canonical layout, or what is wrong with its form."""

    source: str
    problems: tuple[RuleProblem, ...]


@dataclass(frozen=True, slots=True)
class RuleSetFile:
    """A file that a set was read from, how many entries it has, and their digest (SHA-256, a newline behind each)."""

    name: str
    entry_count: int
    digest: str = ""


@dataclass(frozen=True, slots=True)
class RuleSetVersion:
    """One version of a program's earn rules. Only `get_version` gives its `source` and `files`."""

    version: int
    source: str
    files: tuple[RuleSetFile, ...]
    digest: str
    change: RuleChange
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class RuleSetVersions:
    """A page of versions, newest first. `next_page_token` is empty on the last one."""

    versions: tuple[RuleSetVersion, ...]
    next_page_token: str
    active_version: int


@dataclass(frozen=True, slots=True)
class RuleSetCancellation:
    """That a planned activation was called off, and so never decided."""

    cancelled_at: datetime | None
    change: RuleChange


@dataclass(frozen=True, slots=True)
class RuleSetActivation:
    """From `effective_at` on `version` decides, in place of `previous_version`, unless it was called off."""

    activation: int
    version: int
    previous_version: int
    kind: RuleSetActivationKind
    effective_at: datetime | None
    activated_at: datetime | None
    change: RuleChange
    cancellation: RuleSetCancellation | None = None


@dataclass(frozen=True, slots=True)
class RuleSetActivations:
    """A page of activations, newest first. `next_page_token` is empty on the last one."""

    activations: tuple[RuleSetActivation, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class RuleSetFileDifference:
    """A set's file whose entries differ; a digest is empty where there is no such file."""

    name: str
    added_count: int
    removed_count: int
    from_digest: str
    to_digest: str


@dataclass(frozen=True, slots=True)
class RuleSetDifferences:
    """How two versions differ: a unified diff, and the names of rules that came, went or changed."""

    text_diff: str
    added_rules: tuple[str, ...]
    removed_rules: tuple[str, ...]
    changed_rules: tuple[str, ...]
    changed_files: tuple[RuleSetFileDifference, ...] = ()


@dataclass(frozen=True, slots=True)
class SimulatedOrder:
    """An order to try rules out on: `amount` is a basket or a total. Without `accepted_at` it is made now.

    With a `member`, tier, province, days, points, spend and windows are those of the account as it stands now, and none
    of these fields nor `accepted_at` may be given.
    """

    amount: Basket | Money
    origin: Origin = NOWHERE
    kind: TransactionKind = TransactionKind.UNSPECIFIED
    tender: str = ""
    coupon_used: bool = False
    tier: str = ""
    province: str = ""
    days_since_enrolment: int = 0
    posted: int = 0
    reserved: int = 0
    spend_minor_units: int = 0
    accepted_at: datetime | None = None
    groups: tuple[str, ...] = ()
    member: Identifier | None = None
    birth_date: str = ""


@dataclass(frozen=True, slots=True)
class SeenValue:
    """What a part of an expression came to, as `RuleFact.value`; `basket_line` counts from 1, and 0 is none."""

    line: int
    column: int
    end_line: int
    end_column: int
    basket_line: int
    value: str | bool | None


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """How a rule came to its outcome: None and "" for what was not looked at. `computed` is a number in decimal."""

    valid: bool | None
    held: bool | None
    computed: str
    rounded: int
    capped: int
    seen: tuple[SeenValue, ...]


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What one rule gave; 0 points if its condition did not hold. `trace` is None unless it was asked for."""

    rule: str
    part: TransactionPart
    points: int
    limit: RuleLimit
    trace: RuleTrace | None


@dataclass(frozen=True, slots=True)
class RuleFact:
    """A field that the rules name: a number in decimal, a date, a text or a condition, or None if it has no value."""

    field: str
    value: str | bool | None


@dataclass(frozen=True, slots=True)
class Simulation:
    """What an order would earn. `version` is 0 for a source text; `reasons` say why nothing, if arithmetic failed.

    It failed at `failed_line` and `failed_column`, if it was traced; a trace that is cut holds 20,000 values.
    """

    version: int
    points: int
    outcomes: tuple[RuleOutcome, ...]
    facts: tuple[RuleFact, ...]
    reasons: tuple[Reason, ...]
    failed_line: int
    failed_column: int
    trace_is_cut: bool
    entries: tuple[Entry, ...]
