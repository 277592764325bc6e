"""The tables of fields and functions: their order is an interface, and every back end covers every row."""

import pytest

from pointguard_server.rules import numba_backend
from pointguard_server.rules.checker import check
from pointguard_server.rules.fields import FACT_FIELD_COUNT, FACT_FIELDS, FIELDS, LINE_FIELD_COUNT, LINE_FIELDS
from pointguard_server.rules.functions import FUNCTIONS, Function, FunctionName
from pointguard_server.rules.interpreter import interpret
from pointguard_server.rules.parser import parse
from pointguard_server.rules.rule_set import load_rule_set
from pointguard_server.rules.value_types import ValueType

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
]
LINE_IN_ORDER = ["line.sku", "line.category", "line.brand", "line.quantity", "line.amount"]


def test_the_order_of_the_fields_is_kept() -> None:
    assert [field.name for field in FACT_FIELDS] == FACTS_IN_ORDER
    assert [field.name for field in LINE_FIELDS] == LINE_IN_ORDER
    assert [field.index for field in FACT_FIELDS] == list(range(FACT_FIELD_COUNT))
    assert [field.index for field in LINE_FIELDS] == list(range(LINE_FIELD_COUNT))


def test_texts_and_only_texts_have_a_domain() -> None:
    assert all((field.domain is not None) == (field.type is ValueType.TEXT) for field in FIELDS.values())


def test_every_function_name_has_its_row() -> None:
    assert list(FUNCTIONS) == [name.value for name in FunctionName]


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_every_back_end_covers_the_function_with_least_and_most_arguments(function: Function) -> None:
    argument = "1" if function.argument is ValueType.NUMBER else "true"
    for count in (function.least_arguments, function.most_arguments):
        arguments = ["lines"] * function.over_lines + [argument] * count
        call = f"{function.name.value}({', '.join(arguments)})"
        award = call if function.result is ValueType.NUMBER else f"1 if {call} else 0"
        rule_set = load_rule_set(f'rule "a" earn base {award}', "function")
        line = [0] * LINE_FIELD_COUNT
        assert interpret(rule_set.checked, [0] * FACT_FIELD_COUNT, [line], [])[1] == (1,)
        compile(numba_backend.write_module(rule_set.checked), "written", "exec")


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_can_be_read_as_its_type(name: str) -> None:
    field = FIELDS[name]
    condition = {ValueType.NUMBER: f"{name} > 0", ValueType.BOOLEAN: name, ValueType.TEXT: f'{name} == "x"'}[field.type]
    place = f"any(lines, {condition})" if name.startswith("line.") else condition
    syntax, _ = parse(f'rule "a" when {place} earn base 1')
    assert syntax is not None
    checked, problems = check(syntax)
    assert not problems
    assert checked is not None
    assert checked.literals == (((field.domain, "x"),) if field.domain else ())
