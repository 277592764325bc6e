"""What terminals upload, as the ledger keeps it, and what of it does not fit together. Belongs to the event loop."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

from pointguard_server.domain.codes import Outcome
from pointguard_server.domain.offline import Discrepancy, Occurrence, TakenOccurrence, discrepancies
from pointguard_server.engine.ask import Claim
from pointguard_server.engine.batch import Decider
from pointguard_server.engine.engine import Engine

LOOKED_AT_MAX: Final = 10_000
"""So many occurrences are looked at for one list of discrepancies."""


class OccurrenceStore(Protocol):
    """The occurrences of a ledger, for the writer's thread: each method runs in its atomic step."""

    def keep(self, connection: Any, tenant_id: int, occurrence: Occurrence, now: int) -> None:
        """Keep an occurrence, unless the same is there."""
        ...

    def last_sequence(self, connection: Any, tenant_id: int, store_id: int, terminal_id: int) -> int:
        """Return the highest number that a terminal has uploaded; 0: none."""
        ...


class OccurrenceReader(Protocol):
    """Reads what terminals have uploaded, beside the writer."""

    async def taken(
        self, tenant_id: int, store_id: int, terminal_id: int, after: int, count: int
    ) -> tuple[list[TakenOccurrence], int]:
        """Return some of a terminal's occurrences behind a number, in order of theirs, and its highest number."""
        ...


class Occurrences:
    """The occurrences of a tenant's terminals."""

    def __init__(
        self, engine: Engine, decider: Decider, store: OccurrenceStore, reader: OccurrenceReader, tenant_id: int
    ) -> None:
        self._engine, self._decider = engine, decider
        self._store, self._reader, self._tenant_id = store, reader, tenant_id

    async def keep(self, place: tuple[int, int], occurrences: Sequence[Occurrence]) -> int:
        """Have all that came be in the ledger; return the highest number of the terminal (store, terminal)."""

        def step(connection: Any) -> int:
            now = self._decider.moment()
            for each in occurrences:
                self._store.keep(connection, self._tenant_id, each, now)
            return self._store.last_sequence(connection, self._tenant_id, *place)

        return int(await self._engine.run(step))

    async def discrepancies(self, place: tuple[int, int], after: int) -> tuple[list[Discrepancy], int, int]:
        """Return what does not fit behind a number, the terminal's highest, and the one to go on behind; 0: none."""
        found, last = await self._reader.taken(self._tenant_id, *place, after, LOOKED_AT_MAX + 1)
        go_on = 0
        if len(found) > LOOKED_AT_MAX:
            # All of one number stay together, unless nothing else is there.
            found = [each for each in found if each.sequence < found[-1].sequence] or found
            go_on = found[-1].sequence
        return discrepancies(after, found), last, go_on


def redemption_claim(tenant_id: int, occurrence: Occurrence) -> Claim:
    """Return the claim that lets an offline redemption be no more than what is left of its allowance."""

    def take(store: Any, _account_id: int, now: int) -> tuple[Outcome, int, int]:
        return store.take_occurrence(tenant_id, occurrence, now), 0, 0

    return Claim(take, lambda: None)
