"""The front: a process of its own that speaks gRPC, so that the transport and the engine each have a core.

It knows no message: it takes bytes from calls to the engine's process and answers back. Started by ``server.py`` as
``python -m pointguard_server.rpc.front SETTINGS``; ends when told to, or when the engine's process is gone.
"""

import asyncio
import importlib
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any

import grpc
import uvloop
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio

from pointguard_server.rpc.front_settings import FrontSettings
from pointguard_server.rpc.link import FOR_EVER, TRACE_SEPARATOR, Frame, FrameKind, Link
from pointguard_server.service import garbage, logs

MESSAGE_BYTES_MAX = 16 * 1024 * 1024  # a batch of 10,000 requests
METADATA_BYTES_MAX = 8 * 1024
STREAMS_MAX = 1_024
OPTIONS = (
    # Without it a second server on the same port would quietly take half of the calls.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_metadata_size", METADATA_BYTES_MAX),
    ("grpc.absolute_max_metadata_size", METADATA_BYTES_MAX),
    ("grpc.max_concurrent_streams", STREAMS_MAX),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_ping_strikes", 3),
    ("grpc.server_handshake_timeout_ms", 5_000),
)
CALLS_MAX = 32_768
OPEN_STREAMS_MAX = 4_096
BYTES_WAITING_MAX = 256 * 1024 * 1024
UNANSWERED_MAX = 16  # messages of a stream
LOST_GRACE_S = 0.2
PULSE_S = 1.0
BEARER = "Bearer "
DETAILS_KEY = "grpc-status-details-bin"
GRPC_LOGGER = "grpc._cython.cygrpc"
STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}

Handler = Callable[[bytes, "grpc.aio.ServicerContext[bytes, bytes]"], Awaitable[bytes]]


