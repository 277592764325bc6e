"""Reads a table of a TOML document key by key, and notes every mistake instead of stopping at the first.

For the loaders of configuration files in the service layer. A getter that meets a mistake notes a ``Problem`` and
answers with a harmless value of the right type, so that reading goes on; if there are problems, the loader fails.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from enum import Enum
from typing import Final, TypeVar

_DURATION: Final = re.compile(r"(\d{1,9})([smhd])")
# Python refuses to write integers of thousands of digits.
_SHOWN_MAX: Final = 10**18
_UNITS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}

Choice = TypeVar("Choice", bound=Enum)


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: the path of the key (``program.redemption.points``; ``fraud_rule[2].window``, counted from 1).

    ``message`` goes on from the path: "must be …", "is missing".
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Returns `` (did you mean "…"?)`` for the known word that is nearest to ``word``, or an empty string."""
    by_folded = {candidate.casefold(): candidate for candidate in sorted(known)}
    nearest = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return f' (did you mean "{by_folded[nearest[0]]}"?)' if nearest else ""


def format_duration(duration: timedelta) -> str:
    """Writes whole seconds the way that configuration does, in the largest unit that fits: ``90s``, ``15m``, ``7d``."""
    for letter, unit in reversed(_UNITS.items()):
        if duration and not duration % unit:
            return f"{duration // unit}{letter}"
    return "0s"


