"""Keeps one connection of a stream going: writes what there is, hands on what is read. Client and load tool use it."""

import asyncio
from typing import Generic, Protocol, TypeVar

import grpc

from pointguard_client.errors import Failure, failure_from_rpc_error

Sent = TypeVar("Sent")
Received = TypeVar("Received")
Given_co = TypeVar("Given_co", covariant=True)
Taken_contra = TypeVar("Taken_contra", contravariant=True)


class StreamEnds(Protocol[Given_co, Taken_contra]):
    """Who gives a pump its messages, and takes the answers."""

    def next_message(self) -> Given_co | None:
        """Return all that is at hand as one message; None if nothing is."""

    def take_answer(self, answer: Taken_contra, /) -> None:
        """Take one message of the server's."""

    def answers_due(self) -> bool:
        """Tell whether the server owes answers."""

    def at_end(self) -> bool:
        """Tell whether nothing more will be sent."""


class StreamPump(Generic[Sent, Received]):
    """Works for one pair of ends, over one connection after the other."""

    def __init__(self, ends: StreamEnds[Sent, Received], silence_seconds_max: float) -> None:
        self._ends = ends
        self._silence_seconds_max = silence_seconds_max
        self._silence: asyncio.Timeout | None = None
        self._work = asyncio.Event()

    def wake(self) -> None:
        """Look again: there is something to send, or the end has come."""
        self._work.set()
        if self._silence is not None and self._silence.when() is None:
            self._await_answers()

    async def until_woken(self) -> None:
        """Wait for the next `wake`."""
        self._work.clear()
        await self._work.wait()

    async def run(self, call: grpc.aio.StreamStreamCall[Sent, Received]) -> Failure:
        """Use a connection until it ends, or is silent for too long while answers are due; return why it ended."""
        writer = asyncio.create_task(self._write(call))
        try:
            async with asyncio.timeout(None) as self._silence:
                self.wake()
                async for answer in call:
                    self._ends.take_answer(answer)
                    self._await_answers()
            return Failure("UNAVAILABLE", "the server ended the stream")
        except grpc.aio.AioRpcError as error:
            return failure_from_rpc_error(error)
        except TimeoutError:
            return Failure("UNAVAILABLE", f"the server said nothing for {self._silence_seconds_max:g} s")
        finally:
            self._silence = None
            call.cancel()
            writer.cancel()
            await asyncio.wait([writer])

    def _await_answers(self) -> None:
        """Give the server its time anew; none to keep while it owes nothing."""
        if self._silence is not None and not self._silence.expired():
            now = asyncio.get_running_loop().time()
            self._silence.reschedule(now + self._silence_seconds_max if self._ends.answers_due() else None)

    async def _write(self, call: grpc.aio.StreamStreamCall[Sent, Received]) -> None:
        try:
            while True:
                await self._work.wait()
                message = self._ends.next_message()
                if message is not None:
                    await call.write(message)
                elif self._ends.at_end():
                    await call.done_writing()
                    return
                else:
                    self._work.clear()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # The connection has ended; reading tells why.
            return
