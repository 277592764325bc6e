"""What reading a basket must know of several rule sets at once."""

import pytest

from pointguard_server.domain.errors import TooManyPatterns
from pointguard_server.rules.rule_set import RuleSet, load_rule_set
from pointguard_server.service.line_codes import LineCodes, line_codes


def matching(*patterns: str) -> RuleSet:
    rules = "".join(
        f'rule "{number}" when any(lines, line.sku matches "{pattern}") earn base 1\n'
        for number, pattern in enumerate(patterns)
    )
    return load_rule_set(rules, "patterns")


def test_patterns_keep_their_bits_as_long_as_a_rule_set_has_them() -> None:
    before, after = matching("a*", "b*"), matching("b*", "c*")
    both = line_codes(after, line_codes(before))
    assert [known.pattern for known in both.patterns if known] == ["a*", "b*", "c*"]
    assert (both.masks(before.checked), both.masks(after.checked)) == ((1, 2), (2, 4))
    later = both.keeping([after])
    assert later.masks(after.checked) == (2, 4)
    assert later.matches("all", "", "") == 0
    assert line_codes(matching("d*"), later).masks(matching("d*").checked) == (1,)


def test_more_patterns_than_a_line_has_bits_are_refused() -> None:
    known = line_codes(matching(*(f"a{number}*" for number in range(40))))
    with pytest.raises(TooManyPatterns, match="63"):
        line_codes(matching(*(f"b{number}*" for number in range(24))), known)


def test_only_what_rules_count_is_told_apart() -> None:
    counting = load_rule_set('rule "r" earn base distinct(lines where line.sku == "a", line.brand)', "counting")
    assert line_codes(counting).told_apart == {"brand"}
    assert LineCodes().told_apart == line_codes(matching("a")).told_apart == frozenset()
