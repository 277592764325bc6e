"""What one server does for all that share a ledger: sweeping, publishing. For ``bootstrap``.

Nothing goes wrong where two of them do it for a moment: settling twice writes nothing, and what is published is
published at least once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import structlog

LOOK_EVERY_S: Final = 2.0

log = structlog.get_logger(__name__)


class DutyLock(Protocol):
    """A lock that one server has, until it closes it or is gone."""

    def take(self) -> bool:
        """Return whether this server has it, which takes it if nobody has. For any one thread at a time."""
        ...

    def close(self) -> None:
        """Leave it to others."""
        ...


class Duty:
    """Has ``begin`` called when this server is the one, and ``end`` when it is not any more. Of the event loop."""

    def __init__(
        self, lock: DutyLock, begin: Callable[[], Awaitable[None]], end: Callable[[], Awaitable[None]]
    ) -> None:
        self._lock, self._begin, self._end = lock, begin, end
        self._task: asyncio.Task[None] | None = None
        self.is_ours = False

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End what was begun, and leave it to others."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self.is_ours:
            self.is_ours = False
            await self._end()
        await asyncio.to_thread(self._lock.close)

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:
                # Whoever looks must outlive a defect.
                log.exception("duty_fault")
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Take the lock if nobody has it, and do what follows."""
        has_it = await asyncio.to_thread(self._lock.take)
        if has_it == self.is_ours:
            return
        if has_it:
            await self._begin()
            log.info("duty_taken")
        else:
            await self._end()
            log.warning("duty_lost")
        self.is_ours = has_it