class _Stream:
    """One stream: reads while not too many messages are unanswered, so that a client that does not read must wait.

    With ``keeps_answers`` the client hears nothing until the end: the latest answer stands for all.
    """

    def __init__(
        self,
        call: int,
        number: int,
        caller: str,
        context: "grpc.aio.ServicerContext[bytes, bytes]",
        link: Link,
        *,
        keeps_answers: bool = False,
    ) -> None:
        self.call = call
        self.latest = b""  # answer
        self.stopped = False
        self._keeps_answers = keeps_answers
        self._caller = caller
        self.answers: asyncio.Queue[Frame] = asyncio.Queue()
        self._number = number
        self._context = context
        self._link = link
        self._room = asyncio.Semaphore(UNANSWERED_MAX)
        self._unanswered = 0
        self._reading: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Carry messages both ways until the client has half-closed and everything is answered."""
        self._reading = asyncio.create_task(self._read())
        complete = False
        try:
            while True:
                frame = await self.answers.get()
                if frame.kind == FrameKind.REFUSAL:
                    await _refuse(self._context, frame)
                if frame.kind == FrameKind.ANSWER:
                    self.latest = frame.data
                    if not self._keeps_answers:
                        await self._context.write(frame.data)
                    self._unanswered -= 1
                    self._room.release()
                if self._reading.done() and not self._unanswered:
                    complete = True
                    return
        finally:
            self._link.send(FrameKind.END, self.call, int(complete))
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        try:
            while True:
                await self._room.acquire()
                data: Any = await self._context.read()
                if data is grpc.aio.EOF:
                    return
                self._unanswered += 1
                self._link.send(FrameKind.MESSAGE, self.call, self._number, self._caller, data)
        finally:
            # Whoever writes looks again whether that was all.
            self.answers.put_nowait(_NOTHING)

    def stop_reading(self) -> None:
        """Answer what was read and then end."""
        if self._reading is not None:
            self.stopped = not self._reading.done()
            self._reading.cancel()


_NOTHING = Frame(FrameKind.END, 0, 0, FOR_EVER, "", b"")


async def _refuse(context: "grpc.aio.ServicerContext[bytes, bytes]", frame: Frame) -> None:
    """End a call with the status of a refusal."""
    trailing = ((DETAILS_KEY, frame.data),) if frame.data else ()
    await context.abort(STATUS_CODES[frame.number], frame.text, trailing)


class Front:
    """The gRPC server and its link to the engine's process. Must be made on the loop that runs it."""

    def __init__(self, settings: FrontSettings) -> None:
        self._settings = settings
        self._link = Link(self._receive, self._lose)
        self._calls = count(1)
        self._waiting: dict[int, asyncio.Future[Frame]] = {}
        self._streams: dict[int, _Stream] = {}
        self._feeds: dict[int, asyncio.Queue[Frame]] = {}  # what was answered to calls that a stream answers
        self._stopped: asyncio.Future[float] = asyncio.get_running_loop().create_future()  # the grace in seconds
        self._gone = False
        self._bytes_waiting = 0
        self._shed = 0  # calls
        self._caller = _caller_and_trace if settings.traced else _caller
        self._server = grpc.aio.server(options=OPTIONS)
        numbers = count()
        for service, names in settings.services.items():
            handlers = {name: self._handler(name, next(numbers)) for name in names}
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        self._health = health_aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if settings.reflection_of:
            from grpc_reflection.v1alpha import reflection

            for module in settings.reflection_of:
                importlib.import_module(module)
            shown = (*settings.services, "grpc.health.v1.Health", reflection.SERVICE_NAME)
            reflection.enable_server_reflection(shown, self._server)

    async def run(self) -> int:
        """Serve until told to stop; return the process's exit status."""
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: self._link, sock=socket.socket(fileno=self._settings.link))
        try:
            port = self._listen()
        except (RuntimeError, OSError) as error:
            self._link.send(FrameKind.NOT_LISTENING, text=str(error))
            self._link.close()
            return 1
        await self._server.start()
        garbage.spare_what_lives()
        self._link.send(FrameKind.LISTENING, port)
        pulse = asyncio.create_task(self._beat())
        grace_s = await self._stopped
        await self._server.stop(grace_s)
        pulse.cancel()
        self._link.close()
        return int(self._gone)

    async def _beat(self) -> None:
        """Tell each second how late the loop ran a timer."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + PULSE_S
            await asyncio.sleep(PULSE_S)
            self._link.send(FrameKind.PULSE, self._shed, seconds=loop.time() - due)

    def _listen(self) -> int:
        settings = self._settings
        if not settings.tls_certificate:
            return self._server.add_insecure_port(settings.address)
        pair = (Path(settings.tls_key).read_bytes(), Path(settings.tls_certificate).read_bytes())
        return self._server.add_secure_port(settings.address, grpc.ssl_server_credentials([pair]))

    def _handler(self, name: str, number: int) -> Any:
        if name in self._settings.streams:
            return grpc.stream_stream_rpc_method_handler(self._stream_handler(number))
        if name in self._settings.intakes:
            return grpc.stream_unary_rpc_method_handler(self._intake_handler(number))
        if name in self._settings.feeds:
            return grpc.unary_stream_rpc_method_handler(self._feed_handler(number))
        return grpc.unary_unary_rpc_method_handler(self._call_handler(number))

    def _call_handler(self, number: int) -> Handler:
        """Return the handler of an RPC of one request and one answer."""
        loop, caller = asyncio.get_running_loop(), self._caller
        link, waiting, calls = self._link, self._waiting, self._calls

        async def handle(data: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
            await self._admit(context)
            self._bytes_waiting += len(data)
            remaining: float | None = context.time_remaining()
            call = next(calls)
            waiting[call] = answer = loop.create_future()
            link.send(
                FrameKind.CALL,
                call,
                number,
                caller(context.invocation_metadata()),
                data,
                FOR_EVER if remaining is None else remaining,
            )
            try:
                frame: Frame = await answer
            except asyncio.CancelledError:
                link.send(FrameKind.CANCEL, call)
                raise
            finally:
                del waiting[call]
                self._bytes_waiting -= len(data)
            if frame.kind == FrameKind.REFUSAL:
                await _refuse(context, frame)
            return frame.data

        return handle

    def _feed_handler(self, number: int) -> Callable[[bytes, Any], Awaitable[None]]:
        """Return the handler of an RPC of one request that a stream answers."""

        async def handle(data: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> None:
            await self._admit(context)
            remaining: float | None = context.time_remaining()
            call = next(self._calls)
            answers = self._feeds[call] = asyncio.Queue()
            caller = self._caller(context.invocation_metadata())
            self._link.send(FrameKind.CALL, call, number, caller, data, FOR_EVER if remaining is None else remaining)
            over = False
            try:
                while not over:
                    frame = await answers.get()
                    over = frame.kind != FrameKind.ANSWER
                    if frame.kind == FrameKind.REFUSAL:
                        await _refuse(context, frame)
                    elif not over:
                        await context.write(frame.data)
                        self._link.send(FrameKind.TAKEN, call)
            finally:
                del self._feeds[call]
                if not over:
                    self._link.send(FrameKind.CANCEL, call)

        return handle

    def _stream_handler(self, number: int) -> Callable[[Any, Any], Awaitable[None]]:
        """Return the handler of an RPC that streams both ways, with one message back for each message."""

        async def handle(_messages: Any, context: "grpc.aio.ServicerContext[bytes, bytes]") -> None:
            await self._admit(context)
            caller = self._caller(context.invocation_metadata())
            stream = _Stream(next(self._calls), number, caller, context, self._link)
            self._streams[stream.call] = stream
            try:
                await stream.run()
            finally:
                del self._streams[stream.call]

        return handle

    def _intake_handler(self, number: int) -> Callable[[Any, Any], Awaitable[bytes]]:
        """Return the handler of an RPC that answers a stream with one message: no message at all is the empty one."""

        async def handle(_messages: Any, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
            await self._admit(context)
            caller = self._caller(context.invocation_metadata())
            stream = _Stream(next(self._calls), number, caller, context, self._link, keeps_answers=True)
            self._streams[stream.call] = stream
            try:
                await stream.run()
            finally:
                del self._streams[stream.call]
            if stream.stopped:
                # What the client had still to send is not counted.
                await context.abort(grpc.StatusCode.UNAVAILABLE, "the server ends")
            return stream.latest

        return handle

    async def _admit(self, context: "grpc.aio.ServicerContext[bytes, bytes]") -> None:
        """End a call that cannot be taken now."""
        full = len(self._waiting) >= CALLS_MAX or len(self._streams) + len(self._feeds) >= OPEN_STREAMS_MAX
        if self._gone or full or self._bytes_waiting > BYTES_WAITING_MAX:
            self._shed += 1
            code = grpc.StatusCode.UNAVAILABLE if self._gone else grpc.StatusCode.RESOURCE_EXHAUSTED
            await context.abort(code, "the server cannot take calls now")

    # ------------------------------------------------------------------------------------------------- from the engine

    def _receive(self, frame: Frame) -> None:
        if frame.kind in (FrameKind.ANSWER, FrameKind.REFUSAL, FrameKind.DONE):
            answer = self._waiting.get(frame.call)
            if answer is not None:
                if not answer.done():
                    answer.set_result(frame)
            elif (stream := self._streams.get(frame.call)) is not None:
                stream.answers.put_nowait(frame)
            elif (feed := self._feeds.get(frame.call)) is not None:
                feed.put_nowait(frame)
        elif frame.kind == FrameKind.SERVE:
            asyncio.get_running_loop().create_task(self._report_health(bool(frame.number)))
        elif frame.kind == FrameKind.STOP and not self._stopped.done():
            self._stopped.set_result(frame.seconds)
            for stream in self._streams.values():
                stream.stop_reading()

    async def _report_health(self, serving: bool) -> None:
        answer = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        for service in ("", *self._settings.services):
            await self._health.set(service, answer)

    def _lose(self) -> None:
        """The engine's process is gone: nobody knows what became of the calls, and a retry will find out."""
        self._gone = True
        lost = Frame(
            FrameKind.REFUSAL, int(grpc.StatusCode.UNAVAILABLE.value[0]), 0, FOR_EVER, "the server has ended", b""
        )
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_result(lost)
        for stream in self._streams.values():
            stream.answers.put_nowait(lost)
        for feed in self._feeds.values():
            feed.put_nowait(lost)
        if not self._stopped.done():
            self._stopped.set_result(LOST_GRACE_S)


def _caller(metadata: Any) -> str:
    """Return the raw key of a call's metadata; empty if it has none."""
    for key, value in metadata or ():
        if key == "authorization" and isinstance(value, str) and value.startswith(BEARER):
            return value[len(BEARER) :]
    return ""


def _caller_and_trace(metadata: Any) -> str:
    """Return the raw key and the ``traceparent`` of a call's metadata."""
    parents = (value for key, value in metadata or () if key == "traceparent" and isinstance(value, str))
    return f"{_caller(metadata)}{TRACE_SEPARATOR}{next(parents, '')}"


def _is_of_note(record: logging.LogRecord) -> bool:
    """Whether a line of gRPC's tells of more than a client that was gone when it was answered."""
    return not (record.exc_info and isinstance(record.exc_info[1], grpc.aio.InternalError))


async def _main(settings: FrontSettings) -> int:
    logs.configure(settings.log_level)
    logging.getLogger(GRPC_LOGGER).addFilter(_is_of_note)
    asyncio.get_running_loop().set_exception_handler(logs.log_loop_error)
    return await Front(settings).run()


if __name__ == "__main__":
    # Ctrl-C reaches every process of the terminal; only the engine's process decides when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(uvloop.run(_main(FrontSettings.read(sys.argv[1]))))
