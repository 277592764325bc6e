"""Has a server decide by what other servers of the same ledger have changed: rules, configuration, directives, stores.

For ``bootstrap``, where the ledger may be shared. A batch that finds a later change of the program than this server has
taken up is not decided: it waits until what the tables say has been made ready and decides. See
docs/adr/0041-many-servers.md.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

import structlog

from pointguard_server.domain.errors import Draining, PointguardError, StorageBroken
from pointguard_server.engine.batch import Decider
from pointguard_server.engine.engine import Engine
from pointguard_server.engine.ports import Others
from pointguard_server.service.serving_program import NotFollowed, ServingProgram

LOOK_EVERY_S: Final = 1.0
AGAIN_AFTER_S: Final = 0.2
NOTHING_TAKEN_UP: Final = -1
"""The number of no change: see ``Decider.taken_up``."""

log = structlog.get_logger(__name__)


class ProgramFollower:
    """Looks when a batch found a change, and each second. Belongs to the event loop.

    ``takers`` take up what is beside the rules; ``problem`` says why this server decides nothing now.
    ``on_unable`` is told where only a restart can take a change up.
    """

    def __init__(
        self,
        engine: Engine,
        decider: Decider,
        others: Others,
        serving: ServingProgram,
        takers: Sequence[Callable[[], Awaitable[None]]],
        on_unable: Callable[[], None],
    ) -> None:
        self._engine, self._decider, self._serving = engine, decider, serving
        self._others, self._takers, self._on_unable = others, takers, on_unable
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.problem = ""
        engine.on_program_changed = self._wanted.set
        # Until it has followed once, nothing is decided: what was read at the start may hold no more.
        decider.take_up(NOTHING_TAKEN_UP)

    async def start(self) -> None:
        """Take up what others have changed since this server read its program, and begin to look."""
        await self._try()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_AFTER_S if self.problem else LOOK_EVERY_S):
                    await self._wanted.wait()
            await self._try()

    async def _try(self) -> None:
        self._wanted.clear()
        try:
            await self.follow()
        except (Draining, StorageBroken):
            return
        except NotFollowed as error:
            self._wait(str(error))
            if error.takes_restart:
                self._on_unable()
        except PointguardError:
            # Of the ledger itself others complain.
            self.problem = "the ledger cannot be read"
            self._engine.refuse_held()
        except Exception:
            # Whoever follows must outlive a defect.
            log.exception("program_fault")
            self._wait("a defect of the server: see its log")

    def _wait(self, problem: str) -> None:
        """Answer those who wait that they may try again; another look follows."""
        if problem != self.problem:
            log.error("program_not_followed", problem=problem)
        self.problem = problem
        self._engine.refuse_held()

    async def follow(self) -> None:
        """Take up what the tables say.

        Raises:
            NotFollowed: it cannot decide here; nothing is decided until it can.
            PointguardError: if the ledger cannot be written.
        """
        # By a step of its own also where nothing changed: whoever is asked seldom stays near the ledger's end, and need
        # not read all that the others have written while a caller, and the database's lock, wait.
        change = await self._engine.run(lambda _connection: self._others.latest_change.number)
        if change != self._decider.taken_up:
            self._engine.hold()
            await self._serving.follow()
            for take in self._takers:
                await take()
            # What was changed meanwhile is found by the next batch.
            await self._engine.run(lambda _connection: change, self._decider.take_up)
            log.info("program_followed", change=change)
        self.problem = ""
        self._engine.release()
