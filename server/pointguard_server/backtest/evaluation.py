"""One rule set over stretches of orders. For the backtest's process, and for whoever measures it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from pointguard_server.backtest import kernel
from pointguard_server.backtest.clock import ZoneClock
from pointguard_server.backtest.orders import IntArray, Orders
from pointguard_server.domain.codes import Channel, CodeKind, Kind
from pointguard_server.rules.checked import CheckedRuleSet
from pointguard_server.rules.fields import FIELDS
from pointguard_server.rules.fixed_point import SCALE
from pointguard_server.rules.inputs import Input, LocalDateInput, MatchInput
from pointguard_server.rules.patterns import compile_pattern
from pointguard_server.rules.work_layout import layout_of
from pointguard_server.service.code_matches import CODE_DOMAINS
from pointguard_server.service.programs import BoundEarnRules

STRETCH = 8_192
"""How many orders are evaluated at once: their columns and points stay in the processor's cache."""
_COLUMNS: Final[dict[str, Callable[[Orders], IntArray]]] = {
    "order.channel": lambda orders: orders.channel,
    "order.tender": lambda orders: orders.tender_id,
    "order.kind": lambda orders: orders.kind,
    "store.id": lambda orders: orders.store_id,
    "store.business_unit": lambda orders: orders.business_unit_id,
    "store.province": lambda orders: orders.store_province_id,
    "member.tier": lambda orders: orders.tier_id,
    "member.province": lambda orders: orders.province_id,
}
"""The texts of an order, by field."""

Texts = Mapping[tuple[CodeKind, str], int]
_Column = Callable[[Orders], IntArray]


class Evaluation:
    """Compiled rules with room to work in; one thread at a time.

    ``constants`` are the rule set's, by the numbers that the orders have for ``texts``; the moments of orders are not
    outside of [``first``, ``last``].

    Raises:
        ValueError: for a rule set that asks for what a backtest cannot know; see ``service/backtest_needs.py``.
    """

    def __init__(
        self,
        rules: CheckedRuleSet,
        bound: BoundEarnRules,
        constants: Sequence[int] | IntArray,
        texts: Texts,
        zone: ZoneInfo,
        money_scale: int,
        first: int,
        last: int,
    ) -> None:
        self._bound = bound  # keeps the machine code
        self._clock = ZoneClock(zone, first, last)
        self._asked = [_column(wanted, texts, first, last) for wanted in rules.inputs]
        self._money_scale = money_scale
        self._constants = np.array([*constants, 0], np.int64)
        self._facts = np.zeros(rules.fact_count, np.int64)
        self._work = np.zeros(max(layout_of(rules).size, 1), np.int64)
        self._inputs = np.zeros((STRETCH, len(self._asked)), np.int64)
        self._points = np.zeros((STRETCH, len(rules.rules)), np.int64)
        self._totals = np.zeros(STRETCH, np.int64)

    def evaluate(self, orders: Orders) -> tuple[IntArray, IntArray]:
        """Return each rule's points, (orders, rules), and their sum, ``kernel.FAILED`` where the arithmetic failed.

        Both are good until the next call; there may be at most STRETCH orders.
        """
        count = len(orders.moment)
        for number, column in enumerate(self._asked):
            self._inputs[:count, number] = column(orders)
        points, totals = self._points[:count], self._totals[:count]
        kernel.evaluate(
            self._bound.address,
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


def _column(wanted: Input, texts: Texts, first: int, last: int) -> _Column:
    """Return what makes the fact that a rule set asks for, for each order."""
    match wanted:
        case LocalDateInput():
            clock = ZoneClock(ZoneInfo(wanted.zone), first, last)
            return lambda orders: clock.dates(orders.moment) * SCALE
        case MatchInput():
            column, matched = _COLUMNS[wanted.field], _matched(wanted, texts)
            return lambda orders: matched[np.minimum(column(orders), len(matched) - 1)]
        case _:
            raise ValueError(f"not known in a backtest: {wanted}")


def _matched(wanted: MatchInput, texts: Texts) -> IntArray:
    """Return, by a text's number, whether it matches; the last one is for numbers that are not there."""
    domain = FIELDS[wanted.field].domain or ""
    if domain in CODE_DOMAINS:
        numbers = {text: number for (kind, text), number in texts.items() if kind is CODE_DOMAINS[domain]}
    else:
        known: type[Channel | Kind] = Channel if domain == "channel" else Kind
        numbers = {each.name: int(each) for each in known}
    is_match = compile_pattern(wanted.pattern)
    found = np.zeros(max(numbers.values(), default=0) + 2, np.int64)
    for text, number in numbers.items():
        found[number] = is_match(text)
    return found
