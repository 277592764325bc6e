"""How sure one may be: beside published tables, and on small samples worked out by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointguard_server.domain.significance import (
    Sample,
    chi_squared_test,
    interval_of_mean,
    t_quantile,
    t_two_sided,
    welch,
)


# NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2, the column of 0.975.
@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (10, 2.228), (30, 2.042), (100, 1.984), (1e7, 1.960)],
)
def test_students_t_is_that_of_the_tables(freedom: float, quantile: float) -> None:
    assert t_quantile(freedom) == pytest.approx(quantile, abs=5e-4)
    assert t_two_sided(quantile, freedom) == pytest.approx(0.05, abs=2e-4)


# The same, 1.3.6.7.4: critical values of chi-squared, upper tail.
@pytest.mark.parametrize(
    ("freedom", "statistic", "chance"),
    [(1, 3.841, 0.05), (1, 10.828, 0.001), (2, 5.991, 0.05), (3, 11.345, 0.01), (7, 14.067, 0.05), (7, 2.167, 0.95)],
)
def test_chi_squared_is_that_of_the_tables(freedom: int, statistic: float, chance: float) -> None:
    # One count is as far from its expected one as the statistic says, the others are as expected.
    expected = [1e6] * (freedom + 1)
    found = [round(1e6 + math.sqrt(statistic * 1e6)), *[1_000_000] * freedom]
    assert chi_squared_test(found, expected) == pytest.approx(chance, rel=5e-3)


def test_a_t_with_one_degree_of_freedom_is_cauchys() -> None:
    for t in (0.0, 0.5, 1.0, 7.0, 1e6):
        assert t_two_sided(t, 1) == pytest.approx(1 - 2 * math.atan(t) / math.pi, abs=1e-12)


def test_a_t_with_two_degrees_of_freedom_has_its_closed_form() -> None:
    for t in (0.1, 1.0, 4.303, 100.0):
        assert t_two_sided(t, 2) == pytest.approx(1 - t / math.sqrt(2 + t * t), rel=1e-9)


def test_welchs_interval_and_chance_are_those_worked_out_by_hand() -> None:
    # Means 5 and 3, errors 2/4 and 9/9: t = 2/√1.5, freedom = 1.5² / (0.5²/3 + 1²/8) = 10.8.
    found = welch(Sample(4, 5.0, 2.0), Sample(9, 3.0, 9.0))
    assert found.p_value == pytest.approx(t_two_sided(2 / math.sqrt(1.5), 10.8))
    reach = t_quantile(10.8) * math.sqrt(1.5)
    assert (found.low, found.high) == pytest.approx((2 - reach, 2 + reach))


@given(
    counts=st.tuples(st.integers(2, 10**7), st.integers(2, 10**7)),
    variances=st.tuples(st.floats(0, 1e12), st.floats(0, 1e12)),
    difference=st.floats(-1e6, 1e6),
)
def test_an_interval_leaves_zero_out_where_the_chance_is_below_one_in_twenty(
    counts: tuple[int, int], variances: tuple[float, float], difference: float
) -> None:
    one, other = (Sample(count, 0.0, variance) for count, variance in zip(counts, variances, strict=True))
    found = welch(Sample(one.count, difference, one.variance), other)
    assert found.low <= difference <= found.high
    if found.p_value is not None and abs(found.p_value - 0.05) > 1e-6:
        assert 0 <= found.p_value <= 1 + 1e-12
        assert (found.p_value < 0.05) == (not found.low <= 0 <= found.high)


def test_where_nothing_varies_there_is_no_chance_to_tell() -> None:
    found = welch(Sample(3, 7.0, 0.0), Sample(5, 4.0, 0.0))
    assert (found.low, found.high, found.p_value) == (3.0, 3.0, None)
    assert interval_of_mean(Sample(3, 7.0, 0.0)) == (7.0, 7.0)
