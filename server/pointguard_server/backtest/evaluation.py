"""One rule set over stretches of orders. For the backtest's process, and for whoever measures it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from pointguard_server.backtest import kernel
from pointguard_server.backtest.clock import zone_clock
from pointguard_server.backtest.orders import IntArray, Orders
from pointguard_server.backtest.record_kernel import History
from pointguard_server.backtest.usage import Usage
from pointguard_server.backtest.windows import Held
from pointguard_server.domain.age_bands import FIRST_AGES
from pointguard_server.domain.codes import Channel, CodeKind, Kind
from pointguard_server.rules.checked import CheckedRuleSet
from pointguard_server.rules.fields import FIELDS
from pointguard_server.rules.fixed_point import SCALE
from pointguard_server.rules.inputs import EarnedInput, Input, LocalDateInput, MatchInput, WindowInput
from pointguard_server.rules.patterns import compile_pattern
from pointguard_server.rules.work_layout import layout_of
from pointguard_server.service.backtest_needs import fields_of
from pointguard_server.service.code_matches import CODE_DOMAINS, GROUP_SEPARATOR
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
    "store.country": lambda orders: orders.store_country_id,
    "member.tier": lambda orders: orders.tier_id,
    "member.province": lambda orders: orders.province_id,
    "member.age_band": lambda orders: orders.age_band,
}
"""The texts of an order, by field."""

Texts = Mapping[tuple[CodeKind, str], int]
_Column = Callable[[Orders, Held], IntArray]
_LOOKED_UP: Final = frozenset(("store.country", "member.groups", "member.age_band", "member.birthday_month"))
_NO_WINDOWS: Final[Held] = {}


class Evaluation:
    """Compiled rules with room to work in; one thread at a time.

    ``constants`` are the rule set's, by the numbers that the orders have for ``texts``, with its own masks; the moments
    of orders are not outside of [``first``, ``last``]. ``usage`` counts for caps over a time; without it nothing was
    given before.
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
        usage: Usage | None = None,
    ) -> None:
        self._bound = bound  # keeps the machine code
        self._clock = zone_clock(zone, first, last)
        self._asked = [self._column(wanted, texts, first, last) for wanted in rules.inputs]
        read = fields_of(rules)
        self._group_words = _group_words(rules, texts)[: None if read & _LOOKED_UP else 0]
        self._has_bands = "member.age_band" in read
        self._usage = usage
        self._money_scale = money_scale
        self._constants = np.array([*constants, 0], np.int64)
        self._facts = np.zeros(rules.fact_count, np.int64)
        self._work = np.zeros(max(layout_of(rules).size, 1), np.int64)
        self._inputs = np.zeros((STRETCH, len(self._asked)), np.int64)
        self._points = np.zeros((STRETCH, len(rules.rules)), np.int64)
        self._totals = np.zeros(STRETCH, np.int64)

    def evaluate(
        self, orders: Orders, history: History | None = None, windows: Held = _NO_WINDOWS
    ) -> tuple[IntArray, IntArray]:
        """Return each rule's points, (orders, rules), and their sum, ``kernel.FAILED`` where the arithmetic failed.

        Both are good until the next call; there may be at most STRETCH orders. ``history`` says whose they
        are, which caps over a time need; ``windows`` what those of the rules held.
        """
        count = len(orders.moment)
        if self._has_bands:
            orders = orders._replace(age_band=_age_bands(orders.birth_date, self._clock.dates(orders.moment)))
        for number, column in enumerate(self._asked):
            self._inputs[:count, number] = column(orders, windows)
        points, totals = self._points[:count], self._totals[:count]
        kernel.evaluate(
            self._bound.address,
            orders,
            self._clock.offsets(orders.moment),
            self._inputs[:count],
            self._counted(orders, history),
            self._group_words,
            self._money_scale,
            self._constants,
            self._facts,
            self._work,
            points,
            totals,
        )
        return points, totals

    def _counted(self, orders: Orders, history: History | None) -> kernel.Counted:
        if self._usage is None or history is None:
            return kernel.counts_nothing(len(orders.moment))
        return self._usage.counted(history.account_id, self._clock.dates(orders.moment), history.approved)

    @staticmethod
    def _column(wanted: Input, texts: Texts, first: int, last: int) -> _Column:
        """Return what makes the fact that a rule set asks for, for each order."""
        match wanted:
            case LocalDateInput():
                clock = zone_clock(ZoneInfo(wanted.zone), first, last)
                return lambda orders, _: clock.dates(orders.moment) * SCALE
            case MatchInput():
                column, matched = _COLUMNS[wanted.field], _matched(wanted, texts)
                return lambda orders, _: matched[np.minimum(column(orders), len(matched) - 1)]
            case WindowInput():
                return lambda _, windows: windows[wanted]
            case EarnedInput():  # the kernel's own
                return lambda orders, _: np.zeros_like(orders.moment)


def _age_bands(birth_dates: IntArray, dates: IntArray) -> IntArray:
    """Return the place of the band of each age, from 1, on local dates in days since 1970-01-01; 0: not known."""
    days = dates.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    month_numbers = months.astype(np.int64)  # since 1970-01
    day_numbers = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
    # A day of the year counts as month × 100 + day, so that one that a common year lacks is over the day after.
    today = (month_numbers // 12 + 1970) * 10_000 + (month_numbers % 12 + 1) * 100 + day_numbers
    bands = np.searchsorted(FIRST_AGES, (today - birth_dates) // 10_000, side="right") + 1
    return np.where(birth_dates > 0, bands, 0)


def _group_words(rules: CheckedRuleSet, texts: Texts) -> IntArray:
    """Return, by the number of a set of groups, the rule set's bits of the groups that are in it."""
    sets = {number: text.split(GROUP_SEPARATOR) for (kind, text), number in texts.items() if kind is CodeKind.GROUP_SET}
    words = np.zeros(max(sets, default=0) + 1, np.int64)
    for number, groups in sets.items():
        words[number] = sum(1 << bit for bit, (_, group) in enumerate(rules.named_texts) if group in groups)
    return words


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
