"""The histogram against all its samples: percentiles by their definition, worked out the slow way."""

from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pointguard_client.latency import LATENCY_NS_MAX, LatencyHistogram

# Evenly over the orders of magnitude, and the edges of buckets.
LATENCIES = st.integers(0, 43).flatmap(lambda bits: st.integers(0, 2**bits)) | st.integers(0, 43).flatmap(
    lambda bits: st.sampled_from([2**bits - 1, 2**bits, 2**bits + 1])
)
SAMPLES = st.lists(LATENCIES, min_size=1, max_size=200)
PERCENTS = st.fractions(min_value=Fraction(1, 1000), max_value=100, max_denominator=1000)
ERROR_MAX = Fraction(1, 128)


def slow_percentile(samples: list[int], percent: Fraction) -> int:
    """The smallest sample that at least `percent` of all samples do not exceed, by trying every sample."""
    return min(
        candidate
        for candidate in samples
        if Fraction(100 * sum(sample <= candidate for sample in samples), len(samples)) >= percent
    )


def histogram_of(samples: list[int]) -> LatencyHistogram:
    histogram = LatencyHistogram()
    for sample in samples:
        histogram.record(sample)
    return histogram


@given(samples=SAMPLES, percent=PERCENTS)
def test_a_percentile_is_never_below_the_true_one_and_at_most_a_hundredth_above(
    samples: list[int], percent: Fraction
) -> None:
    true = slow_percentile(samples, percent)
    (found,) = histogram_of(samples).percentiles_ns([percent])
    assert true <= found <= true * (1 + ERROR_MAX)


@given(samples=SAMPLES, percents=st.lists(PERCENTS, max_size=5).map(sorted))
def test_several_percentiles_are_found_as_one_by_one(samples: list[int], percents: list[Fraction]) -> None:
    histogram = histogram_of(samples)
    assert histogram.percentiles_ns(percents) == [histogram.percentiles_ns([percent])[0] for percent in percents]


@given(samples=SAMPLES, other=SAMPLES)
def test_histograms_add_up_to_that_of_all_samples(samples: list[int], other: list[int]) -> None:
    whole = histogram_of(samples)
    whole.add(histogram_of(other))
    assert whole == histogram_of(samples + other)


@given(samples=SAMPLES)
def test_buckets_are_narrow_do_not_overlap_and_hold_every_sample_once(samples: list[int]) -> None:
    buckets = list(histogram_of(samples).buckets())
    for bucket in buckets:
        assert bucket.highest_ns - bucket.lowest_ns <= bucket.lowest_ns * ERROR_MAX
        assert bucket.count == sum(bucket.lowest_ns <= sample <= bucket.highest_ns for sample in samples)
    assert sum(bucket.count for bucket in buckets) == len(samples)
    assert all(low.highest_ns < high.lowest_ns for low, high in pairwise(buckets))


@given(samples=SAMPLES)
def test_a_summary_holds_the_percentiles_in_milliseconds(samples: list[int]) -> None:
    histogram = histogram_of(samples)
    summary = histogram.summary()
    assert summary.samples == len(samples)
    p50, p9999 = histogram.percentiles_ns([Fraction(50), Fraction(9999, 100)])
    assert (summary.latency_ms_p50, summary.latency_ms_p9999) == (p50 / 1_000_000, p9999 / 1_000_000)
    assert summary.latency_ms_mean == sum(samples) / len(samples) / 1_000_000
    assert summary.latency_ms_max == max(samples) / 1_000_000


def test_what_is_out_of_range_is_counted_at_its_edge() -> None:
    histogram = histogram_of([-5, 2**60])
    assert [bucket.highest_ns for bucket in histogram.buckets()] == [0, LATENCY_NS_MAX]


def test_no_samples_give_zeros() -> None:
    assert LatencyHistogram().summary().latency_ms_p99 == 0.0
    assert LatencyHistogram().summary().samples == 0
