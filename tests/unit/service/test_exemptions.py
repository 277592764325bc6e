"""Exemptions from fraud rules: how many may be in force at once."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from pointguard_server.domain.codes import ExemptEntity, InterventionReason
from pointguard_server.domain.errors import TooManyExemptions
from pointguard_server.domain.interventions import Intervention
from pointguard_server.service.directive import Exemption
from pointguard_server.service.exemptions import EXEMPTIONS_MAX, Exemptions
from pointguard_server.service.rule_versions import RequestKey

SAID = Intervention("analyst 7", InterventionReason.MEMBER_REQUEST)
WANTED = Exemption(0, ExemptEntity.ACCOUNT, 7, 0, 0, 0, 2_000, SAID)


class Engine:
    """Runs jobs at once."""

    async def run(self, job: Callable[[Any], Any], then: Callable[[Any], None]) -> Any:
        done = job(None)
        then(done)
        return done


def test_as_many_exemptions_may_be_in_force_and_no_more() -> None:
    in_force = [replace(WANTED, number=number, starts_at=1) for number in range(1, EXEMPTIONS_MAX)]
    store = SimpleNamespace(
        known=lambda *_: None,
        newest=lambda *_: len(in_force),
        in_force=lambda *_: list(in_force),
        deeds=lambda *_: [],
        add=lambda _connection, _tenant, _program, added, _key: in_force.append(added),
    )
    taken: list[int] = []
    decider = SimpleNamespace(
        moment=lambda: 1_000,
        directives=SimpleNamespace(
            take_exemptions=lambda rows: taken.append(len(rows)), take_deeds=lambda _of, _deeds: None
        ),
    )
    made: Any = Exemptions
    exemptions = made(Engine(), decider, store, None, None, SimpleNamespace(keep=lambda *_: None), (1, 1))
    key = RequestKey(bytes(16), bytes(16))
    last = asyncio.run(exemptions.add(WANTED, key))
    assert (last.number, taken) == (EXEMPTIONS_MAX, [EXEMPTIONS_MAX])
    with pytest.raises(TooManyExemptions, match="10000"):
        asyncio.run(exemptions.add(WANTED, key))
    assert len(in_force) == EXEMPTIONS_MAX
