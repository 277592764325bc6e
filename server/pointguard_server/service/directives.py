"""How a directive is put in force and ended. For ``exemptions.py`` and ``stops.py``; belongs to the event loop.

It is written and taken up in one step between two batches: what is decided from its moment on heeds it. The tables only
grow.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final, Generic, NamedTuple

import numpy as np

from pointguard_server.domain.codes import CodeKind
from pointguard_server.domain.errors import (
    Draining,
    InvalidRequest,
    KeyReused,
    NotFound,
    PointguardError,
    StorageBroken,
    StorageUnavailable,
    Violation,
)
from pointguard_server.domain.interventions import Intervention
from pointguard_server.engine.batch import Decider
from pointguard_server.engine.engine import Engine
from pointguard_server.engine.world import DEED, RowArray
from pointguard_server.service.directive import Each, is_in_force
from pointguard_server.service.ports import DirectiveReader, DirectiveStore, Directory
from pointguard_server.service.rule_versions import RequestKey

LOOK_AGAIN_S: Final = 1.0
DEEDS_KEPT: Final = 450 * 86_400_000_000
"""How long, in microseconds, who did something is of use: past every window."""


class _Found(NamedTuple):
    """Those in force, as the kernel takes them, and the rows of ``world.DEED`` that all of them come to."""

    rows: RowArray
    deeds: RowArray


class Keeper(ABC, Generic[Each]):
    """The directives of one kind of the program that serves; ``place`` is its tenant and itself.

    At most ``most`` may be in force at once: the kernel searches them, and a change of one builds the array of all.
    """

    def __init__(
        self,
        engine: Engine,
        decider: Decider,
        store: DirectiveStore[Each],
        reader: DirectiveReader[Each],
        names: Directory,
        place: tuple[int, int],
        most: int,
    ) -> None:
        self._engine, self._decider, self._store, self._reader = engine, decider, store, reader
        self._names, self._place, self._most = names, place, most
        self._looking: asyncio.Task[None] | None = None

    @abstractmethod
    def _rows(self, connection: Any, directives: Iterable[Each]) -> RowArray:
        """Return them as the kernel takes them."""

    @abstractmethod
    def _take(self, rows: RowArray) -> None:
        """Have the next batch heed these and no others."""

    @abstractmethod
    def _too_many(self) -> PointguardError:
        """Return what is raised if there are ``most``."""

    @abstractmethod
    def _over(self) -> PointguardError:
        """Return what is raised if the one to be ended is not in force any more."""

    async def look_again(self) -> None:
        """Take up what the tables say is in force: at a start, and when another server has changed it."""
        await self._engine.run(self._find, self._take_up)

    async def listed(self, below: int, count: int, in_force_at: int) -> list[Each]:
        """Return a page of them, the newest first; if a moment is given, only those in force then."""
        return await self._reader.directives(*self._place, below, count, in_force_at)

    async def known(self, key: RequestKey) -> Each | None:
        """Return what a request was answered before, if it was.

        Raises:
            KeyReused: if the key was used for another request.
        """
        found: Each | None = await self._engine.run(lambda connection: self._known(connection, key))
        return found

    async def add(self, wanted: Each, key: RequestKey) -> Each:
        """Put one in force from now on; number and start are given here.

        Raises:
            InvalidRequest: if it would have ended already.
            TooManyExemptions, TooManyStops: if as many are in force as may be.
            TooManyPatterns: if too many groups are asked for.
            KeyReused: if the key was used for another request.
        """

        def write(connection: Any, moment: int) -> Each:
            if wanted.ends_at <= moment:
                raise InvalidRequest(Violation("ends_at", "must be to come"))
            number = self._store.newest(connection, *self._place) + 1
            made = replace(wanted, number=number, starts_at=moment)
            if len(self._store.in_force(connection, *self._place, moment)) >= self._most:
                raise self._too_many()
            self._store.add(connection, *self._place, made, key)
            return made

        return await self._change(write, key)

    async def end(self, number: int, said: Intervention, key: RequestKey) -> Each:
        """Have one be in force no more.

        Raises:
            NotFound: if there is none.
            ExemptionEnded, StopEnded: if it was ended, or its time was up.
            KeyReused: if the key was used for another request.
        """

        def write(connection: Any, moment: int) -> Each:
            found = self._store.directive(connection, *self._place, number)
            if found is None:
                raise NotFound
            if not is_in_force(found, moment):
                raise self._over()
            ended = replace(found, ended_at=moment, ended=said)
            self._store.end(connection, *self._place, ended, key)
            return ended

        return await self._change(write, key)

    async def _change(self, write: Callable[[Any, int], Each], key: RequestKey) -> Each:
        """Write a change, unless the request is known, and take up what there is then."""

        def step(connection: Any) -> tuple[Each, _Found]:
            moment = self._decider.moment()
            # Where nobody heard how the first try ended, it is taken up now.
            made = self._known(connection, key) or write(connection, moment)
            return made, self._found(connection, moment)

        made: Each
        try:
            made, _ = await self._engine.run(step, lambda done: self._take_up(done[1]))
        except StorageUnavailable:
            # Nobody knows whether it was written. If it was, it must be heeded, whether or not the caller tries again.
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look_again())
            raise
        return made

    async def _look_again(self) -> None:
        """Take up what the tables say, as soon as they can be read."""
        while True:
            await asyncio.sleep(LOOK_AGAIN_S)
            try:
                await self.look_again()
            except (Draining, StorageBroken):
                return
            except StorageUnavailable:
                continue
            return

    def _find(self, connection: Any) -> "_Found":
        return self._found(connection, self._decider.moment())

    def _found(self, connection: Any, moment: int) -> "_Found":
        """Return what the tables say of a moment, which is taken up once the step is durable."""
        rows = self._rows(connection, self._store.in_force(connection, *self._place, moment))
        deeds = [
            (
                self._names.intern(connection, self._place[0], CodeKind.AUTHOR, each.author),
                each.moment,
                int(each.kind),
                self._place[1],
            )
            for each in self._store.deeds(connection, *self._place, moment - DEEDS_KEPT)
        ]
        return _Found(rows, np.array(deeds, DEED))

    def _take_up(self, found: "_Found") -> None:
        self._take(found.rows)
        self._decider.directives.take_deeds(type(self).__name__, found.deeds)

    def _known(self, connection: Any, key: RequestKey) -> Each | None:
        found = self._store.known(connection, *self._place, key.key)
        if found is None:
            return None
        digest, directive = found
        if digest != key.digest:
            raise KeyReused
        return directive
