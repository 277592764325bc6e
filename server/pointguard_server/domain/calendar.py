"""Local time of a program.

Where its calendar windows start. Pure functions of a moment and a zone; any layer may use it.

Moments are microseconds since 1970-01-01 UTC (int), as everywhere in the server.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A moment in a program's zone, and the starts (microseconds, inclusive) of the day, week and month that hold it.

    ``weekday`` is 1 for Monday to 7 for Sunday (ISO 8601); ``date`` counts the days since 1970-01-01.
    """

    year: int
    month: int
    day: int
    hour: int
    minute: int
    weekday: int
    date: int
    day_start: int
    week_start: int
    month_start: int


def from_microseconds(moment: int) -> datetime:
    """Return ``moment`` as an aware datetime in UTC."""
    return EPOCH + moment * MICROSECOND


def to_microseconds(moment: datetime) -> int:
    """Return an aware datetime as microseconds since 1970-01-01 UTC, exactly."""
    return (moment - EPOCH) // MICROSECOND


def local_time(moment: int, zone: ZoneInfo) -> LocalTime:
    """Return the local parts of ``moment`` and its calendar starts.

    A day starts at its first instant: where midnight is skipped by a clock change, at the end of the gap; where
    midnight comes twice, at the first one.
    """
    local = from_microseconds(moment).astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    monday = midnight - timedelta(days=midnight.weekday())
    return LocalTime(
        year=local.year,
        month=local.month,
        day=local.day,
        hour=local.hour,
        minute=local.minute,
        weekday=local.isoweekday(),
        date=local.toordinal() - EPOCH.toordinal(),
        day_start=_first_instant(midnight, zone),
        week_start=_first_instant(monday, zone),
        month_start=_first_instant(midnight.replace(day=1), zone),
    )


def start_of(day: date, zone: ZoneInfo) -> int:
    """Return the first moment of a local date."""
    return _first_instant(datetime.combine(day, time()), zone)


def stretches_of(moment: int, zone: ZoneInfo) -> tuple[int, int, int, int, int, int]:
    """Return when the day of ``moment`` begins and when the next one does, and likewise of its week and its month."""
    return _stretches_of_date(from_microseconds(moment).astimezone(zone).date(), zone)


@lru_cache(maxsize=1_024)
def _stretches_of_date(day: date, zone: ZoneInfo) -> tuple[int, int, int, int, int, int]:
    monday, first = day - timedelta(days=day.weekday()), day.replace(day=1)
    bounds = (
        *(day, day + timedelta(days=1)),
        *(monday, monday + timedelta(days=7)),
        *(first, (first + timedelta(days=31)).replace(day=1)),
    )
    day_start, next_day, week_start, next_week, month_start, next_month = (start_of(each, zone) for each in bounds)
    return day_start, next_day, week_start, next_week, month_start, next_month


def _first_instant(midnight: datetime, zone: ZoneInfo) -> int:
    """Return the first moment whose local date is that of ``midnight``."""
    start = to_microseconds(midnight.replace(tzinfo=zone, fold=0))
    if from_microseconds(start).astimezone(zone).date() >= midnight.date():
        shown = from_microseconds(start).astimezone(zone)
        # In a gap, fold=0 reads midnight with the offset before the change, which lands past the gap by its length; the
        # first instant is the change itself: the local time shown, minus what it shows past midnight, is before it.
        if (shown.hour, shown.minute, shown.second) == (0, 0, 0):
            return start
        return _change_before(start, zone)
    return start


def _change_before(moment: int, zone: ZoneInfo) -> int:
    """Return the clock change in the 24 hours before ``moment``, by bisection of the offset."""
    low, high = moment - 86_400_000_000, moment
    offset = from_microseconds(high).astimezone(zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if from_microseconds(middle).astimezone(zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return high
