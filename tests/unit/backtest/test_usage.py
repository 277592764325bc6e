"""What caps have counted: the same whether what is over is forgotten or not, and as plain Python adds it up."""

from collections import Counter
from datetime import date, timedelta
from random import Random

import numpy as np
import pytest

from pointguard_server.backtest.usage import Award, Usage, period_start
from pointguard_server.rules.inputs import EarnedInput
from pointguard_server.rules.rule_set import load_rule_set
from pointguard_server.rules.value_types import CapPeriod

RULES = """
rule "a" when order.channel matches "O*" earn base 5 cap 9 per month cap 3 per day
rule "b" earn bonus 5 cap 100 per lifetime
"""
EPOCH = date(1970, 1, 1)
FORMS = {CapPeriod.DAY: "%Y%m%d", CapPeriod.MONTH: "%Y%m", CapPeriod.LIFETIME: ""}


def given_before(account: int) -> list[Award]:
    """The first account was given something in the month before the orders begin, and in theirs."""
    return [("a", 20_000, 50), ("a", 20_120, 2), ("b", 1, 7), ("gone", 1, 8)] if account == 1 else []


def test_a_period_starts_with_its_first_date() -> None:
    days = np.arange(-800, 30_000, 17)
    dates = [EPOCH + timedelta(days=day) for day in days.tolist()]
    assert period_start(CapPeriod.MONTH, days).tolist() == [(day.replace(day=1) - EPOCH).days for day in dates]
    assert period_start(CapPeriod.DAY, days).tolist() == days.tolist()
    assert not period_start(CapPeriod.LIFETIME, days).any()


@pytest.mark.parametrize("moves_on", [True, False])
def test_counters_hold_what_was_given_in_their_periods(moves_on: bool) -> None:
    rule_set = load_rule_set(RULES, "test", currency="CAD")
    draw, usage = Random(6), Usage(rule_set, moves_on=moves_on)
    usage.given_before = given_before
    names = {0: "a", 1: "b"}
    asked = [(place, each) for place, each in enumerate(rule_set.checked.inputs) if isinstance(each, EarnedInput)]
    model: Counter[tuple[int, str, str]] = Counter()
    for account in (1, 2, 3):
        for rule, day, points in given_before(account):
            for form in FORMS.values():
                model[account, rule, (EPOCH + timedelta(days=day)).strftime(form)] += points
    day = 20_121
    for _ in range(60):
        days = sorted(draw.randint(day, day + draw.choice([0, 3, 40])) for _ in range(draw.randint(1, 6)))
        accounts = [draw.randint(1, 3) for _ in days]
        counted = usage.counted(np.array(accounts), np.array(days), np.ones(len(days), np.int64))
        assert counted.inputs.tolist() == [place for place, _ in asked]
        for n, (account, then) in enumerate(zip(accounts, days, strict=True)):
            local = EPOCH + timedelta(days=then)
            for counter, (_, wanted) in enumerate(asked):
                held = model[account, names[wanted.ordinal], local.strftime(FORMS[wanted.period])]
                assert counted.used[counted.slots[n, counter]] == held
            # As the kernel does: each order counts for those after it, of the same call too.
            for ordinal, points in enumerate((draw.randint(0, 3), draw.randint(0, 3))):
                for form in FORMS.values():
                    model[account, names[ordinal], local.strftime(form)] += points
                for counter, (_, wanted) in enumerate(asked):
                    if wanted.ordinal == ordinal:
                        counted.used[counted.slots[n, counter]] += points
        day = days[-1]
    # Three accounts with a day, a month and a lifetime each are all that is kept where time moves on.
    assert (sum(len(each) for each in usage._slots) <= 3 * len(asked) * 6) == moves_on


def test_rules_without_caps_over_a_time_ask_for_nothing() -> None:
    usage = Usage(load_rule_set('rule "a" earn base 5 cap 9 per transaction', "test", currency="CAD"), moves_on=True)
    counted = usage.counted(np.array([1, 2]), np.array([5, 5]), np.ones(2, np.int64))
    assert counted.slots.shape == (2, 0)
