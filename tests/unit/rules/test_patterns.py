"""Patterns mean what the shell means by ``*`` and ``?``, and take a time that is linear in the text."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointguard_server.rules.patterns import compile_pattern


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("A*", "A", True),
        ("A*", "ABC", True),
        ("A*", "BA", False),
        ("*A", "BA", True),
        ("4??", "417", True),
        ("4??", "41", False),
        ("*", "", True),
        ("a", "A", False),
        ("a.c", "abc", False),
        ("[a]", "[a]", True),
        ("*é?", "caféx", True),
    ],
)
def test_a_pattern_matches_whole_texts(pattern: str, text: str, expected: bool) -> None:
    assert compile_pattern(pattern)(text) is expected


@given(st.text("ab*?", min_size=1, max_size=8), st.text("ab?", max_size=10))
def test_a_pattern_means_what_a_regular_expression_says(pattern: str, text: str) -> None:
    signs = {"*": ".*", "?": "."}
    expression = "".join(signs.get(sign, re.escape(sign)) for sign in pattern)
    assert compile_pattern(pattern)(text) == bool(re.fullmatch(expression, text, re.DOTALL))


def test_no_pattern_takes_long() -> None:
    matches = compile_pattern("*a" * 63 + "b")
    started = time.process_time()
    assert not matches("a" * 20_000)
    assert time.process_time() - started < 1.0
