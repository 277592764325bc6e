"""What is timed in ``rules`` must be the same thirty rules for every engine."""

from zoneinfo import ZoneInfo

import pytest

from pointguard_server.rules.rule_set import RuleSet, load_rule_set
from pointguard_server.service.rule_simulation import Order, OrderLine, simulate
from tests.bench.published_orders import CURRENCY, PublishedOrder, make_orders
from tests.bench.rules import FOLDER, Awards, RuleEngine, ZenExpressions, ZenLists, ZenModel

MONEY_SCALE = 10_000
ORDERS = make_orders(150)


@pytest.fixture(scope="module", name="published")
def published_rules() -> RuleSet:
    return load_rule_set((FOLDER / "published.rules").read_text(encoding="utf-8"), "published.rules", currency=CURRENCY)


@pytest.fixture(scope="module")
def expected(published: RuleSet) -> list[Awards]:
    """What the interpreter gives."""
    return [interpreted(published, order) for order in ORDERS]


def interpreted(published: RuleSet, order: PublishedOrder) -> Awards:
    lines = tuple(OrderLine(*line) for line in order.lines)
    seen = Order(
        total=sum(line.amount for line in lines),
        lines=lines,
        kind="PURCHASE",
        accepted_at=0,
        tender=order.tender,
        coupon_used=order.coupon_used,
        business_unit=order.program,
        tier=order.tier,
    )
    outcomes = simulate(published, seen, MONEY_SCALE, ZoneInfo("UTC")).outcomes
    return {outcome.rule: outcome.points for outcome in outcomes}


def test_there_are_thirty_published_rules_and_the_orders_reach_every_one(
    published: RuleSet, expected: list[Awards]
) -> None:
    assert len(published.rules) == 30
    assert {rule.name for rule in published.rules if any(awards[rule.name] for awards in expected)} == {
        rule.name for rule in published.rules
    }


@pytest.mark.parametrize("engine", [ZenExpressions, ZenLists, ZenModel, RuleEngine])
def test_every_engine_awards_each_rule_the_points_that_the_interpreter_awards(
    engine: type[ZenExpressions | ZenLists | ZenModel | RuleEngine], expected: list[Awards]
) -> None:
    side = engine(ORDERS)
    assert side.awards() == expected
