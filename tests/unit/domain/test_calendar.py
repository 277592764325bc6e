"""Where a program's days, weeks and months begin, in zones with every kind of clock change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pointguard_server.domain.calendar import from_microseconds, local_time, stretches_of, to_microseconds

# Half-hour changes, changes at midnight in both directions, none at all, and both ends of the day line.
ZONES = (
    "UTC",
    "America/Toronto",
    "America/St_Johns",
    "America/Havana",
    "America/Santiago",
    "America/Nuuk",
    "Atlantic/Azores",
    "Europe/Dublin",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
)
FIRST, LAST = (to_microseconds(datetime(year, 1, 1, tzinfo=UTC)) for year in (2024, 2036))
moments = st.integers(FIRST, LAST)
zones = st.sampled_from(ZONES).map(ZoneInfo)


def local(moment: int, zone: ZoneInfo) -> datetime:
    return from_microseconds(moment).astimezone(zone)


def transitions(zone: ZoneInfo, first: int, last: int) -> list[int]:
    """The clock changes of a zone, found by looking at every quarter of an hour."""
    quarter = 15 * 60 * 1_000_000
    return [
        moment
        for moment in range(first, last, quarter)
        if local(moment, zone).utcoffset() != local(moment - quarter, zone).utcoffset()
    ]


def check(moment: int, zone: ZoneInfo) -> None:
    """Each start lies at or before the moment, in its unit, and the microsecond before it lies in another one."""
    found, now = local_time(moment, zone), local(moment, zone)
    assert (found.year, found.month, found.day) == (now.year, now.month, now.day)
    assert (found.hour, found.minute, found.weekday) == (now.hour, now.minute, now.isoweekday())
    for start, same in (
        (found.day_start, lambda then: then.date() == now.date()),
        (found.week_start, lambda then: then.isocalendar()[:2] == now.isocalendar()[:2]),
        (found.month_start, lambda then: (then.year, then.month) == (now.year, now.month)),
    ):
        assert start <= moment
        assert same(local(start, zone))
        assert not same(local(start - 1, zone))


@given(moment=moments, zone=zones)
def test_each_stretch_ends_where_the_next_one_begins(moment: int, zone: ZoneInfo) -> None:
    found = stretches_of(moment, zone)
    for place, name in enumerate(("day_start", "week_start", "month_start")):
        begun, following = found[2 * place : 2 * place + 2]
        assert begun == getattr(local_time(moment, zone), name) <= moment < following
        assert getattr(local_time(following - 1, zone), name) == begun
        assert getattr(local_time(following, zone), name) == following


@given(moment=moments, zone=zones)
@example(moment=FIRST, zone=ZoneInfo("UTC"))
def test_each_start_is_the_first_instant_of_its_day_week_or_month(moment: int, zone: ZoneInfo) -> None:
    check(moment, zone)


@pytest.mark.parametrize("name", ZONES)
def test_the_starts_are_right_around_every_clock_change(name: str) -> None:
    zone = ZoneInfo(name)
    year = 366 * 24 * 3600 * 1_000_000
    for change in transitions(zone, FIRST, FIRST + year):
        for hours in (-25, -1, 0, 1, 25):
            check(change + hours * 3_600_000_000, zone)
        check(change - 1, zone)


@given(moment=moments)
def test_microseconds_and_datetimes_are_the_same_to_the_microsecond(moment: int) -> None:
    assert to_microseconds(from_microseconds(moment)) == moment
    assert from_microseconds(moment) - from_microseconds(moment - 1) == timedelta(microseconds=1)
