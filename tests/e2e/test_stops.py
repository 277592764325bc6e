"""Redemptions stopped and released on a running server: at once, through a crash, told, listed and explained."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pointguard_client import (
    AdviceContext,
    AuthoriseRedemption,
    Decision,
    Identifier,
    Intervention,
    InterventionReason,
    KeyReused,
    Money,
    NotFound,
    Origin,
    PointguardClient,
    ReasonCode,
    StopEnded,
    StopSubject,
    new_idempotency_key,
)
from pointguard_client.__main__ import main
from tests.e2e.audit import audit
from tests.support.server import ServerProcess

WAVE = Intervention("analyst 7", InterventionReason.SUSPECTED_FRAUD, "a wave of burns", session_id="desk 1")
OVER = Intervention("analyst 8", InterventionReason.RESOLVED)
HERE = Origin(store_id="34280", terminal_id="1")
TERMINAL = StopSubject.terminal("34280", "1")
EVERYWHERE = ReasonCode.REDEMPTIONS_STOPPED


def connect(server: ServerProcess) -> PointguardClient:
    return PointguardClient.connect(server.address, api_key=server.api_key, timeout_seconds=20)


async def enroll(client: PointguardClient) -> Identifier:
    member = Identifier.external_id(new_idempotency_key())
    await client.enroll_member([member])
    await client.accrue(member, Money(1_000_00, "CAD"), origin=HERE)
    return member


def codes(answer: Any) -> list[ReasonCode]:
    return [reason.code for reason in answer.reasons]


@pytest.mark.long
def test_a_stop_holds_at_once_and_through_a_crash_until_it_is_released(
    own_server: ServerProcess, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(stop_and_tell(own_server))
    member, stop_id, transaction_id = asyncio.run(race(own_server))
    own_server.kill()
    own_server.start()
    asyncio.run(release(own_server, member, stop_id, transaction_id))
    use_commands(own_server, monkeypatch, capsys)
    assert own_server.stop() == 0
    audit(own_server.database)


async def stop_and_tell(server: ServerProcess) -> None:
    async with connect(server) as client:
        member, other, key = await enroll(client), await enroll(client), new_idempotency_key()
        until = datetime.now(UTC) + timedelta(hours=1)
        held = await client.authorise_redemption(member, 10, origin=HERE)
        made = await client.fraud.stop_redemptions(TERMINAL, WAVE, until=until, idempotency_key=key)
        assert (made.subject, made.stopped.author, made.stopped.session_id) == (TERMINAL, "analyst 7", "desk 1")
        # A retry may come from another session; another body may not.
        assert (
            await client.fraud.stop_redemptions(
                TERMINAL, replace(WAVE, session_id="desk 2"), until=until, idempotency_key=key
            )
            == made
        )
        with pytest.raises(KeyReused):
            await client.fraud.stop_redemptions(StopSubject.store("34280"), WAVE, until=until, idempotency_key=key)
        declined = await client.authorise_redemption(member, 10, origin=HERE)
        assert (declined.decision, codes(declined)) == (Decision.DECLINED, [ReasonCode.TERMINAL_STOPPED])
        (batched,) = await client.process_batch([AuthoriseRedemption(member, 10, origin=HERE)])
        assert codes(batched) == [ReasonCode.TERMINAL_STOPPED]
        together = await client.redeem_household([member, other], 10, origin=HERE)
        assert codes(together) == [ReasonCode.TERMINAL_STOPPED]
        for each in (declined, together):
            explained = await client.explain_decision(each.transaction_id)
            assert explained.reproduced, explained.differences
        quoted = await client.quote_redemption(member, origin=HERE)
        assert (quoted.points_max, [each.code for each in quoted.limits]) == (0, [ReasonCode.TERMINAL_STOPPED])
        assert (await client.check_advice(member, origin=HERE)).redemptions_stopped == (ReasonCode.TERMINAL_STOPPED,)
        assert (await client.check_advice(member)).redemptions_stopped == ()
        earning = await client.check_advice(member, context=AdviceContext.EARNING, origin=HERE)
        assert earning.redemptions_stopped == ()
        assert (await client.capture_redemption(held.transaction_id)).points == 10
        elsewhere = await client.authorise_redemption(member, 10, origin=replace(HERE, terminal_id="2"))
        assert elsewhere.decision is Decision.APPROVED
        released = await client.fraud.release_redemptions(made.stop_id, OVER)
        assert released.released is not None
        assert (released.released.author, released.released_at is not None) == ("analyst 8", True)
        with pytest.raises(StopEnded):
            await client.fraud.release_redemptions(made.stop_id, OVER)
        with pytest.raises(NotFound):
            await client.fraud.release_redemptions(10**6, OVER)
        assert await client.fraud.stop_redemptions(TERMINAL, WAVE, until=until, idempotency_key=key) == made
        after = await client.authorise_redemption(member, 10, origin=HERE)
        assert after.decision is Decision.APPROVED
        explained = await client.explain_decision(after.transaction_id)
        assert explained.reproduced, explained.differences


async def race(server: ServerProcess) -> tuple[Identifier, int, str]:
    """Stop all redemptions while some are asked for: what is asked for after the answer is declined."""
    async with connect(server) as client:
        members = [await enroll(client) for _ in range(4)]
        racing = [
            asyncio.create_task(client.authorise_redemption(member, 1, capture=True))
            for _ in range(10)
            for member in members
        ]
        stop = await client.fraud.stop_redemptions(StopSubject.program(), WAVE)
        after = [await client.authorise_redemption(member, 1, capture=True) for member in members]
        assert [codes(each) for each in after] == [[EVERYWHERE]] * 4
        before = await asyncio.gather(*racing)
        assert stop.starts_at is not None
        for each in before:
            decided_at = (await client.get_transaction(each.transaction_id)).accepted_at
            assert decided_at is not None
            assert (EVERYWHERE in codes(each)) == (decided_at >= stop.starts_at)
        return members[0], stop.stop_id, after[0].transaction_id


async def release(server: ServerProcess, member: Identifier, stop_id: int, transaction_id: str) -> None:
    async with connect(server) as client:
        assert codes(await client.authorise_redemption(member, 1)) == [EVERYWHERE]
        assert [each.stop_id for each in (await client.fraud.list_redemption_stops()).stops] == [stop_id]
        await client.fraud.release_redemptions(stop_id, OVER)
        assert (await client.fraud.list_redemption_stops()).stops == ()
        first = await client.fraud.list_redemption_stops(include_ended=True, page_size=1)
        assert [each.stop_id for each in first.stops] == [stop_id]
        rest = await client.fraud.list_redemption_stops(include_ended=True, page_token=first.next_page_token)
        assert [each.subject for each in rest.stops] == [TERMINAL]
        assert EVERYWHERE not in codes(await client.authorise_redemption(member, 1))
        explained = await client.explain_decision(transaction_id)
        assert explained.reproduced, "by what was in force then"


def use_commands(server: ServerProcess, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("POINTGUARD_ADDRESS", server.address)
    monkeypatch.setenv("POINTGUARD_API_KEY", server.api_key)

    def run(*arguments: str) -> str:
        assert main(["fraud", *arguments, *(() if arguments == ("redemption-stops",) else who)]) == 0
        return capsys.readouterr().out

    who = ("--author", "analyst 7", "--reason", "suspected-fraud")
    run("stop-redemptions", "--business-unit", "EXPRESS")
    run("stop-redemptions", "--store", "34280", "--terminal", "1")
    terminal, unit = run("redemption-stops").splitlines()
    assert "terminal 34280 1: until it is released, by analyst 7" in terminal
    assert "business_unit_id EXPRESS" in unit
    for line in (terminal, unit):
        run("release-redemptions", line.split()[0])
    assert run("redemption-stops") == ""
    assert main(["fraud", "stop-redemptions", "--program", "--terminal", "1", *who]) != 0
