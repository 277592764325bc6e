"""The steps of a call must add up to what the client sees."""

import pytest

from tests.bench.waterfall import CALLS, STAGES, steps_of

BEFORE = {(CALLS, "Accrue"): (1.0, 100.0), (STAGES, "decide"): (5.0, 10.0)}
AFTER = {
    (CALLS, "Accrue"): (1.4, 200.0),
    (CALLS, "AuthoriseRedemption"): (0.6, 100.0),
    (CALLS, "ProcessBatch"): (900.0, 1.0),
    (STAGES, "queue"): (0.01, 10.0),
    (STAGES, "decide"): (5.005, 20.0),
    (STAGES, "append"): (0.0, 0.0),
    (STAGES, "commit"): (0.01, 10.0),
}


def test_the_steps_are_means_since_the_load_began_and_add_up_to_the_clients_latency() -> None:
    steps = steps_of(BEFORE, AFTER, latency_ms=8.0)
    assert list(steps.values()) == pytest.approx([3.0, 1.0, 0.5, 0.0, 1.0, 2.5])
    assert sum(steps.values()) == pytest.approx(8.0)
