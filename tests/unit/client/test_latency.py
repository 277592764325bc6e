"""Percentiles against the definition of the nearest rank, worked out the slow way."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from pointguard_client.latency import LatencyRecorder, nearest_rank, summarize

SAMPLES = st.lists(st.integers(min_value=0, max_value=10**12), min_size=1, max_size=200)
PERCENTS = st.fractions(min_value=Fraction(1, 1000), max_value=100, max_denominator=1000)


def slow_percentile(samples: list[int], percent: Fraction) -> int:
    """The smallest sample that at least `percent` of all samples do not exceed, by trying every sample."""
    return min(
        candidate
        for candidate in samples
        if Fraction(100 * sum(sample <= candidate for sample in samples), len(samples)) >= percent
    )


@given(samples=SAMPLES, percent=PERCENTS)
def test_the_nearest_rank_is_what_its_definition_says(samples: list[int], percent: Fraction) -> None:
    assert nearest_rank(sorted(samples), percent) == slow_percentile(samples, percent)


@given(samples=SAMPLES)
def test_a_summary_holds_the_percentiles_in_milliseconds(samples: list[int]) -> None:
    recorder = LatencyRecorder()
    for sample in samples:
        recorder.record(sample)
    summary = recorder.summary()
    assert summary == summarize(samples)
    assert summary.samples == len(samples)
    assert summary.latency_ms_p50 == slow_percentile(samples, Fraction(50)) / 1_000_000
    assert summary.latency_ms_p90 == slow_percentile(samples, Fraction(90)) / 1_000_000
    assert summary.latency_ms_p99 == slow_percentile(samples, Fraction(99)) / 1_000_000
    assert summary.latency_ms_p999 == slow_percentile(samples, Fraction(999, 10)) / 1_000_000
    assert summary.latency_ms_max == max(samples) / 1_000_000


def test_no_samples_give_zeros() -> None:
    assert summarize([]).latency_ms_p99 == 0.0
    assert summarize([]).samples == 0
