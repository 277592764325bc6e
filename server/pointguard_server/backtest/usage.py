"""What capped rules have given accounts in the days, in the months or ever: a version's own awards, order after order.

Before the first order it is what the ledger says that rules of the same names gave, as for a version that is activated
then. For ``evaluation``.
"""

from collections.abc import Callable, Iterable
from typing import Final

import numpy as np

from pointguard_server.backtest.kernel import Counted
from pointguard_server.backtest.orders import IntArray
from pointguard_server.rules.inputs import EarnedInput
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.rules.value_types import CapPeriod

Award = tuple[str, int, int]
"""A rule's name, a local date in days since 1970-01-01, and points."""
GivenBefore = Callable[[int], Iterable[Award]]
"""What an account was given before the first order."""

_NO_NUMBERS: Final = np.zeros(0, np.int64)


def period_start(period: CapPeriod, dates: IntArray) -> IntArray:
    """Return the first date of the period that holds each date; 0 for a lifetime."""
    match period:
        case CapPeriod.MONTH:
            months = dates.astype("datetime64[D]").astype("datetime64[M]")
            first: IntArray = months.astype("datetime64[D]").astype(np.int64)
            return first
        case CapPeriod.DAY:
            return dates
        case _:
            return np.zeros_like(dates)


class Usage:
    """The counters of one rule set's caps. One thread at a time.

    ``given_before`` is asked once for each account. ``moves_on`` says that orders come in order of time: then what was
    given in a day or a month that is over is forgotten, and what is kept does not grow with the range.
    """

    def __init__(self, rule_set: RuleSet, *, moves_on: bool) -> None:
        asked = [
            (place, wanted) for place, wanted in enumerate(rule_set.checked.inputs) if isinstance(wanted, EarnedInput)
        ]
        self.given_before: GivenBefore = lambda _: ()
        self._moves_on = moves_on
        self._inputs = np.array([place for place, _ in asked], np.int64)
        self._rules = np.array([wanted.ordinal for _, wanted in asked], np.int64)
        self._names = [rule_set.rules[wanted.ordinal].name for _, wanted in asked]
        self._periods = [wanted.period for _, wanted in asked]
        self._used = _NO_NUMBERS
        self._slots: list[dict[tuple[int, int], int]] = [{} for _ in asked]  # by account and period, for each counter
        self._current = [0] * len(asked)
        self._free: list[int] = []
        self._accounts: set[int] = set()

    def counted(self, accounts: IntArray, dates: IntArray, counts: IntArray) -> Counted:
        """Return where orders find what their rules gave before; ``counts``: whether they are counted then."""
        slots = np.zeros((len(accounts), len(self._periods)), np.int64)
        if self._periods and len(accounts):
            starts = [period_start(period, dates) for period in self._periods]
            self._forget([int(each[0]) for each in starts])
            holders = accounts.tolist()
            for account in {*holders} - self._accounts:
                self._begin(account)
            for counter, each in enumerate(starts):
                slots[:, counter] = [self._slot(counter, key) for key in zip(holders, each.tolist(), strict=True)]
        return Counted(self._inputs, self._rules, slots, self._used, counts)

    def _begin(self, account: int) -> None:
        self._accounts.add(account)
        for rule, date, points in self.given_before(account):
            for counter, (name, period) in enumerate(zip(self._names, self._periods, strict=True)):
                if name == rule:
                    start = int(period_start(period, np.array([date]))[0])
                    if not self._moves_on or start >= self._current[counter]:
                        place = self._slot(counter, (account, start))
                        self._used[place] += points

    def _slot(self, counter: int, key: tuple[int, int]) -> int:
        known = self._slots[counter].get(key)
        if known is None:
            if not self._free:
                before = len(self._used)
                self._used = np.concatenate([self._used, np.zeros(max(before, 1_024), np.int64)])
                self._free = list(range(before, len(self._used)))
            known = self._slots[counter][key] = self._free.pop()
        return known

    def _forget(self, starts: list[int]) -> None:
        """Forget what was given in periods that are over when a period begins."""
        for counter, start in enumerate(starts):
            if self._moves_on and start > self._current[counter]:
                over = [key for key in self._slots[counter] if key[1] < start]
                freed = [self._slots[counter].pop(key) for key in over]
                self._used[freed] = 0
                self._free += freed
                self._current[counter] = start
