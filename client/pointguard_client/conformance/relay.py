"""A relay between the kit and the target that has the wire fail. For ``wire``.

It passes HTTP/2 frames on, one connection for one call, and knows of them as much as it needs: that a request begins
with HEADERS and ends with END_STREAM, and so does its answer. So it can tell a request that never arrived from one that
was answered and whose answer never arrived. It speaks plaintext to the kit, on the loopback, and TLS to a target that
wants it.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Final, Self

_PREFACE: Final = 24
_GOODBYE_SECONDS: Final = 0.5
_FRAME_HEADER: Final = 9
_DATA, _HEADERS, _END_STREAM = 0, 1, 1


class Fault(StrEnum):
    """What the wire does to a call."""

    REQUEST_LOST = "request lost"
    """The connection breaks before the target has the request."""
    CONNECTION_LOST = "connection lost"
    """It breaks as soon as the target has all of the request: whether it was done, nobody knows."""
    ANSWER_LOST = "answer lost"
    """It breaks when the target has answered, and the answer is gone."""
    ANSWER_LATE = "answer late"
    """The target has answered, and the answer comes after the caller's deadline."""
    HELD_BACK = "held back"
    """The request is on its way until it is let go."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where the target is. ``tls`` is None where it is spoken to in plaintext."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection."""
        if self.tls is None:
            return await asyncio.open_connection(self.host, self.port)
        return await asyncio.open_connection(
            self.host, self.port, ssl=self.tls, server_hostname=self.host, ssl_shutdown_timeout=_GOODBYE_SECONDS
        )


class Relay:
    """One call's way to the target."""

    def __init__(self, upstream: Upstream, fault: Fault) -> None:
        self._upstream = upstream
        self._fault = fault
        self._server: asyncio.Server | None = None
        self._serving: list[asyncio.Task[None]] = []  # one, when the call has come
        self._let_go = asyncio.Event()
        self._answered = asyncio.Event()
        self._closing = False

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closing = True
        if self._server is not None:
            self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    @property
    def address(self) -> str:
        """Host and port that stand for the target's."""
        if self._server is None:
            raise RuntimeError("the relay is not open")
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def is_answered_within(self, seconds: float) -> bool:
        """Return whether the target's answer is seen in time."""
        try:
            await asyncio.wait_for(self._answered.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def let_go(self) -> None:
        """Let the request that is held back go on."""
        self._let_go.set()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A broken connection stays broken: the caller tries again when the scenario says so, and otherwise not.
        if self._serving or self._closing:
            writer.transport.abort()
        else:
            self._serving.append(asyncio.create_task(self._serve_until_broken(reader, writer)))

    async def _serve_until_broken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # either side went away
        finally:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target_reader, target_writer = await self._upstream.connect()
        ways = [
            asyncio.create_task(self._to_target(reader, target_writer)),
            asyncio.create_task(self._to_caller(target_reader, writer)),
        ]
        try:
            # What either way ends with ends the connection.
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in done:
                way.result()
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            # What was written goes out before the connection ends.
            target_writer.close()
            with contextlib.suppress(OSError, ssl.SSLError):
                await target_writer.wait_closed()

    async def _to_target(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(_PREFACE))
        async for frame in _frames(reader):
            if frame.kind == _HEADERS and self._fault is Fault.REQUEST_LOST:
                return
            if frame.kind == _HEADERS and self._fault is Fault.HELD_BACK:
                await self._let_go.wait()
            writer.write(frame.content)
            await writer.drain()
            if frame.ends and self._fault is Fault.CONNECTION_LOST:
                return

    async def _to_caller(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        keeps = self._fault in (Fault.ANSWER_LOST, Fault.ANSWER_LATE)
        async for frame in _frames(reader):
            if not (keeps and frame.kind in (_DATA, _HEADERS)):
                writer.write(frame.content)
                await writer.drain()
            elif frame.ends:
                self._answered.set()
                if self._fault is Fault.ANSWER_LATE:
                    await asyncio.Event().wait()  # until the caller has gone
                return


@dataclass(frozen=True, slots=True)
class _Frame:
    """One frame as it goes over the wire. ``ends``: nothing follows it in its direction of the call."""

    kind: int
    ends: bool
    content: bytes


async def _frames(reader: asyncio.StreamReader) -> AsyncIterator[_Frame]:
    """Yield frames until the connection ends, which raises ``asyncio.IncompleteReadError``."""
    while True:
        header = await reader.readexactly(_FRAME_HEADER)
        payload = await reader.readexactly(int.from_bytes(header[:3]))
        kind = header[3]
        yield _Frame(kind, kind in (_DATA, _HEADERS) and bool(header[4] & _END_STREAM), header + payload)
