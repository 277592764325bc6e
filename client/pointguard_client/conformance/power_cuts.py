"""Has all scenarios in which the target is killed wait for each other, so that it is killed once for all of them."""

import asyncio
from collections.abc import Awaitable, Callable


class PowerCuts:
    """A place where ``parties`` scenarios meet. The last one to come has the target killed and started again.

    Args:
        parties: How many scenarios there are.
        restart: Kills the target at once and starts it again; returns when it takes calls.
    """

    def __init__(self, parties: int, restart: Callable[[], Awaitable[None]]) -> None:
        self._parties = parties
        self._restart = restart
        self._waiting: list[asyncio.Future[None]] = []

    async def cut(self) -> None:
        """Return when the target was killed and takes calls again."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        if len(self._waiting) == self._parties:
            await self._cut_now()
        await done

    async def leave(self) -> None:
        """Say that a scenario does not come (any more)."""
        self._parties -= 1
        if self._waiting and len(self._waiting) == self._parties:
            await self._cut_now()

    async def _cut_now(self) -> None:
        waiting, self._waiting = self._waiting, []
        restarting = asyncio.ensure_future(self._restart())
        await asyncio.wait({restarting})
        error = restarting.exception()
        for each in waiting:
            if error is None:
                each.set_result(None)
            else:
                each.set_exception(error)
