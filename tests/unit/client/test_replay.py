"""Replays against a server: order, repetition, what is counted, and how they end."""

import dataclasses

import grpc
import pytest

from pointguard_client import PointguardClient
from pointguard_client.replay.plan import ReplayPlan, plan_replay
from pointguard_client.replay.player import UNANSWERED_IN_A_ROW_MAX, ReplayOptions, ReplayPlayer
from pointguard_client.replay.tally import ReplaySummary
from pointguard_client.sample import read_baskets
from tests.unit.client.fake_server import API_KEY, FakeServer, PlannedFailure

OPTIONS = ReplayOptions(run_id="run-1", seed=1, concurrency=16, currency_code="CAD")


@pytest.fixture(scope="module")
def plan() -> ReplayPlan:
    return plan_replay(read_baskets(300), seed=1, redeem_every=2, rapid_household_count=2)


def what_was_decided(summary: ReplaySummary) -> dict[str, object]:
    """The part of a summary that has nothing to do with time."""
    kept = dataclasses.asdict(summary)
    for name in ("elapsed_seconds", "calls_per_second", "latency", "by_rpc", "run_id"):
        del kept[name]
    return kept | {"calls_by_rpc": {rpc: (each.calls, each.errors) for rpc, each in summary.by_rpc.items()}}


async def play(client: PointguardClient, plan: ReplayPlan, options: ReplayOptions = OPTIONS) -> ReplaySummary:
    return await ReplayPlayer(client, plan, options).play()


async def test_all_baskets_are_accrued_and_points_add_up(
    server: FakeServer, client: PointguardClient, plan: ReplayPlan
) -> None:
    summary = await play(client, plan)
    assert (summary.baskets, summary.baskets_planned, summary.accruals.approved) == (300, 300, 300)
    assert summary.errors == []
    assert not summary.interrupted
    assert summary.calls == len(server.calls) == sum(each.calls for each in summary.by_rpc.values())
    left = sum(account.posted for account in server.accounts.values())
    assert summary.points_issued - summary.points_redeemed == left
    assert summary.points_redeemed > 0
    assert summary.points_voided > 0
    assert all(not account.reservations for account in server.accounts.values())


async def test_rapid_redeemers_raise_advice_and_are_declined(client: PointguardClient, plan: ReplayPlan) -> None:
    summary = await play(client, plan)
    assert summary.advice_raised == {"ADVICE_CHECK_ACCOUNT_BURN_WEEK": 2}
    assert summary.advice_standing_before == {}
    assert summary.redemptions.declined_by_reason["ADVICE_BLOCK ADVICE_CHECK_ACCOUNT_BURN_WEEK"] >= 2
    assert summary.redemptions.declined_by_reason["INSUFFICIENT_POINTS"] >= 1
    assert sum(summary.redemptions.declined_by_reason.values()) == summary.redemptions.declined


async def test_a_second_run_with_the_same_run_id_changes_nothing(
    server: FakeServer, client: PointguardClient, plan: ReplayPlan
) -> None:
    first = await play(client, plan)
    written = server.transactions_written
    second = await play(client, plan, dataclasses.replace(OPTIONS, concurrency=5))
    assert server.transactions_written == written
    advice = {"advice_raised", "advice_standing_before"}
    assert {name: value for name, value in what_was_decided(second).items() if name not in advice} == {
        name: value for name, value in what_was_decided(first).items() if name not in advice
    }
    # What the first run raised stood before the second.
    assert (second.advice_standing_before, second.advice_raised) == (first.advice_raised, {})


async def test_another_run_id_is_decided_anew(server: FakeServer, client: PointguardClient, plan: ReplayPlan) -> None:
    first = await play(client, plan)
    written = server.transactions_written
    second = await play(client, plan, dataclasses.replace(OPTIONS, run_id="run-2"))
    assert server.transactions_written > written
    assert second.points_issued == first.points_issued


async def test_a_household_never_has_two_calls_in_flight_and_keeps_its_order(
    server: FakeServer, client: PointguardClient, plan: ReplayPlan
) -> None:
    server.delay_seconds["Accrue"] = 0.001
    await play(client, plan)
    assert server.active_by_member_max == 1
    assert 4 <= server.in_flight_max <= OPTIONS.concurrency
    planned: dict[str, list[str]] = {}
    for visit in plan.visits:
        planned.setdefault(visit.basket.household_id, []).append(visit.basket.basket_id)
    played: dict[str, list[str]] = {}
    for call in server.calls_of("Accrue"):
        request = call.request
        played.setdefault(request.member.loyalty_id, []).append(request.order_reference)  # type: ignore[attr-defined]
    assert played == planned


async def test_stop_finishes_the_visits_under_way_and_begins_no_other(
    client: PointguardClient, plan: ReplayPlan
) -> None:
    done = 0

    def on_visit_done() -> None:
        nonlocal done
        done += 1
        if done == 50:
            player.stop()

    player = ReplayPlayer(client, plan, OPTIONS, on_visit_done)
    summary = await player.play()
    assert summary.interrupted
    assert summary.errors == []
    assert 50 <= summary.baskets == done < 50 + OPTIONS.concurrency


async def test_refused_calls_are_counted_and_the_replay_goes_on(
    server: FakeServer, client: PointguardClient, plan: ReplayPlan
) -> None:
    server.fail_next("Accrue", *[PlannedFailure(grpc.StatusCode.NOT_FOUND)] * 3)
    summary = await play(client, plan)
    assert [(error.rpc, error.code, error.count) for error in summary.errors] == [("Accrue", "NOT_FOUND", 3)]
    assert summary.by_rpc["Accrue"].errors == 3
    assert summary.accruals.approved == summary.baskets == 297


async def test_a_server_that_goes_away_at_the_end_is_not_waited_for(
    server: FakeServer, client: PointguardClient, plan: ReplayPlan
) -> None:
    def on_visit_done() -> None:
        player.stop()
        for rpc in ("Accrue", "AuthoriseRedemption", "CaptureRedemption", "VoidRedemption", "CheckAdvice"):
            server.fail_next(rpc, *[PlannedFailure(grpc.StatusCode.DEADLINE_EXCEEDED)] * 500)

    player = ReplayPlayer(client, plan, OPTIONS, on_visit_done)
    summary = await player.play()
    assert summary.interrupted
    assert 1 <= sum(error.count for error in summary.errors) <= OPTIONS.concurrency


async def test_a_server_that_stays_silent_is_given_up(plan: ReplayPlan) -> None:
    async with PointguardClient.connect("127.0.0.1:1", api_key=API_KEY, timeout_seconds=0.05) as client:
        summary = await play(client, plan)
    assert str(UNANSWERED_IN_A_ROW_MAX) in summary.gave_up
    assert not summary.interrupted
    assert summary.accruals.approved == 0


async def test_a_defect_of_the_player_is_not_hidden(client: PointguardClient, plan: ReplayPlan) -> None:
    def broken() -> None:
        raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        await ReplayPlayer(client, plan, OPTIONS, broken).play()
