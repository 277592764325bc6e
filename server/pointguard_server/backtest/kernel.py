"""Running compiled earn rules over columns of orders: one call for a stretch of them, nothing allocated.

The facts are those of ``engine/compiled/accruals.py``; a test holds the two to the same.
"""

from typing import NamedTuple

import numpy as np

from pointguard_server.backtest.orders import IntArray
from pointguard_server.engine import compiled  # its import tells Numba where to keep kernels
from pointguard_server.rules.fields import FACT_FIELD_COUNT, FACT_FIELDS
from pointguard_server.rules.native_call import call_earn
from pointguard_server.velocity.compiling import entry, part
from pointguard_server.velocity.views import view

__all__ = ["FAILED", "POINTS_MAX", "Counted", "compiled", "counts_nothing", "evaluate"]

FAILED = -1
POINTS_MAX = 1 << 60
_MONEY_MAX = 1 << 62
_NUMBER = 1_000_000  # the rules' fixed point
_MINUTE, _HOUR, _DAY = 60_000_000, 3_600_000_000, 86_400_000_000

_INDEX = {field.name: field.index for field in FACT_FIELDS}
_TOTAL, _LINES, _CHANNEL, _TENDER, _COUPON, _KIND = (
    _INDEX[f"order.{name}"] for name in ("total", "line_count", "channel", "tender", "coupon_used", "kind")
)
_STORE, _UNIT, _STORE_PROVINCE = (_INDEX[f"store.{name}"] for name in ("id", "business_unit", "province"))
_TIER, _PROVINCE, _ENROLLED = (_INDEX[f"member.{name}"] for name in ("tier", "province", "days_since_enrolment"))
_POSTED, _AVAILABLE, _SPEND = (_INDEX[f"account.{name}"] for name in ("posted", "available", "spend"))
_COUNTRY, _GROUPS = _INDEX["store.country"], _INDEX["member.groups"]
_AGE_BAND, _BIRTHDAY_MONTH = _INDEX["member.age_band"], _INDEX["member.birthday_month"]
_DATE = _INDEX["time.date"]
_YEAR, _MONTH, _MONTH_DAY, _HOURS, _MINUTES, _WEEKDAY = (
    _INDEX[f"time.{name}"] for name in ("year", "month", "day", "hour", "minute", "weekday")
)


@view
class Counted(NamedTuple):
    """What caps over a time count, and where it stands: a column for each counter of the rule set."""

    inputs: IntArray  # by counter, which input asks for it
    rules: IntArray  # by counter, whose points it adds up
    slots: IntArray  # (orders, counters), where in ``used``
    used: IntArray  # points
    counts: IntArray  # by order: whether what it is given is counted


def counts_nothing(orders: int) -> Counted:
    """Return what there is for so many orders where no cap counts."""
    none = np.zeros(0, np.int64)
    return Counted(none, none, np.zeros((orders, 0), np.int64), none, none)


@part
def _civil(date):
    """Return (year, month, day) of a number of days since 1970-01-01.

    Howard Hinnant, "chrono-compatible low-level date algorithms", civil_from_days.
    """
    shifted = date + 719_468
    era = shifted // 146_097
    day_of_era = shifted - era * 146_097
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month_from_march + 2) // 5 + 1
    month = month_from_march + 3 if month_from_march < 10 else month_from_march - 9
    return year_of_era + era * 400 + (1 if month <= 2 else 0), month, day


@part
def _gather_time(facts, local):
    date = local // _DAY
    year, month, day = _civil(date)
    within = local - date * _DAY
    facts[_DATE] = date * _NUMBER
    facts[_YEAR] = year * _NUMBER
    facts[_MONTH] = month * _NUMBER
    facts[_MONTH_DAY] = day * _NUMBER
    facts[_HOURS] = within // _HOUR * _NUMBER
    facts[_MINUTES] = within % _HOUR // _MINUTE * _NUMBER
    # 1970-01-01 was a Thursday.
    facts[_WEEKDAY] = ((date + 3) % 7 + 1) * _NUMBER


