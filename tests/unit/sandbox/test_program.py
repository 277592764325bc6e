"""The sandbox's program: its fraud rules leave a replay alone but for rapid redeemers, and its earn rules earn."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from pointguard_client.sample import CURRENCY_CODE, Basket, BasketLine, read_baskets
from pointguard_server.domain.codes import Context, Posture, WindowKind
from pointguard_server.rules.fields import FACT_FIELDS, FIELDS, LINE_FIELDS
from pointguard_server.rules.fixed_point import Status
from pointguard_server.rules.interpreter import interpret
from pointguard_server.rules.rule_set import RuleSet, load_rule_set
from pointguard_server.sandbox.data import read_members, read_stores, read_text
from pointguard_server.service.built_in_rules import BUILT_IN_RULES
from pointguard_server.service.program_config import ProgramConfig, Window, load_program_config

SCALE: Final = 10**6


@pytest.fixture(scope="module")
def config() -> ProgramConfig:
    return load_program_config(read_text("program.toml"), "program.toml")


@pytest.fixture(scope="module")
def earn_rules(config: ProgramConfig) -> RuleSet:
    return load_rule_set(read_text(config.earn_rules), config.earn_rules)


def test_a_thousand_points_are_worth_ten_dollars(config: ProgramConfig) -> None:
    assert (config.redemption.points, config.redemption.money_minor) == (1_000, 1_000)
    assert (config.currency, config.currency_digits) == (CURRENCY_CODE, 2)


def test_all_built_in_rules_are_on(config: ProgramConfig) -> None:
    assert set(BUILT_IN_RULES) <= {rule.name for rule in config.fraud_rules if rule.enabled}


def test_the_eleventh_redemption_in_seven_days_blocks_redemption_for_fifteen_days(config: ProgramConfig) -> None:
    (rule,) = (rule for rule in config.fraud_rules if rule.name == "ADVICE_CHECK_ACCOUNT_BURN_WEEK")
    assert (rule.threshold, rule.window) == (10, Window(WindowKind.ROLLING, timedelta(days=7)))
    assert (rule.posture, rule.context, rule.duration) == (Posture.BLOCK, Context.REDEMPTION, timedelta(days=15))


def test_purchases_in_quick_succession_block_nobody(config: ProgramConfig) -> None:
    purchase_rules = [rule for rule in config.fraud_rules if "PURCHASE" in rule.name]
    assert all(rule.posture < Posture.BLOCK and rule.context is Context.EARNING for rule in purchase_rules)


def test_replaying_every_basket_at_once_raises_purchase_advice_for_a_few_members_only(config: ProgramConfig) -> None:
    counts = Counter(basket.household_id for basket in read_baskets())
    for rule in (rule for rule in config.fraud_rules if "PURCHASE" in rule.name):
        tripped = sum(count > rule.threshold for count in counts.values())
        assert 1 <= tripped <= 0.03 * len(counts), rule.name


def award(rules: RuleSet, basket: Basket, **facts: int | str) -> dict[str, int]:
    """Returns the points of each rule that gives any; facts are whole numbers or texts: ``member_tier="GOLD"``."""
    ids: dict[tuple[str | None, str], int] = {}

    def encode(domain: str | None, value: int | str) -> int:
        if isinstance(value, int):
            return value * SCALE
        return ids.setdefault((domain, value), len(ids) + 1) if value else 0

    given = {"order_line_count": len(basket.lines), **facts}
    fact_row = [encode(field.domain, given.get(field.name.replace(".", "_"), 0)) for field in FACT_FIELDS]
    fact_row[FIELDS["order.total"].index] = basket.total_minor * SCALE // 100
    line_rows = []
    for line in basket.lines:
        row = [encode(field.domain, getattr(line, field.name.removeprefix("line."), 0)) for field in LINE_FIELDS]
        row[FIELDS["line.amount"].index] = line.amount_minor * SCALE // 100
        line_rows.append([*row, 0])
    constants = [ids.setdefault(literal, len(ids) + 1) for literal in rules.literals]
    status, points = interpret(rules.checked, fact_row, line_rows, constants)
    assert status is Status.OK
    return {rule.name: points[rule.ordinal] for rule in rules.rules if points[rule.ordinal]}


def basket_of(*lines: tuple[str, str, int, int]) -> Basket:
    """Makes a basket of (category, brand, quantity, amount in minor units)."""
    made = tuple(BasketLine("1", category, brand, quantity, amount, 0) for category, brand, quantity, amount in lines)
    return Basket("1", "1", "1", datetime(2017, 4, 1, tzinfo=UTC), made)


def test_everyday_points_are_two_a_dollar_one_for_fuel_and_none_for_gift_cards(earn_rules: RuleSet) -> None:
    basket = basket_of(("GROCERY", "National", 1, 1050), ("FUEL", "", 1, 2000), ("GIFT CARDS", "", 1, 5000))
    assert award(earn_rules, basket)["everyday points"] == 21 + 20


def test_a_total_without_lines_earns_too(earn_rules: RuleSet) -> None:
    total = basket_of(("", "", 1, 4_050))
    assert award(earn_rules, total, order_line_count=0)["everyday points on a total"] == 81


def test_fresh_food_earns_a_bonus_and_more_at_the_weekend(earn_rules: RuleSet) -> None:
    basket = basket_of(("PRODUCE", "", 2, 400))
    assert award(earn_rules, basket, time_weekday=5) == {"everyday points": 8, "fresh food": 12}
    assert award(earn_rules, basket, time_weekday=6)["weekend produce"] == 25


@pytest.mark.parametrize(("tier", "points"), [("GOLD", 100), ("SILVER", 40), ("BASIC", 0)])
def test_a_higher_tier_earns_more(earn_rules: RuleSet, tier: str, points: int) -> None:
    basket = basket_of(("GROCERY", "National", 1, 10_000))
    assert award(earn_rules, basket, member_tier=tier, order_coupon_used=1).get("tier", 0) == points


def test_the_province_matters_in_the_first_days_of_a_month(earn_rules: RuleSet) -> None:
    basket = basket_of(("GROCERY", "National", 1, 3_000))
    at_home = award(earn_rules, basket, store_province="CA-AB", member_province="CA-AB", time_day=7)
    away = award(earn_rules, basket, store_province="CA-AB", member_province="CA-ON", time_day=7)
    assert at_home["prairie days"] == 30
    assert "prairie days" not in away


def test_every_rule_gives_points_to_some_basket_of_the_sample_and_the_whole_is_a_few_per_cent(
    earn_rules: RuleSet,
) -> None:
    members = {member.loyalty_id: member for member in read_members()}
    stores = {store.store_id: store for store in read_stores()}
    points: Counter[str] = Counter()
    spent_minor = 0
    for basket in read_baskets(1_500):
        member, store = members[basket.household_id], stores[basket.store_id]
        points.update(
            award(
                earn_rules,
                basket,
                member_tier=member.tier,
                member_province=member.province,
                store_province=store.province,
                store_business_unit=store.business_unit,
                time_weekday=basket.occurred_at.isoweekday(),
                time_day=basket.occurred_at.day,
            )
        )
        spent_minor += basket.total_minor
    assert set(points) == {rule.name for rule in earn_rules.rules} - {"everyday points on a total"}
    # One point is worth one cent.
    assert 0.02 <= points.total() / spent_minor <= 0.06
