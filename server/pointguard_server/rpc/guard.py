"""What stands around every call: credential, deadline, parsing, errors, metrics. Used by ``rpc/server.py``.

A method of a service gets a parsed request and a ``Call`` and returns a message or raises a domain error; nothing
else of a call reaches it, and nothing else of an error reaches the client.
"""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, NamedTuple

import structlog
from google.protobuf.message import Message

from pointguard_server.domain.errors import Expired, PermissionDenied, PointguardError, Unauthenticated
from pointguard_server.rpc.parsing import parse
from pointguard_server.rpc.status import Fault, code_of, details, new_error_id
from pointguard_server.service.credentials import TILL, Authenticator
from pointguard_server.service.metrics import Metrics
from pointguard_server.service.tenants import Tenant

DEADLINE_DEFAULT_S = 2.0
FEED_DEADLINE_DEFAULT_S = 3_600.0
FOR_EVER_S = math.inf
TILLS = (TILL,)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls, and until when an answer is of use (``time.monotonic()`` seconds)."""

    tenants: Mapping[int, Tenant]
    tenant_id: int
    key_id: str
    deadline: float

    @property
    def tenant(self) -> Tenant:
        """The tenant as requests are read by it now: another one after an ``await`` that a change came in between."""
        return self.tenants[self.tenant_id]


class Refusal(NamedTuple):
    """What a client hears of a call that failed: the status code, a text, and a serialized ``google.rpc.Status``."""

    code: int
    message: str
    details: bytes


Method = Callable[[Call, Any], Awaitable[Message]]
Handler = Callable[[str, float, bytes], Awaitable[bytes | Refusal]]
"""Takes the credential, the seconds until the deadline (negative: none was given) and the request's bytes."""
FeedMethod = Callable[[Call, Any], AsyncGenerator[Message]]
"""A method that answers with messages until it is done."""


@dataclass(frozen=True, slots=True)
class Feed:
    """The handler of an RPC that answers one request with a stream of messages."""

    name: str
    handle: Callable[[str, float, bytes, Callable[[bytes], Awaitable[None]]], Awaitable[Refusal | None]]
    """Takes what a ``Handler`` does and what sends a message; returns how it failed, if it did."""


class Guard:
    """Wraps methods into handlers of raw bytes."""

    def __init__(self, authenticator: Authenticator, tenants: dict[int, Tenant], metrics: Metrics) -> None:
        self._authenticator = authenticator
        self._tenants = tenants
        self._metrics = metrics

    def wrap(self, name: str, request_class: type[Message], method: Method, roles: Collection[str] = TILLS) -> Handler:
        """Return the handler of one RPC that any of some roles allows; ``name`` is its label in the metrics."""
        tally = self._metrics.call_tally(name)
        # Bound once: where debug lines are off, this is a function that does nothing.
        debug = log.bind().debug

        async def handle(credential: str, remaining_s: float, data: bytes) -> bytes | Refusal:
            started = time.monotonic()
            try:
                deadline = started + (DEADLINE_DEFAULT_S if remaining_s < 0 else remaining_s)
                call = await self.caller(credential, deadline, roles)
                request = request_class()
                parse(request, data)
                if remaining_s < 0:
                    async with asyncio.timeout(DEADLINE_DEFAULT_S):
                        response = await method(call, request)
                else:
                    # The front cancels the call when its deadline has passed.
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
                error = Fault.of(defect)
            else:
                tally.observe("OK", time.monotonic() - started)
                debug("call", rpc=name, code="OK", transaction_id=getattr(response, "transaction_id", ""))
                return answer
            tally.observe(code_of(error).name, time.monotonic() - started)
            return refuse(name, error)

        return handle

    def wrap_feed(
        self,
        name: str,
        request_class: type[Message],
        method: FeedMethod,
        roles: Collection[str],
        default_limit_s: float = FEED_DEADLINE_DEFAULT_S,
    ) -> Feed:
        """Return the handler of an RPC that answers with a stream; ``name`` is its label in the metrics.

        Who calls without a deadline has ``default_limit_s``.
        """
        tally = self._metrics.call_tally(name)

        async def handle(
            credential: str, remaining_s: float, data: bytes, send: Callable[[bytes], Awaitable[None]]
        ) -> Refusal | None:
            started = time.monotonic()
            limit_s = default_limit_s if remaining_s < 0 else remaining_s
            try:
                call = await self.caller(credential, started + limit_s, roles)
                request = request_class()
                parse(request, data)
                timeout = asyncio.timeout(None if limit_s == FOR_EVER_S else limit_s)
                async with timeout, aclosing(method(call, request)) as messages:
                    async for message in messages:
                        await send(message.SerializeToString())
            except asyncio.CancelledError:
                tally.observe("CANCELLED", time.monotonic() - started)
                raise
            except TimeoutError:
                error: PointguardError = Expired()
            except PointguardError as refused:
                error = refused
            except Exception as defect:  # noqa: BLE001  (the outermost: nothing unknown may pass)
                error = Fault.of(defect)
            else:
                tally.observe("OK", time.monotonic() - started)
                log.debug("call", rpc=name, code="OK", transaction_id="")
                return None
            tally.observe(code_of(error).name, time.monotonic() - started)
            return refuse(name, error)

        return Feed(name, handle)

    def known_caller(self, credential: str, deadline: float) -> Call | None:
        """Return who calls a till's RPC, if the credential was verified a short while ago."""
        principal = self._authenticator.cached(credential)
        if principal is None or TILL not in principal.roles:
            return None
        if principal.tenant_id not in self._tenants:
            return None
        return Call(self._tenants, principal.tenant_id, principal.key_id, deadline)

    async def caller(self, credential: str, deadline: float, roles: Collection[str] = TILLS) -> Call:
        """Return who calls. The tenant comes from the credential and from nowhere else.

        Raises:
            Unauthenticated, Overloaded, VerificationFailed: if that cannot be known.
            PermissionDenied: if the credential has none of the roles.
        """
        if not credential:
            raise Unauthenticated
        principal = self._authenticator.cached(credential) or await self._authenticator.authenticate(credential)
        if principal.tenant_id not in self._tenants:
            raise Unauthenticated
        if principal.roles.isdisjoint(roles):
            raise PermissionDenied
        return Call(self._tenants, principal.tenant_id, principal.key_id, deadline)


def refuse(name: str, error: PointguardError) -> Refusal:
    """Return what a client hears of an error, and have the log say what it does not."""
    error_id = new_error_id()
    if isinstance(error, Fault):
        log.error("fault", rpc=name, error_id=error_id, exc_info=error.__cause__)
    else:
        log.debug("call", rpc=name, code=code_of(error).name, error_id=error_id, reason=error.reason)
    return Refusal(int(code_of(error)), str(error), details(error, error_id))
