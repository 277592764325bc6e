"""Earn rules over columns: what the kernel gives is what the interpreter gives, order by order."""

from datetime import date
from random import Random
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from pointguard_server.backtest.evaluation import Evaluation
from pointguard_server.backtest.kernel import FAILED
from pointguard_server.backtest.orders import ORDER_COLUMNS, Orders, empty_orders
from pointguard_server.domain.age_bands import AGE_BANDS, age_band_on, packed
from pointguard_server.domain.calendar import LocalTime, local_time
from pointguard_server.domain.codes import CodeKind
from pointguard_server.rules.checked import CheckedRuleSet
from pointguard_server.rules.constants import constants_of
from pointguard_server.rules.fields import FACT_FIELD_COUNT, FACT_FIELDS, FIELDS
from pointguard_server.rules.fixed_point import SCALE, Status
from pointguard_server.rules.inputs import LocalDateInput
from pointguard_server.rules.interpreter import evaluate
from pointguard_server.rules.rule_set import RuleSet, load_rule_set
from tests.support.rule_backends import compiled_of

ZONE, OTHER_ZONE = ZoneInfo("America/St_Johns"), "Pacific/Auckland"
MONEY_SCALE = 10_000
DAY = 86_400_000_000
BEGIN, END = 1_500_000_000_000_000, 1_580_000_000_000_000
GROUPS = {1: ("VIP",), 2: ("STAFF", "VIP"), 3: ("OTHER",)}
TENANT_TEXTS = (
    {(CodeKind.STORE, f"S{number}"): number for number in (1, 2, 3)}
    | {(CodeKind.AGE_BAND, band): number for number, band in enumerate(AGE_BANDS, 1)}
    | {(CodeKind.GROUP_SET, "\n".join(groups)): number for number, groups in GROUPS.items()}
)
TEXTS = {
    "tier": 3, "store": 4, "business_unit": 3, "province": 4, "country": 3, "tender": 3, "category": 3, "channel": 2,
    "group_set": 5,
}  # fmt: skip
RULES = f"""
let big = sum(lines where line.category == "1", line.amount)
rule "date" earn base time.year + time.month * 10000 + time.day * 1000000
rule "clock" earn base time.hour * 100 + time.minute + time.weekday * 10000
rule "money" when member.tier == "1" and order.coupon_used earn base order.total + account.spend / 7
rule "account" earn bonus account.posted * 3 + account.available + member.days_since_enrolment
rule "place" when store.province == member.province and store.business_unit == "2" earn bonus 7 * order.line_count
rule "lines" when order.channel == "IN_STORE" and order.tender != "2" earn bonus big / 1 CAD
rule "elsewhere" when store.id in ("1", "3") valid from 2018-01-01 until 2019-06-30 in "{OTHER_ZONE}" earn targeted 5
rule "pattern" when store.id matches "S*" and not store.id matches "?2" earn bonus 3
rule "people" when "VIP" in member.groups and "STAFF" not in member.groups and store.country == "2" earn bonus 17
rule "ages" when member.age_band in ("18-24", "75+") earn bonus 100 * member.birthday_month
rule "forties" when member.age_band matches "4?-*" earn bonus 19
rule "failing" when order.total == 77 earn base 1 / (order.line_count - order.line_count)
"""


NAMED = [group for _, group in load_rule_set(RULES, "revealing", currency="CAD").checked.named_texts]


def number(domain: str, text: str) -> int:
    if domain == "age_band":
        return AGE_BANDS.index(text) + 1
    return 1 if text == "IN_STORE" else int(text)


def random_orders(count: int) -> Orders:
    draw = Random(5)
    line_counts = [draw.randint(0, 5) for _ in range(count)]
    orders = empty_orders(count, sum(line_counts))
    orders.first_line[1:] = np.cumsum(line_counts)
    for name in ORDER_COLUMNS:
        domain = name.removesuffix("_id").removeprefix("store_")
        getattr(orders, name)[:] = [draw.randint(0, TEXTS.get(domain, 1)) for _ in range(count)]
    orders.moment[:] = sorted(draw.randint(BEGIN, END) for _ in range(count))
    orders.enrolled_at[:] = [moment - draw.randint(0, 900 * DAY) for moment in orders.moment]
    orders.birth_date[:] = [
        draw.choice([0, packed(date(draw.randint(1930, 2019), draw.choice([1, 2, 12]), draw.choice([1, 28])))])
        for _ in range(count)
    ]
    orders.age_band[:] = 0
    orders.total[:] = [draw.choice([7_700, draw.randint(0, 50_000)]) for _ in range(count)]
    orders.posted[:] = [draw.choice([2**60 - 9, draw.randint(-50, 10**6)]) for _ in range(count)]
    orders.reserved[:], orders.spend[:] = draw.choices(range(500), k=count), draw.choices(range(10**7), k=count)
    for line in orders.lines:
        line[FIELDS["line.category"].index] = draw.randint(0, 3)
        line[FIELDS["line.amount"].index] = draw.randint(0, 9_000) * MONEY_SCALE
    return orders


