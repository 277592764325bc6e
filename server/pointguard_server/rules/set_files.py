"""Reads the file of a set: one text a line. For the checker; the text comes from the host, there is no I/O here."""

from collections.abc import Callable
from typing import Final

from pointguard_server.rules.texts import Texts

MOST_ENTRIES: Final = 100_000
LONGEST_TEXT: Final = 128
"""Of any text that a rule set speaks of."""

ReadSet = Callable[[str], str]
"""Gives the text of the file of a set by its name; raises OSError or ValueError, whose text says why it cannot."""


class SetFileError(ValueError):
    """The entries cannot be used; the text names the line."""


def read_entries(text: str) -> Texts:
    """The entries, each once, in order. Empty lines do not count, nor lines that begin with ``#``.

    Raises:
        SetFileError: naming the first line that is wrong.
    """
    entries: dict[str, None] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        if len(entry) > LONGEST_TEXT or not entry.isprintable():
            raise SetFileError(f"line {number} is not a text of at most {LONGEST_TEXT} printable characters")
        entries[entry] = None
        if len(entries) > MOST_ENTRIES:
            raise SetFileError(f"line {number} is one entry more than {MOST_ENTRIES:,}")
    if not entries:
        raise SetFileError("there is no entry")
    return Texts.of(entries)
