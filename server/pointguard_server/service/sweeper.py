"""Writes down what time has done to accounts that nobody comes to: reservations and lots that ended, lots that matured.

For ``bootstrap``. All of it is in force already, for every decision and every reader; the sweeper has each account that
is due settled, by a request through the same queue as all others. Settling twice writes nothing the second time, so
the sweeper may be ended at any moment: the next one begins at the last note, and passes over what is written.

However much is due at once (a million accounts whose points end with the year), it takes a fifth of the writer's time
at most, and what else comes due meanwhile has its turn after some seconds.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Final

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pointguard_server.domain.codes import Operation
from pointguard_server.domain.errors import PointguardError
from pointguard_server.engine.ask import Ask
from pointguard_server.engine.batch import Decider
from pointguard_server.engine.engine import Engine
from pointguard_server.engine.rows import RequestFields
from pointguard_server.service.ports import Directory, Due, DueAccounts, DueKind, SweptUpTo

SWEEP_EVERY_S: Final = 5.0
NOTE_EVERY_S: Final = 60.0
TURN_S: Final = 5.0
"""So long one kind of what is due is written before the others have their turns."""
PAGE: Final = 256
AT_ONCE: Final = 16
"""Accounts that are settled by one batch: each may have to be read from the ledger, and callers wait for it."""
REST: Final = 4
"""For each second of settling, so many are left to the callers."""
DEADLINE_S: Final = 30.0

log = structlog.get_logger(__name__)


class Sweeper:
    """Sweeps every few seconds while it runs. Belongs to the event loop.

    ``settled`` counts accounts; ``left`` is how much of each kind was due and not looked at yet, when it was counted
    last: at the end of each turn that did not come to the end, at most as often as notes are made.
    """

    def __init__(self, engine: Engine, decider: Decider, due: DueAccounts, names: Directory) -> None:
        self._engine, self._decider, self._due, self._names = engine, decider, due, names
        self._task: asyncio.Task[None] | None = None
        self._until = 0
        self._at: dict[DueKind, SweptUpTo] = {}
        self._noted: dict[DueKind, float] = {}  # when, by time.monotonic()
        self.settled = 0
        self.left = dict.fromkeys(DueKind, 0)

    def start(self) -> None:
        """Begin to sweep."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop where it is: what is missing is written after the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        # What is left is told by whoever sweeps.
        self.left = dict.fromkeys(DueKind, 0)

    async def _run(self) -> None:
        while True:
            is_done = True
            try:
                is_done = await self.sweep()
            except PointguardError as error:
                # Overloaded, draining, or the ledger cannot be written: another sweep follows.
                log.debug("sweep_postponed", error=type(error).__name__)
            except Exception:
                # The sweeper must outlive a defect.
                log.exception("sweep_fault")
            await asyncio.sleep(SWEEP_EVERY_S if is_done else 0)

    async def sweep(self) -> bool:
        """Settle what is due by now, of each kind for as long as a turn takes; return whether that was all.

        Raises:
            PointguardError: if the engine takes no requests; what was settled by then is settled.
        """
        settled, started = self.settled, time.monotonic()
        until = await self._moment()
        await self._due.catch_up()
        is_done = True
        for kind in DueKind:
            is_done = await self._take_turn(kind, until) and is_done
        if self.settled > settled:
            log.info("swept", accounts=self.settled - settled, seconds=round(time.monotonic() - started, 3))
        return is_done

    async def _moment(self) -> int:
        """Return up to when to sweep: what is due by then was decided before, since nothing is due when it is made."""
        until = self._decider.latest_moment
        if until == self._until:
            # Nobody has asked for anything, so a step of the writer's holds nobody up.
            until = await self._engine.run(lambda _connection: self._decider.moment())
        self._until = until
        return until

    async def _take_turn(self, kind: DueKind, until: int) -> bool:
        """Settle what is due of a kind, for a while; return whether that was all."""
        if kind not in self._at:
            self._at[kind] = await self._due.swept_up_to(kind)
        begun_at, last = self._at[kind], time.monotonic() + TURN_S
        while page := await self._due.due(kind, self._at[kind], until, PAGE):
            for asks in _settling(page):
                started = time.monotonic()
                await self._engine.submit(asks, started + DEADLINE_S)
                self.settled += len(asks)
                await asyncio.sleep(REST * (time.monotonic() - started))
            self._at[kind] = page[-1].at
            if time.monotonic() >= last:
                break
        if self._at[kind] != begun_at and time.monotonic() >= self._noted.get(kind, 0.0) + NOTE_EVERY_S:
            await self._note(kind, until)
        if not page:
            self.left[kind] = 0
        return not page

    async def _note(self, kind: DueKind, until: int) -> None:
        """Note how far a kind is written, and count what is left."""
        self._noted[kind] = time.monotonic()
        note = " ".join(map(str, self._at[kind]))
        await self._engine.run(lambda connection: self._names.note(connection, kind.note, note))
        self.left[kind] = await self._due.left(kind, self._at[kind], until)


class SweepMetrics(Collector):
    """What the sweeper has done since the start, and what is left for it; nothing until ``sweeper`` is set."""

    def __init__(self) -> None:
        self.sweeper: Sweeper | None = None

    def collect(self) -> Iterator[Metric]:
        """Return the metrics as they stand."""
        sweeper = self.sweeper
        yield CounterMetricFamily(
            "pointguard_swept_accounts",
            "Accounts that the sweeper has had settled.",
            float(sweeper.settled if sweeper is not None else 0),
        )
        left = GaugeMetricFamily(
            "pointguard_sweep_left",
            "What had come due and the sweeper had not looked at, when it counted last.",
            labels=("kind",),
        )
        for kind in DueKind:
            left.add_metric((kind.value,), float(sweeper.left[kind] if sweeper is not None else 0))
        yield left


def _settling(page: Sequence[Due]) -> Iterator[list[Ask]]:
    """Yield the requests that settle a page's accounts, some at a time."""
    accounts = list(dict.fromkeys((each.tenant_id, each.account_id) for each in page if each.is_due))
    fields = RequestFields(int(Operation.SETTLE)).pack()
    for first in range(0, len(accounts), AT_ONCE):
        yield [Ask(tenant, fields, account_id=account) for tenant, account in accounts[first : first + AT_ONCE]]
