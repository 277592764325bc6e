"""Tuples that kernels take by their address are to them what any tuple is."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from numba import njit
from numba.core.errors import TypingError

from pointguard_server.velocity.compiling import entry, part
from pointguard_server.velocity.views import Recent, view

ROW = np.dtype([("points", "<i8"), ("flags", "<i4")])
without_cache = njit(nogil=True, _nrt=False)  # type: ignore[call-overload]


@view
class Inner(NamedTuple):
    weights: Any


@view
class Outer(NamedTuple):
    rows: Any
    matrix: Any
    factors: Any
    inner: Inner


@part
def add(outer, place, points):  # type: ignore[no-untyped-def]
    row = outer.rows[place]
    row.points += points * outer.factors[0]
    outer.matrix[place, 1] = row.points + outer.inner.weights[place]
    return row.flags


@without_cache
def add_all(outer, points):  # type: ignore[no-untyped-def]
    flags = 0
    for place in range(outer.rows.shape[0]):
        flags |= add(outer, place, points)
    return flags


@entry
def scale(outer, weights):  # type: ignore[no-untyped-def]
    for place in range(weights.shape[0]):
        outer.inner.weights[place] *= weights[place]
    return weights.shape[0]


@without_cache
def ask_for_what_is_not_there(outer):  # type: ignore[no-untyped-def]
    return outer.nothing


def an_outer() -> Outer:
    rows = np.zeros(3, ROW)
    rows["flags"] = 1, 2, 4
    return Outer(rows, np.zeros((3, 2), np.int64), np.array([10]), Inner(np.arange(3)))


def test_a_kernel_reads_and_changes_what_a_view_holds() -> None:
    outer = an_outer()
    assert add_all(outer, 5) == 7
    assert outer.rows["points"].tolist() == [50, 50, 50]
    assert outer.matrix.tolist() == [[0, 50], [0, 51], [0, 52]]


def test_a_view_that_was_replaced_is_read_anew() -> None:
    outer = an_outer()
    add_all(outer, 5)
    other = outer._replace(rows=np.zeros(2, ROW), factors=np.array([-1]), inner=Inner(np.array([100, 200, 300])))
    assert add_all(other, 1) == 0
    assert other.rows["points"].tolist() == [-1, -1]
    assert outer.rows["points"].tolist() == [50, 50, 50]
    assert outer.matrix[:, 1].tolist() == [99, 199, 52]


def test_a_field_that_a_view_does_not_have_is_an_error_when_the_kernel_is_compiled() -> None:
    with pytest.raises(TypingError, match="nothing"):
        ask_for_what_is_not_there(an_outer())


def test_an_entry_called_again_takes_what_stands_in_the_arrays_then() -> None:
    outer, weights = an_outer(), np.array([1, 10, 100])
    assert [scale(outer, weights), scale(outer, weights)] == [3, 3]
    assert outer.inner.weights.tolist() == [0, 100, 20_000]
    other = outer._replace(inner=Inner(np.ones(3, np.int64)))
    scale(other, weights[:2])
    assert other.inner.weights.tolist() == [1, 10, 1]
    assert outer.inner.weights.tolist() == [0, 100, 20_000]


@pytest.mark.parametrize(
    "weights",
    [
        np.ones(3, np.int32),
        np.ones((3, 1), np.int64),
        np.ones(6, np.int64)[::2],
        np.frombuffer(bytes(24), np.int64),
    ],
    ids=["other elements", "another dimension", "gaps", "read only"],
)
def test_an_array_of_another_kind_is_refused_in_a_view_and_beside_one(weights: Any) -> None:
    outer = an_outer()
    scale(outer, np.ones(3, np.int64))
    with pytest.raises(TypeError, match="a kernel takes arrays of"):
        scale(outer, weights)
    with pytest.raises(TypeError, match="a kernel takes arrays of"):
        scale(outer._replace(inner=Inner(weights)), np.ones(3, np.int64))


def test_what_has_no_address_is_refused_where_a_view_is_taken() -> None:
    scale(an_outer(), np.ones(3, np.int64))
    with pytest.raises(AttributeError, match="_address"):
        scale((1, 2, 3), np.ones(3, np.int64))


def test_a_recent_tuple_stands_for_one_with_the_very_same_fields() -> None:
    recent, first = Recent(2), an_outer()
    assert recent.same(first) is first
    assert recent.same(Outer(*first)) is first
    second = first._replace(rows=np.zeros(3, ROW))
    assert recent.same(second) is second
    assert recent.same(Outer(*first)) is first
    third, fourth = (first._replace(rows=np.zeros(3, ROW)) for _ in range(2))
    recent.same(third)
    recent.same(fourth)
    again = Outer(*first)
    assert recent.same(again) is again
