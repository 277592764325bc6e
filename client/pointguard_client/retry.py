"""When and how long to wait before a call is tried again. The client uses it; callers may tune it.

Only three failures are tried again, and always with the same message, so with the same idempotency key: UNAVAILABLE,
CANCELLED, and RESOURCE_EXHAUSTED where the server says when to come back. Everything happens inside the one deadline of
the call.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pointguard_client.errors import Failure


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter.

    Before attempt n + 1 a random time up to min(`delay_max_seconds`, `first_delay_seconds` × 2ⁿ⁻¹) passes.
    `attempts_max` of 1 switches retries off.
    """

    first_delay_seconds: float = 0.05
    delay_max_seconds: float = 1.0
    attempts_max: int = 10

    def delay_seconds(
        self, failure: Failure, attempts_made: int, random_fraction: Callable[[], float] = random.random
    ) -> float | None:
        """Return how long to wait before the next attempt, or None if there shall be none.

        What the server asks for is waited in full; the jitter comes on top, so that callers do not all return at once.
        """
        if attempts_made >= self.attempts_max or not is_transient(failure):
            return None
        backoff = min(self.delay_max_seconds, self.first_delay_seconds * 2.0 ** (attempts_made - 1))
        asked = failure.retry_after.total_seconds() if failure.retry_after else 0.0
        return asked + backoff * random_fraction()


USUAL_RETRIES: Final = RetryPolicy()


def is_transient(failure: Failure) -> bool:
    """Tell whether the same call may succeed later."""
    # A server that ends cancels the calls that reached its port and that it has not taken up. What the caller itself
    # cancels never comes here: it ends the task.
    return failure.code in ("UNAVAILABLE", "CANCELLED") or (
        failure.code == "RESOURCE_EXHAUSTED" and failure.retry_after is not None
    )
