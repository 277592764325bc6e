"""WatchAdvice over gRPC, from what was to what is now; and what is published, through kill -9."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from pointguard.v1 import advice_pb2
from pointguard_client import (
    AccountStatus,
    AdviceContext,
    AdviceEvent,
    AdviceNotice,
    AdvicePosture,
    Identifier,
    Intervention,
    InterventionReason,
    PointguardClient,
    RetryPolicy,
    new_idempotency_key,
)
from pointguard_client.__main__ import main
from tests.e2e.raw_calls import RawCalls
from tests.support.aws import BUS, REGION, Aws, aws, aws_environment, proxy_before
from tests.support.server import ServerProcess, StartServer

__all__ = ["aws"]
WHY = Intervention("analyst 7", InterventionReason.SUSPECTED_FRAUD, "as agreed")
HOUR = timedelta(hours=1)
SOON_S = 10.0


async def enroll(client: PointguardClient) -> Identifier:
    member = Identifier.external_id(new_idempotency_key())
    await client.enroll_member([member])
    return member


async def following(notices: AsyncGenerator[AdviceNotice]) -> AdviceNotice:
    async with asyncio.timeout(SOON_S):
        return await anext(notices)


async def test_a_watch_tells_what_was_and_then_what_happens_within_a_second(client: PointguardClient) -> None:
    member = await enroll(client)
    raised = await client.fraud.raise_advice(member, AdviceContext.EARNING, AdvicePosture.WARN, HOUR, WHY)
    before = (await client.get_transaction(raised.transaction_id)).position - 1
    async with aclosing(client.fraud.watch(before)) as notices:
        first = await following(notices)
        assert (first.transaction_id, first.position, first.account_id) == (
            raised.transaction_id, before + 1, raised.account_id,
        )  # fmt: skip
        (step,) = first.steps
        assert (step.event, step.advice.posture, step.advice.advice_id) == (
            AdviceEvent.RAISED, AdvicePosture.WARN, raised.advice_id,
        )  # fmt: skip
        assert first.intervention is not None
        assert (first.intervention.author, first.intervention.note) == ("analyst 7", "as agreed")
        started = time.monotonic()
        suspended = await client.fraud.set_account_status(member, AccountStatus.SUSPENDED, WHY)
        second = await following(notices)
        assert time.monotonic() - started < 1
    assert (second.transaction_id, second.steps, second.suspended) == (suspended.transaction_id, (), True)
    async with aclosing(client.fraud.watch(first.position, follow=False)) as notices:
        assert [each.transaction_id async for each in notices] == [suspended.transaction_id], "nothing skipped or twice"


async def test_filters_leave_out_what_nobody_asked_for(client: PointguardClient) -> None:
    member = await enroll(client)
    after = (
        await client.get_transaction((await client.set_redemption_lock(member, locked=True)).transaction_id)
    ).position
    raised = {}
    for context in (AdviceContext.REDEMPTION, AdviceContext.EARNING):
        for posture in (AdvicePosture.LOG, AdvicePosture.BLOCK):
            step = await client.fraud.raise_advice(member, context, posture, HOUR, WHY)
            raised[step.transaction_id] = context, posture
    await client.set_redemption_lock(member, locked=False)

    async def watched(**filters: Any) -> list[tuple[AdviceContext, AdvicePosture]]:
        async with aclosing(client.fraud.watch(after, follow=False, **filters)) as notices:
            return [raised[each.transaction_id] async for each in notices]

    earning, redemption = AdviceContext.EARNING, AdviceContext.REDEMPTION
    block, log = AdvicePosture.BLOCK, AdvicePosture.LOG
    assert await watched(context=earning) == [(earning, log), (earning, block)]
    assert await watched(posture_min=AdvicePosture.WARN) == [(redemption, block), (earning, block)]
    assert await watched(context=redemption, posture_min=block) == [(redemption, block)]


def test_who_has_read_all_that_passes_a_filter_need_not_look_at_the_rest_again(raw: RawCalls) -> None:
    request = advice_pb2.WatchAdviceRequest(after_position=0, context=2, posture_min=3)  # type: ignore[arg-type]
    answer = raw.call("WatchAdvice", request)
    newest = raw.call("WatchAdvice", advice_pb2.WatchAdviceRequest(after_position=0)).message.position
    assert answer.message.position == newest


def test_a_watch_from_the_command_line_is_a_line_of_json_for_each_notice(
    shared_server: ServerProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["fraud", "watch", "--address", shared_server.address, "--api-key", shared_server.api_key]
    assert main([*command, "--after", "0", "--until-now", "--context", "earning", "--posture", "warn"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines
    assert all(step["advice"]["context"] == "EARNING" for line in lines for step in line["steps"])
    positions = [line["position"] for line in lines]
    assert positions == sorted(set(positions))


def end_under_a_watch(server: ServerProcess) -> None:
    """End a server while somebody watches, who is told so."""
    with RawCalls(server) as raw:
        watch: Any = raw.channel.unary_stream(
            "/pointguard.v1.AdviceService/WatchAdvice",
            request_serializer=advice_pb2.WatchAdviceRequest.SerializeToString,
            response_deserializer=advice_pb2.WatchAdviceResponse.FromString,
        )
        call = watch(advice_pb2.WatchAdviceRequest(follow=True), metadata=server.authorization)
        assert next(call).position > 0
        assert server.stop() == 0
        with pytest.raises(grpc.RpcError):
            next(call)
        assert (call.code(), call.details()) == (grpc.StatusCode.UNAVAILABLE, "the server is shutting down")


async def test_what_was_committed_before_kill_9_is_published_after_it_and_a_watch_goes_on_by_itself(
    aws: Aws, start_server: StartServer, tmp_path: Path
) -> None:
    await asyncio.to_thread(aws.begin)
    with proxy_before(aws) as proxy:
        options = ("--sandbox", "--publish-eventbridge", BUS, "--aws-region", REGION, "--aws-endpoint", proxy.endpoint)
        proxy.down = True
        first = await asyncio.to_thread(start_server, options, environment=aws_environment())
        patient = RetryPolicy(delay_max_seconds=0.2)
        connected = PointguardClient.connect(
            first.address, api_key=first.api_key, timeout_seconds=60, retry_policy=patient
        )
        async with connected as client, aclosing(client.fraud.watch(0)) as notices:
            member = Identifier.loyalty_id("5")
            raised = [
                await client.fraud.raise_advice(member, AdviceContext.EARNING, AdvicePosture.LOG, HOUR, WHY)
                for _ in range(3)
            ]
            watched = [await following(notices)]
            await asyncio.to_thread(first.kill)
            proxy.down = False
            again = ("--grpc-address", first.address, *options)
            second = await asyncio.to_thread(
                start_server, again, data_directory=first.data_directory, environment=aws_environment()
            )
            watched += [await following(notices) for _ in range(2)]
            events: list[Any] = []
            async with asyncio.timeout(SOON_S):
                while len({each["detail"]["event_id"] for each in events}) < 3:
                    events += await asyncio.to_thread(aws.take_events)
            told = [each.transaction_id for each in raised]
            assert [each.transaction_id for each in watched] == told
            assert list(dict.fromkeys(each["detail"]["event_id"] for each in events)) == told
            async with asyncio.timeout(SOON_S):
                while 'pointguard_published_total{target="eventbridge"} 3.0' not in second.get("/metrics")[1]:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        end_under_a_watch(second)
    assert second.complaints() == []