@part
def _gather_looked_up(orders, n, group_words, facts):
    """Fill the facts that few rule sets read and that take a look: they are 0 for all others."""
    facts[_COUNTRY] = orders.store_country_id[n]
    groups = orders.group_set_id[n]
    facts[_GROUPS] = group_words[groups] if groups < group_words.shape[0] else 0
    facts[_AGE_BAND] = orders.age_band[n]
    facts[_BIRTHDAY_MONTH] = orders.birth_date[n] // 100 % 100 * _NUMBER


@part
def _gather_facts(orders, n, offset, money_scale, facts):
    facts[_TOTAL] = orders.total[n] * money_scale
    facts[_LINES] = (orders.first_line[n + 1] - orders.first_line[n]) * _NUMBER
    facts[_CHANNEL] = orders.channel[n]
    facts[_TENDER] = orders.tender_id[n]
    facts[_COUPON] = orders.coupon_used[n]
    facts[_KIND] = orders.kind[n]
    facts[_STORE] = orders.store_id[n]
    facts[_UNIT] = orders.business_unit_id[n]
    facts[_STORE_PROVINCE] = orders.store_province_id[n]
    facts[_TIER] = orders.tier_id[n]
    facts[_PROVINCE] = orders.province_id[n]
    facts[_ENROLLED] = (orders.moment[n] - orders.enrolled_at[n]) // _DAY * _NUMBER
    facts[_POSTED] = min(orders.posted[n], POINTS_MAX // _NUMBER) * _NUMBER
    facts[_AVAILABLE] = min(orders.posted[n] - orders.pending[n] - orders.reserved[n], POINTS_MAX // _NUMBER) * _NUMBER
    facts[_SPEND] = max(min(orders.spend[n], _MONEY_MAX // money_scale), 0) * money_scale
    _gather_time(facts, orders.moment[n] + offset)


@part
def _count(counted, n, points):
    """Count what an order was given."""
    for c in range(counted.slots.shape[1]):
        slot = counted.slots[n, c]
        counted.used[slot] = min(counted.used[slot] + points[n, counted.rules[c]], _MONEY_MAX)


@part
def _total(points, row, posted):
    total = 0
    for i in range(points.shape[1]):
        total += points[row, i]
        if points[row, i] > POINTS_MAX or total > POINTS_MAX:
            return FAILED
    return total if posted + total <= POINTS_MAX else FAILED


@entry
def evaluate(
    address, orders, offsets, inputs, counted, group_words, money_scale, constants, facts, work, points, totals
):
    """Run the rules at ``address`` for every order, one after the other.

    ``offsets`` are the local clock's, ``inputs`` [order, input] the facts behind those of the table but for what is
    ``counted``; ``group_words`` has the rule set's bits of each set of groups, and nothing for one that reads none of
    what must be looked up. ``facts`` and ``work`` are scratch. ``points`` [order, rule] takes each rule's points,
    ``totals`` [order] their sum, or FAILED if the arithmetic failed: then its points are 0.
    """
    for n in range(orders.moment.shape[0]):
        _gather_facts(orders, n, offsets[n], money_scale, facts)
        if group_words.shape[0] != 0:
            _gather_looked_up(orders, n, group_words, facts)
        for i in range(inputs.shape[1]):
            facts[FACT_FIELD_COUNT + i] = inputs[n, i]
        for c in range(counted.slots.shape[1]):
            facts[FACT_FIELD_COUNT + counted.inputs[c]] = counted.used[counted.slots[n, c]]
        first = orders.first_line[n]
        count = orders.first_line[n + 1] - first
        status = call_earn(address, facts, orders.lines[first:], count, constants, work)
        for i in range(points.shape[1]):
            points[n, i] = work[i]
        totals[n] = FAILED if status != 0 else _total(points, n, orders.posted[n])
        if totals[n] == FAILED:
            for i in range(points.shape[1]):
                points[n, i] = 0
        elif counted.slots.shape[1] != 0 and counted.counts[n]:
            _count(counted, n, points)
