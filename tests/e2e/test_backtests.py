"""Backtests by RPC on a running server: what comes out, and that nothing is left behind however they end."""

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

from pointguard.v1 import rule_pb2, rule_pb2_grpc
from pointguard_client import (
    Basket,
    BasketLine,
    Identifier,
    Money,
    Origin,
    PointguardClient,
    Profile,
    RuleChange,
    RuleChangeReason,
)
from tests.e2e.raw_calls import RPCS, RawCalls
from tests.support.processes import InBackground, ends_soon
from tests.support.server import ServerProcess

MODULE = "pointguard_server.backtest"
CHANGE = RuleChange("staff 9", RuleChangeReason.TRIAL)
DOUBLE = 'rule "double" earn base 4 * order.total\nrule "gold" when member.tier == "GOLD" earn bonus 1000\n'


def request(**fields: Any) -> rule_pb2.BacktestRuleSetRequest:
    return rule_pb2.BacktestRuleSetRequest(**{"version": 1, **fields})


@contextmanager
def asked(server: ServerProcess, timeout_s: float | None = 60, **fields: Any) -> Iterator[Any]:
    """Ask for a backtest and yield its stream."""
    with grpc.insecure_channel(server.address, options=(("grpc.use_local_subchannel_pool", 1),)) as channel:
        stub = rule_pb2_grpc.RuleServiceStub(channel)
        call = stub.BacktestRuleSet(request(**fields), metadata=server.authorization, timeout=timeout_s)
        try:
            yield call
        finally:
            call.cancel()


def events_of(server: ServerProcess, **fields: Any) -> list[Any]:
    with asked(server, **fields) as call:
        return list(call)


