"""How a directive is put in force and ended. For ``exemptions.py`` and ``stops.py``; belongs to the event loop.

It is written and taken up in one step between two batches: what is decided from its moment on heeds it. The tables only
grow.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Generic

from pointguard_server.domain.errors import InvalidRequest, KeyReused, NotFound, PointguardError, Violation
from pointguard_server.domain.interventions import Intervention
from pointguard_server.engine.batch import Decider
from pointguard_server.engine.engine import Engine
from pointguard_server.engine.world import RowArray
from pointguard_server.service.directive import Each, is_in_force
from pointguard_server.service.ports import DirectiveReader, DirectiveStore
from pointguard_server.service.rule_versions import RequestKey


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
        place: tuple[int, int],
        most: int,
    ) -> None:
        self._engine, self._decider, self._store, self._reader = engine, decider, store, reader
        self._place, self._most = place, most

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

    def load(self, connection: Any) -> None:
        """Take up what is in force: at a start, on the writer's thread."""
        moment = self._decider.moment()
        self._take(self._rows(connection, self._store.in_force(connection, *self._place, moment)))

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

        def write(connection: Any) -> tuple[Each, RowArray | None]:
            known = self._known(connection, key)
            if known is not None:
                return known, None
            moment = self._decider.moment()
            if wanted.ends_at <= moment:
                raise InvalidRequest(Violation("ends_at", "must be to come"))
            number = self._store.newest(connection, *self._place) + 1
            made = replace(wanted, number=number, starts_at=moment)
            in_force = list(self._store.in_force(connection, *self._place, moment))
            if len(in_force) >= self._most:
                raise self._too_many()
            rows = self._rows(connection, [*in_force, made])
            self._store.add(connection, *self._place, made, key)
            return made, rows

        return await self._change(write)

    async def end(self, number: int, said: Intervention, key: RequestKey) -> Each:
        """Have one be in force no more.

        Raises:
            NotFound: if there is none.
            ExemptionEnded, StopEnded: if it was ended, or its time was up.
            KeyReused: if the key was used for another request.
        """

        def write(connection: Any) -> tuple[Each, RowArray | None]:
            known = self._known(connection, key)
            if known is not None:
                return known, None
            moment = self._decider.moment()
            found = self._store.directive(connection, *self._place, number)
            if found is None:
                raise NotFound
            if not is_in_force(found, moment):
                raise self._over()
            ended = replace(found, ended_at=moment, ended=said)
            self._store.end(connection, *self._place, ended, key)
            return ended, self._rows(connection, self._store.in_force(connection, *self._place, moment))

        return await self._change(write)

    async def _change(self, write: Any) -> Each:
        made: Each
        made, _ = await self._engine.run(write, self._take_written)
        return made

    def _take_written(self, written: tuple[Each, RowArray | None]) -> None:
        if written[1] is not None:
            self._take(written[1])

    def _known(self, connection: Any, key: RequestKey) -> Each | None:
        found = self._store.known(connection, *self._place, key.key)
        if found is None:
            return None
        digest, directive = found
        if digest != key.digest:
            raise KeyReused
        return directive
