"""Shadows by RPC on a running server: what they would have given, recorded and never enforced.

The tests share one server, go one after the other through its life, and leave no shadow running.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final

import pytest

from pointguard_client import (
    Accrual,
    FailedPrecondition,
    Identifier,
    KeyReused,
    Money,
    NotFound,
    PointguardClient,
    RuleChange,
    RuleChangeReason,
    ShadowFindings,
    ShadowRule,
    new_idempotency_key,
)
from tests.e2e.test_operations import scrape
from tests.support.server import ServerProcess, issue_key, write_program

pytestmark = pytest.mark.long

CHANGE = RuleChange("staff 12", RuleChangeReason.TRIAL, "spring")
SMALL, LARGE = Money(1_00, "CAD"), Money(20_00, "CAD")
# As version 1 up to ten dollars; above, five points more by a rule that version 1 has not.
RICHER = 'rule "base"\n    earn base order.total * 10\n\nrule "large"\n    when order.total > 10\n    earn bonus 5\n'
CAPPED = """
rule "base" earn base order.total * 10
rule "again" when count(purchases, 7 days) >= 1 earn bonus 5 cap 12 per lifetime
"""
PATIENCE_S: Final = 120


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of its own, whose version 1 gives ten points a dollar."""
    folder = tmp_path_factory.mktemp("shadows")
    options = ("--tenant", "plain", *write_program(folder / "program"))
    key = issue_key(folder / "data", *options, "--role", "till", "--role", "manager")
    started = ServerProcess(folder / "data", options, api_key=key)
    try:
        yield started.start()
    finally:
        started.clean_up()


@asynccontextmanager
async def connect(server: ServerProcess) -> AsyncIterator[PointguardClient]:
    async with PointguardClient.connect(server.address, api_key=server.api_key, timeout_seconds=20) as client:
        yield client


async def enroll(client: PointguardClient) -> Identifier:
    member = Identifier.loyalty_id(new_idempotency_key())
    await client.enroll_member([member])
    return member


async def buy(client: PointguardClient, member: Identifier, *amounts: Money) -> list[Accrual]:
    return [await client.accrue(member, amount) for amount in amounts]


async def seen(client: PointguardClient, evaluated: int) -> ShadowFindings:
    """Return what the newest shadow found, once it has seen so many accruals."""
    for _ in range(PATIENCE_S * 10):
        found = await client.shadows.get()
        if found.evaluated >= evaluated:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"the shadow did not see {evaluated} accruals")


async def test_a_shadow_finds_what_would_differ_decides_nothing_and_goes_on_after_a_kill(server: ServerProcess) -> None:
    async with connect(server) as client:
        with pytest.raises(NotFound):
            await client.shadows.get()
        member = await enroll(client)
        await buy(client, member, LARGE)
        version = (await client.rules.create_version(RICHER, CHANGE)).version
        key = new_idempotency_key()
        shadow = await client.shadows.start(version, CHANGE, idempotency_key=key)
        assert (shadow.shadow_id, shadow.version, shadow.started.author) == (1, version, "staff 12")
        assert await client.shadows.start(version, CHANGE, idempotency_key=key) == shadow
        small, large, again = await buy(client, member, SMALL, LARGE, LARGE)
        assert (small.points, large.points) == (10, 200)
        found = await seen(client, 3)
        assert (found.evaluated, found.flips, found.failed, found.dropped, found.declined) == (3, 2, 0, 0, 0)
        assert (found.points, found.live_points) == (420, 410)
        assert found.rules == (ShadowRule("base", 410, 410), ShadowRule("large", 10, 0))
        assert [each.transaction_id for each in found.differences] == [again.transaction_id, large.transaction_id]
        assert {(each.points, each.live_points) for each in found.differences} == {(205, 200)}
        assert (await client.rules.list_versions()).active_version == 1
        figures = scrape(server)
        assert figures["pointguard_shadow_running_version", ()] == version
        labels = (("version", str(version)),)
        assert figures["pointguard_shadow_evaluated_total", labels] == 3
        assert figures["pointguard_shadow_flips_total", labels] == 2
        assert figures["pointguard_shadow_dropped_total", labels] == 0
        await buy(client, member, LARGE)
    server.kill()
    server.start()
    async with connect(server) as client:
        (last,) = await buy(client, member, LARGE)
        found = await seen(client, 5)
        assert (found.evaluated, found.flips, found.points, found.live_points) == (5, 4, 830, 810)
        assert found.differences[0].transaction_id == last.transaction_id
        assert len((await client.shadows.get(1, differences_max=1)).differences) == 1
        with pytest.raises(KeyReused):
            await client.shadows.stop(1, CHANGE, idempotency_key=key)
        key = new_idempotency_key()
        stopped = await client.shadows.stop(1, CHANGE, idempotency_key=key)
        assert stopped.stopped_at is not None
        assert await client.shadows.stop(1, CHANGE, idempotency_key=key) == stopped
        with pytest.raises(FailedPrecondition) as refused:
            await client.shadows.stop(1, CHANGE)
        assert refused.value.reason == "SHADOW_NOT_RUNNING"
        await buy(client, member, LARGE)
        kept = await client.shadows.get(1)
        assert (kept.evaluated, kept.shadow) == (5, stopped)
        assert scrape(server)["pointguard_shadow_running_version", ()] == 0


async def test_one_runs_at_a_time(server: ServerProcess) -> None:
    async with connect(server) as client:
        answers = await asyncio.gather(*(client.shadows.start(1, CHANGE) for _ in range(2)), return_exceptions=True)
        (late,) = [answer for answer in answers if isinstance(answer, FailedPrecondition)]
        (running,) = [answer for answer in answers if not isinstance(answer, BaseException)]
        assert late.reason == "SHADOW_RUNNING"
        assert running.shadow_id == 2
        member = await enroll(client)
        await buy(client, member, SMALL, LARGE)
        found = await seen(client, 2)
        assert (found.flips, found.points, found.live_points, found.differences) == (0, 210, 210, ())
        await client.shadows.stop(2, CHANGE)
        with pytest.raises(NotFound):
            await client.shadows.start(10**9, CHANGE)
        with pytest.raises(NotFound):
            await client.shadows.stop(10**9, CHANGE)


async def test_a_shadow_sees_windows_and_counts_for_caps_what_it_gave_itself_also_before_a_kill(
    server: ServerProcess,
) -> None:
    async with connect(server) as client:
        member = await enroll(client)
        version = (await client.rules.create_version(CAPPED, CHANGE)).version
        shadow = await client.shadows.start(version, CHANGE)
        await buy(client, member, SMALL, SMALL)
        await seen(client, 2)
        await buy(client, member, SMALL)
        found = await seen(client, 3)
        assert found.rules == (ShadowRule("again", 10, 0), ShadowRule("base", 30, 30))
    server.kill()
    server.start()
    async with connect(server) as client:
        await buy(client, member, SMALL, SMALL)
        found = await seen(client, 5)
        assert found.rules == (ShadowRule("again", 12, 0), ShadowRule("base", 50, 50))
        assert [each.points for each in found.differences] == [12, 15, 15]
        await client.shadows.stop(shadow.shadow_id, CHANGE)
