"""What an experiment came to, by arm, from what the ledger says of each account in it. For ``experiments``.

The account is the unit: it is what was divided, so its transactions are not independent of each other and only sums of
whole accounts are compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from pointguard_server.domain.codes import ExperimentMetric
from pointguard_server.domain.significance import Difference, Sample, chi_squared_test, interval_of_mean, welch
from pointguard_server.service.experiment import Arm, Design, MemberFigures

MISMATCH_BELOW: Final = 0.001
EXPECTED_MIN: Final = 5
"""Fewer expected members than this in an arm, and the chi-squared distribution says nothing of them."""
Values = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One metric in one arm. What too few members say nothing of is None; ``difference`` is beside the first arm."""

    metric: ExperimentMetric
    total: int
    mean: float | None
    interval: tuple[float, float] | None
    difference: float | None = None
    against_first: Difference | None = None


@dataclass(frozen=True, slots=True)
class ArmResult:
    """One arm; the primary metric stands first. Shares are from 0 to 1."""

    arm: int
    members: int
    transactions: int
    metrics: tuple[MetricResult, ...]
    weight_share: float
    member_share: float


@dataclass(frozen=True, slots=True)
class ExperimentResults:
    """All arms, in order. ``ratio_p_value``: of the arms' members beside the weights; None if there are too few."""

    arms: tuple[ArmResult, ...]
    ratio_p_value: float | None
    read_at: int

    @property
    def is_mismatch(self) -> bool:
        """Whether the members are not divided as the weights say, so that the arms cannot be compared."""
        return self.ratio_p_value is not None and self.ratio_p_value < MISMATCH_BELOW


def results_of(design: Design, figures: Sequence[MemberFigures], read_at: int) -> ExperimentResults:
    """Return the results of an experiment."""
    rows = np.array(
        [(row.arm, row.transactions, row.points, row.spend, row.accruals) for row in figures], np.int64
    ).reshape(len(figures), 5)
    columns = {ExperimentMetric.POINTS: 2, ExperimentMetric.SPEND: 3, ExperimentMetric.TRANSACTIONS: 4}
    metrics = sorted(columns, key=lambda metric: (metric is not design.metric, metric))
    by_arm = {arm.arm: rows[rows[:, 0] == arm.arm] for arm in design.arms}
    first = by_arm[design.arms[0].arm]
    weights = sum(arm.weight for arm in design.arms)

    def result(arm: Arm) -> ArmResult:
        own = by_arm[arm.arm]
        return ArmResult(
            arm.arm,
            members=len(own),
            transactions=int(own[:, 1].sum()),
            metrics=tuple(
                _metric(metric, own[:, columns[metric]], None if own is first else first[:, columns[metric]])
                for metric in metrics
            ),
            weight_share=arm.weight / weights,
            member_share=len(own) / len(rows) if len(rows) else 0.0,
        )

    found = [len(by_arm[arm.arm]) for arm in design.arms]
    expected = [len(rows) * arm.weight / weights for arm in design.arms]
    ratio = chi_squared_test(found, expected) if min(expected) >= EXPECTED_MIN else None
    return ExperimentResults(tuple(result(arm) for arm in design.arms), ratio, read_at)


def _metric(metric: ExperimentMetric, values: Values, first: Values | None) -> MetricResult:
    own = _sample(values)
    other = _sample(first) if first is not None else None
    return MetricResult(
        metric,
        total=int(values.sum()),
        mean=own.mean if own.count else None,
        interval=interval_of_mean(own) if own.count > 1 else None,
        difference=own.mean - other.mean if other is not None and own.count and other.count else None,
        against_first=welch(own, other) if other is not None and own.count > 1 and other.count > 1 else None,
    )


def _sample(values: Values) -> Sample:
    count = len(values)
    mean = int(values.sum()) / count if count else 0.0
    return Sample(count, mean, float(np.var(values, ddof=1)) if count > 1 else 0.0)
