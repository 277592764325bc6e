"""The compiled arithmetic against the reference, and the reference against fractions."""

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numba import njit

from pointguard_server.rules import fixed_point, fixed_point_kernels
from pointguard_server.rules.constants import hash_table
from pointguard_server.rules.fixed_point import LEAST, MOST, SCALE, ArithmeticFailure, Status
from pointguard_server.rules.value_types import Rounding

EDGES = sorted(
    sign * (base + step)
    for base in (0, SCALE // 2, SCALE, 2**31, 2**32, 3_037_000_499, 3_037_000_499_976, MOST // SCALE, 2**62, MOST - 1)
    for step in (-1, 0, 1)
    for sign in (1, -1)
    if base + step >= 0
)
WORDS = st.one_of(st.sampled_from([LEAST, *EDGES]), st.integers(LEAST, MOST), st.integers(-10 * SCALE, 10 * SCALE))


@njit
def compiled_multiply(left, right):  # type: ignore[no-untyped-def]
    return fixed_point_kernels.multiply(left, right)


@njit
def compiled_divide(left, right):  # type: ignore[no-untyped-def]
    return fixed_point_kernels.divide(left, right)


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
@example(3_037_000_499_976_050, 3_037_000_499_976_050)
def test_the_compiled_product_is_the_reference_product(left: int, right: int) -> None:
    status, value = compiled_multiply(np.int64(left), np.int64(right))
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
    status, value = compiled_divide(np.int64(left), np.int64(right))
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
    compiled = getattr(fixed_point_kernels, f"points_{rounding.value}")
    assert compiled(np.int64(value)) == fixed_point.whole_points(value, rounding)


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


@njit
def compiled_floor(value):  # type: ignore[no-untyped-def]
    return fixed_point_kernels.floor(value)


@njit
def compiled_ceiling(value):  # type: ignore[no-untyped-def]
    return fixed_point_kernels.ceiling(value)


@given(WORDS)
@example(LEAST)
@example(MOST)
def test_compiled_whole_numbers_are_the_reference_ones(value: int) -> None:
    for compiled, operation in ((compiled_floor, fixed_point.floor), (compiled_ceiling, fixed_point.ceiling)):
        status, result = compiled(np.int64(value))
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
    table = np.array([7, *hash_table(sorted(members), 64)], np.int64)
    for text in (*members, *others):
        assert fixed_point_kernels.is_member(table, 1, 64, text) == (text in members)


@given(st.lists(IDS, max_size=32))
def test_an_id_is_new_once(texts: list[int]) -> None:
    table = np.zeros(65, np.int64)
    new = [bool(fixed_point_kernels.is_new(table, 1, 64, text)) for text in texts]
    assert new == [text not in texts[:index] for index, text in enumerate(texts)]
    assert sorted(filter(None, table.tolist())) == sorted(set(texts))
