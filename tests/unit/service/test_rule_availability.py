"""What the language has and the server has not is refused by its place, and nothing else is."""

import pytest

from pointguard_server.rules.problems import RuleSetError
from pointguard_server.rules.rule_set import load_rule_set
from pointguard_server.service.rule_availability import require_available

AVAILABLE = """
set fresh = ("PRODUCE", "SEAFOOD")
let eligible = sum(lines where line.category in fresh, line.amount)
rule "a" when account.spend > 100 and account.available > 0 valid from 2026-06-01 in "America/Halifax" exclusive
    earn base 1 per 1 CAD of eligible
rule "b" best of "x" when count(purchases, 7 days) > 1 and
    distinct(stores of purchases, 7 days) > 1 and sum(money of purchases, this month) > 5
    multiply base by 2 cap 100 per transaction cap 200 per day cap 300 per month cap 400 per lifetime
    pending 14 days expire at end of year
rule "d" when store.country == "CA" and "VIP" in member.groups earn bonus 1
rule "e" when member.age_band in ("0-17", "75+") or member.birthday_month == time.month earn bonus 1
rule "c" when store.id matches "4*" and any(lines, line.sku not matches "4*") earn bonus distinct(lines, line.sku)
"""


def test_what_the_server_can_decide_passes() -> None:
    rule_set = load_rule_set(AVAILABLE, "available")
    assert require_available(rule_set) is rule_set


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ('earn base 1 valid until 2026-01-01 in "America"', "the time zone America"),
        ('earn base 1 valid until 2026-01-01 in "Mars/Olympus"', "the time zone Mars/Olympus"),
    ],
)
def test_what_is_not_there_yet_is_refused_by_its_place(rule: str, what: str) -> None:
    rule_set = load_rule_set(f'rule "first" earn base 1\nrule "second" {rule}', "later")
    with pytest.raises(RuleSetError) as refusal:
        require_available(rule_set)
    assert {problem.message for problem in refusal.value.problems} == {f"not available yet: {what}"}
    assert {problem.source_range.line for problem in refusal.value.problems} == {2}


def test_each_clause_is_told_by_its_own_place() -> None:
    source = """rule "a"
    earn base 1
    when member.age_band == "5-7"
    pending 3 days
    valid until 2026-01-01 in "America"
"""
    with pytest.raises(RuleSetError) as refusal:
        require_available(load_rule_set(source, "places"))
    assert sorted(problem.source_range.line for problem in refusal.value.problems) == [3, 5]


MANY = ", ".join(f'"{age}-{age + 1}"' for age in range(40))


@pytest.mark.parametrize(
    ("condition", "unknown"),
    [
        ('member.age_band == "18-25"', {"18-25"}),
        ('member.age_band not in ("18-24", "25+", "old")', {"25+", "old"}),
        (f"member.age_band in ({MANY})", {f"{age}-{age + 1}" for age in range(40)}),
    ],
)
def test_an_age_band_that_is_none_is_refused_even_in_a_let(condition: str, unknown: set[str]) -> None:
    rule_set = load_rule_set(f'let band = {condition}\nrule "r" when band and store.id == "x" earn base 1', "let")
    with pytest.raises(RuleSetError) as refusal:
        require_available(rule_set)
    assert {problem.text for problem in refusal.value.problems} == unknown
    assert {problem.source_range.line for problem in refusal.value.problems} == {1}
