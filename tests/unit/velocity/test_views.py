"""Tuples that kernels take by their address are to them what any tuple is."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from numba import njit
from numba.core.errors import TypingError

from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.views import view

ROW = np.dtype([("points", "<i8"), ("flags", "<i4")])
without_cache = njit(nogil=True, _nrt=False)  # type: ignore[call-overload]


@view
class Inner(NamedTuple):
    weights: Any


@view
class Outer(NamedTuple):
    rows: Any
    matrix: Any
    factor: int
    inner: Inner


@part
def add(outer, place, points):  # type: ignore[no-untyped-def]
    row = outer.rows[place]
    row.points += points * outer.factor
    outer.matrix[place, 1] = row.points + outer.inner.weights[place]
    return row.flags


@without_cache
def add_all(outer, points):  # type: ignore[no-untyped-def]
    flags = 0
    for place in range(outer.rows.shape[0]):
        flags |= add(outer, place, points)
    return flags


@without_cache
def ask_for_what_is_not_there(outer):  # type: ignore[no-untyped-def]
    return outer.nothing


def an_outer() -> Outer:
    rows = np.zeros(3, ROW)
    rows["flags"] = 1, 2, 4
    return Outer(rows, np.zeros((3, 2), np.int64), 10, Inner(np.arange(3)))


def test_a_kernel_reads_and_changes_what_a_view_holds() -> None:
    outer = an_outer()
    assert add_all(outer, 5) == 7
    assert outer.rows["points"].tolist() == [50, 50, 50]
    assert outer.matrix.tolist() == [[0, 50], [0, 51], [0, 52]]


def test_a_view_that_was_replaced_is_read_anew() -> None:
    outer = an_outer()
    add_all(outer, 5)
    other = outer._replace(rows=np.zeros(2, ROW), factor=-1, inner=Inner(np.array([100, 200, 300])))
    assert add_all(other, 1) == 0
    assert other.rows["points"].tolist() == [-1, -1]
    assert outer.rows["points"].tolist() == [50, 50, 50]
    assert outer.matrix[:, 1].tolist() == [99, 199, 52]


def test_a_field_that_a_view_does_not_have_is_an_error_when_the_kernel_is_compiled() -> None:
    with pytest.raises(TypingError, match="nothing"):
        ask_for_what_is_not_there(an_outer())
