"""When points end, in the days of a zone."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from pointguard_server.domain.calendar import to_microseconds
from pointguard_server.domain.expiry import NEVER, Expiry, ExpiryModel

ZONE = ZoneInfo("America/Toronto")
DAY = 86_400_000_000


def at(text: str) -> int:
    return to_microseconds(datetime.fromisoformat(text).replace(tzinfo=ZONE))


def test_what_never_ends_has_no_end() -> None:
    assert NEVER.end(at("2026-01-01"), at("2026-01-01"), ZONE) == 0


def test_a_rolling_length_counts_from_the_award_to_the_microsecond() -> None:
    expiry = Expiry(ExpiryModel.ROLLING, 30 * DAY)
    given = at("2026-03-01 12:00") + 7  # the clocks change on 8 March
    assert expiry.end(given, given, ZONE) == given + 30 * DAY
    assert expiry.end(given, given + 29 * DAY, ZONE) == given + 30 * DAY


def test_a_rolling_length_that_is_over_before_points_may_be_spent_counts_from_then() -> None:
    expiry = Expiry(ExpiryModel.ROLLING, 30 * DAY)
    assert expiry.end(0, 30 * DAY, ZONE) == 60 * DAY
    assert expiry.end(0, 45 * DAY, ZONE) == 75 * DAY


@pytest.mark.parametrize(
    ("expiry", "spendable", "end"),
    [
        (Expiry(ExpiryModel.END_OF_MONTH), "2026-01-31 23:59", "2026-02-01"),
        (Expiry(ExpiryModel.END_OF_MONTH), "2026-02-01 00:00", "2026-03-01"),
        (Expiry(ExpiryModel.END_OF_MONTH), "2026-12-15 08:00", "2027-01-01"),
        (Expiry(ExpiryModel.ANNUAL), "2026-12-31 23:59", "2027-01-01"),
        (Expiry(ExpiryModel.ANNUAL), "2027-01-01 00:00", "2028-01-01"),
        (Expiry(ExpiryModel.ANNUAL, month=3, day=31), "2026-03-31 12:00", "2026-04-01"),
        (Expiry(ExpiryModel.ANNUAL, month=3, day=31), "2026-04-01 00:00", "2027-04-01"),
        (Expiry(ExpiryModel.ANNUAL, month=2, day=29), "2026-02-28 12:00", "2026-03-01"),
        (Expiry(ExpiryModel.ANNUAL, month=2, day=29), "2028-02-28 12:00", "2028-03-01"),
        (Expiry(ExpiryModel.FIXED, last_day=date(2027, 12, 31)), "2027-12-31 23:59", "2028-01-01"),
        (Expiry(ExpiryModel.FIXED, last_day=date(2027, 12, 31)), "2026-06-01 00:00", "2028-01-01"),
    ],
)
def test_a_last_day_counts_whole_and_is_asked_of_when_points_may_be_spent(
    expiry: Expiry, spendable: str, end: str
) -> None:
    assert expiry.end(0, at(spendable), ZONE) == at(end)


def test_what_is_given_after_the_fixed_day_never_ends() -> None:
    assert Expiry(ExpiryModel.FIXED, last_day=date(2027, 12, 31)).end(0, at("2028-01-01 00:00"), ZONE) == 0
