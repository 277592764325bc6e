"""Finds the lines of a configuration's settings, which a parser of TOML does not tell. For ``configurations``."""

import re
from typing import Final

_HEADER: Final = re.compile(r"\s*(\[{1,2})\s*([A-Za-z0-9_.-]+)\s*\]")
_KEY: Final = re.compile(r"\s*([A-Za-z0-9_.-]+)\s*=")
_PLACE: Final = re.compile(r"at line (\d+)")


def setting_lines(source: str) -> dict[str, int]:
    """Return the line of each table and setting, from 1, by their paths as problems give them.

    Only what is written plainly is found: a text of many lines that looks like settings misleads, and does no harm.
    """
    lines: dict[str, int] = {}
    counts: dict[str, int] = {}
    table = ""
    for number, line in enumerate(source.splitlines(), 1):
        if header := _HEADER.match(line):
            table = header[2]
            if header[1] == "[[":
                counts[table] = counts.get(table, 0) + 1
                table = f"{table}[{counts[table]}]"
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault(f"{table}.{key[1]}" if table else key[1], number)
    return lines


def line_of(path: str, message: str, lines: dict[str, int]) -> int:
    """Return the line of a setting, or else of the table that it should be in; 0 if neither is known.

    Where the text is no TOML, its parser's ``message`` names the line.
    """
    if place := _PLACE.search(message) if path not in lines and "." not in path else None:
        return int(place[1])
    while path and path not in lines:
        path = path.rpartition(".")[0]
    return lines.get(path, 0)
