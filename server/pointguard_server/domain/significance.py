"""How sure one may be of what was counted: Student's t, Welch's test of two means, Pearson's chi-squared test.

No library of ours has them. The distributions are the incomplete beta and gamma functions, by the series and continued
fractions of Abramowitz and Stegun, Handbook of Mathematical Functions, 6.5.29, 6.5.31 and 26.5.8, in the form that
Press et al., Numerical Recipes, 6.2 and 6.4, evaluate by Lentz's method. Tests hold them to published tables.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

CONFIDENCE: Final = 0.95
_PRECISE: Final = 1e-15
_TINY: Final = 1e-300
_STEPS_MAX: Final = 100_000
# The widest that 95 % can be, with one degree of freedom, is 12.7.
_WIDEST: Final = 13.0
_HALVINGS: Final = 60


@dataclass(frozen=True, slots=True)
class Sample:
    """What is known of some values: how many, their mean, and the unbiased estimate of their variance."""

    count: int
    mean: float
    variance: float


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference of means with its 95 % confidence interval; ``p_value`` is None where nothing varies."""

    low: float
    high: float
    p_value: float | None


def interval_of_mean(sample: Sample) -> tuple[float, float]:
    """Return the 95 % confidence interval of a mean of two values or more."""
    reach = t_quantile(sample.count - 1) * math.sqrt(sample.variance / sample.count)
    return sample.mean - reach, sample.mean + reach


def welch(one: Sample, other: Sample) -> Difference:
    """Compare two means of two values or more each, of which neither the counts nor the variances need be equal.

    B. L. Welch, "The generalization of Student's problem when several different population variances are involved",
    Biometrika 34 (1947); degrees of freedom by Satterthwaite's formula.
    """
    difference = one.mean - other.mean
    parts = [sample.variance / sample.count for sample in (one, other)]
    squared = sum(parts)
    if squared == 0:
        return Difference(difference, difference, None)
    error = math.sqrt(squared)
    # By shares, since a square could come to less than the least number.
    shares = [part / squared for part in parts]
    freedom = 1 / sum(share * share / (sample.count - 1) for share, sample in zip(shares, (one, other), strict=True))
    reach = t_quantile(freedom) * error
    return Difference(difference - reach, difference + reach, t_two_sided(difference / error, freedom))


def t_two_sided(t: float, freedom: float) -> float:
    """Return the chance of a Student's t that is as far from 0 as this one, or further."""
    return _beta(freedom / (freedom + t * t), freedom / 2, 0.5)


def t_quantile(freedom: float) -> float:
    """Return what 95 % of Student's t, with at least one degree of freedom, lie between, on either side of 0."""
    low, high = 0.0, _WIDEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if t_two_sided(middle, freedom) > 1 - CONFIDENCE:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def chi_squared_test(found: Sequence[int], expected: Sequence[float]) -> float:
    """Return the chance of counts as far from the expected ones as these, or further; no expected one is 0."""
    statistic = sum((count - mean) ** 2 / mean for count, mean in zip(found, expected, strict=True))
    return _gamma_above(statistic / 2, (len(found) - 1) / 2)


def _beta(x: float, a: float, b: float) -> float:
    """Return the regularized incomplete beta function I_x(a, b)."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    # The fraction converges fast on one side of the mean only.
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(x, a, b) / a
    return 1 - front * _beta_fraction(1 - x, b, a) / b


def _beta_fraction(x: float, a: float, b: float) -> float:
    def numerator(step: int) -> float:
        half, is_odd = divmod(step, 2)
        if is_odd:
            return -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        return half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))

    return 1 / _fraction(1.0, numerator, lambda _step: 1.0)


def _gamma_above(x: float, a: float) -> float:
    """Return the regularized upper incomplete gamma function Q(a, x)."""
    if x <= 0:
        return 1.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        for step in range(1, _STEPS_MAX):
            term *= x / (a + step)
            total += term
            if term < total * _PRECISE:
                break
        return 1 - front * total
    return front / _fraction(x + 1 - a, lambda step: -step * (step - a), lambda step: x + 2 * step + 1 - a)


def _fraction(first: float, numerator: Callable[[int], float], denominator: Callable[[int], float]) -> float:
    """Return a continued fraction by Lentz's method: ``first + numerator(1) / (denominator(1) + …)``."""
    value = first or _TINY
    up, down = value, 0.0
    for step in range(1, _STEPS_MAX):
        down = denominator(step) + numerator(step) * down
        down = 1 / (down or _TINY)
        up = (denominator(step) + numerator(step) / up) or _TINY
        factor = up * down
        value *= factor
        if abs(factor - 1) < _PRECISE:
            break
    return value
