"""Directives on a test's ledger, put in force as the server does: stops of redemptions, exemptions."""

import asyncio
from collections.abc import Callable
from typing import Any

from pointguard_server.domain.codes import CodeKind, ExemptEntity, InterventionReason
from pointguard_server.domain.interventions import Intervention
from pointguard_server.engine.identifiers import key_bytes
from pointguard_server.service.code_matches import CodeMatches
from pointguard_server.service.directive import Exemption, Stop
from pointguard_server.service.exemptions import Exemptions
from pointguard_server.service.rule_versions import RequestKey
from pointguard_server.service.stops import Stops
from pointguard_server.storage.directives import EXEMPTIONS, STOPS, DirectiveStore
from tests.support.ledger import DAY, NOWHERE, Ledger, Where

YEAR = 366 * DAY


class _Engine:
    """Runs jobs at once."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def run(self, job: Callable[[Any], Any], then: Callable[[Any], None] = lambda _result: None) -> Any:
        result = self._ledger.store.write(job)
        then(result)
        return result


def stops_of(ledger: Ledger) -> Stops:
    """Return what the staff does about stops."""
    unread: Any = None  # nobody lists them
    engine: Any = _Engine(ledger)
    place = (ledger.tenant, ledger.programs.programs[0].program_id)
    return Stops(engine, ledger.decider, DirectiveStore(STOPS), unread, ledger.names, place)


def exemptions_of(ledger: Ledger) -> Exemptions:
    """Return what the staff does about exemptions; not such of groups."""
    unread: Any = None
    engine: Any = _Engine(ledger)
    place = (ledger.tenant, ledger.programs.programs[0].program_id)
    matches = CodeMatches(ledger.names.codes)
    return Exemptions(engine, ledger.decider, DirectiveStore(EXEMPTIONS), unread, ledger.names, matches, place)


def said(author: str = "analyst 7") -> Intervention:
    return Intervention(author, int(InterventionReason.OTHER), "n", "tests")


def request_key(text: str) -> RequestKey:
    return RequestKey(key_bytes(text), bytes(16))


def stop_redemptions(ledger: Ledger, where: Where = NOWHERE, author: str = "analyst 7") -> int:
    """Stop all redemptions, or those of a store, from now on; return the stop's number."""
    store, ends_at = ledger.code(CodeKind.STORE, where.store), ledger.clock.now() + YEAR
    wanted = Stop(0, 0, store, 0, 0, ends_at, said(author))
    return asyncio.run(stops_of(ledger).add(wanted, request_key(f"stop {len(ledger.rows('redemption_stops'))}"))).number


def release_redemptions(ledger: Ledger) -> None:
    """Release every stop."""
    ended = {row["redemption_stop_id"] for row in ledger.rows("redemption_stop_ends")}
    for row in ledger.rows("redemption_stops"):
        if row["redemption_stop_id"] not in ended and row["ends_at"] > ledger.decider.latest_moment:
            number = row["redemption_stop_id"]
            asyncio.run(stops_of(ledger).end(number, said(), request_key(f"release {number}")))


def exempt(ledger: Ledger, author: str, account: int = 1 << 40, key: str = "") -> int:
    """Have every rule let an account pass, or one that there is not; return the exemption's number."""
    wanted = Exemption(0, ExemptEntity.ACCOUNT, account, 0, 0, 0, ledger.clock.now() + YEAR, said(author))
    key = key or f"exempt {len(ledger.rows('exemptions'))}"
    return asyncio.run(exemptions_of(ledger).add(wanted, request_key(key))).number


def end_exemption(ledger: Ledger, number: int, author: str) -> None:
    asyncio.run(exemptions_of(ledger).end(number, said(author), request_key(f"end {number}")))
