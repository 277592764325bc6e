"""What the kernels make of the texts of lines is what the patterns of the language and a dictionary say."""

import string

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pointguard_server.engine.lexicon import Lexicon
from pointguard_server.rpc.wire.matching import begin_basket, match_text, matchers_for, seen_for, tell_apart
from pointguard_server.rules.patterns import compile_pattern, packed, sign_count
from pointguard_server.service.line_codes import FIRST_UNKNOWN, LINE_DOMAINS, LineCodes, LinePattern
from pointguard_server.velocity.compiling import entry

patterns = st.text("ab*?", min_size=1, max_size=12) | st.text(st.characters(max_codepoint=300), min_size=1, max_size=90)
texts = st.text("ab", min_size=1, max_size=14) | st.text(string.printable, min_size=1, max_size=64)


@entry
def match(matchers, field, data):  # type: ignore[no-untyped-def]
    return match_text(matchers, field, data, 0, data.shape[0])


@entry
def number_of(seen, seed, field, data, at, size, line):  # type: ignore[no-untyped-def]
    return tell_apart(seen, seed, field, data, at, size, line)


@entry
def begin(seen):  # type: ignore[no-untyped-def]
    begin_basket(seen)


def as_bytes(text: str) -> np.ndarray:
    return np.frombuffer(bytearray(text.encode()), np.uint8)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(LINE_DOMAINS), patterns), max_size=20), texts)
def test_a_text_matches_the_patterns_that_it_matches_one_by_one(asked: list[tuple[str, str]], text: str) -> None:
    known = [LinePattern(f"line.{domain}", pattern) for domain, pattern in asked]
    matchers = matchers_for([None, *known])
    for field, domain in enumerate(LINE_DOMAINS):
        expected = sum(
            2 << bit for bit, (of, pattern) in enumerate(asked) if of == domain and compile_pattern(pattern)(text)
        )
        assert match(matchers, field, as_bytes(text)) == expected


@given(st.lists(st.integers(0, 70), max_size=40))
def test_packed_words_hold_each_size_once_and_none_too_much(sizes: list[int]) -> None:
    words = packed(sizes)
    assert all(sum(sizes[index] for index in word) <= 64 for word in words)
    assert sorted(index for word in words for index in word) == [
        index for index, size in enumerate(sizes) if 0 < size <= 64
    ]


def test_signs_are_counted_without_stars() -> None:
    assert [sign_count(pattern) for pattern in ("*", "**", "a*?", "abc")] == [0, 0, 2, 3]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.lists(st.tuples(st.sampled_from((0, 2)), st.text("ab", min_size=1, max_size=3)), max_size=40)))
def test_texts_of_a_basket_get_the_number_of_the_line_that_had_them_first(
    baskets: list[list[tuple[int, str]]],
) -> None:
    seen = seen_for(LineCodes(told_apart=frozenset(("sku", "brand"))))
    seed = Lexicon(1).arrays.seed[0]
    for basket in baskets:
        begin(seen)
        data = as_bytes("".join(text for _, text in basket) + "!")
        first: dict[tuple[int, str], int] = {}
        at = 0
        for line, (field, text) in enumerate(basket):
            expected = FIRST_UNKNOWN + first.setdefault((field, text), line)
            assert number_of(seen, seed, field, data, at, len(text), line) == expected
            at += len(text)


def test_a_basket_of_as_many_texts_as_there_can_be_is_told_apart() -> None:
    seen = seen_for(LineCodes(told_apart=frozenset(LINE_DOMAINS)))
    seed = Lexicon(1).arrays.seed[0]
    data = as_bytes("".join(f"{number:05}" for number in range(3_000)))
    for _ in range(2):
        begin(seen)
        found = {number_of(seen, seed, number % 3, data, 5 * number, 5, number // 3) for number in range(3_000)}
        assert len(found) == 1_000
