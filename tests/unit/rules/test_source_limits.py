"""Hostile sources are refused before the parser proper sees them, and quickly."""

import time

import pytest

from pointguard_server.rules import parser
from pointguard_server.rules.rule_set import RuleSetError, load_rule_set
from pointguard_server.rules.source_limits import DEEPEST_NESTING, MOST_SOURCE_BYTES, MOST_TOKENS, find_excess

# Of the processor: without the limits each of these takes minutes, or the process.
SECONDS_AT_MOST = 0.05
ATTEMPTS = 3


def rule(award: str) -> str:
    return f'rule "a" earn base {award}'


HOSTILE = {
    "ten thousand parentheses": rule("(" * 10_000 + "1" + ")" * 10_000),
    "ten thousand open parentheses": rule("(" * 10_000),
    "ten thousand minus signs": rule("-" * 10_000 + "1"),
    "ten thousand nots": f'rule "a" when {"not " * 10_000} true earn base 1',
    "ten thousand conditions in a row": rule("1 if true else " * 10_000 + "1"),
    "calls in calls": rule("abs(" * 5_000 + "1" + ")" * 5_000),
    "nesting by turns": rule("-(" * 5_000 + "1" + ")" * 5_000),
    "a long sum": rule("+".join(["1"] * 30_000)),
    "ten megabytes of one sum": rule("1+" * 5_000_000 + "1"),
    "ten megabytes of spaces": " " * 10_000_000,
    "ten megabytes of quotes": '"' * 10_000_000,
    "many bytes in few characters": rule("1") + "# " + "😀" * (MOST_SOURCE_BYTES // 3),
    "ten thousand rules": 'rule"a"' * 9_000,
    "ten thousand names": "let a=1 " * 8_000,
    "windows in windows": rule("count(" * 5_000),
    "filters in filters": rule("sum(lines where " * 4_000),
    "rates of rates": rule("(1 per " * 9_000),
    "a huge number": rule("9" * 60_000),
    "a huge fraction": rule("0." + "9" * 60_000),
    "a huge name": rule("x" * 60_000),
    "a huge text": f'rule "{"x" * 60_000}" earn base 1',
    "half a character": 'rule "\ud800" earn base 1',
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_source_is_refused_at_once(source: str) -> None:
    # The best of a few: a pass of the garbage collector over all that the tests hold is none of the loader's time.
    took_s = []
    for _ in range(ATTEMPTS):
        started = time.process_time()
        with pytest.raises(RuleSetError) as refusal:
            load_rule_set(source, "hostile")
        took_s.append(time.process_time() - started)
        assert len(refusal.value.problems) == 1
        assert find_excess(source) == refusal.value.problems[0]
    assert min(took_s) < SECONDS_AT_MOST


def test_a_chain_below_the_token_limit_is_refused_by_its_depth() -> None:
    _, problems = parser.parse(rule("+".join(["1"] * 100)))
    assert [problem.message for problem in problems] == ["the expression is too long a chain"]


def test_nesting_up_to_the_limit_is_read() -> None:
    for opening, closing in (("(", ")"), ("-", ""), ("abs(", ")"), ("1 if true else ", "")):
        deepest = opening * DEEPEST_NESTING + "1" + closing * DEEPEST_NESTING
        assert load_rule_set(rule(f"0 + {deepest}" if opening != "1 if true else " else deepest), "deep").rules
        assert find_excess(rule(f"0 + {opening}{deepest}{closing}")) is not None


def test_siblings_do_not_add_up_to_nesting() -> None:
    many = " or ".join(["not (-1 < -(2))"] * 20)
    calls = ", ".join(["abs(-(1))"] * 10)
    assert find_excess(f'rule "a" when {many} earn base min({calls}) round up\n' * 10) is None


def test_a_source_of_the_most_tokens_is_not_refused_for_them() -> None:
    assert find_excess("1 " * MOST_TOKENS) is None
    excess = find_excess("1 " * (MOST_TOKENS + 1))
    assert excess is not None
    assert excess.source_range.column == 2 * MOST_TOKENS + 1


def test_what_stands_in_a_text_or_a_comment_does_not_nest() -> None:
    assert find_excess(f'rule "{"(" * 50}" # {"(" * 50}\n earn base 1') is None


def test_the_place_of_an_excess_is_told() -> None:
    excess = find_excess('rule "a"\n  earn base ' + "(" * 40)
    assert excess is not None
    assert (excess.source_range.line, excess.source_range.column) == (2, 13 + DEEPEST_NESTING)
