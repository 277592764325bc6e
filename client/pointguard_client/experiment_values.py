"""What a manager asks and hears about experiments: frozen data with Python's own types. Anyone may use it."""

from dataclasses import dataclass
from datetime import datetime

from pointguard_client.rule_values import RuleChange
from pointguard_client.words import ExperimentEnd, ExperimentMetric, ExperimentState


@dataclass(frozen=True, slots=True)
class ExperimentArm:
    """One arm: the version that decides for its accounts, and its share of them as a part of all weights.

    `arm` is its place among the arms, from 1; the server says it.
    """

    label: str
    version: int
    weight: int = 1
    arm: int = 0


@dataclass(frozen=True, slots=True)
class ExperimentStep:
    """When a step in an experiment's life took effect, who did it and why."""

    at: datetime | None
    change: RuleChange


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment as it stands. `version_before` decided when it started; 0 before."""

    experiment_id: int
    name: str
    arms: tuple[ExperimentArm, ...]
    primary_metric: ExperimentMetric
    state: ExperimentState
    created: ExperimentStep
    started: ExperimentStep | None = None
    ended: ExperimentStep | None = None
    ended_by: ExperimentEnd = ExperimentEnd.UNSPECIFIED
    promoted_arm: int = 0
    version_before: int = 0


@dataclass(frozen=True, slots=True)
class ExperimentPage:
    """A page of experiments, newest first, and what asks for the next page; empty on the last one."""

    experiments: tuple[Experiment, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One metric in one arm; None stands for what too few members say nothing of.

    `low` and `high` bound the 95 % confidence interval of the `mean` of a member. `difference`, with its own
    interval and the p-value of Welch's test, is beside the first arm.
    """

    metric: ExperimentMetric
    total: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    p_value: float | None = None


@dataclass(frozen=True, slots=True)
class ArmResult:
    """What the ledger says of one arm; the primary metric stands first. Shares are from 0 to 1."""

    arm: int
    members: int
    transactions: int
    metrics: tuple[MetricResult, ...]
    weight_share: float
    member_share: float


@dataclass(frozen=True, slots=True)
class ExperimentResults:
    """An experiment and its results up to `read_at`; no arms before its start.

    `sample_ratio_p_value` is the chance of shares as far from the weights as these; None with too few members. Below
    0.001 it is a `mismatch`: the arms cannot be compared.
    """

    experiment: Experiment
    arms: tuple[ArmResult, ...]
    sample_ratio_p_value: float | None
    mismatch: bool
    read_at: datetime | None
