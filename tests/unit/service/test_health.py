"""Health: ready when every check passes, told when that changes, and a ledger that failed is tried again."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pointguard_server.domain.errors import StorageUnavailable
from pointguard_server.service import health
from pointguard_server.service.health import LEDGER_WRITABLE, NOT_DRAINING, RULES_LOADED, Finding, Health, is_ready


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "WATCH_INTERVAL_S", 0.001)


def passing() -> Health:
    found = Health()
    for name in (LEDGER_WRITABLE, RULES_LOADED):
        found.set(name, lambda: Finding(ok=True))
    return found


def test_nothing_is_ready_before_every_check_has_been_set() -> None:
    found = Health()
    assert not is_ready(found.findings())
    assert found.findings()[LEDGER_WRITABLE] == Finding(ok=False, detail="the server is starting")
    assert is_ready(passing().findings())


def test_one_check_that_fails_is_enough_and_says_why() -> None:
    found = passing()
    found.set(NOT_DRAINING, lambda: Finding(ok=False, detail="the server is ending"))
    assert not is_ready(found.findings())
    assert found.findings()[NOT_DRAINING].detail == "the server is ending"


def test_a_check_that_passes_may_have_something_to_say() -> None:
    found = passing()
    found.set(RULES_LOADED, lambda: Finding(ok=True, detail="the changed file is broken; the old rules serve"))
    assert is_ready(found.findings())


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ({"broken": False, "writable": True}, ""),
        ({"broken": False, "writable": False}, "the latest write failed"),
        ({"broken": True, "writable": False}, "a flush to disk failed"),
    ],
)
def test_the_ledger_is_writable_until_a_write_or_a_flush_fails(engine: dict[str, bool], said: str) -> None:
    finding = health.ledger_check(cast("Any", SimpleNamespace(**engine)))()
    assert finding.ok == (said == "")
    assert finding.detail.startswith(said)


@pytest.mark.usefixtures("quick")
async def test_a_ledger_that_failed_is_tried_until_it_can_be_written_and_both_changes_are_told() -> None:
    found, writable, tries = passing(), False, 0
    found.set(LEDGER_WRITABLE, lambda: Finding(ok=writable))
    told: list[bool] = []
    twice = asyncio.Event()

    def tell(ready: bool) -> None:
        told.append(ready)
        if len(told) == 2:
            twice.set()

    async def try_ledger() -> None:
        nonlocal writable, tries
        tries += 1
        if tries < 3:
            raise StorageUnavailable
        writable = True

    watching = asyncio.create_task(health.watch(found, tell, try_ledger))
    await asyncio.wait_for(twice.wait(), 5)
    watching.cancel()
    assert told == [False, True]
    assert tries == 3
