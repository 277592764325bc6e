"""The frames between the front, which speaks gRPC, and the engine's process. Used by ``front.py`` and ``server.py``.

Both ends of a socket pair are a ``Link``. A frame is a header, a text and bytes; frames that are sent in one turn of
the loop leave in one write.
"""

import asyncio
from collections.abc import Callable
from enum import IntEnum
from struct import Struct
from typing import Any, NamedTuple

_HEADER = Struct("<IBBHQd")
"""Sizes of data and text, and between them what is fixed: data size, kind, number, text size, call, seconds."""
_HEADER_SIZE = _HEADER.size
TEXT_BYTES_MAX = 0xFFFF
FOR_EVER = -1.0
TRACE_SEPARATOR = "\n"
"""A caller is a credential; where calls are traced, this follows and the ``traceparent``, which may be empty."""


class FrameKind(IntEnum):
    """What a frame says; in parentheses, what it carries beside its call."""

    # From the front.
    LISTENING = 1  # (call: the port)
    NOT_LISTENING = 2  # (text: why)
    CALL = 3  # (number: the RPC, seconds: until its deadline or FOR_EVER, text: the caller, data: the request)
    CANCEL = 4
    MESSAGE = 9  # of a stream (number: the RPC, text: the caller, data: the message); the first one opens it
    END = 10  # the stream is over (number: 1 if everything was answered, 0 if it was broken off or refused)
    TAKEN = 13  # a message of an answer that is a stream has left for the client
    PULSE = 11  # each second (seconds: how late the front's loop was, call: how many calls it has refused by itself)
    # To the front.
    SERVE = 5  # (number: 1 to report healthy, 0 to report that nothing is served)
    STOP = 6  # (seconds: how long calls under way may take)
    ANSWER = 7  # (data: the response, or one message of a stream's)
    DONE = 12  # nothing more is answered to a call that is answered by a stream
    REFUSAL = 8  # (number: the status code, text: for people, data: google.rpc.Status); ends a stream


class Frame(NamedTuple):
    """One frame."""

    kind: int
    number: int
    call: int
    seconds: float
    text: str
    data: bytes


class Link(asyncio.Protocol):
    """One end. ``receive`` gets every frame; ``lost`` is called once when the other end is gone."""

    def __init__(self, receive: Callable[[Frame], None], lost: Callable[[], None]) -> None:
        self._receive = receive
        self._lost = lost
        self._transport: Any = None
        self._buffer = bytearray()
        self._unsent: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio.Protocol``."""
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self._transport = None
        self._lost()

    def data_received(self, data: bytes) -> None:
        """Hand on every frame that is whole."""
        if self._buffer:
            self._buffer += data
            data = bytes(self._buffer) if len(self._buffer) >= self._wanted() else b""
            if not data:
                return
            self._buffer.clear()
        at, end = 0, len(data)
        while end - at >= _HEADER_SIZE:
            size, kind, number, text_size, call, seconds = _HEADER.unpack_from(data, at)
            text_at = at + _HEADER_SIZE
            data_at = text_at + text_size
            if data_at + size > end:
                break
            text = data[text_at:data_at].decode(errors="replace") if text_size else ""
            at = data_at + size
            self._receive(Frame(kind, number, call, seconds, text, data[data_at:at]))
        if at < end:
            self._buffer += data[at:]

    def _wanted(self) -> int:
        """Return how many bytes make the first frame of the buffer whole."""
        if len(self._buffer) < _HEADER_SIZE:
            return _HEADER_SIZE
        size, _, _, text_size, _, _ = _HEADER.unpack_from(self._buffer)
        return int(_HEADER_SIZE + text_size + size)

    def send(
        self, kind: int, call: int = 0, number: int = 0, text: str = "", data: bytes = b"", seconds: float = FOR_EVER
    ) -> None:
        """Send a frame; to an end that is gone, nothing."""
        if self._transport is None:
            return
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._flush)
        encoded = text.encode()[:TEXT_BYTES_MAX] if text else b""
        self._unsent += (_HEADER.pack(len(data), kind, number, len(encoded), call, seconds), encoded, data)

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        if self._transport is not None:
            self._transport.write(b"".join(unsent))

    def close(self) -> None:
        """Send what is unsent and close."""
        if self._transport is not None:
            self._flush()
            self._transport.close()
