"""When a call is tried again, and after how long."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointguard_client.errors import Failure
from pointguard_client.retry import RetryPolicy

UNAVAILABLE = Failure("UNAVAILABLE")


@given(
    attempts_made=st.integers(min_value=1, max_value=9),
    fraction=st.floats(min_value=0.0, max_value=1.0),
    asked_ms=st.integers(min_value=0, max_value=5000),
)
def test_a_delay_is_what_the_server_asks_and_at_most_the_backoff_more(
    attempts_made: int, fraction: float, asked_ms: int
) -> None:
    policy = RetryPolicy(first_delay_seconds=0.1, delay_max_seconds=1.0, attempts_max=10)
    failure = Failure("RESOURCE_EXHAUSTED", retry_after=timedelta(milliseconds=asked_ms))
    delay = policy.delay_seconds(failure, attempts_made, lambda: fraction)
    assert delay is not None
    backoff_max = [0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0, 1.0, 1.0][attempts_made - 1]
    assert asked_ms / 1000 <= delay <= asked_ms / 1000 + backoff_max + 1e-9


def test_after_the_last_attempt_there_is_none() -> None:
    policy = RetryPolicy(attempts_max=3)
    assert policy.delay_seconds(UNAVAILABLE, 2) is not None
    assert policy.delay_seconds(UNAVAILABLE, 3) is None


@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "INTERNAL", "ALREADY_EXISTS"])
def test_what_will_not_pass_by_itself_is_not_tried_again(code: str) -> None:
    assert RetryPolicy().delay_seconds(Failure(code), 1) is None


@pytest.mark.parametrize("code", ["UNAVAILABLE", "CANCELLED"])
def test_what_a_server_that_ends_says_is_tried_again(code: str) -> None:
    assert RetryPolicy().delay_seconds(Failure(code), 1) is not None
