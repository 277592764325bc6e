"""Calls that a stream of messages answers, at the engine's end: no faster than the client takes them.

The front tells of each message that has left for the client; at most ``UNTAKEN_MAX`` are on their way to it. A client
that does not read so holds up its own stream, and nothing else.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from pointguard_server.domain.errors import Draining
from pointguard_server.rpc.guard import Feed, Refusal, refuse
from pointguard_server.rpc.link import Frame

UNTAKEN_MAX: Final = 16


class Feeds:
    """All that are under way. ``send`` gets a message or a refusal, ``done`` the call that has all its messages."""

    def __init__(self, send: Callable[[int, bytes | Refusal], None], done: Callable[[int], None]) -> None:
        self._send, self._done = send, done
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._rooms: dict[int, asyncio.Semaphore] = {}
        self._stopping = False

    def take(self, feed: Feed, frame: Frame) -> None:
        """Begin to answer a call."""
        self._rooms[frame.call] = asyncio.Semaphore(UNTAKEN_MAX)
        task = self._tasks[frame.call] = asyncio.get_running_loop().create_task(self._answer(feed, frame))
        # Here, since one that is cancelled at once does not even begin.
        task.add_done_callback(lambda _task: self._forget(frame.call))

    def taken(self, call: int) -> None:
        """Note that a message has left for the client."""
        if (room := self._rooms.get(call)) is not None:
            room.release()

    def cancel(self, call: int) -> None:
        """Answer no more: the client has given up."""
        if (task := self._tasks.get(call)) is not None:
            task.cancel()

    async def stop(self) -> None:
        """End all that is under way, and tell the clients so."""
        self._stopping = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, call: int) -> None:
        del self._tasks[call], self._rooms[call]

    async def _answer(self, feed: Feed, frame: Frame) -> None:
        room = self._rooms[frame.call]

        async def send(data: bytes) -> None:
            await room.acquire()
            self._send(frame.call, data)

        try:
            refusal = await feed.handle(frame.text, frame.seconds, frame.data, send)
        except asyncio.CancelledError:
            if not self._stopping:
                raise
            refusal = refuse(feed.name, Draining())
        if refusal is not None:
            self._send(frame.call, refusal)
        else:
            self._done(frame.call)
