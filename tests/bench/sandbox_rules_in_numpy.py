"""The sandbox's earn rules written by hand in NumPy, over columns. The baseline of the benchmark ``backtest``.

Whole columns at once, integers throughout, each intermediate computed once: what someone who knows NumPy would write
for these nine rules and no others. Amounts are cents; points are rounded down unless it says otherwise.
"""

from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from pointguard_server.backtest.clock import DAY, ZoneClock
from pointguard_server.backtest.orders import IntArray, Orders
from pointguard_server.rules.fields import FIELDS
from tests.bench.sample_orders import MONEY_SCALE, Numbers

_INDEX = {name: FIELDS[f"line.{name}"].index for name in ("category", "brand", "quantity", "amount")}
_CENTS = 100
_SCALE = 1_000_000

BoolArray = npt.NDArray[np.bool_]


class SandboxRulesInNumpy:
    """The nine rules; texts are by ``numbers``.

    The columns of lines are taken apart beforehand, as someone who writes for NumPy would keep them.
    """

    def __init__(self, orders: Orders, numbers: Numbers, zone: ZoneInfo) -> None:
        self._orders = orders
        self._numbers = numbers
        self._category, self._brand, quantity, amount = (
            np.ascontiguousarray(orders.lines[:, index]) for index in _INDEX.values()
        )
        self._quantity, self._amount = quantity // _SCALE, amount // MONEY_SCALE
        self._clock = ZoneClock(zone, int(orders.moment.min()), int(orders.moment.max()))

    def points(self) -> IntArray:
        """Return every rule's points, (orders, rules)."""
        orders, number = self._orders, self._numbers.number
        amount, category = self._amount, self._category
        counts = np.diff(orders.first_line)
        fuel, gift = category == number("category", "FUEL"), category == number("category", "GIFT CARDS")
        private = self._brand == number("brand", "Private")
        produce = category == number("category", "PRODUCE")
        fresh = produce | (category == number("category", "SEAFOOD")) | (category == number("category", "SALAD BAR"))
        local = orders.moment + self._clock.offsets(orders.moment)
        dates = local // DAY
        weekend = (dates + 3) % 7 >= 5
        month_day = (dates - (dates.astype("M8[D]").astype("M8[M]").astype("M8[D]").astype(np.int64))) + 1
        gold = orders.tier_id == number("tier", "GOLD")
        silver = orders.tier_id == number("tier", "SILVER")
        prairie = (orders.store_province_id == number("province", "CA-AB")) | (
            orders.store_province_id == number("province", "CA-MB")
        )
        everyday = self._per_order(np.where(gift, 0, np.where(fuel, amount, 2 * amount)))
        own = self._per_order(np.where(private & ~fuel, amount, 0))
        articles = self._per_order(np.where(gift | fuel, 0, amount))
        points = np.zeros((len(orders.moment), 9), np.int64)
        points[:, 0] = np.where(counts > 0, everyday // _CENTS, 0)
        points[:, 1] = np.where(counts == 0, 2 * orders.total // _CENTS, 0)
        points[:, 2] = self._per_order(np.where(fresh, 3 * amount, 0)) // _CENTS
        points[:, 3] = np.where(self._per_order(private) >= 3, (own + _CENTS // 2) // _CENTS, 0)
        points[:, 4] = np.where(weekend & (self._per_order(produce & (self._quantity >= 2)) > 0), 25, 0)
        points[:, 5] = np.where(gold, articles // _CENTS, np.where(silver, 4 * articles // (10 * _CENTS), 0))
        express = orders.business_unit_id == number("business_unit", "EXPRESS")
        points[:, 6] = np.where(express & (orders.total >= 5_00), 5, 0)
        at_home = prairie & (orders.province_id == orders.store_province_id)
        points[:, 7] = np.where(at_home & (month_day <= 7), np.minimum(50, orders.total // _CENTS), 0)
        basic = orders.tier_id == number("tier", "BASIC")
        points[:, 8] = np.where(basic & (orders.total >= 75_00) & (orders.coupon_used == 0), 100, 0)
        return points

    def _per_order(self, values: npt.NDArray[np.int64] | BoolArray) -> IntArray:
        """Return the sum over each order's lines."""
        sums = np.zeros(len(values) + 1, np.int64)
        np.cumsum(values, out=sums[1:])
        found: IntArray = sums[self._orders.first_line[1:]] - sums[self._orders.first_line[:-1]]
        return found
