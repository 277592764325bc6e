"""The compiled arithmetic against the reference, and the reference against fractions."""

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pointguard_server.rules import fixed_point
from pointguard_server.rules.constants import hash_table
from pointguard_server.rules.fixed_point import LEAST, MOST, SCALE, ArithmeticFailure, Status
from pointguard_server.rules.value_types import Rounding
from pointguard_server.rules.work_layout import MOST_LINES, TEXTS
from tests.support import native_arithmetic

EDGES = sorted(
    sign * (base + step)
    for base in (0, SCALE // 2, SCALE, 2**31, 2**32, 3_037_000_499, 3_037_000_499_976, MOST // SCALE, 2**62, MOST - 1)
    for step in (-1, 0, 1)
    for sign in (1, -1)
    if base + step >= 0
)
WORDS = st.one_of(st.sampled_from([LEAST, *EDGES]), st.integers(LEAST, MOST), st.integers(-10 * SCALE, 10 * SCALE))


def reference(operation, left: int, right: int) -> tuple[int, int]:  # type: ignore[no-untyped-def]
    try:
        return 0, operation(left, right)
    except ArithmeticFailure as failure:
        return failure.status, 0


def rounded_by_fractions(exact: Fraction) -> int:
    """Python rounds a fraction half to even."""
    return round(exact * SCALE)


@given(WORDS, WORDS)
@example(LEAST, LEAST)
@example(LEAST, -SCALE)
@example(LEAST, SCALE)
@example(MOST, 2 * SCALE)
@example(MOST, 2 * SCALE + 1)
@example(3_037_000_499_976_050, 3_037_000_499_976_050)
def test_the_compiled_product_is_the_reference_product(left: int, right: int) -> None:
    status, value = native_arithmetic.computed("multiply", left, right)
    expected_status, expected = reference(fixed_point.multiply, left, right)
    assert status == expected_status
    assert status or value == expected


@given(WORDS, WORDS)
@example(LEAST, -1)
@example(LEAST, 1)
@example(LEAST, LEAST)
@example(LEAST, -SCALE)
@example(MOST, SCALE)
@example(1, 0)
def test_the_compiled_quotient_is_the_reference_quotient(left: int, right: int) -> None:
    status, value = native_arithmetic.computed("divide", left, right)
    expected_status, expected = reference(fixed_point.divide, left, right)
    assert status == expected_status
    assert status or value == expected


@given(WORDS, WORDS)
def test_the_reference_product_is_the_exact_one_rounded_half_to_even(left: int, right: int) -> None:
    exact = rounded_by_fractions(Fraction(left, SCALE) * Fraction(right, SCALE))
    expected = (0, exact) if LEAST <= exact <= MOST else (Status.OVERFLOW, 0)
    assert reference(fixed_point.multiply, left, right) == expected


@given(WORDS, WORDS.filter(bool))
def test_the_reference_quotient_is_the_exact_one_rounded_half_to_even(left: int, right: int) -> None:
    exact = rounded_by_fractions(Fraction(left, right))
    expected = (0, exact) if LEAST <= exact <= MOST else (Status.OVERFLOW, 0)
    assert reference(fixed_point.divide, left, right) == expected


@pytest.mark.parametrize("rounding", list(Rounding))
@given(value=WORDS)
@example(value=SCALE // 2)
@example(value=3 * SCALE // 2)
@example(value=5 * SCALE // 2)
@example(value=MOST)
@example(value=LEAST)
def test_compiled_awards_are_rounded_as_the_reference_rounds_them(rounding: Rounding, value: int) -> None:
    assert native_arithmetic.whole_points(value, rounding) == fixed_point.whole_points(value, rounding)


@pytest.mark.parametrize(
    ("rounding", "halves"),
    [
        (Rounding.DOWN, (0, 1, 2)),
        (Rounding.UP, (1, 2, 3)),
        (Rounding.HALF_UP, (1, 2, 3)),
        (Rounding.HALF_EVEN, (0, 2, 2)),
    ],
)
def test_each_rounding_treats_one_half_two_and_a_half_as_its_name_says(
    rounding: Rounding, halves: tuple[int, int, int]
) -> None:
    awards = tuple(fixed_point.whole_points(value, rounding) for value in (500_000, 1_500_000, 2_500_000))
    assert awards == halves


@given(WORDS.filter(lambda value: value <= 0), st.sampled_from(list(Rounding)))
def test_a_negative_award_is_no_points(value: int, rounding: Rounding) -> None:
    assert fixed_point.whole_points(value, rounding) == 0


@given(WORDS, WORDS)
def test_sums_and_differences_are_exact_or_refused(left: int, right: int) -> None:
    for operation, exact in ((fixed_point.add, left + right), (fixed_point.subtract, left - right)):
        expected = (0, exact) if LEAST <= exact <= MOST else (Status.OVERFLOW, 0)
        assert reference(operation, left, right) == expected


def test_the_least_number_has_no_opposite() -> None:
    for operation in (fixed_point.negate, fixed_point.absolute):
        with pytest.raises(ArithmeticFailure) as failure:
            operation(LEAST)
        assert failure.value.status is Status.OVERFLOW


@given(WORDS)
@example(LEAST)
@example(MOST)
def test_compiled_whole_numbers_are_the_reference_ones(value: int) -> None:
    for name, operation in (("floor", fixed_point.floor), ("ceiling", fixed_point.ceiling)):
        status, result = native_arithmetic.computed(name, value)
        expected_status, expected = reference(lambda one, _, of=operation: of(one), value, 0)
        assert status == expected_status
        assert status or result == expected


@given(WORDS)
def test_the_reference_whole_numbers_are_those_of_fractions(value: int) -> None:
    down, up = floor(Fraction(value, SCALE)) * SCALE, ceil(Fraction(value, SCALE)) * SCALE
    for operation, exact in ((fixed_point.floor, down), (fixed_point.ceiling, up)):
        if LEAST <= exact <= MOST:
            assert operation(value) == exact
        else:
            with pytest.raises(ArithmeticFailure):
                operation(value)


IDS = st.one_of(st.integers(1, 40), st.integers(1, MOST))


@given(st.sets(IDS, max_size=32), st.lists(st.one_of(IDS, st.just(0), st.just(-1)), max_size=20))
def test_a_table_of_ids_holds_what_was_put_there(members: set[int], others: list[int]) -> None:
    table = np.array(hash_table(sorted(members), 64), np.int64)
    for text in (*members, *others):
        assert native_arithmetic.looked_up("is_member", table, text) == (text in members)


@given(st.lists(st.one_of(IDS, st.just(0), st.just(-1)), max_size=40))
def test_an_id_is_listed_where_it_stands(texts: list[int]) -> None:
    listed = np.array(texts[: len(texts) // 2], np.int64)
    for text in texts:
        assert native_arithmetic.is_listed(listed, text) == (text > 0 and text in listed.tolist())


@given(st.lists(st.one_of(IDS, st.just(0), st.just(-1)), max_size=32))
def test_an_id_is_new_once(texts: list[int]) -> None:
    table = np.zeros(64, np.int64)
    new = [native_arithmetic.looked_up("is_new", table, text) for text in texts]
    assert new == [text > 0 and text not in texts[:index] for index, text in enumerate(texts)]
    assert sorted(filter(None, table.tolist())) == sorted({text for text in texts if text > 0})


@pytest.mark.parametrize("lines", [0, 1, 8, 9, 16, 17, 512, 513, 1_000, MOST_LINES])
def test_a_table_for_lines_is_emptied_as_far_as_they_need(lines: int) -> None:
    table = np.full(TEXTS + 1, 7, np.int64)
    size = native_arithmetic.emptied(table, lines) + 1
    assert size.bit_count() == 1
    assert max(16, 2 * lines) <= size <= min(TEXTS, max(16, 4 * lines))
    assert table.tolist() == [0] * size + [7] * (TEXTS + 1 - size)


@given(WORDS, WORDS)
def test_compiled_sums_and_differences_are_the_reference_ones(left: int, right: int) -> None:
    for name, operation in (("add", fixed_point.add), ("subtract", fixed_point.subtract)):
        status, value = native_arithmetic.computed(name, left, right)
        expected_status, expected = reference(operation, left, right)
        assert status == expected_status
        assert status or value == expected
