"""Stops of redemptions on a test's ledger, in its tables and in force, as the server has them."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from pointguard_server.domain.codes import CodeKind, InterventionReason
from pointguard_server.domain.interventions import Intervention
from pointguard_server.engine.identifiers import key_bytes
from pointguard_server.engine.world import STOP
from pointguard_server.service.directive import Stop
from pointguard_server.service.rule_versions import RequestKey
from pointguard_server.storage.directives import STOPS, DirectiveStore
from tests.support.ledger import DAY, NOWHERE, Ledger, Where

YEAR = 366 * DAY
_SAID = Intervention("analyst 7", int(InterventionReason.OTHER), "n", "tests")
_STORE = DirectiveStore(STOPS)


def stop_redemptions(ledger: Ledger, where: Where = NOWHERE) -> Stop:
    """Stop all redemptions, or those of a store or unit, from now on."""
    place = (ledger.tenant, ledger.programs.programs[0].program_id)
    moment = ledger.decider.moment()
    unit, store = ledger.code(CodeKind.BUSINESS_UNIT, where.unit), ledger.code(CodeKind.STORE, where.store)
    number = _STORE.newest(ledger.connection, *place) + 1
    made = Stop(number, unit, store, 0, moment, moment + YEAR, _SAID)
    key = RequestKey(key_bytes(f"stop {number}"), bytes(16))
    ledger.store.write(lambda connection: _STORE.add(connection, *place, made, key))
    _take(ledger, _STORE.in_force(ledger.connection, *place, moment))
    return made


def release_redemptions(ledger: Ledger) -> None:
    """Release every stop."""
    place = (ledger.tenant, ledger.programs.programs[0].program_id)
    moment = ledger.decider.moment()

    def end_all(connection: Any) -> None:
        for each in _STORE.in_force(connection, *place, moment):
            ended = replace(each, ended_at=moment, ended=_SAID)
            _STORE.end(connection, *place, ended, RequestKey(key_bytes(f"release {each.number}"), bytes(16)))

    ledger.store.write(end_all)
    _take(ledger, ())


def _take(ledger: Ledger, stops: Iterable[Stop]) -> None:
    program_id = ledger.programs.programs[0].program_id
    rows = [
        (
            program_id, int(each.reason), each.business_unit_id, each.store_id, each.terminal_id, each.starts_at,
            each.ends_at,
        )
        for each in stops
    ]  # fmt: skip
    ledger.decider.directives.take_stops(np.array(rows, STOP))
