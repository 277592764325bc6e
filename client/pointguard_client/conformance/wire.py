"""Sends requests to the target, over one connection that all scenarios share, and has the wire fail where it should.

A call that meets a fault has a connection of its own, through a relay. No call is tried again: that is what scenarios
are about. For ``performance`` and ``target``.
"""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import grpc
from google.protobuf import message_factory

from pointguard.v1 import activity_pb2, advice_pb2, member_pb2, offline_pb2, transaction_pb2
from pointguard_client.channel import Metadata, call_metadata
from pointguard_client.conformance.columns import OPERATIONS, Row, columns_of, rows_of
from pointguard_client.conformance.occurrences import OFFLINE_REDEMPTION, UPLOAD, of_upload, upload_of
from pointguard_client.conformance.outcome import Outcome, of_error, of_result
from pointguard_client.conformance.relay import Fault, Relay, Upstream
from pointguard_client.errors import ConfigurationError
from pointguard_client.settings import find_address, is_loopback

LATE_SECONDS: Final = 1.0
"""The deadline of a call whose answer is late."""
_METHODS: Final = {
    method.name: method
    for contract in (transaction_pb2, advice_pb2, member_pb2, activity_pb2, offline_pb2)
    for service in contract.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
_BATCH_FIELDS: Final = {
    option.message_type.name.removesuffix("Request"): option.name
    for option in transaction_pb2.BatchItem.DESCRIPTOR.fields
    if option.message_type is not None
}
"""The field of a batch's item that a call's request goes into."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the target is and what it wants to be told."""

    address: str
    metadata: Metadata
    plaintext: bool
    root_certificates: bytes | None = None

    @classmethod
    def of(
        cls, address: str | None, api_key: str | None, plaintext: bool | None = None, roots: bytes | None = None
    ) -> "Endpoint":
        """Return the endpoint that options name, found as the client finds it.

        Raises:
            ConfigurationError: there is no API key, or plaintext would leave this machine.
        """
        target = find_address(address)
        if plaintext is None:
            plaintext = is_loopback(target) and roots is None
        if plaintext and not is_loopback(target):
            raise ConfigurationError("an API key is never sent in plaintext to another machine")
        return cls(target, call_metadata(api_key), plaintext, roots)

    def upstream(self) -> Upstream:
        """Return where a relay connects to."""
        host, _, port = self.address.rpartition(":")
        if not host or not port.isdecimal():
            raise ConfigurationError(f"the target must be host:port, but it is {self.address!r}")
        if self.plaintext:
            return Upstream(host.strip("[]"), int(port))
        roots = None if self.root_certificates is None else self.root_certificates.decode()
        context = ssl.create_default_context(cadata=roots)
        context.set_alpn_protocols(["h2"])
        return Upstream(host.strip("[]"), int(port), context)


class HeldBack:
    """A call whose request is on its way until ``arrive``."""

    def __init__(self, relay: Relay, call: "asyncio.Task[Outcome]") -> None:
        self._relay = relay
        self._call = call

    async def arrive(self) -> Outcome:
        """Let the request arrive, and return its answer."""
        self._relay.let_go()
        return await self._call

    async def give_up(self) -> None:
        """Forget the call."""
        self._call.cancel()
        await asyncio.gather(self._call, return_exceptions=True)


class Wire:
    """The way to the target. ``timeout_seconds`` bounds each call that nothing keeps from being answered."""

    def __init__(self, endpoint: Endpoint, timeout_seconds: float) -> None:
        self._endpoint = endpoint
        self._upstream = endpoint.upstream()
        self._timeout = timeout_seconds
        self._channel = self._open()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._channel.close()

    async def reconnect(self) -> None:
        """Go on over a new connection: the target was started again."""
        await self._channel.close()
        self._channel = self._open()

    async def ready(self) -> None:
        """Return when the target takes calls.

        Raises:
            TimeoutError: it does not in time.
        """
        await asyncio.wait_for(self._channel.channel_ready(), self._timeout)

    async def call(self, rpc: str, request: Any) -> Outcome:
        """Make one call."""
        return await self._call_over(self._channel, rpc, request, self._timeout)

    async def call_with(self, fault: Fault, rpc: str, request: Any) -> Outcome:
        """Make one call that meets a fault; of one that is answered late, the target has answered when this returns."""
        async with Relay(self._upstream, fault) as relay:
            timeout = LATE_SECONDS if fault is Fault.ANSWER_LATE else self._timeout
            outcome = await self._call_through(relay, rpc, request, timeout)
            if fault is Fault.ANSWER_LATE and not await relay.is_answered_within(self._timeout):
                return Outcome("MISSING", text="the target did not answer at all")
            return outcome

    async def hold_back(self, rpc: str, request: Any) -> HeldBack:
        """Begin a call whose request does not arrive yet."""
        relay = Relay(self._upstream, Fault.HELD_BACK)

        async def call() -> Outcome:
            async with relay:
                begun.set()
                return await self._call_through(relay, rpc, request, self._timeout)

        begun = asyncio.Event()
        held = HeldBack(relay, asyncio.create_task(call()))
        await begun.wait()
        return held

    async def batch(self, calls: Sequence[tuple[str, Any]]) -> list[Outcome]:
        """Make calls in one batch, and return what became of each."""
        whole = await self.call("ProcessBatch", transaction_pb2.ProcessBatchRequest(items=_items(calls)))
        if whole.code != "OK":
            return [whole] * len(calls)
        return [of_result(result) for result in whole.message.results]

    async def columns(self, calls: Sequence[tuple[str, Any]]) -> Sequence[Row | Outcome]:
        """Send requests as columns, and return what these tell of each."""
        whole = await self.call("ProcessBatchColumns", columns_of(calls))
        return [whole] * len(calls) if whole.code != "OK" else rows_of(whole.message, len(calls))

    async def stream(self, calls: Sequence[tuple[str, Any]]) -> list[Outcome]:
        """Make calls over one stream, a message each, all sent before an answer is read."""
        method: Any = self._channel.stream_stream(
            _path("StreamTransactions"),
            request_serializer=transaction_pb2.StreamTransactionsRequest.SerializeToString,
            response_deserializer=transaction_pb2.StreamTransactionsResponse.FromString,
        )
        by_key: dict[str, Outcome] = {}
        messages = (transaction_pb2.StreamTransactionsRequest(items=[item]) for item in _items(calls))
        try:
            async for answer in method(messages, timeout=self._timeout, metadata=self._endpoint.metadata):
                by_key |= {result.idempotency_key: of_result(result.result) for result in answer.results}
        except grpc.aio.AioRpcError as error:
            return [of_error(error)] * len(calls)
        missing = Outcome("MISSING", text="the stream ended without an answer to it")
        return [by_key.get(request.idempotency_key, missing) for _, request in calls]

    async def _call_through(self, relay: Relay, rpc: str, request: Any, seconds: float) -> Outcome:
        # The relay is spoken to in plaintext, but the target shall see its own name.
        channel = grpc.aio.insecure_channel(
            relay.address, options=(*_OPTIONS, ("grpc.default_authority", self._endpoint.address))
        )
        try:
            return await self._call_over(channel, rpc, request, seconds)
        finally:
            await channel.close()

    async def _call_over(self, channel: grpc.aio.Channel, rpc: str, request: Any, seconds: float) -> Outcome:
        if rpc == OFFLINE_REDEMPTION:
            return of_upload(await self._call_over(channel, UPLOAD, upload_of(request), seconds))
        answer_class = message_factory.GetMessageClass(_METHODS[rpc].output_type)
        method: Any = channel.unary_unary(
            _path(rpc),
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer_class.FromString,
        )
        try:
            return Outcome("OK", await method(request, timeout=seconds, metadata=self._endpoint.metadata))
        except grpc.aio.AioRpcError as error:
            return of_error(error)

    def _open(self) -> grpc.aio.Channel:
        endpoint = self._endpoint
        if endpoint.plaintext:
            return grpc.aio.insecure_channel(endpoint.address, options=_OPTIONS)
        credentials = grpc.ssl_channel_credentials(root_certificates=endpoint.root_certificates)
        return grpc.aio.secure_channel(endpoint.address, credentials, options=_OPTIONS)


# A call goes out once, over a connection of its own channel's, and on a busy machine a connection may take its time.
_OPTIONS: Final = (
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 20_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)


def _path(rpc: str) -> str:
    method = _METHODS[rpc]
    return f"/{method.containing_service.full_name}/{method.name}"


def goes_in(how: str, rpc: str) -> bool:
    """Whether a call's request may go in a batch, over a stream, or as columns."""
    if how == "columns":
        return rpc in OPERATIONS
    return how not in ("one batch", "one stream") or rpc in _BATCH_FIELDS


def _items(calls: Sequence[tuple[str, Any]]) -> list[transaction_pb2.BatchItem]:
    fields: list[dict[str, Any]] = [{_BATCH_FIELDS[rpc]: request} for rpc, request in calls]
    return [transaction_pb2.BatchItem(**field) for field in fields]
