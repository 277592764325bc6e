"""The replay's plan: repeatable, in order, with keys that depend on run, basket and step alone."""

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointguard_client.replay.plan import PlannedRedemption, RedemptionStyle, derived_key, plan_replay
from pointguard_client.sample import Basket, BasketLine

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def basket(number: int, household: str, hours: int = 0, store: str = "s1") -> Basket:
    line = BasketLine("sku", "DAIRY", "Private", 1, 500, 0)
    return Basket(f"b{number}", household, store, START + timedelta(hours=hours), (line,))


def weekly_baskets(households: int, weeks: int) -> list[Basket]:
    return [
        basket(week * households + household, f"h{household}", hours=week * 168)
        for week in range(weeks)
        for household in range(households)
    ]


def test_the_same_seed_gives_the_same_plan_and_another_seed_another() -> None:
    baskets = weekly_baskets(households=20, weeks=12)
    assert plan_replay(baskets, 1, 4, 3) == plan_replay(baskets, 1, 4, 3)
    assert plan_replay(baskets, 1, 4, 3) != plan_replay(baskets, 2, 4, 3)


def test_every_basket_is_visited_once_and_in_order() -> None:
    baskets = weekly_baskets(households=7, weeks=5)
    visits = plan_replay(baskets, 1, 4, 0).visits
    assert [visit.basket for visit in visits] == baskets
    assert [visit.order for visit in visits] == list(range(35))


def test_a_household_redeems_after_every_so_many_baskets() -> None:
    visits = plan_replay(weekly_baskets(households=10, weeks=24), 1, 6, 0).visits
    redemptions = Counter(visit.basket.household_id for visit in visits if visit.redemption)
    assert redemptions == {f"h{household}": 4 for household in range(10)}


def test_every_style_of_redemption_occurs() -> None:
    visits = plan_replay(weekly_baskets(households=100, weeks=12), 1, 2, 3).visits
    assert {visit.redemption.style for visit in visits if visit.redemption} == set(RedemptionStyle)


def test_rapid_households_redeem_rapidly_once_in_the_middle() -> None:
    plan = plan_replay(weekly_baskets(households=10, weeks=9), 1, 4, 3)
    rapid = [
        (visit.basket.household_id, visit.order // 10)
        for visit in plan.visits
        if visit.redemption and visit.redemption.style is RedemptionStyle.RAPID
    ]
    assert sorted(rapid) == [(household, 4) for household in sorted(plan.rapid_households)]
    assert len(plan.rapid_households) == 3


def test_a_session_begins_with_another_day_or_another_store() -> None:
    baskets = [
        basket(1, "h1"),
        basket(2, "h2"),
        basket(3, "h1", hours=1),
        basket(4, "h1", hours=2, store="s2"),
        basket(5, "h1", hours=24, store="s2"),
        basket(6, "h1", hours=25, store="s2"),
    ]
    visits = plan_replay(baskets, 1, 6, 0).visits
    assert [visit.starts_session for visit in visits] == [True, True, False, True, True, False]


@given(available=st.integers(min_value=-1000, max_value=10**12), share=st.integers(min_value=1, max_value=100))
def test_redemptions_ask_for_a_share_of_what_is_there_or_for_more(available: int, share: int) -> None:
    normal = PlannedRedemption(RedemptionStyle.CAPTURED, share).points(available)
    assert 1 <= normal <= max(1, available)
    assert PlannedRedemption(RedemptionStyle.BEYOND_BALANCE, share).points(available) > max(0, available)


def test_keys_are_version_7_uuids_of_the_baskets_time_and_never_collide() -> None:
    baskets = weekly_baskets(households=5, weeks=5)
    steps = ["accrue", "authorise", "capture", "void", "rapid-0", "rapid-12"]
    keys = [
        (derived_key(run, each, step), each)
        for run, each, step in itertools.product(["run-1", "run-2"], baskets, steps)
    ]
    assert len({key for key, _ in keys}) == len(keys)
    for key, each in keys:
        assert UUID(key).version == 7
        assert UUID(key).int >> 80 == int(each.occurred_at.timestamp() * 1000)


def test_a_key_is_the_same_for_the_same_run_basket_and_step() -> None:
    assert derived_key("run", basket(1, "h1"), "accrue") == derived_key("run", basket(1, "h1"), "accrue")


@pytest.mark.parametrize("rapid", [0, 1, 500])
def test_there_are_never_more_rapid_households_than_households(rapid: int) -> None:
    plan = plan_replay(weekly_baskets(households=6, weeks=5), 1, 4, rapid)
    assert len(plan.rapid_households) == min(rapid, 6)
