"""The gRPC server: which RPC is which method, and the limits of the transport."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection

from pointguard.v1 import advice_pb2, member_pb2, transaction_pb2
from pointguard_server.rpc.advice_service import AdviceService
from pointguard_server.rpc.guard import Guard, Method
from pointguard_server.rpc.member_service import MemberService
from pointguard_server.rpc.transaction_service import Desk, TransactionService

MESSAGE_BYTES_MAX = 16 * 1024 * 1024  # a batch of 10,000 requests
METADATA_BYTES_MAX = 8 * 1024
STREAMS_MAX = 1_024
OPTIONS: Sequence[tuple[str, int]] = (
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


@dataclass(frozen=True, slots=True)
class Tls:
    """Files of the certificate chain and its private key, in PEM."""

    certificate: Path
    key: Path


def _methods(desk: Desk) -> dict[str, dict[str, tuple[type[Message], Method]]]:
    """Return every RPC: service → name → (request class, method)."""
    transactions, advice, members = TransactionService(desk), AdviceService(desk), MemberService(desk)
    return {
        "pointguard.v1.TransactionService": {
            "QuoteRedemption": (transaction_pb2.QuoteRedemptionRequest, transactions.quote_redemption),
            "AuthoriseRedemption": (transaction_pb2.AuthoriseRedemptionRequest, transactions.authorise_redemption),
            "CaptureRedemption": (transaction_pb2.CaptureRedemptionRequest, transactions.capture_redemption),
            "VoidRedemption": (transaction_pb2.VoidRedemptionRequest, transactions.void_redemption),
            "Accrue": (transaction_pb2.AccrueRequest, transactions.accrue),
            "GetTransaction": (transaction_pb2.GetTransactionRequest, transactions.get_transaction),
            "GetBalance": (transaction_pb2.GetBalanceRequest, transactions.get_balance),
            "ProcessBatch": (transaction_pb2.ProcessBatchRequest, transactions.process_batch),
        },
        "pointguard.v1.AdviceService": {"CheckAdvice": (advice_pb2.CheckAdviceRequest, advice.check_advice)},
        "pointguard.v1.MemberService": {
            "EnrollMember": (member_pb2.EnrollMemberRequest, members.enroll_member),
            "FindMember": (member_pb2.FindMemberRequest, members.find_member),
            "LinkIdentifier": (member_pb2.LinkIdentifierRequest, members.link_identifier),
            "SetRedemptionLock": (member_pb2.SetRedemptionLockRequest, members.set_redemption_lock),
        },
    }


class RpcServer:
    """The gRPC server of one process. Must be made on the loop that runs it."""

    def __init__(self, desk: Desk, guard: Guard, *, reflect: bool) -> None:
        self._server = grpc.aio.server(options=OPTIONS)
        self._services = _methods(desk)
        for service, methods in self._services.items():
            # Raw bytes in and out: the guard parses, so that a message that cannot be parsed is the client's error.
            handlers: dict[str, Any] = {
                name: grpc.unary_unary_rpc_method_handler(guard.wrap(name, request_class, method))
                for name, (request_class, method) in methods.items()
            }
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        self._health = health_aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if reflect:
            names = (*self._services, "grpc.health.v1.Health", reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, self._server)

    async def start(self, address: str, tls: Tls | None) -> int:
        """Listen on ``host:port`` (port 0: any free one), say that all services serve, and return the port.

        Raises:
            OSError: if the address cannot be had.
        """
        try:
            port = self._listen(address, tls)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}") from error
        await self._server.start()
        await self.serving(True)
        return port

    async def serving(self, ready: bool) -> None:
        """Tell health checks whether the services take requests."""
        answer = health_pb2.HealthCheckResponse.SERVING if ready else health_pb2.HealthCheckResponse.NOT_SERVING
        for service in ("", *self._services):
            await self._health.set(service, answer)

    def _listen(self, address: str, tls: Tls | None) -> int:
        if tls is None:
            return self._server.add_insecure_port(address)
        pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
        return self._server.add_secure_port(address, grpc.ssl_server_credentials([pair]))

    async def not_serving(self) -> None:
        """Tell health checks that nothing is served any more."""
        await self._health.enter_graceful_shutdown()

    async def stop(self, grace_s: float) -> None:
        """Take no more calls and let those under way end, for at most ``grace_s`` seconds."""
        await self._server.stop(grace_s)
