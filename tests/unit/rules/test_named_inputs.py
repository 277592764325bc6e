"""A purchase told in words: what follows from what, and what is refused."""

from datetime import date, datetime
from typing import Any

import pytest

from pointguard_server.rules.fields import FACT_FIELD_COUNT, FIELDS, LINE_MATCHES
from pointguard_server.rules.fixed_point import SCALE
from pointguard_server.rules.inputs import WindowInput, window_text
from pointguard_server.rules.named_inputs import Inputs, NamedInputError, Purchase, inputs_of
from pointguard_server.rules.rule_set import load_rule_set

SOURCE = """
rule "a" cap 5 per day when count(purchases, 7 days) > 1 and store.id matches "4*" earn base 1
rule "b" valid until 2026-06-01 in "Asia/Tokyo"
    when "VIP" in member.groups and any(lines, line.sku matches "A?") and store.id == "401"
    earn base 1
"""


def made(**told: Any) -> Inputs:
    return inputs_of(load_rule_set(SOURCE, "named"), Purchase(**told))


def fact(inputs: Inputs, name: str) -> int:
    return inputs.facts[FIELDS[name].index]


def test_the_order_and_the_time_follow_from_lines_and_moment() -> None:
    inputs = made(lines=[{"line.amount": 1.10}, {"line.amount": 2}], moment=datetime.fromisoformat("2026-06-02T18:05"))
    assert (fact(inputs, "order.total"), fact(inputs, "order.line_count")) == (3_100_000, 2 * SCALE)
    assert (fact(inputs, "time.weekday"), fact(inputs, "time.hour"), fact(inputs, "time.minute")) == (
        2 * SCALE,
        18 * SCALE,
        5 * SCALE,
    )
    assert fact(inputs, "time.date") == (date(2026, 6, 2) - date(1970, 1, 1)).days * SCALE


def test_texts_get_the_ids_of_the_literals_that_they_equal() -> None:
    same, other, absent = (made(facts={"store.id": store}) for store in ("401", "402", ""))
    masks = [1, 1]  # of the one pattern and the one group that it names
    assert same.constants == [fact(same, "store.id"), *masks]
    assert fact(other, "store.id") not in (0, *other.constants)
    assert fact(absent, "store.id") == 0


def test_inputs_of_the_rule_set_are_filled_by_name() -> None:
    inputs = made(
        facts={"store.id": "417", "member.groups": ["VIP", "NEWSLETTER"]},
        lines=[{"line.sku": "A1"}, {"line.sku": "A12"}],
        windows={"count(purchases, 7 days)": 3},
        earned={"a": {"day": 4}},
        dates={"Asia/Tokyo": date(1970, 1, 3)},
    )
    earned_and_window = sorted(inputs.facts[FACT_FIELD_COUNT:])
    assert earned_and_window == [1, 4, 2 * SCALE, 3 * SCALE]
    assert fact(inputs, "member.groups") == 1
    assert [line[LINE_MATCHES] for line in inputs.lines] == [1, 0]


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"facts": {"order.totl": 1}}, "order.totl: there is no such field"),
        ({"facts": {"order.total": "five"}}, "order.total: 'five' is no money"),
        ({"facts": {"order.coupon_used": 1}}, "order.coupon_used: 1 is no boolean"),
        ({"facts": {"order.total": 0.0000001}}, "order.total: .* more than 6 decimals"),
        ({"lines": [{"order.total": 1}]}, "order.total: there is no such field"),
        ({"windows": {"count(purchases, 8 days)": 1}}, r"count\(purchases, 8 days\): there is no such window"),
        ({"earned": {"c": {"day": 1}}}, "c: there is no such rule; there are a, b"),
        ({"earned": {"a": {"week": 1}}}, "week: there is no such period"),
    ],
)
def test_what_has_no_place_is_refused_by_name(told: Any, message: str) -> None:
    with pytest.raises(NamedInputError, match=message):
        made(**told)


@pytest.mark.parametrize(
    "window",
    [
        "count(purchases, 7 days)",
        "count(transactions, 1 day)",
        "count(card_links, 90 minutes)",
        "sum(points of redemptions, 36 hours)",
        "sum(money of purchases, this month)",
        "distinct(stores of discretionary_awards, this week)",
        "distinct(cashiers of transfers, this day)",
    ],
)
def test_a_window_is_called_as_it_is_written(window: str) -> None:
    kind = "1.00 CAD" if "money" in window else "1"
    (wanted,) = load_rule_set(f'rule "a" when {window} > {kind} earn base 1', "window").checked.inputs
    assert isinstance(wanted, WindowInput)
    assert window_text(wanted) == window
