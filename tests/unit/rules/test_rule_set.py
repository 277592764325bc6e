"""The front door: what a loaded rule set tells, and what its digest covers."""

import pytest

from pointguard_server.rules.problems import PROBLEMS_SHOWN_AT_MOST
from pointguard_server.rules.rule_set import Rule, RuleSetError, load_rule_set
from pointguard_server.rules.source_limits import MOST_NAMES, MOST_RULES
from pointguard_server.rules.value_types import Part

SOURCE = 'rule "a" when order.channel == "WEB" earn base 1.50 rule "b" earn targeted 2 round up'


def digest(source: str) -> str:
    return load_rule_set(source, "digest").digest


def test_a_rule_set_tells_its_rules_and_literals() -> None:
    rule_set = load_rule_set(SOURCE, "example")
    assert rule_set.rules == (Rule("a", Part.BASE, 0), Rule("b", Part.TARGETED, 1))
    assert tuple(rule_set.literals) == (("channel", "WEB"),)
    assert rule_set.source == SOURCE
    assert rule_set.name == "example"


def test_layout_comments_and_ways_to_write_a_number_do_not_change_the_digest() -> None:
    relaid = '# why\nrule "a"\n\twhen (order.channel) == "WEB"\n earn base 1.5\nrule "b" earn targeted 2.0 round up'
    assert digest(relaid) == digest(SOURCE)
    assert digest('rule "a" earn base 1') == digest('rule "a" earn base 1 round down')


@pytest.mark.parametrize(
    ("old", "new"),
    [('"a"', '"c"'), ("==", "!="), ('"WEB"', '"POS"'), ("1.50", "1.51"), ("targeted", "bonus"), ("up", "half_up")],
)
def test_a_change_of_meaning_changes_the_digest(old: str, new: str) -> None:
    assert digest(SOURCE.replace(old, new)) != digest(SOURCE)


def test_a_text_cannot_pose_as_structure_in_the_digest() -> None:
    one = 'rule "a" when member.tier in ("x", "y") earn base 1'
    other = r'rule "a" when member.tier in ("x\" \"y") earn base 1'
    assert digest(one) != digest(other)


def test_problems_come_in_the_order_of_the_source_with_the_name() -> None:
    with pytest.raises(RuleSetError) as refusal:
        load_rule_set('rule "a" when 1 earn bse 1\nrule "b" earn base true', "weekly.rules")
    assert [problem.source_range.line for problem in refusal.value.problems] == [1, 1, 2]
    assert str(refusal.value).splitlines()[0].startswith("weekly.rules:1:15: `when` needs a condition")


def test_a_flood_of_problems_is_cut_short() -> None:
    source = "".join(f'rule "{number}" earn base true\n' for number in range(PROBLEMS_SHOWN_AT_MOST + 5))
    with pytest.raises(RuleSetError) as refusal:
        load_rule_set(source, "flood")
    assert len(refusal.value.problems) == PROBLEMS_SHOWN_AT_MOST


def test_there_is_a_most_number_of_rules() -> None:
    rules = [f'rule "{number}" earn base 1\n' for number in range(MOST_RULES + 1)]
    assert len(load_rule_set("".join(rules[:-1]), "most").rules) == MOST_RULES
    with pytest.raises(RuleSetError, match="too many rules"):
        load_rule_set("".join(rules), "more")


def test_there_is_a_most_number_of_names() -> None:
    names = [f"let a{number} = 1 set b{number} = (1)\n" for number in range(MOST_NAMES // 2)]
    assert load_rule_set("".join([*names, 'rule "r" earn base 1']), "most").rules
    with pytest.raises(RuleSetError, match="too many names"):
        load_rule_set("".join([*names, 'let c = 1 rule "r" earn base 1']), "more")


def test_a_literal_is_listed_once_outside_lists_and_each_list_has_a_run_of_its_own() -> None:
    source = """
        rule "a" when member.tier == "X" and member.tier != "X" earn base 1
        rule "b" when member.tier in ("X", "Y", "X") and store.province == "X" earn base 1
    """
    literals = load_rule_set(source, "literals").literals
    assert tuple(literals) == (("tier", "X"), ("tier", "X"), ("tier", "Y"), ("province", "X"))