def facts_of(orders: Orders, n: int) -> list[int]:
    """Return the facts of one order, the slow and obvious way."""
    order = SimpleNamespace(**{name: int(getattr(orders, name)[n]) for name in ORDER_COLUMNS})
    local = local_time(order.moment, ZONE)
    known = {f"time.{name}": getattr(local, name) * SCALE for name in ("year", "month", "day", "hour", "minute")}
    known |= {"time.weekday": local.weekday * SCALE, "time.date": local.date * SCALE}
    known |= {
        "order.total": order.total * MONEY_SCALE,
        "order.line_count": int(orders.first_line[n + 1] - orders.first_line[n]) * SCALE,
        "order.channel": order.channel,
        "order.tender": order.tender_id,
        "order.coupon_used": order.coupon_used,
        "order.kind": order.kind,
        "store.id": order.store_id,
        "store.business_unit": order.business_unit_id,
        "store.province": order.store_province_id,
        "store.country": order.store_country_id,
        "member.groups": sum(
            1 << bit for bit, group in enumerate(NAMED) if group in GROUPS.get(order.group_set_id, ())
        ),
        "member.age_band": AGE_BANDS.index(band_of(order.birth_date, local)) + 1 if order.birth_date else 0,
        "member.birthday_month": order.birth_date // 100 % 100 * SCALE,
        "member.tier": order.tier_id,
        "member.province": order.province_id,
        "member.days_since_enrolment": (order.moment - order.enrolled_at) // DAY * SCALE,
        "account.posted": min(order.posted, 2**60 // SCALE) * SCALE,
        "account.available": min(order.posted - order.pending - order.reserved, 2**60 // SCALE) * SCALE,
        "account.spend": order.spend * MONEY_SCALE,
    }
    return [known.get(field.name, 0) for field in FACT_FIELDS]


def band_of(birth_date: int, local: LocalTime) -> str:
    born = date(birth_date // 10_000, birth_date // 100 % 100, birth_date % 100)
    return age_band_on(born, date(local.year, local.month, local.day))


def asked_of(rules: CheckedRuleSet, store: int, band: int, day: int) -> list[int]:
    """Return what the rules ask for beside the facts: a store without a text in the ledger matches nothing."""
    known = {"S*": store in (1, 2, 3), "?2": store == 2, "4?-*": AGE_BANDS[band - 1] == "45-54"}
    return [day * SCALE if isinstance(each, LocalDateInput) else int(known[each.pattern]) for each in rules.inputs]  # type: ignore[union-attr]


@pytest.fixture(scope="module", name="rule_set")
def revealing_rules() -> RuleSet:
    """Rules whose points tell every fact that there is."""
    return load_rule_set(RULES, "revealing", currency="CAD")


@pytest.fixture(scope="module", name="evaluation")
def compiled_rules(rule_set: RuleSet) -> Evaluation:
    constants = constants_of(rule_set.checked, number)
    bound = compiled_of(rule_set).bound(constants)
    return Evaluation(rule_set.checked, bound, constants, TENANT_TEXTS, ZONE, MONEY_SCALE, BEGIN, END)


def test_the_rules_over_columns_give_what_the_interpreter_gives(rule_set: RuleSet, evaluation: Evaluation) -> None:
    orders = random_orders(400)
    rules = rule_set.checked
    constants = constants_of(rules, number)
    points, totals = evaluation.evaluate(orders)
    failures = 0
    for n in range(len(orders.moment)):
        day = local_time(int(orders.moment[n]), ZoneInfo(OTHER_ZONE)).date
        lines = orders.lines[orders.first_line[n] : orders.first_line[n + 1]].tolist()
        facts = facts_of(orders, n)
        facts += asked_of(rules, int(orders.store_id[n]), facts[FIELDS["member.age_band"].index], day)
        outcome = evaluate(rules, facts, lines, constants)
        expected = [award.points for award in outcome.awards]
        if outcome.status is not Status.OK or sum(expected) + int(orders.posted[n]) > 2**60:
            failures += 1
            assert totals[n] == FAILED
            assert not points[n].any()
        else:
            assert points[n].tolist() == expected
            assert totals[n] == sum(expected)
    assert rules.fact_count == FACT_FIELD_COUNT + 4
    assert 20 < failures < 380
    assert (points.any(axis=0) == [True] * 11 + [False]).all()


def test_a_stretch_of_orders_gives_what_they_give_among_all(evaluation: Evaluation) -> None:
    orders = random_orders(400)
    points = evaluation.evaluate(orders)[0].copy()
    assert (evaluation.evaluate(orders.slice(150, 260))[0] == points[150:260]).all()
