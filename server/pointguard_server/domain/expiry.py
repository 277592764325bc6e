"""When points end: the ways in which a program or a rule may say so. Pure functions; any layer may use it.

Moments are microseconds since 1970-01-01 UTC; an end is the first moment at which the points are gone; 0 is never.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from pointguard_server.domain.calendar import from_microseconds, start_of

_DAY = timedelta(days=1)


class ExpiryModel(StrEnum):
    """The ways in which points end."""

    NEVER = "NEVER"
    ROLLING = "ROLLING"  # so long after they were given
    FIXED = "FIXED"  # with one date, whenever they were given
    ANNUAL = "ANNUAL"  # with a day of each year
    END_OF_MONTH = "END_OF_MONTH"


@dataclass(frozen=True, slots=True)
class Expiry:
    """When points end. ``length`` is ROLLING's, in microseconds; ``last_day`` FIXED's; ``month`` and ``day`` ANNUAL's.

    A last day is a local date of the program, and all of it counts.
    """

    model: ExpiryModel = ExpiryModel.NEVER
    length: int = 0
    last_day: date = date.min
    month: int = 12
    day: int = 31

    def end(self, given: int, spendable: int, zone: ZoneInfo) -> int:
        """Return the end of points that are given at one moment and may be spent from another on.

        Points never end before they may be spent: what the calendar says is asked of the moment from which they may,
        and a rolling length that is over by then counts from then.
        """
        local = from_microseconds(spendable).astimezone(zone).date()
        match self.model:
            case ExpiryModel.ROLLING:
                end = given + self.length
                return end if end > spendable else spendable + self.length
            case ExpiryModel.FIXED:
                return start_of(self.last_day + _DAY, zone) if local <= self.last_day else 0
            case ExpiryModel.ANNUAL:
                last = _day_of(local.year, self.month, self.day)
                if last < local:
                    last = _day_of(local.year + 1, self.month, self.day)
                return start_of(last + _DAY, zone)
            case ExpiryModel.END_OF_MONTH:
                last = _day_of(local.year, local.month, 31)
                return start_of(last + _DAY, zone)
            case _:
                return 0


NEVER = Expiry()


def _day_of(year: int, month: int, day: int) -> date:
    """Return the date, or the month's last one if the month is shorter."""
    return date(year, month, min(day, monthrange(year, month)[1]))
