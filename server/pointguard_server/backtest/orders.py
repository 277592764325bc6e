"""Orders as columns: what earn rules read of purchases, without an object for each. For sources and evaluation."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pointguard_server.rules.fields import LINE_FIELD_COUNT
from pointguard_server.velocity.views import view

IntArray = npt.NDArray[np.int64]


@view
class Orders(NamedTuple):
    """Purchases in order of time, one array a field: int64 of shape (orders,) unless said otherwise.

    Texts are numbers, 0 for none; money is in minor units, points in the program's smallest unit, moments in
    microseconds since 1970-01-01 UTC. ``posted``, ``reserved``, ``pending`` and ``spend`` are the account's before the
    purchase.
    """

    moment: IntArray
    total: IntArray
    kind: IntArray
    channel: IntArray
    tender_id: IntArray
    coupon_used: IntArray
    store_id: IntArray
    business_unit_id: IntArray
    store_province_id: IntArray
    store_country_id: IntArray
    tier_id: IntArray
    province_id: IntArray
    group_set_id: IntArray
    birth_date: IntArray  # as ``domain.age_bands.packed``; 0: not known
    age_band: IntArray  # by the local date: the place of its band, from 1; ``evaluation`` sets it
    enrolled_at: IntArray
    posted: IntArray
    reserved: IntArray
    pending: IntArray
    spend: IntArray
    first_line: IntArray  # (orders + 1,): order n has the lines from first_line[n] up to, not with, first_line[n + 1]
    lines: IntArray  # (lines, LINE_FIELD_COUNT), as ``rules/fields.py`` says

    def slice(self, begin: int, end: int) -> "Orders":
        """Return a stretch of them: views, which copy nothing; ``first_line`` goes on counting in all lines."""
        columns = (column[begin:end] for column in self[: len(ORDER_COLUMNS)])
        return Orders._make([*columns, self.first_line[begin : end + 1], self.lines])


ORDER_COLUMNS = Orders._fields[:-2]
"""The fields that have one number an order."""


def in_order(pieces: Sequence[Orders], places: IntArray) -> Orders:
    """Return the orders of all pieces as one, in the order of their ``places``; lines belong to one piece each."""
    order = np.argsort(places)
    columns = [np.concatenate(column)[order] for column in zip(*(piece[:-2] for piece in pieces), strict=True)]
    offsets = np.cumsum([0, *(len(piece.lines) for piece in pieces[:-1])])
    starts = np.concatenate([piece.first_line[:-1] + at for piece, at in zip(pieces, offsets, strict=True)])[order]
    counts = np.concatenate([np.diff(piece.first_line) for piece in pieces])[order]
    first_line = np.concatenate([[0], np.cumsum(counts)])
    at = np.repeat(starts - first_line[:-1], counts) + np.arange(first_line[-1])
    return Orders._make([*columns, first_line, np.concatenate([piece.lines for piece in pieces])[at]])


def empty_orders(orders: int, lines: int) -> Orders:
    """Return room for so many orders and lines, all zero."""
    columns = np.zeros((len(ORDER_COLUMNS), orders), np.int64)
    return Orders._make([*columns, np.zeros(orders + 1, np.int64), np.zeros((lines, LINE_FIELD_COUNT), np.int64)])
