"""Orders as columns: what earn rules read of purchases, without an object for each. For sources and evaluation."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pointguard_server.rules.fields import LINE_FIELD_COUNT

IntArray = npt.NDArray[np.int64]


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
    tier_id: IntArray
    province_id: IntArray
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


def empty_orders(orders: int, lines: int) -> Orders:
    """Return room for so many orders and lines, all zero."""
    columns = np.zeros((len(ORDER_COLUMNS), orders), np.int64)
    return Orders._make([*columns, np.zeros(orders + 1, np.int64), np.zeros((lines, LINE_FIELD_COUNT), np.int64)])
