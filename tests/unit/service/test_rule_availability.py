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
rule "d" when store.country == "CA" and "VIP" in member.groups earn bonus 1
rule "c" when store.id matches "4*" and any(lines, line.sku not matches "4*") earn bonus distinct(lines, line.sku)
"""


def test_what_the_server_can_decide_passes() -> None:
    rule_set = load_rule_set(AVAILABLE, "available")
    assert require_available(rule_set) is rule_set


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ('when member.age_band == "18-25" earn base 1', "`member.age_band`"),
        ("when member.birthday_month == time.month earn base 1", "`member.birthday_month`"),
        ("earn base 1 pending 3 days", "`pending`"),
        ("earn base 1 expire at end of year", "`expire`"),
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


def test_a_clause_is_told_by_its_own_place() -> None:
    source = 'rule "a"\n    earn base 1\n    cap 5 per day\n    pending 3 days\n    expire at end of year\n'
    with pytest.raises(RuleSetError) as refusal:
        require_available(load_rule_set(source, "places"))
    assert [problem.source_range.line for problem in refusal.value.problems] == [4, 5]


def test_what_hides_in_a_let_is_found() -> None:
    rule_set = load_rule_set('let band = member.age_band == "18-24" rule "r" when band earn base 1', "let")
    with pytest.raises(RuleSetError, match="age_band"):
        require_available(rule_set)
