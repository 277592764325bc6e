"""No text makes the loader or the formatter fail otherwise than with problems, and none takes long."""

import re
import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointguard_server.rules.formatter import format_source
from pointguard_server.rules.problems import Problem
from pointguard_server.rules.rule_set import RuleSetError, load_rule_set
from tests.support.rule_programs import random_source, read_many

WORD = re.compile(r'"[^"]*"|[\w.-]+|\s+|\S')
WORDS = (
    *("rule", "let", "set", "from", "when", "valid", "until", "priority", "best", "of", "exclusive", "earn", "per"),
    *("where", "multiply", "by", "cap", "round", "pending", "expire", "after", "at", "end", "if", "else", "and", "or"),
    *("not", "in", "matches", "this", "true", "base", "lines", "line.amount", "order.total", "purchases", "points"),
    *("days", "CAD", "%", "=", "==", "<", "(", ")", ",", ".", "+", "-", "*", "/", "1", "0", "9" * 40, "2026-02-30"),
    *('"A"', '"', "'", "#", "\\", "é", "\x00", "\ud800", "\u2028", "let0", "set0"),
)


def judge(source: str) -> bool:
    """Whether a source loads; whatever else it does than that or tell its problems is a failure of the test."""
    started = time.process_time()
    try:
        load_rule_set(source, "fuzz", currency="CAD", read_set=read_many)
        problems: tuple[Problem, ...] = ()
    except RuleSetError as error:
        problems = error.problems
        assert problems
    assert time.process_time() - started < 5
    assert all(problem.message and problem.source_range.line >= 1 for problem in problems)
    if problems:
        return False
    formatted = format_source(source, "fuzz")
    assert format_source(formatted, "fuzz") == formatted
    return True


def mutated(source: str, random: Random) -> str:
    """A source with some of its words dropped, doubled, swapped or replaced."""
    words = WORD.findall(source)
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(words))
        match random.randrange(5):
            case 0:
                words.insert(at, f" {random.choice(WORDS)} ")
            case 1 if len(words) > 1:
                del words[at]
            case 2:
                words[at] = random.choice(words)
            case 3:
                words[at : at + 1] = [words[at]] * 2
            case _:
                words[at] = random.choice(WORDS)
    return "".join(words)


@settings(max_examples=100)
@given(st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join))
def test_no_order_of_words_fails(source: str) -> None:
    judge(source)
    judge(f'set set0 = (1) let let0 = 1 rule "a" earn base 1 {source}')


@settings(max_examples=60)
@given(st.text(max_size=200))
def test_no_text_fails(source: str) -> None:
    judge(source)
    judge(f'rule "a" when {source} earn base 1')


@pytest.mark.parametrize("seed", range(5))
def test_no_mutation_of_a_rule_set_fails(seed: int) -> None:
    random = Random(seed)
    judged = [judge(mutated(random_source(random, rules=2, depth=3), random)) for _ in range(30)]
    assert True in judged
    assert False in judged
