"""Writes down what time has done to accounts that nobody comes to: reservations and lots that ended, lots that matured.

For ``bootstrap``. All of it is in force already, for every decision and every reader; the sweeper has each account that
is due settled, by a request through the same queue as all others. Settling twice writes nothing the second time, so
the sweeper may be ended at any moment: the next one begins at the last note, and passes over what is written.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Final

import structlog

from pointguard_server.domain.codes import Operation
from pointguard_server.domain.errors import PointguardError
from pointguard_server.engine.ask import Ask
from pointguard_server.engine.batch import Decider
from pointguard_server.engine.engine import Engine
from pointguard_server.engine.rows import RequestFields
from pointguard_server.service.ports import Directory, Due, DueAccounts, DueKind, SweptUpTo

SWEEP_EVERY_S: Final = 5.0
NOTE_EVERY_S: Final = 60.0
PAGE: Final = 256
AT_ONCE: Final = 16
"""Accounts that are settled by one batch: each may have to be read from the ledger, and callers wait for it."""
REST: Final = 4
"""For each second of settling, so many are left to the callers."""
DEADLINE_S: Final = 30.0

log = structlog.get_logger(__name__)


class Sweeper:
    """Sweeps every few seconds while it runs. Belongs to the event loop; ``settled`` counts accounts."""

    def __init__(self, engine: Engine, decider: Decider, due: DueAccounts, names: Directory) -> None:
        self._engine, self._decider, self._due, self._names = engine, decider, due, names
        self._task: asyncio.Task[None] | None = None
        self._until = 0
        self._at: dict[DueKind, SweptUpTo] = {}
        self._noted: dict[DueKind, float] = {}  # when, by time.monotonic()
        self.settled = 0

    def start(self) -> None:
        """Begin to sweep."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop where it is: what is missing is written after the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self.sweep()
            except PointguardError as error:
                # Overloaded, draining, or the ledger cannot be written: another sweep follows.
                log.debug("sweep_postponed", error=type(error).__name__)
            except Exception:
                # The sweeper must outlive a defect.
                log.exception("sweep_fault")
            await asyncio.sleep(SWEEP_EVERY_S)

    async def sweep(self) -> None:
        """Settle all that is due by now.

        Raises:
            PointguardError: if the engine takes no requests; what was settled by then is settled.
        """
        settled, started = self.settled, time.monotonic()
        until = await self._moment()
        await self._due.catch_up()
        for kind in DueKind:
            await self._sweep_kind(kind, until)
        if self.settled > settled:
            log.info("swept", accounts=self.settled - settled, seconds=round(time.monotonic() - started, 3))

    async def _moment(self) -> int:
        """Return up to when to sweep: what is due by then was decided before, since nothing is due when it is made."""
        until = self._decider.latest_moment
        if until == self._until:
            # Nobody has asked for anything, so a step of the writer's holds nobody up.
            until = await self._engine.run(lambda _connection: self._decider.moment())
        self._until = until
        return until

    async def _sweep_kind(self, kind: DueKind, until: int) -> None:
        if kind not in self._at:
            self._at[kind] = await self._due.swept_up_to(kind)
        begun_at = self._at[kind]
        while page := await self._due.due(kind, self._at[kind], until, PAGE):
            for asks in _settling(page):
                started = time.monotonic()
                await self._engine.submit(asks, started + DEADLINE_S)
                self.settled += len(asks)
                await asyncio.sleep(REST * (time.monotonic() - started))
            self._at[kind] = page[-1].at
        if self._at[kind] != begun_at and time.monotonic() >= self._noted.get(kind, 0.0) + NOTE_EVERY_S:
            self._noted[kind] = time.monotonic()
            note = " ".join(map(str, self._at[kind]))
            await self._engine.run(lambda connection: self._names.note(connection, kind.note, note))


def _settling(page: Sequence[Due]) -> Iterator[list[Ask]]:
    """Yield the requests that settle a page's accounts, some at a time."""
    accounts = list(dict.fromkeys((each.tenant_id, each.account_id) for each in page if each.is_due))
    fields = RequestFields(int(Operation.SETTLE)).pack()
    for first in range(0, len(accounts), AT_ONCE):
        yield [Ask(tenant, fields, account_id=account) for tenant, account in accounts[first : first + AT_ONCE]]
