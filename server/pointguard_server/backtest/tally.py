"""What a backtest adds up, stretch by stretch: points by rule, by tier and store, and where two sides differ.

The sides are a version, and what it is compared with: another version, or what was issued. Sums are 64-bit integers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from pointguard_server.backtest.kernel import FAILED
from pointguard_server.backtest.orders import IntArray, Orders
from pointguard_server.backtest.records import History

_ORDERS, _MONEY, _ISSUED, _POINTS, _OTHER_POINTS, _FLIPS = range(6)
_COLUMNS: Final = ("orders", "money", "issued", "points", "other_points", "flips")


@dataclass(frozen=True, slots=True)
class Given:
    """What one side gives a stretch of orders: each rule's points, (orders, rules), and their sum, (orders,).

    Where the arithmetic failed the sum is ``kernel.FAILED``.
    """

    points: IntArray
    totals: IntArray


class _Side:
    """One version's sums by rule."""

    def __init__(self, rules: Sequence[str]) -> None:
        self.rules = tuple(rules)
        self.points = np.zeros(len(rules), np.int64)
        self.orders = np.zeros(len(rules), np.int64)
        self.failed = 0

    def add(self, given: Given) -> IntArray:
        """Add a stretch up; return each order's points, 0 where the arithmetic failed."""
        self.points += given.points.sum(axis=0)
        self.orders += (given.points > 0).sum(axis=0)
        self.failed += int((given.totals == FAILED).sum())
        return np.maximum(given.totals, 0)

    def plain(self) -> dict[str, Any]:
        """Return the sums as JSON has them."""
        rows = zip(self.rules, self.points.tolist(), self.orders.tolist(), strict=True)
        return {
            "points": int(self.points.sum()),
            "failed": self.failed,
            "rules": [{"rule": rule, "points": points, "orders": orders} for rule, points, orders in rows],
        }


class _Groups:
    """Sums by a number that each order has, such as its tier's."""

    def __init__(self) -> None:
        self._sums = np.zeros((1, len(_COLUMNS)), np.int64)

    def add(self, numbers: IntArray, columns: Sequence[IntArray | int]) -> None:
        most = int(numbers.max(initial=0))
        if most >= len(self._sums):
            grown = np.zeros((2 * most + 1, len(_COLUMNS)), np.int64)
            grown[: len(self._sums)] = self._sums
            self._sums = grown
        for column, values in enumerate(columns):
            np.add.at(self._sums[:, column], numbers, values)

    def plain(self, texts: dict[int, str]) -> list[dict[str, Any]]:
        found = [
            {"code": texts.get(number, "")} | dict(zip(_COLUMNS, self._sums[number].tolist(), strict=True))
            for number in self._sums[:, _ORDERS].nonzero()[0].tolist()
        ]
        return sorted(found, key=lambda group: str(group["code"]))


class Tally:
    """The sums of one backtest. ``other_rules`` None: the other side is what was issued, if that is known at all."""

    def __init__(self, rules: Sequence[str], other_rules: Sequence[str] | None, examples_max: int) -> None:
        self._side = _Side(rules)
        self._other = None if other_rules is None else _Side(other_rules)
        self._tiers, self._stores = _Groups(), _Groups()
        self._examples_max = examples_max
        self._examples: list[tuple[int, int, dict[str, Any]]] = []  # (−difference, place, what it was)
        self._orders = self._declined = self._money = self._issued = self._flips = self._gained = self._lost = 0

    @property
    def orders(self) -> int:
        """How many approved orders were looked at."""
        return self._orders

    @property
    def points(self) -> int:
        """What the version gives so far."""
        return int(self._side.points.sum())

    def decline(self, orders: int) -> None:
        """Count orders that were declined and are left out."""
        self._declined += orders

    def add(self, orders: Orders, history: History | None, given: Given, other: Given | None) -> None:
        """Add approved orders up; without ``history`` nothing is known of what was issued."""
        points = self._side.add(given)
        issued = np.zeros_like(points) if history is None else history.issued
        if self._other is not None and other is not None:
            other_points = self._other.add(other)
        else:
            other_points = points if history is None else issued
        difference = points - other_points
        flips = (difference != 0).astype(np.int64)
        columns = (1, orders.total, issued, points, other_points, flips)
        self._tiers.add(orders.tier_id, columns)
        self._stores.add(orders.store_id, columns)
        self._keep_examples(orders, history, given, other, difference, other_points)
        self._orders += len(points)
        self._money += int(orders.total.sum())
        self._issued += int(issued.sum())
        self._flips += int(flips.sum())
        self._gained += int(difference[difference > 0].sum())
        self._lost -= int(difference[difference < 0].sum())

    def _keep_examples(
        self,
        orders: Orders,
        history: History | None,
        given: Given,
        other: Given | None,
        difference: IntArray,
        other_points: IntArray,
    ) -> None:
        """Keep the largest differences, of equals the earliest."""
        size = np.abs(difference)
        if not self._examples_max:
            return
        floor = -self._examples[-1][0] if len(self._examples) == self._examples_max else 0
        found = (size > floor).nonzero()[0]
        # A stable sort keeps the earlier of equals in front.
        found = found[np.argsort(-size[found], kind="stable")][: self._examples_max]
        for n in found.tolist():
            example = {
                "transaction_id": "" if history is None else history.transaction_id[n].tobytes().hex(),
                "accepted_at": int(orders.moment[n]),
                "points": max(int(given.totals[n]), 0),
                "other_points": int(other_points[n]),
                "rules": self._rules(n, given, other),
            }
            self._examples.append((-int(size[n]), self._orders + n, example))
        self._examples.sort(key=lambda each: each[:2])
        del self._examples[self._examples_max :]

    def _rules(self, n: int, given: Given, other: Given | None) -> list[dict[str, Any]]:
        """Return the rules that give an order other points by the two versions; none if there is only one."""
        if self._other is None or other is None:
            return []
        mine = dict(zip(self._side.rules, given.points[n].tolist(), strict=True))
        theirs = dict(zip(self._other.rules, other.points[n].tolist(), strict=True))
        return [
            {"rule": rule, "points": mine.get(rule, 0), "other_points": theirs.get(rule, 0)}
            for rule in dict.fromkeys((*mine, *theirs))
            if mine.get(rule, 0) != theirs.get(rule, 0)
        ]

    def plain(self, texts: dict[int, str]) -> dict[str, Any]:
        """Return everything as JSON has it; ``texts`` are those of tiers and stores by their numbers."""
        return {
            "orders": self._orders,
            "declined": self._declined,
            "money": self._money,
            "issued": self._issued,
            "side": self._side.plain(),
            "other": None if self._other is None else self._other.plain(),
            "tiers": self._tiers.plain(texts),
            "stores": self._stores.plain(texts),
            "flips": {
                "orders": self._flips,
                "gained": self._gained,
                "lost": self._lost,
                "examples": [example for _, _, example in self._examples],
            },
        }
