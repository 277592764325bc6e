"""Makes one call under one deadline: tries again when that is safe, hedges when it is asked to. The client uses it.

Every attempt carries the same message, so the same idempotency key: whichever of them the server takes up first
decides, and all of them get that answer.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import grpc
from google.protobuf.message import Message

from pointguard_client.channel import Metadata
from pointguard_client.errors import error_from_failure, failure_from_rpc_error
from pointguard_client.retry import USUAL_RETRIES, RetryPolicy, is_transient

Sent = TypeVar("Sent", bound=Message)
Received = TypeVar("Received", bound=Message)

DEFAULT_TIMEOUT_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Caller:
    """How calls are made.

    `timeout_seconds` bounds each call with all its attempts. With `hedge_after_seconds` a second attempt begins when
    the first has no answer after that time, and the first answer of either counts.
    """

    metadata: Metadata
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    retry_policy: RetryPolicy = USUAL_RETRIES
    hedge_after_seconds: float | None = None

    def __post_init__(self) -> None:
        if self.hedge_after_seconds is not None and self.hedge_after_seconds <= 0:
            raise ValueError(f"hedge_after_seconds must be above 0, but it is {self.hedge_after_seconds}")

    async def call(
        self,
        rpc: str,
        method: grpc.aio.UnaryUnaryMultiCallable[Sent, Received],
        message: Sent,
        timeout_seconds: float | None,
        *,
        may_hedge: bool = True,
    ) -> Received:
        """Return the answer to a message; raise a CallError if there is none. `rpc` names the call in errors."""
        deadline = time.monotonic() + (self.timeout_seconds if timeout_seconds is None else timeout_seconds)

        def attempt() -> Awaitable[Received]:
            return method(message, timeout=max(deadline - time.monotonic(), 0.0), metadata=self.metadata)

        attempts_made = 0
        while True:
            attempts_made += 1
            try:
                if may_hedge and self.hedge_after_seconds is not None:
                    return await _first_answer(attempt, self.hedge_after_seconds)
                return await attempt()
            except grpc.aio.AioRpcError as error:
                failure = failure_from_rpc_error(error)
            delay = self.retry_policy.delay_seconds(failure, attempts_made)
            if delay is None or time.monotonic() + delay >= deadline:
                raise error_from_failure(failure, rpc, getattr(message, "idempotency_key", ""))
            await asyncio.sleep(delay)


async def _first_answer(attempt: Callable[[], Awaitable[Received]], after_seconds: float) -> Received:
    """Return the first answer of two attempts, the second of which begins after a time; cancel the other.

    A refusal is an answer. An attempt that fails in a way that may pass leaves the field to the other one.
    """
    attempts = [asyncio.ensure_future(attempt())]
    try:
        done, waiting = await asyncio.wait(attempts, timeout=after_seconds)
        if not done:
            attempts.append(asyncio.ensure_future(attempt()))
            waiting = set(attempts)
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if answered := [ended for ended in done if not _may_pass(ended)]:
                return answered[0].result()
        return attempts[0].result()
    finally:
        for begun in attempts:
            begun.cancel()


def _may_pass(ended: asyncio.Future[Received]) -> bool:
    error = ended.exception()
    return isinstance(error, grpc.aio.AioRpcError) and is_transient(failure_from_rpc_error(error))