def events_once_there_is_room(server: ServerProcess) -> list[Any]:
    """Have a backtest made; the server may take a moment to notice that the one before is over."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return events_of(server)
        except grpc.RpcError as error:
            refused: Any = error
            if refused.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@contextmanager
def held(server: ServerProcess, **fields: Any) -> Iterator[tuple[Any, InBackground]]:
    """Ask for a backtest, and stop its process from going on."""
    with asked(server, **fields) as call:
        deadline = time.monotonic() + 60
        while (process := InBackground.of(server.process_id, MODULE)) is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.hold()
        yield call, process


def status_of(call: Any) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as ended:
        list(call)
    error: Any = ended.value
    return error.code().name, error.details()


@pytest.fixture
async def purchases(shared_server: ServerProcess, client: PointguardClient) -> datetime:
    """Purchases by a new member; the moment before them."""
    begin = datetime.now(UTC)
    member = Identifier.loyalty_id(f"backtest {begin.timestamp()}")
    await client.enroll_member([member], profile=Profile(province="CA-ON"), tier="GOLD")
    for cents in (1_000, 250, 99):
        await client.accrue(member, Money(cents, "CAD"), origin=Origin(store_id="375"))
    lines = (BasketLine(1_200, category="PRODUCE", quantity=2), BasketLine(300, category="GIFT CARDS"))
    await client.accrue(member, Basket("CAD", lines), coupon_used=True)
    return begin


def test_the_active_version_gives_what_it_has_issued_to_the_point(
    shared_server: ServerProcess, purchases: datetime
) -> None:
    *progress, last = events_of(shared_server)
    result = last.result
    assert progress[0].WhichOneof("event") == "progress"
    assert result.orders >= 4
    assert result.side.version == 1
    assert (result.flips, result.points_gained, result.points_lost) == (0, 0, 0)
    assert result.side.points == result.issued_points > 0
    assert result.side.cost_minor_units == result.issued_cost_minor_units
    # 1,000 points are worth 10.00.
    assert result.side.cost_minor_units == result.side.points
    assert sum(rule.points for rule in result.side.rules) == result.side.points
    assert {group.code for group in result.tiers} >= {"GOLD"}
    assert sum(group.orders for group in result.stores) == result.orders
    assert not result.HasField("other")
    assert list(result.caveats) == []


async def test_two_versions_are_compared_over_a_range(
    shared_server: ServerProcess, client: PointguardClient, purchases: datetime
) -> None:
    version = await client.rules.create_version(DOUBLE, CHANGE)
    fields = {"version": version.version, "other_version": 1, "begins_at": purchases, "examples_max": 2}
    with ThreadPoolExecutor(1) as pool:
        *_, last = pool.submit(lambda: events_of(shared_server, **fields)).result()
    result = last.result
    assert result.orders == 4
    assert [(rule.rule, rule.points, rule.orders) for rule in result.side.rules] == [
        ("double", 40 + 10 + 3 + 60, 4),
        ("gold", 4_000, 4),
    ]
    assert result.other.version == 1
    assert result.other.points == result.issued_points
    assert result.flips == 4
    sizes = [example.points - example.other_points for example in result.examples]
    assert len(sizes) == 2
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] > 1_000
    assert {rule.rule for rule in result.examples[0].rules} >= {"double", "gold"}
    (tier,) = result.tiers
    assert (tier.code, tier.orders, tier.points, tier.flips) == ("GOLD", 4, 4_113, 4)
    assert {group.code: group.orders for group in result.stores} == {"375": 3, "": 1}
    found = await client.get_transaction(result.examples[0].transaction_id)
    assert found.points == result.examples[0].other_points


async def test_an_order_is_seen_on_its_terminals_date_where_that_is_asked_for(
    shared_server: ServerProcess, client: PointguardClient
) -> None:
    begin = datetime.now(UTC)
    member = Identifier.loyalty_id(f"past {begin.timestamp()}")
    await client.enroll_member([member])
    for origin in (Origin(occurred_at=datetime(2017, 5, 6, 16, tzinfo=UTC)), Origin()):
        await client.accrue(member, Money(1_000, "CAD"), origin=origin)
    source = 'rule "then" when time.year == 2017 and member.days_since_enrolment == 0 earn base 3 * order.total\n'
    version = (await client.rules.create_version(source, CHANGE)).version
    then = await client.rules.backtest(version, begins_at=begin, by_occurred_at=True)
    assert (then.orders, then.side.points, then.side.rules[0].orders) == (2, 30, 1)
    now = await client.rules.backtest(version, begins_at=begin)
    assert (now.orders, now.side.points) == (2, 0)


async def test_windows_and_caps_are_replayed_and_members_are_seen_as_they_were(client: PointguardClient) -> None:
    source = """
    rule "often" when sum(money of purchases, 7 days) < 50.00 CAD earn base 5 * count(purchases, 7 days) cap 12 per day
    rule "people" when "VIP" in member.groups and store.country == "CA" earn bonus 100
    rule "elders" when member.age_band == "65-74" earn bonus 1000 * member.birthday_month cap 14000 per lifetime
    """
    version = (await client.rules.create_version(source, CHANGE)).version
    begin = datetime.now(UTC)
    member = Identifier.loyalty_id(f"history {begin.timestamp()}")
    await client.enroll_member([member], profile=Profile(birth_date=f"{begin.year - 70}-07-01"), groups=("VIP",))
    bought = [await client.accrue(member, Money(1_000, "CAD"), origin=Origin("375")) for _ in range(3)]
    await client.update_member(member, groups=())
    bought += [await client.accrue(member, Money(1_000, "CAD"), origin=Origin("375")) for _ in range(3)]
    found = await client.rules.backtest(version, begins_at=begin, examples_max=6)
    assert [(rule.points, rule.orders) for rule in found.side.rules] == [(12, 2), (300, 3), (14_000, 2)]
    assert (found.orders, found.caveats) == (6, ())
    given = {flip.transaction_id: flip.points for flip in found.examples}
    assert [given.get(each.transaction_id) for each in bought] == [7_100, 7_105, 107, 0, 0, 0]
    second = await client.get_transaction(bought[1].transaction_id)
    rest = await client.rules.backtest(version, begins_at=second.accepted_at)
    # From the second on: what came before is in its windows, and in its caps what rules of the same names had given.
    assert [rule.points for rule in rest.side.rules] == [12, 200, 14_000]


def test_an_unknown_version_is_not_found(raw: RawCalls) -> None:
    assert raw.call("BacktestRuleSet", RPCS["BacktestRuleSet"].request()).code == "NOT_FOUND"
    assert raw.call("BacktestRuleSet", request(other_version=999_999)).code == "NOT_FOUND"


def test_there_is_one_backtest_at_a_time_and_giving_it_up_makes_room(
    shared_server: ServerProcess, raw: RawCalls
) -> None:
    with held(shared_server) as (call, process):
        answer = raw.call("BacktestRuleSet", request())
        assert (answer.code, answer.reason) == ("RESOURCE_EXHAUSTED", "BACKTEST_UNDER_WAY")
        # Tills are answered meanwhile.
        assert raw.call("GetBalance", RPCS["GetBalance"].request()).code == "OK"
        call.cancel()
        assert ends_soon(process.program)
    assert events_once_there_is_room(shared_server)[-1].HasField("result")
    assert InBackground.of(shared_server.process_id, MODULE) is None


@pytest.mark.long
def test_a_backtest_ends_with_its_deadline(shared_server: ServerProcess) -> None:
    with held(shared_server, timeout_s=3) as (call, process):
        assert status_of(call)[0] == "DEADLINE_EXCEEDED"
        assert ends_soon(process.program)
    assert events_once_there_is_room(shared_server)[-1].HasField("result")


def test_a_backtest_whose_process_is_killed_says_so_and_the_next_one_runs(shared_server: ServerProcess) -> None:
    with held(shared_server) as (call, process):
        os.kill(process.keeper, signal.SIGCONT)
        os.kill(process.program, signal.SIGKILL)
        code, text = status_of(call)
        assert (code, text) == ("UNAVAILABLE", "the backtest ended without a result; it may be tried again")
    assert events_once_there_is_room(shared_server)[-1].HasField("result")


@pytest.mark.long
def test_a_server_that_drains_or_dies_leaves_no_backtest_behind(own_server: ServerProcess) -> None:
    with held(own_server) as (call, process):
        assert own_server.stop() == 0
        assert status_of(call) == ("UNAVAILABLE", "the server is shutting down")
        assert ends_soon(process.program)
    own_server.start()
    with held(own_server) as (_, process):
        own_server.kill()
        process.let_go()
        assert ends_soon(process.program)
    assert "backtest_started" in {event["event"] for event in own_server.events()}
    assert json.dumps(own_server.complaints()).count("backtest_failed") == 0
