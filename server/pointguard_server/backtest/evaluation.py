"""One rule set over stretches of orders. For the backtest's process, and for whoever measures it."""

from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

import numpy as np

from pointguard_server.backtest import kernel
from pointguard_server.backtest.clock import ZoneClock
from pointguard_server.backtest.orders import IntArray, Orders
from pointguard_server.rules.fixed_point import SCALE
from pointguard_server.rules.inputs import LocalDateInput
from pointguard_server.rules.native_code import CompiledRules

STRETCH = 8_192
"""How many orders are evaluated at once: their columns and points stay in the processor's cache."""


class Evaluation:
    """Compiled rules with room to work in; one thread at a time.

    ``constants`` are the rule set's, by the numbers that the orders have for texts; ``begin`` and ``end`` are moments
    that no order is outside of.

    Raises:
        ValueError: for a rule set that asks for what a backtest cannot know.
    """

    def __init__(
        self, compiled: CompiledRules, constants: Sequence[int], zone: ZoneInfo, money_scale: int, begin: int, end: int
    ) -> None:
        self._compiled = compiled
        self._clock = ZoneClock(zone, begin, end)
        self._dates: list[Callable[[IntArray], IntArray]] = []
        for wanted in compiled.rules.inputs:
            if not isinstance(wanted, LocalDateInput):
                raise ValueError(f"not known in a backtest: {wanted}")  # noqa: TRY004  (a value of a rule set)
            self._dates.append(ZoneClock(ZoneInfo(wanted.zone), begin, end).dates)
        self._money_scale = money_scale
        self._constants = np.array([*constants, 0], np.int64)
        self._facts = np.zeros(compiled.rules.fact_count, np.int64)
        self._work = np.zeros(max(compiled.work_size, 1), np.int64)
        self._inputs = np.zeros((STRETCH, len(self._dates)), np.int64)
        self._points = np.zeros((STRETCH, len(compiled.rules.rules)), np.int64)
        self._totals = np.zeros(STRETCH, np.int64)

    def evaluate(self, orders: Orders) -> tuple[IntArray, IntArray]:
        """Return each rule's points, (orders, rules), and their sum, ``kernel.FAILED`` where the arithmetic failed.

        Both are good until the next call; there may be at most STRETCH orders.
        """
        count = len(orders.moment)
        for number, dates in enumerate(self._dates):
            self._inputs[:count, number] = dates(orders.moment) * SCALE
        points, totals = self._points[:count], self._totals[:count]
        kernel.evaluate(
            self._compiled.address,
            orders,
            self._clock.offsets(orders.moment),
            self._inputs[:count],
            self._money_scale,
            self._constants,
            self._facts,
            self._work,
            points,
            totals,
        )
        return points, totals
