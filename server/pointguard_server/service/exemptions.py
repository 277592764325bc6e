"""What those who look into fraud do about exemptions. For ``rpc`` and ``bootstrap``; belongs to the event loop.

An exemption is written and taken up in one step between two batches: what is decided from its moment on heeds it. The
tables only grow.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

import numpy as np

from pointguard_server.domain.codes import CodeKind, ExemptEntity
from pointguard_server.domain.errors import (
    ExemptionEnded,
    InvalidRequest,
    KeyReused,
    NotFound,
    TooManyExemptions,
    Violation,
)
from pointguard_server.domain.interventions import Intervention
from pointguard_server.engine.batch import Decider
from pointguard_server.engine.engine import Engine
from pointguard_server.engine.world import EXEMPTION, RowArray
from pointguard_server.service.code_matches import CodeMatches
from pointguard_server.service.exemption import Exemption
from pointguard_server.service.ports import Directory, ExemptionReader, ExemptionStore
from pointguard_server.service.rule_versions import RequestKey

EXEMPTIONS_MAX: Final = 10_000
"""How many may be in force at once: the kernel searches them, and a change of one builds the array of all."""
_GROUP = ExemptEntity.GROUP


class Exemptions:
    """The exemptions of the program that serves; ``place`` is its tenant and itself."""

    def __init__(
        self,
        engine: Engine,
        decider: Decider,
        store: ExemptionStore,
        reader: ExemptionReader,
        names: Directory,
        matches: CodeMatches,
        place: tuple[int, int],
    ) -> None:
        self._engine, self._decider, self._store, self._reader = engine, decider, store, reader
        self._names, self._matches, self._place = names, matches, place

    def load(self, connection: Any) -> None:
        """Take up what is in force: at a start, on the writer's thread."""
        moment = self._decider.moment()
        self._decider.take_exemptions(self._rows(connection, self._store.in_force(connection, *self._place, moment)))

    def rule(self, name: str) -> int:
        """Return the number of a fraud rule or control of the program; 0 if it has none of that name."""
        number = self._names.code(self._place[0], CodeKind.RULE, name) or 0
        return number if number and number in self._decider.programs.rules["rule_id"] else 0

    async def listed(self, below: int, count: int, in_force_at: int) -> list[Exemption]:
        """Return a page of exemptions, the newest first; if a moment is given, only those in force then."""
        return await self._reader.exemptions(*self._place, below, count, in_force_at)

    async def known(self, key: RequestKey) -> Exemption | None:
        """Return what a request was answered before, if it was.

        Raises:
            KeyReused: if the key was used for another request.
        """
        found: Exemption | None = await self._engine.run(lambda connection: self._known(connection, key))
        return found

    async def add(self, wanted: Exemption, key: RequestKey) -> Exemption:
        """Have transactions pass from now on; number and start are given here.

        Raises:
            InvalidRequest: if it would have ended already.
            TooManyExemptions: if as many are in force as may be.
            TooManyPatterns: if too many groups are asked for.
            KeyReused: if the key was used for another request.
        """

        def write(connection: Any) -> tuple[Exemption, RowArray | None]:
            known = self._known(connection, key)
            if known is not None:
                return known, None
            moment = self._decider.moment()
            if wanted.ends_at <= moment:
                raise InvalidRequest(Violation("ends_at", "must be to come"))
            number = self._store.newest(connection, *self._place) + 1
            made = replace(wanted, number=number, starts_at=moment)
            in_force = list(self._store.in_force(connection, *self._place, moment))
            if len(in_force) >= EXEMPTIONS_MAX:
                raise TooManyExemptions(EXEMPTIONS_MAX)
            rows = self._rows(connection, [*in_force, made])
            self._store.add(connection, *self._place, made, key)
            return made, rows

        return await self._change(write)

    async def end(self, number: int, said: Intervention, key: RequestKey) -> Exemption:
        """Have an exemption let nothing pass any more.

        Raises:
            NotFound: if there is none.
            ExemptionEnded: if it was ended, or its time was up.
            KeyReused: if the key was used for another request.
        """

        def write(connection: Any) -> tuple[Exemption, RowArray | None]:
            known = self._known(connection, key)
            if known is not None:
                return known, None
            moment = self._decider.moment()
            found = self._store.exemption(connection, *self._place, number)
            if found is None:
                raise NotFound
            if not found.is_in_force(moment):
                raise ExemptionEnded
            ended = replace(found, ended_at=moment, ended=said)
            self._store.end(connection, *self._place, ended, key)
            return ended, self._rows(connection, self._store.in_force(connection, *self._place, moment))

        return await self._change(write)

    async def _change(self, write: Any) -> Exemption:
        made: Exemption
        made, _ = await self._engine.run(write, self._take)
        return made

    def _take(self, written: tuple[Exemption, RowArray | None]) -> None:
        if written[1] is not None:
            self._decider.take_exemptions(written[1])

    def _known(self, connection: Any, key: RequestKey) -> Exemption | None:
        found = self._store.known(connection, *self._place, key.key)
        if found is None:
            return None
        digest, exemption = found
        if digest != key.digest:
            raise KeyReused
        return exemption

    def _rows(self, connection: Any, exemptions: Iterable[Exemption]) -> RowArray:
        """Return rows of ``world.EXEMPTION``; what sets have the groups is found out."""
        given = list(exemptions)
        groups = {each.subject_id for each in given if each.entity is _GROUP}
        sets = self._names.codes(connection, self._place[0], CodeKind.GROUP_SET) if groups else ()
        names = {number: text for text, number in sets if number in groups}
        self._matches.keep(connection, self._place[0], names.values())
        rows = [
            (
                int(each.entity),
                self._matches.group_bit(names[each.subject_id]) if each.entity is _GROUP else each.subject_id,
                self._place[1],
                each.rule_id,
                each.context,
                each.starts_at,
                each.ends_at,
            )
            for each in given
        ]
        return np.array(rows, EXEMPTION)
