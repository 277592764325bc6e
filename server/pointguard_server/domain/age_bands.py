"""What rules see of a birth date: the band of the age, and the month of the birthday. For whoever decides or explains.

Someone is a year older from the birthday on; one born on 29 February from 1 March on in a common year. The month of the
birthday is that of the birth date, so for someone born on 29 February it is February in every year.
"""

from datetime import date
from typing import Final

AGE_BANDS: Final = ("0-17", "18-24", "25-34", "35-44", "45-54", "55-64", "65-74", "75+")
"""The bands, youngest first: whole years, from the first to the last one."""
FIRST_AGES: Final = (18, 25, 35, 45, 55, 65, 75)
"""The first age of each band but the youngest."""
EARLIEST: Final = date(1900, 1, 1)
"""Nobody is taken to be born before."""


def packed(birth_date: date) -> int:
    """Return a date as one number in the order of time: year × 10,000 + month × 100 + day."""
    return birth_date.year * 10_000 + birth_date.month * 100 + birth_date.day


def read_birth_date(text: str) -> date:
    """Return the date that a text such as 1980-02-29 stands for.

    Raises:
        ValueError: if it is no ISO 8601 date, or one before 1900.
    """
    found = date.fromisoformat(text) if len(text) == len("1980-02-29") and text.isascii() else None
    if found is None or found < EARLIEST:
        raise ValueError("no date of birth")
    return found


def age_on(birth_date: date, today: date) -> int:
    """Return the whole years since a birth; 0 before it."""
    has_had_birthday = (today.month, today.day) >= (birth_date.month, birth_date.day)
    return max(today.year - birth_date.year - (0 if has_had_birthday else 1), 0)


def age_band_on(birth_date: date, today: date) -> str:
    """Return the band of someone's age on a day."""
    age = age_on(birth_date, today)
    return AGE_BANDS[sum(age >= first for first in FIRST_AGES)]
