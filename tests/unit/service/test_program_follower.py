"""Following what other servers change, where the ledger fails."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

from pointguard_server.domain.errors import StorageUnavailable
from pointguard_server.engine.engine import Engine
from pointguard_server.service.program_follower import ProgramFollower

CHANGE = 7


class Decider:
    """Remembers which change it has taken up, as the real one does."""

    taken_up: int | None = None

    def take_up(self, change: int) -> None:
        self.taken_up = change


async def test_a_server_whose_first_look_fails_is_true_to_no_change_until_it_followed_and_steps_while_idle() -> None:
    decider, failures, followed = Decider(), [StorageUnavailable()], asyncio.Event()
    steps = 0

    def run_job(job: Callable[[Any], Any]) -> Any:
        nonlocal steps
        steps += 1
        if failures:
            raise failures.pop()
        return job(None)

    async def follow() -> None:
        followed.set()

    engine = Engine(cast("Any", decider), run_job)
    engine.start()
    others = SimpleNamespace(latest_change=SimpleNamespace(number=CHANGE))
    follower = ProgramFollower(
        engine, cast("Any", decider), cast("Any", others), cast("Any", SimpleNamespace(follow=follow)), (),
        lambda: None,
    )  # fmt: skip
    await follower.start()
    # No batch finds what decides to be of this change, or of an earlier one: None would have it find nothing amiss.
    assert decider.taken_up not in (None, *range(CHANGE + 1))
    assert follower.problem != ""
    async with asyncio.timeout(30):
        await followed.wait()
    await follower._try()
    assert (decider.taken_up, follower.problem) == (CHANGE, "")
    await follower.stop()
    # A step has memory told of what the others have written: so it is never far behind.
    before = steps
    await follower._try()
    assert steps == before + 1
    await engine.stop()
