"""Results from what each account did: sums, means, differences, and what too few members say nothing of."""

import math

import pytest

from pointguard_server.domain.codes import ExperimentMetric
from pointguard_server.domain.significance import t_quantile
from pointguard_server.service.experiment import Arm, Design, MemberFigures
from pointguard_server.service.experiment_results import results_of

DESIGN = Design("trial", ExperimentMetric.SPEND, (Arm(1, "a", 1, 3), Arm(2, "b", 2, 1)))


def member(arm: int, points: int, spend: int, accruals: int = 1, transactions: int = 2) -> MemberFigures:
    return MemberFigures(arm, transactions, accruals, points, spend)


def test_sums_means_and_differences_are_those_of_members() -> None:
    figures = [member(1, 10, 100), member(1, 30, 300, accruals=3), member(2, 50, 500), member(2, 10, 700)]
    first, second = results_of(DESIGN, figures, 9).arms
    assert (first.members, first.transactions, first.weight_share, first.member_share) == (2, 4, 0.75, 0.5)
    spend, points, transactions = second.metrics
    assert [metric.metric for metric in second.metrics] == [
        ExperimentMetric.SPEND, ExperimentMetric.POINTS, ExperimentMetric.TRANSACTIONS,
    ]  # fmt: skip
    assert (spend.total, spend.mean, spend.difference) == (1_200, 600, 400)
    assert (points.total, points.mean, points.difference) == (60, 30, 10)
    assert (transactions.total, transactions.difference) == (2, -1)
    # 500 and 700: variance 20,000 of two values; one degree of freedom.
    reach = t_quantile(1) * math.sqrt(20_000 / 2)
    assert spend.interval == pytest.approx((600 - reach, 600 + reach))
    assert spend.against_first is not None
    assert (first.metrics[0].difference, first.metrics[0].against_first) == (None, None)


def test_an_empty_arm_and_an_arm_of_one_are_said_and_no_nan() -> None:
    first, second = results_of(DESIGN, [member(1, 10, 100)], 9).arms
    assert (first.metrics[0].mean, first.metrics[0].interval) == (100, None)
    assert (second.members, second.member_share, second.metrics[0].total) == (0, 0, 0)
    assert (second.metrics[0].mean, second.metrics[0].interval, second.metrics[0].difference) == (None, None, None)
    first, second = results_of(DESIGN, [], 9).arms
    assert (first.members, first.metrics[0].mean, first.member_share) == (0, None, 0)
    one_each = results_of(DESIGN, [member(1, 10, 100), member(2, 1, 1)], 9).arms[1].metrics[0]
    assert (one_each.difference, one_each.against_first) == (-99, None)


@pytest.mark.parametrize(
    ("counts", "is_told", "is_mismatch"),
    [((15, 4), False, False), ((15, 5), True, False), ((760, 240), True, False), ((850, 150), True, True)],
)
def test_members_are_compared_with_the_weights(counts: tuple[int, int], is_told: bool, is_mismatch: bool) -> None:
    figures = [member(arm, 1, 1) for arm, count in enumerate(counts, 1) for _ in range(count)]
    results = results_of(DESIGN, figures, 9)
    assert (results.ratio_p_value is not None, results.is_mismatch) == (is_told, is_mismatch)


def test_sums_of_sixty_bits_are_exact() -> None:
    figures = [member(1, 1 << 60, (1 << 53) + 1), member(1, 1, 1)]
    first, _ = results_of(DESIGN, figures, 9).arms
    assert [metric.total for metric in first.metrics] == [(1 << 53) + 2, (1 << 60) + 1, 2]
