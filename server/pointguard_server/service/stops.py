"""What those who look into fraud do about stops of redemptions. For ``rpc`` and ``bootstrap``."""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import structlog

from pointguard_server.domain.codes import CodeKind
from pointguard_server.domain.errors import PointguardError, StopEnded, TooManyStops
from pointguard_server.domain.interventions import Intervention
from pointguard_server.engine.batch import Decider
from pointguard_server.engine.engine import Engine
from pointguard_server.engine.world import STOP, RowArray
from pointguard_server.service.directive import Stop
from pointguard_server.service.directives import Keeper
from pointguard_server.service.ports import DirectiveReader, DirectiveStore, Directory
from pointguard_server.service.rule_versions import RequestKey

STOPS_MAX: Final = 1_000

log = structlog.get_logger(__name__)


class Stops(Keeper[Stop]):
    """The stops of redemptions of the program that serves."""

    def __init__(
        self,
        engine: Engine,
        decider: Decider,
        store: DirectiveStore[Stop],
        reader: DirectiveReader[Stop],
        names: Directory,
        place: tuple[int, int],
    ) -> None:
        super().__init__(engine, decider, store, reader, names, place, STOPS_MAX)

    def known_code(self, kind: CodeKind, text: str) -> int:
        """Return the number of a text of the tenant; 0 if nobody has used it yet."""
        return self._names.code(self._place[0], kind, text) or 0

    async def add(self, wanted: Stop, key: RequestKey) -> Stop:
        """See ``Keeper``; it is logged."""
        made = await super().add(wanted, key)
        log.info("redemptions_stopped", stop=made.number, reason=made.reason.name)
        return made

    async def end(self, number: int, said: Intervention, key: RequestKey) -> Stop:
        """See ``Keeper``; it is logged."""
        ended = await super().end(number, said, key)
        log.info("redemptions_released", stop=ended.number, reason=ended.reason.name)
        return ended

    def _take(self, rows: RowArray) -> None:
        self._decider.directives.take_stops(rows)

    def _too_many(self) -> PointguardError:
        return TooManyStops(self._most)

    def _over(self) -> PointguardError:
        return StopEnded()

    def _rows(self, connection: Any, directives: Iterable[Stop]) -> RowArray:
        """Return rows of ``world.STOP``."""
        rows = [
            (
                self._place[1],
                int(each.reason),
                each.business_unit_id,
                each.store_id,
                each.terminal_id,
                each.starts_at,
                each.ends_at,
            )
            for each in directives
        ]
        return np.array(rows, STOP)
