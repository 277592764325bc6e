"""The feed of advice for those who follow it: streams to clients, and what is published. For ``rpc`` and ``feeds``.

A notice is a transaction that took steps in the life of advice or set an account's status. Its position is the leg's,
and whoever has all up to a position can go on from there.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from pointguard_server.service.ports import Notice, NoticeReader

LOOK_EVERY_S: Final = 0.25
PAGE: Final = 100


class AdviceFeed:
    """One tenant's feed. Belongs to the event loop. ``ledger_end`` gives the ledger's last position.

    ``newest`` is the newest notice's position as far as anybody has looked.
    """

    def __init__(self, reader: NoticeReader, tenant_id: int, ledger_end: Callable[[], Awaitable[int]]) -> None:
        self._reader, self._tenant_id = reader, tenant_id
        self.ledger_end = ledger_end
        self.newest = 0
        self._look: asyncio.Task[None] | None = None

    async def present(self) -> int:
        """Return the newest notice's position, those included of which the database does not know yet.

        Raises:
            StorageUnavailable: if the database cannot be written now.
        """
        await self._reader.catch_up()
        await self.look()
        return self.newest

    async def beyond(self, position: int) -> None:
        """Return as soon as there are notices after a position."""
        while self.newest <= position:
            # One look for all who wait; it goes on when one of them gives up.
            if self._look is None or self._look.done():
                self._look = asyncio.create_task(self._look_soon())
            await asyncio.shield(self._look)

    async def page(self, after: int) -> list[Notice]:
        """Return the next notices after a position, in order; none if there are none yet."""
        return await self._reader.notices(self._tenant_id, after, PAGE)

    async def _look_soon(self) -> None:
        await asyncio.sleep(LOOK_EVERY_S)
        await self.look()

    async def look(self) -> None:
        """Look which notice is the newest."""
        self.newest = max(self.newest, await self._reader.newest(self._tenant_id))

    async def close(self) -> None:
        """Look no more."""
        if self._look is not None:
            self._look.cancel()
            await asyncio.gather(self._look, return_exceptions=True)
