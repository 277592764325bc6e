"""What those who look into fraud do about exemptions. For ``rpc`` and ``bootstrap``; belongs to the event loop."""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from pointguard_server.domain.codes import CodeKind, ExemptEntity
from pointguard_server.domain.errors import ExemptionEnded, PointguardError, TooManyExemptions
from pointguard_server.engine.batch import Decider
from pointguard_server.engine.engine import Engine
from pointguard_server.engine.world import EXEMPTION, RowArray
from pointguard_server.service.code_matches import CodeMatches
from pointguard_server.service.directive import Exemption
from pointguard_server.service.directives import Keeper
from pointguard_server.service.ports import DirectiveReader, DirectiveStore, Directory

EXEMPTIONS_MAX: Final = 10_000
_GROUP = ExemptEntity.GROUP


class Exemptions(Keeper[Exemption]):
    """The exemptions of the program that serves."""

    def __init__(
        self,
        engine: Engine,
        decider: Decider,
        store: DirectiveStore[Exemption],
        reader: DirectiveReader[Exemption],
        names: Directory,
        matches: CodeMatches,
        place: tuple[int, int],
    ) -> None:
        super().__init__(engine, decider, store, reader, names, place, EXEMPTIONS_MAX)
        self._matches = matches

    def rule(self, name: str) -> int:
        """Return the number of a fraud rule or control of the program; 0 if it has none of that name."""
        number = self._names.code(self._place[0], CodeKind.RULE, name) or 0
        return number if number and number in self._decider.programs.rules["rule_id"] else 0

    def _take(self, rows: RowArray) -> None:
        self._decider.directives.take_exemptions(rows)

    def _too_many(self) -> PointguardError:
        return TooManyExemptions(self._most)

    def _over(self) -> PointguardError:
        return ExemptionEnded()

    def _rows(self, connection: Any, directives: Iterable[Exemption]) -> RowArray:
        """Return rows of ``world.EXEMPTION``; what sets have the groups is found out."""
        given = list(directives)
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
