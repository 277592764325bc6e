"""Publishing: a task for each target that follows the feed of advice from a cursor. For ``bootstrap``.

The cursor is moved once a target has taken what is before it, so whatever ends the process, nothing is lost; what was
taken and not noted yet is published again. See docs/adr/0027-publishing-advice.md.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from typing import Final

import structlog

from pointguard_server.domain.errors import PointguardError
from pointguard_server.engine.engine import Engine
from pointguard_server.engine.ports import Clock
from pointguard_server.feeds.target import Refused, Target, TargetUnavailable
from pointguard_server.service.advice_feed import AdviceFeed
from pointguard_server.service.ports import DeadLetter, Notice, Publications

TRIES_MAX: Final = 5
FIRST_PAUSE_S: Final = 0.2
PAUSE_S_MAX: Final = 30.0
AGAIN_AFTER_S: Final = 5.0

log = structlog.get_logger(__name__)


class Publisher:
    """Publishes one tenant's feed to one target. Belongs to the event loop.

    ``published`` and ``failures`` count what was taken and what was not since the start; ``dead_letters`` are
    those that there are.
    """

    def __init__(
        self,
        target: Target,
        feed: AdviceFeed,
        engine: Engine,
        publications: Publications,
        tenant_id: int,
        clock: Clock,
    ) -> None:
        self._target, self._feed, self._engine, self._clock = target, feed, engine, clock
        self._publications, self._tenant_id = publications, tenant_id
        self.name = target.name
        self.published = self.failures = self.dead_letters = 0
        self._oldest_waiting = 0  # the moment of the oldest notice that is being published
        self._cursor = 0
        self._requeued: list[int] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def lag_s(self) -> float:
        """The age of the oldest notice that the target has not taken; 0 if it has all that was looked at."""
        return max(self._clock.now() - self._oldest_waiting, 0) / 1e6 if self._oldest_waiting else 0.0

    @property
    def lag_positions(self) -> int:
        """How far the ledger's newest notice is ahead of what the target has."""
        return max(self._feed.newest - self._cursor, 0) if self._task is not None else 0

    async def open(self) -> None:
        """Find the cursor, or set it where publishing begins for good."""
        target, tenant = self._target, self._tenant_id
        begin = 0 if target.takes_states else await self._feed.ledger_end()

        def read(connection: object) -> tuple[int, list[DeadLetter]]:
            cursor = self._publications.cursor(connection, tenant, target.name)
            if cursor is None:
                cursor = begin
                self._publications.advance(connection, tenant, target.name, cursor)
            return cursor, self._publications.dead_letters(connection, tenant)

        self._cursor, letters = await self._engine.run(read)
        mine = [letter for letter in letters if letter.target == target.name]
        self.dead_letters = len(mine)
        self._requeued = [letter.position for letter in mine if letter.requeued]

    def start(self) -> None:
        """Begin to publish."""
        self._task = asyncio.create_task(self._run())

    async def rest(self) -> None:
        """Leave off where it is: what is missing is published after the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            # What waits is told by whoever publishes.
            self._task, self._oldest_waiting = None, 0

    async def stop(self) -> None:
        """Leave off for good."""
        await self.rest()
        await self._target.close()

    async def _run(self) -> None:
        while True:
            try:
                await self._publish_requeued()
                while True:
                    await self._publish_next()
            except PointguardError as error:
                # Overloaded, draining, or the ledger cannot be written: the cursor stays where it is.
                log.debug("publish_postponed", target=self.name, error=type(error).__name__)
            except Exception:
                # The publisher must outlive a defect.
                log.exception("publish_fault", target=self.name)
            await asyncio.sleep(AGAIN_AFTER_S)

    async def _publish_requeued(self) -> None:
        """Publish again what was refused once."""
        while self._requeued:
            position = self._requeued[0]
            notices = (await self._feed.page(position - 1))[:1]
            refused = await self._publish(notices)

            def note(connection: object, position: int = position, letters: Sequence[DeadLetter] = refused) -> None:
                self._publications.dig_up(connection, self._tenant_id, self.name, [position])
                for letter in letters:
                    self._publications.bury(connection, self._tenant_id, letter)

            await self._engine.run(note)
            self.dead_letters += len(refused) - 1
            del self._requeued[0]

    async def _publish_next(self) -> None:
        """Publish the next page, and note how far that is."""
        await self._feed.beyond(self._cursor)
        notices = await self._feed.page(self._cursor)
        refused = await self._publish(notices)

        def note(connection: object) -> None:
            for letter in refused:
                self._publications.bury(connection, self._tenant_id, letter)
            self._publications.advance(connection, self._tenant_id, self.name, notices[-1].position)

        await self._engine.run(note)
        self._cursor = notices[-1].position
        self._oldest_waiting = 0
        self.dead_letters += len(refused)

    async def _publish(self, notices: Sequence[Notice]) -> list[DeadLetter]:
        """Publish notices, those of an account in order; return what was refused for good.

        However long the target is away, nothing is given up: only what it refuses while it takes others may be.
        """
        states = self._target.takes_states
        waiting = list({each.account_id: each for each in notices}.values() if states else notices)
        # A state stands for all notices of its account: the target waits for it since the first of them.
        since = {each.account_id: each.happened_at for each in reversed(notices)}
        tries: Counter[int] = Counter()  # by position
        dead: list[DeadLetter] = []
        pauses = 0
        while waiting:
            self._oldest_waiting = since[waiting[0].account_id] if states else waiting[0].happened_at
            some = _first_of_each_account(waiting, self._target.notices_max)
            problem = ""
            try:
                outcomes = await self._target.send(some)
            except TargetUnavailable as error:
                problem, outcomes = str(error), []
                self.failures += 1
            for notice, refused in zip(some, outcomes, strict=False):  # a target may take the first ones alone
                if refused is None:
                    self.published += 1
                    waiting.remove(notice)
                    continue
                self.failures += 1
                problem = refused.problem
                tries[notice.position] += not refused.for_now
                if tries[notice.position] >= TRIES_MAX:
                    waiting.remove(notice)
                    dead.append(self._bury(notice, refused))
            if problem:
                pauses += 1
                if pauses == 1:
                    log.warning("publish_failed", target=self.name, problem=problem)
                await asyncio.sleep(_pause_s(pauses))
                await self._feed.look()
            else:
                if pauses:
                    log.info("publish_resumed", target=self.name, position=some[0].position)
                pauses = 0
        return dead

    def _bury(self, notice: Notice, refused: Refused) -> DeadLetter:
        log.warning("publish_refused", target=self.name, position=notice.position, problem=refused.problem)
        return DeadLetter(self.name, notice.position, refused.problem, self._clock.now(), requeued=False)


def _first_of_each_account(waiting: Sequence[Notice], count: int) -> list[Notice]:
    """Return up to ``count`` notices in order, of each account the first: the others may not pass it."""
    first: dict[int, Notice] = {}
    for notice in waiting:
        first.setdefault(notice.account_id, notice)
        if len(first) == count:
            break
    return list(first.values())


def _pause_s(pauses: int) -> float:
    """Return how long to wait after so many failures in a row: twice as long each time, and half of it by chance."""
    longest = min(FIRST_PAUSE_S * 2.0 ** min(pauses - 1, 16), PAUSE_S_MAX)
    return longest * random.uniform(0.5, 1.0)
