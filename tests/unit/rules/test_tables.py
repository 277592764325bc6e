"""The tables of fields and functions: their order is an interface, and every back end covers every row."""

from itertools import product

import pytest

from pointguard_server.rules.checker import check
from pointguard_server.rules.fields import (
    FACT_FIELD_COUNT,
    FACT_FIELDS,
    FIELDS,
    LINE_FIELD_COUNT,
    LINE_FIELDS,
    LINE_MATCHES,
)
from pointguard_server.rules.functions import FUNCTIONS, Function, FunctionName
from pointguard_server.rules.parser import parse
from pointguard_server.rules.rule_set import load_rule_set
from pointguard_server.rules.value_types import ValueType
from tests.support.rule_backends import compiled_of, interpreted, isolated_of, run_compiled, run_isolated
from tests.support.rule_programs import Inputs

# Hosts fill vectors by position. Append to the table and here; never reorder.
FACTS_IN_ORDER = [
    "order.total",
    "order.line_count",
    "order.channel",
    "order.tender",
    "order.coupon_used",
    "order.kind",
    "store.id",
    "store.business_unit",
    "store.province",
    "member.tier",
    "member.province",
    "member.days_since_enrolment",
    "account.posted",
    "time.year",
    "time.month",
    "time.day",
    "time.hour",
    "time.minute",
    "time.weekday",
    "time.date",
    "account.available",
    "account.spend",
    "store.country",
    "member.groups",
    "member.age_band",
    "member.birthday_month",
    "order.points",
    "order.redemption_type",
]
LINE_IN_ORDER = ["line.sku", "line.category", "line.brand", "line.quantity", "line.amount"]


def test_the_order_of_the_fields_is_kept() -> None:
    assert [field.name for field in FACT_FIELDS] == FACTS_IN_ORDER
    assert [field.name for field in LINE_FIELDS] == LINE_IN_ORDER
    assert [field.index for field in FACT_FIELDS] == list(range(FACT_FIELD_COUNT))
    assert [field.index for field in LINE_FIELDS] == list(range(LINE_MATCHES)) == list(range(LINE_FIELD_COUNT - 1))


def test_texts_and_only_texts_have_a_domain() -> None:
    texts = (ValueType.TEXT, ValueType.TEXTS)
    assert all((field.domain is not None) == (field.type in texts) for field in FIELDS.values())


def test_every_function_name_has_its_row() -> None:
    assert list(FUNCTIONS) == [name.value for name in FunctionName]


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_every_back_end_covers_the_function_with_least_and_most_arguments(function: Function) -> None:
    examples = {ValueType.NUMBER: "1", ValueType.MONEY: "1 CAD", ValueType.BOOLEAN: "true", ValueType.TEXT: "line.sku"}
    for count, kind in product((function.least_arguments, function.most_arguments), function.takes):
        arguments = ["lines"] * function.over_lines + [examples[kind]] * count
        call = f"{function.name.value}({', '.join(arguments)})"
        award = f"1 if {call} else 0" if function.gives is ValueType.BOOLEAN else call
        rule_set = load_rule_set(f'rule "a" earn base {award}', "function")
        inputs: Inputs = ([0] * FACT_FIELD_COUNT, [[1] * LINE_FIELD_COUNT], [])
        assert interpreted(rule_set, inputs) == (0, [1], [0])
        assert run_compiled(compiled_of(rule_set), inputs) == (0, [1], [0])
        assert run_isolated(isolated_of(rule_set), inputs) == (0, [1], [0])


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_can_be_read_as_its_type(name: str) -> None:
    field = FIELDS[name]
    condition = {
        ValueType.NUMBER: f"{name} > 0",
        ValueType.MONEY: f"{name} > 0 CAD",
        ValueType.DATE: f"{name} > 2026-01-01",
        ValueType.BOOLEAN: name,
        ValueType.TEXT: f'{name} == "x"',
        ValueType.TEXTS: f'"x" in {name}',
    }[field.type]
    place = f"any(lines, {condition})" if name.startswith("line.") else condition
    syntax, _ = parse(f'rule "a" when {place} earn base 1')
    assert syntax is not None
    result = check(syntax)
    assert not result.problems
    assert result.rule_set is not None
    spoken_of = (*result.rule_set.literals, *result.rule_set.named_texts)
    assert spoken_of == (((field.domain, "x"),) if field.domain else ())
