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
        """Leave it to others, until it is taken again."""
        ...


class Duty:
    """Has ``begin`` called when this server is the one, and ``end`` when it is not any more. Of the event loop.

    ``end`` must do no harm where nothing was begun, or not all of it. While ``is_able`` says no, others do it.
    """

    def __init__(
        self,
        lock: DutyLock,
        begin: Callable[[], Awaitable[None]],
        end: Callable[[], Awaitable[None]],
        is_able: Callable[[], bool] = lambda: True,
    ) -> None:
        self._lock, self._begin, self._end, self._is_able = lock, begin, end, is_able
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
        """Take the lock if this server is able to and nobody has it, and do what follows."""
        is_able = self._is_able()
        has_it = is_able and await asyncio.to_thread(self._lock.take)
        if has_it and not self.is_ours:
            try:
                await self._begin()
            except BaseException:
                # By halves is not at all: another server may do it, or this one at a later look.
                await self._end()
                await asyncio.to_thread(self._lock.close)
                raise
            self.is_ours = True
            log.info("duty_taken")
        elif self.is_ours and not has_it:
            await self._end()
            if not is_able:
                await asyncio.to_thread(self._lock.close)
            self.is_ours = False
            log.warning("duty_lost")
