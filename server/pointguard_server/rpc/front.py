"""The front: a process of its own that speaks gRPC, so that the transport and the engine each have a core.

It knows no message: it takes bytes from calls to the engine's process and answers back. Started by ``server.py`` as
``python -m pointguard_server.rpc.front SETTINGS``; ends when told to, or when the engine's process is gone.
"""

import asyncio
import importlib
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
from pointguard_server.rpc.link import FOR_EVER, Frame, FrameKind, Link

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
LOST_GRACE_S = 0.2
BEARER = "Bearer "
DETAILS_KEY = "grpc-status-details-bin"
STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}

Handler = Callable[[bytes, "grpc.aio.ServicerContext[bytes, bytes]"], Awaitable[bytes]]


class Front:
    """The gRPC server and its link to the engine's process. Must be made on the loop that runs it."""

    def __init__(self, settings: FrontSettings) -> None:
        self._settings = settings
        self._link = Link(self._receive, self._lose)
        self._calls = count(1)
        self._waiting: dict[int, asyncio.Future[Frame]] = {}
        self._stopped: asyncio.Future[float] = asyncio.get_running_loop().create_future()  # the grace in seconds
        self._gone = False
        self._server = grpc.aio.server(options=OPTIONS)
        numbers = count()
        for service, names in settings.services.items():
            handlers: dict[str, Any] = {
                name: grpc.unary_unary_rpc_method_handler(self._handler(next(numbers))) for name in names
            }
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
        self._link.send(FrameKind.LISTENING, port)
        grace_s = await self._stopped
        await self._server.stop(grace_s)
        self._link.close()
        return int(self._gone)

    def _listen(self) -> int:
        settings = self._settings
        if not settings.tls_certificate:
            return self._server.add_insecure_port(settings.address)
        pair = (Path(settings.tls_key).read_bytes(), Path(settings.tls_certificate).read_bytes())
        return self._server.add_secure_port(settings.address, grpc.ssl_server_credentials([pair]))

    def _handler(self, number: int) -> Handler:
        """Return the handler of the RPC of that number."""
        loop, link, waiting, calls = asyncio.get_running_loop(), self._link, self._waiting, self._calls

        async def handle(data: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
            if self._gone or len(waiting) >= CALLS_MAX:
                code = grpc.StatusCode.UNAVAILABLE if self._gone else grpc.StatusCode.RESOURCE_EXHAUSTED
                await context.abort(code, "the server cannot take calls now")
            remaining: float | None = context.time_remaining()
            call = next(calls)
            waiting[call] = answer = loop.create_future()
            link.send(
                FrameKind.CALL,
                call,
                number,
                _credential(context.invocation_metadata()),
                data,
                FOR_EVER if remaining is None else remaining,
            )
            try:
                frame: Frame = await answer
            except asyncio.CancelledError:
                link.send(FrameKind.CANCEL, call)
                raise
            finally:
                waiting.pop(call, None)
            if frame.kind == FrameKind.REFUSAL:
                trailing = ((DETAILS_KEY, frame.data),) if frame.data else ()
                await context.abort(STATUS_CODES[frame.number], frame.text, trailing)
            return frame.data

        return handle

    # ------------------------------------------------------------------------------------------------- from the engine

    def _receive(self, frame: Frame) -> None:
        if frame.kind in (FrameKind.ANSWER, FrameKind.REFUSAL):
            answer = self._waiting.get(frame.call)
            if answer is not None and not answer.done():
                answer.set_result(frame)
        elif frame.kind == FrameKind.SERVE:
            asyncio.get_running_loop().create_task(self._report_health(bool(frame.number)))
        elif frame.kind == FrameKind.STOP and not self._stopped.done():
            self._stopped.set_result(frame.seconds)

    async def _report_health(self, serving: bool) -> None:
        if not serving:
            await self._health.enter_graceful_shutdown()
            return
        for service in ("", *self._settings.services):
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)

    def _lose(self) -> None:
        """The engine's process is gone: nobody knows what became of the calls, and a retry will find out."""
        self._gone = True
        lost = Frame(
            FrameKind.REFUSAL, int(grpc.StatusCode.UNAVAILABLE.value[0]), 0, FOR_EVER, "the server has ended", b""
        )
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_result(lost)
        if not self._stopped.done():
            self._stopped.set_result(LOST_GRACE_S)


def _credential(metadata: Any) -> str:
    """Return the raw key of a call's metadata; empty if it has none."""
    for key, value in metadata or ():
        if key == "authorization" and isinstance(value, str) and value.startswith(BEARER):
            return value[len(BEARER) :]
    return ""


async def _main(settings: FrontSettings) -> int:
    return await Front(settings).run()


if __name__ == "__main__":
    # Ctrl-C reaches every process of the terminal; only the engine's process decides when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(uvloop.run(_main(FrontSettings.read(sys.argv[1]))))
