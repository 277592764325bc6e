"""Plays a year's baskets through one stream, in their order. Its memory does not grow with the number of baskets."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from pointguard_client.client import PointguardClient
from pointguard_client.errors import CallError, DeadlineExceeded, IdentifierTaken, Unavailable
from pointguard_client.replay.plan import derived_key
from pointguard_client.replay.player import UNANSWERED_IN_A_ROW_MAX, basket_request, member_of, origin_of
from pointguard_client.replay.tally import ReplaySummary, ReplayTally
from pointguard_client.requests import Accrue
from pointguard_client.results import Accrual
from pointguard_client.sample import Basket
from pointguard_client.stream import TransactionStream

YEAR_RUN_ID: Final = "sample year"
"""The run id unless another one is given: a second run finds every answer there."""
NEW_MEMBERS_TIER: Final = "BASIC"
_BASKETS_A_PIECE: Final = 1_024
_ENROLLMENTS_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True)
class YearOptions:
    """How to play: the run id that the keys come from, the currency of the baskets, and how many baskets there are."""

    run_id: str
    currency_code: str
    baskets_planned: int


class YearPlayer:
    """Plays baskets once; ``stop`` ends it early: what was sent is answered, nothing more is sent.

    A household that the server does not know yet is enrolled before its first basket. Baskets alone are played: what a
    household would have redeemed the year does not say.
    """

    def __init__(
        self,
        client: PointguardClient,
        baskets: Iterator[Basket],
        options: YearOptions,
        on_basket_done: Callable[[], None] = lambda: None,
    ) -> None:
        self.tally = ReplayTally()
        self._client, self._baskets, self._options = client, baskets, options
        self._on_basket_done = on_basket_done
        self._stopping = False
        self._unanswered_in_a_row = 0
        self._gave_up = ""

    def stop(self) -> None:
        """Send nothing more."""
        self._stopping = True

    async def play(self) -> ReplaySummary:
        """Play to the end, to ``stop``, or until the stream is given up."""
        started = time.perf_counter()
        try:
            async with self._client.stream() as stream:
                # Beside the loop, so that answers are taken while the next baskets are read.
                while not self._stopping and (piece := await asyncio.to_thread(self._next_piece)):
                    await self._enroll(piece)
                    await self._send(stream, piece)
        except CallError as error:
            self._gave_up = str(error)
        return self.tally.summary(
            run_id=self._options.run_id,
            seed=0,
            baskets_planned=self._options.baskets_planned,
            elapsed_seconds=time.perf_counter() - started,
            interrupted=self._stopping and not self._gave_up,
            gave_up=self._gave_up,
        )

    def _next_piece(self) -> list[Basket]:
        return list(islice(self._baskets, _BASKETS_A_PIECE))

    async def _enroll(self, piece: list[Basket]) -> None:
        """Enroll the households of these baskets that have had none before."""
        new = {basket.household_id: basket for basket in piece if basket.household_id not in self.tally.households}
        self.tally.households.update(new)
        room = asyncio.Semaphore(_ENROLLMENTS_AT_ONCE)
        await asyncio.gather(*(self._enroll_one(basket, room) for basket in new.values()))

    async def _enroll_one(self, basket: Basket, room: asyncio.Semaphore) -> None:
        async with room:
            if self._stopping:
                return
            started = time.perf_counter_ns()
            try:
                await self._client.enroll_member(
                    [member_of(basket)],
                    tier=NEW_MEMBERS_TIER,
                    # One for ever, whatever the run and whichever its first basket: a household is enrolled once.
                    idempotency_key=f"sample year, household {basket.household_id}",
                )
            except IdentifierTaken:
                self._unanswered_in_a_row = 0  # A member already, such as the sandbox's.
            except CallError as error:
                self.tally.record_error("EnrollMember", error)
                self._note_silence(error)
            else:
                self._unanswered_in_a_row = 0
            finally:
                self.tally.record_call("EnrollMember", time.perf_counter_ns() - started)

    def _note_silence(self, error: CallError) -> None:
        # A stream gives up by itself; that many enrollments would be waited for one after the other.
        silent = isinstance(error, Unavailable | DeadlineExceeded)
        self._unanswered_in_a_row = self._unanswered_in_a_row + 1 if silent else 0
        if self._unanswered_in_a_row >= UNANSWERED_IN_A_ROW_MAX and not self._stopping:
            self._gave_up = f"the server did not answer {UNANSWERED_IN_A_ROW_MAX} calls in a row"
            self.stop()

    async def _send(self, stream: TransactionStream, piece: list[Basket]) -> None:
        for basket in piece:
            if self._stopping:
                return
            started = time.perf_counter_ns()
            answer = await stream.send(
                Accrue(
                    member_of(basket),
                    basket_request(basket, self._options.currency_code),
                    origin=origin_of(basket),
                    coupon_used=basket.coupon_used,
                    order_reference=basket.basket_id,
                    idempotency_key=derived_key(self._options.run_id, basket, "accrue"),
                )
            )
            answer.add_done_callback(lambda done, started=started: self._take(done, started))  # type: ignore[misc]

    def _take(self, answer: "asyncio.Future[Accrual]", started: int) -> None:
        self.tally.record_call("Accrue", time.perf_counter_ns() - started)
        if answer.cancelled():
            return
        error = answer.exception()
        if isinstance(error, CallError):
            self.tally.record_error("Accrue", error)
        elif error is None:
            self.tally.baskets += 1
            self.tally.record_accrual(answer.result())
        self._on_basket_done()
