"""What stands around every call: credential, deadline, parsing, errors, metrics. Used by ``rpc/server.py``.

A method of a service gets a parsed request and a ``Call`` and returns a message or raises a domain error; nothing
else of a call reaches it, and nothing else of an error reaches the client.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import structlog
from google.protobuf.message import DecodeError, Message

from pointguard_server.domain.errors import Expired, InvalidRequest, PointguardError, Unauthenticated, Violation
from pointguard_server.rpc.status import DETAILS_KEY, Fault, code_of, details, new_error_id
from pointguard_server.service.credentials import Authenticator
from pointguard_server.service.metrics import Metrics
from pointguard_server.service.tenants import Tenant

if TYPE_CHECKING:
    from pointguard_server.service.tracing import Tracing

DEADLINE_DEFAULT_S = 2.0
BEARER = "Bearer "

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls, and until when an answer is of use (``time.monotonic()`` seconds)."""

    tenant: Tenant
    role: str
    deadline: float


Method = Callable[[Call, Any], Awaitable[Message]]
Handler = Callable[[bytes, "grpc.aio.ServicerContext[bytes, bytes]"], Awaitable[bytes]]


class Guard:
    """Wraps methods into handlers of raw bytes."""

    def __init__(
        self,
        authenticator: Authenticator,
        tenants: dict[int, Tenant],
        metrics: Metrics,
        tracing: "Tracing | None" = None,
    ) -> None:
        self._tracing = tracing
        self._authenticator = authenticator
        self._tenants = tenants
        self._metrics = metrics

    def wrap(self, name: str, request_class: type[Message], method: Method) -> Handler:
        """Return the handler of one RPC; ``name`` is its label in the metrics, and its span's name."""
        tally = self._metrics.call_tally(name)
        parse = request_class.FromString
        # Bound once: where debug lines are off, this is a function that does nothing.
        debug = log.bind().debug

        async def handle(data: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
            started = time.monotonic()
            try:
                remaining: float | None = context.time_remaining()
                tenant, role = await self._caller(context)
                call = Call(tenant, role, started + (DEADLINE_DEFAULT_S if remaining is None else remaining))
                try:
                    request = parse(data)
                except DecodeError:
                    raise InvalidRequest(Violation("request", "must be a well-formed message")) from None
                if remaining is None:
                    async with asyncio.timeout(DEADLINE_DEFAULT_S):
                        response = await method(call, request)
                else:
                    response = await method(call, request)
                answer = response.SerializeToString()
            except asyncio.CancelledError:
                tally.observe("CANCELLED", time.monotonic() - started)
                raise
            except TimeoutError:
                error: PointguardError = Expired()
            except PointguardError as refused:
                error = refused
            except Exception as defect:  # noqa: BLE001  (the outermost: nothing unknown may pass)
                error = Fault()
                error.__cause__ = defect
            else:
                tally.observe("OK", time.monotonic() - started)
                debug("call", rpc=name, code="OK", transaction_id=getattr(response, "transaction_id", ""))
                return answer
            tally.observe(code_of(error).name, time.monotonic() - started)
            return await self._refuse(name, error, context)

        return handle if self._tracing is None else self._tracing.wrap(name, _status_of, handle)

    async def _caller(self, context: "grpc.aio.ServicerContext[bytes, bytes]") -> tuple[Tenant, str]:
        """Return the caller's tenant and role. The tenant comes from the credential and from nowhere else."""
        for key, value in context.invocation_metadata() or ():
            if key == "authorization" and isinstance(value, str) and value.startswith(BEARER):
                raw_key = value[len(BEARER) :]
                principal = self._authenticator.cached(raw_key) or await self._authenticator.authenticate(raw_key)
                tenant = self._tenants.get(principal.tenant_id)
                if tenant is None:
                    raise Unauthenticated
                return tenant, principal.role
        raise Unauthenticated

    @staticmethod
    async def _refuse(name: str, error: PointguardError, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
        error_id = new_error_id()
        if isinstance(error, Fault):
            log.error("fault", rpc=name, error_id=error_id, exc_info=error.__cause__)
        else:
            log.debug("call", rpc=name, code=code_of(error).name, error_id=error_id, reason=error.reason)
        trailing = ((DETAILS_KEY, details(error, error_id)),)
        await context.abort(code_of(error), str(error), trailing)
        raise AssertionError("abort does not return")


def _status_of(context: "grpc.aio.ServicerContext[bytes, bytes]") -> str:
    """Return the name of the status that a call was ended with. Without an abort the context has a bare 0 there."""
    return getattr(context.code(), "name", "OK")
