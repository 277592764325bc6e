"""Carries out a replay plan: many households at once, each household's visits one after the other."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Final, TypeVar

from pointguard_client import requests
from pointguard_client.client import PointguardClient
from pointguard_client.errors import CallError, DeadlineExceeded, Unavailable
from pointguard_client.replay.plan import (
    RAPID_REDEMPTIONS,
    PlannedRedemption,
    RedemptionStyle,
    ReplayPlan,
    Visit,
    derived_key,
)
from pointguard_client.replay.tally import ReplaySummary, ReplayTally
from pointguard_client.requests import Identifier, Origin
from pointguard_client.results import Redemption
from pointguard_client.sample import Basket
from pointguard_client.words import Channel, Decision

Answer = TypeVar("Answer")

UNANSWERED_IN_A_ROW_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """How to play: calls in flight at once, the run id that the keys come from, the currency of the baskets."""

    run_id: str
    seed: int
    concurrency: int
    currency_code: str


class ReplayPlayer:
    """Plays one plan once. `stop` ends it early: visits under way are finished, no new one begins."""

    def __init__(
        self,
        client: PointguardClient,
        plan: ReplayPlan,
        options: ReplayOptions,
        on_visit_done: Callable[[], None] = lambda: None,
    ) -> None:
        self.tally = ReplayTally()
        self._client = client
        self._plan = plan
        self._options = options
        self._on_visit_done = on_visit_done
        self._waiting: defaultdict[str, deque[Visit]] = defaultdict(deque)
        # Households that may go on, the one whose next basket is oldest first. Order numbers are unique.
        self._ready: asyncio.PriorityQueue[tuple[int, str]] = asyncio.PriorityQueue()
        self._stopping = asyncio.Event()
        self._unanswered_in_a_row = 0
        self._gave_up = ""

    def stop(self) -> None:
        """Begin no new visit."""
        self._stopping.set()

    async def play(self) -> ReplaySummary:
        """Play the plan to its end, to `stop`, or until the server has been silent for too many calls."""
        for visit in self._plan.visits:
            self._waiting[visit.basket.household_id].append(visit)
        for household, visits in self._waiting.items():
            self._ready.put_nowait((visits[0].order, household))
        started = time.perf_counter()
        workers = [asyncio.create_task(self._work()) for _ in range(self._options.concurrency)]
        await self._until_done(workers)
        return self.tally.summary(
            run_id=self._options.run_id,
            seed=self._options.seed,
            baskets_planned=len(self._plan.visits),
            elapsed_seconds=time.perf_counter() - started,
            interrupted=self._stopping.is_set() and not self._gave_up,
            gave_up=self._gave_up,
        )

    async def _until_done(self, workers: list[asyncio.Task[None]]) -> None:
        all_played = asyncio.create_task(self._ready.join())
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([all_played, stopped, *workers], return_when=asyncio.FIRST_COMPLETED)
            if self._stopping.is_set():
                # One wake-up for each worker that waits for a household; the others finish their visit first.
                for _ in workers:
                    self._ready.put_nowait((-1, ""))
            else:
                for worker in workers:
                    worker.cancel()
            for outcome in await asyncio.gather(*workers, return_exceptions=True):
                if isinstance(outcome, Exception):
                    raise outcome
        finally:
            for task in (all_played, stopped, *workers):
                task.cancel()

    async def _work(self) -> None:
        while True:
            _, household = await self._ready.get()
            if self._stopping.is_set():
                return
            visits = self._waiting[household]
            await self._play_visit(visits.popleft())
            self._on_visit_done()
            if visits:
                self._ready.put_nowait((visits[0].order, household))
            self._ready.task_done()

    async def _play_visit(self, visit: Visit) -> None:
        basket = visit.basket
        self.tally.households.add(basket.household_id)
        if visit.starts_session:
            await self._check_advice(basket)
        accrual = await self._call(
            "Accrue",
            self._client.accrue(
                member_of(basket),
                basket_request(basket, self._options.currency_code),
                origin=origin_of(basket),
                coupon_used=basket.coupon_used,
                order_reference=basket.basket_id,
                idempotency_key=self._key(basket, "accrue"),
            ),
        )
        if accrual is None:
            return
        self.tally.baskets += 1
        self.tally.record_accrual(accrual)
        if visit.redemption is not None:
            await self._redeem(basket, visit.redemption, accrual.balance.available)

    async def _redeem(self, basket: Basket, redemption: PlannedRedemption, available: int) -> None:
        # The amount follows from the accrual's answer, which a replay of its key repeats: a second run asks the same.
        points = redemption.points(available)
        if redemption.style is RedemptionStyle.RAPID:
            for ordinal in range(RAPID_REDEMPTIONS):
                await self._authorise(basket, f"rapid-{ordinal}", points, capture=True)
        elif redemption.style is RedemptionStyle.IN_ONE_STEP:
            await self._authorise(basket, "authorise", points, capture=True)
        else:
            await self._redeem_in_two_steps(basket, redemption.style, points)
        await self._check_advice(basket)

    async def _redeem_in_two_steps(self, basket: Basket, style: RedemptionStyle, points: int) -> None:
        reservation = await self._authorise(basket, "authorise", points, capture=False)
        if reservation is None or reservation.decision is not Decision.APPROVED:
            return
        if style is RedemptionStyle.VOIDED:
            await self._void(basket, reservation)
        else:
            in_part = style is RedemptionStyle.CAPTURED_IN_PART
            await self._capture(basket, reservation, max(1, reservation.points // 2) if in_part else 0)

    async def _authorise(self, basket: Basket, step: str, points: int, capture: bool) -> Redemption | None:
        redemption = await self._call(
            "AuthoriseRedemption",
            self._client.authorise_redemption(
                member_of(basket),
                points,
                origin=origin_of(basket),
                capture=capture,
                order_reference=basket.basket_id,
                idempotency_key=self._key(basket, step),
            ),
        )
        if redemption is not None:
            self.tally.record_redemption(redemption)
            self.tally.points_redeemed += redemption.points if capture else 0
        return redemption

    async def _capture(self, basket: Basket, reservation: Redemption, points: int) -> None:
        capture = await self._call(
            "CaptureRedemption",
            self._client.capture_redemption(
                reservation.transaction_id,
                points=points,
                origin=origin_of(basket),
                idempotency_key=self._key(basket, "capture"),
            ),
        )
        self.tally.points_redeemed += capture.points if capture else 0

    async def _void(self, basket: Basket, reservation: Redemption) -> None:
        void = await self._call(
            "VoidRedemption",
            self._client.void_redemption(
                reservation.transaction_id, origin=origin_of(basket), idempotency_key=self._key(basket, "void")
            ),
        )
        self.tally.points_voided += void.points_released if void else 0

    async def _check_advice(self, basket: Basket) -> None:
        report = await self._call("CheckAdvice", self._client.check_advice(member_of(basket)))
        if report is not None:
            self.tally.record_advice(basket.household_id, report)

    async def _call(self, rpc: str, call: Coroutine[None, None, Answer]) -> Answer | None:
        if self._stopping.is_set() and self._unanswered_in_a_row > 0:
            # The server went away together with us: finishing the visits would only wait for it.
            call.close()
            return None
        started = time.perf_counter_ns()
        try:
            answer = await call
        except CallError as error:
            self.tally.record_error(rpc, error)
            self._note_silence(error)
            return None
        else:
            self._unanswered_in_a_row = 0
            return answer
        finally:
            self.tally.record_call(rpc, time.perf_counter_ns() - started)

    def _note_silence(self, error: CallError) -> None:
        if not isinstance(error, Unavailable | DeadlineExceeded):
            self._unanswered_in_a_row = 0
            return
        self._unanswered_in_a_row += 1
        if self._unanswered_in_a_row >= UNANSWERED_IN_A_ROW_MAX and not self._stopping.is_set():
            self._gave_up = f"the server did not answer {UNANSWERED_IN_A_ROW_MAX} calls in a row"
            self.stop()

    def _key(self, basket: Basket, step: str) -> str:
        return derived_key(self._options.run_id, basket, step)


def member_of(basket: Basket) -> Identifier:
    """Return who paid for a basket."""
    return Identifier.loyalty_id(basket.household_id)


def origin_of(basket: Basket) -> Origin:
    """Return where and when a basket was paid for."""
    return Origin(store_id=basket.store_id, channel=Channel.IN_STORE, occurred_at=basket.occurred_at)


def basket_request(basket: Basket, currency_code: str) -> requests.Basket:
    """Return a basket as a till sends it."""
    lines = tuple(
        requests.BasketLine(
            amount_minor_units=line.amount_minor,
            sku=line.sku,
            category=line.category,
            brand=line.brand,
            quantity=line.quantity,
        )
        for line in basket.lines
    )
    return requests.Basket(currency_code, lines)