class CheckedTable:
    """One table of the document. Ask for each key that it may hold, then call ``close``, which reports the others."""

    def __init__(self, values: Mapping[str, object], path: str, problems: list[Problem]) -> None:
        self._values = values
        self._path = path
        self._problems = problems
        self._asked: set[str] = set()

    def note(self, key: str, message: str) -> None:
        """Notes a mistake in the value of ``key``."""
        self._problems.append(Problem(self._path_of(key), message))

    def note_whole(self, message: str) -> None:
        """Notes a mistake in the table as a whole."""
        self._problems.append(Problem(self._path, message))

    def has(self, key: str) -> bool:
        """Tells whether the table holds ``key``, right or wrong."""
        self._asked.add(key)
        return key in self._values

    def names(self) -> tuple[str, ...]:
        """Returns the keys that the table holds, all of which are asked for then."""
        self._asked.update(self._values)
        return tuple(self._values)

    def text(self, key: str, bytes_max: int, pattern: re.Pattern[str] | None = None, meaning: str = "") -> str:
        """Returns a required text of 1 to ``bytes_max`` bytes that ``pattern`` (in words: ``meaning``) matches."""
        value = self._take(key, required=True)
        if value is None:
            return ""
        if not isinstance(value, str):
            self._note_type(key, "a text in quotes", value)
            return ""
        if not value.strip() or len(value.encode()) > bytes_max:
            self.note(key, f"must be a text of 1 to {bytes_max} bytes, but it has {len(value.encode())}")
        elif pattern is not None and not pattern.fullmatch(value):
            self.note(key, f'must be {meaning}, but it is "{value}"')
        return value

    def integer(self, key: str, minimum: int, maximum: int, default: int | None = None) -> int:
        """Returns a whole number from ``minimum`` to ``maximum``; with no default, the key is required."""
        value = self._take(key, required=default is None)
        if value is None:
            return minimum if default is None else default
        if not isinstance(value, int) or isinstance(value, bool):
            self._note_type(key, "a whole number without quotes", value)
            return minimum
        if not minimum <= value <= maximum:
            self.note(key, f"must be from {minimum:,} to {maximum:,}, but it is {_shown(value)}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """Returns true or false."""
        value = self._take(key, required=False)
        if value is None:
            return default
        if not isinstance(value, bool):
            self._note_type(key, "true or false without quotes", value)
            return default
        return value

    def choice(self, key: str, choices: type[Choice], default: Choice | None = None) -> Choice:
        """Returns the member of ``choices`` that is named; with no default, the key is required."""
        fallback = next(iter(choices)) if default is None else default
        value = self._take(key, required=default is None)
        if value is None:
            return fallback
        found = self._find(key, value, choices)
        return fallback if found is None else found

    def choices(self, key: str, choices: type[Choice]) -> tuple[Choice, ...] | None:
        """Returns the members of ``choices`` that a list names, one or more, none twice; None if the key is absent."""
        value = self._take(key, required=False)
        if value is None:
            return None
        if not isinstance(value, list) or not value:
            self._note_type(key, f'a list of at least one name, such as ["{next(iter(choices)).name}"]', value)
            return ()
        found = [self._find(key, name, choices) for name in value]
        chosen = tuple(choice for choice in found if choice is not None)
        if len(set(chosen)) < len(chosen):
            self.note(key, "must not list a name twice")
        return chosen

    def texts(self, key: str, count_max: int, bytes_max: int) -> tuple[str, ...]:
        """Returns the texts of an optional list, each of 1 to ``bytes_max`` bytes, none twice."""
        value = self._take(key, required=False)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            self._note_type(key, 'a list of texts in quotes, such as ["A", "B"]', value)
            return ()
        if len(value) > count_max:
            self.note(key, f"must list at most {count_max}, but it lists {len(value)}")
        for text in value:
            if not text.isprintable() or not 1 <= len(text.encode()) <= bytes_max:
                self.note(key, f"must list printable texts of 1 to {bytes_max} bytes, but it lists {_shown(text)}")
        if len(set(value)) < len(value):
            self.note(key, "must not list a text twice")
        return tuple(value)

    def duration(self, key: str, minimum: timedelta, maximum: timedelta, default: timedelta | None = None) -> timedelta:
        """Returns a duration such as ``90s``, ``15m``, ``24h`` or ``7d``; with no default, the key is required."""
        value = self._take(key, required=default is None)
        if value is None:
            return minimum if default is None else default
        match = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            self._note_type(key, 'a duration such as "90s", "15m", "24h" or "7d"', value)
            return minimum
        number, letter = match.groups()
        # Compared in whole seconds: a timedelta of a billion days would overflow.
        seconds = int(number) * (_UNITS[letter] // timedelta(seconds=1))
        if not minimum.total_seconds() <= seconds <= maximum.total_seconds():
            allowed = f"from {format_duration(minimum)} to {format_duration(maximum)}"
            self.note(key, f'must be {allowed}, but it is "{value}"')
            return minimum
        return timedelta(seconds=seconds)

    def table(self, key: str) -> "CheckedTable":
        """Returns a required table inside this one."""
        value = self._take(key, required=True)
        if isinstance(value, dict):
            return CheckedTable(value, self._path_of(key), self._problems)
        if value is not None:
            self._note_type(key, "a table", value)
        # What is wrong with the table is noted; that its keys are missing too goes to a list that nobody reads.
        return CheckedTable({}, self._path_of(key), [])

    def tables(self, key: str, count_max: int) -> list["CheckedTable"]:
        """Returns the tables of an optional array of tables (``[[key]]``), at most ``count_max``."""
        value = self._take(key, required=False)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.note(key, f"must be written as tables under [[{self._path_of(key)}]]")
            return []
        if len(value) > count_max:
            self.note(key, f"must have at most {count_max} tables, but it has {len(value)}")
            return []
        path = self._path_of(key)
        return [CheckedTable(item, f"{path}[{number}]", self._problems) for number, item in enumerate(value, start=1)]

    def close(self) -> None:
        """Reports the keys that nobody asked for."""
        for key in self._values:
            if key not in self._asked:
                self.note(key, f"is not known here{did_you_mean(key, self._asked)}")

    def _take(self, key: str, *, required: bool) -> object:
        self._asked.add(key)
        if key not in self._values and required:
            self.note(key, "is missing")
        return self._values.get(key)

    def _find(self, key: str, name: object, choices: type[Choice]) -> Choice | None:
        if isinstance(name, str) and name in choices.__members__:
            return choices[name]
        hint = did_you_mean(name, choices.__members__) if isinstance(name, str) else ""
        listed = ", ".join(f'"{known}"' for known in choices.__members__)
        self.note(key, f"must be one of {listed}, but it is {_shown(name)}{hint}")
        return None

    def _note_type(self, key: str, expected: str, value: object) -> None:
        self.note(key, f"must be {expected}, but it is {_shown(value)}")

    def _path_of(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key


def _shown(value: object) -> str:
    """Writes a value the way that TOML does, as far as it is short."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) > _SHOWN_MAX:
        return "a number of many digits"
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    return shown if len(shown) <= 80 else shown[:77] + "…"
