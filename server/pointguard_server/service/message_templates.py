"""Texts of fraud rules for tills: languages and templates with the rule's values. For the configuration's reader.

A template is a text with placeholders in braces; ``{{`` and ``}}`` are the braces themselves.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pointguard_server.service.checked_table import CheckedTable, did_you_mean

LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
"""The form of a BCP 47 language tag."""
LANGUAGE_BYTES_MAX: Final = 35
MESSAGE_BYTES_MAX: Final = 500
LANGUAGES_MAX: Final = 32
"""How many languages a message may have."""
PLACEHOLDERS: Final[Mapping[str, str]] = {
    "measured": "what the rule's window holds, this transaction counted",
    "threshold": "what it may hold",
    "days": "how long the window is",
    "hours": "how long the window is",
    "minutes": "how long the window is",
    "until": "until when the advice stands",
}
_UNITS: Final = ("days", "hours", "minutes")
_PIECE: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A placeholder of a template; ``place`` is that of its brace, as ``line:column`` from 1."""

    name: str
    place: str


Template = tuple[str | Placeholder, ...]


class TemplateError(ValueError):
    """A template is not well formed; ``place`` says where, as ``line:column`` from 1."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")


def parse_template(text: str) -> Template:
    """Return a template's pieces.

    Raises:
        TemplateError: if a brace stands alone.
    """
    pieces: list[str | Placeholder] = []
    at = 0
    for found in _PIECE.finditer(text):
        pieces.append(text[at : found.start()])
        at = found.end()
        place = f"{text.count(chr(10), 0, found.start()) + 1}:{found.start() - text.rfind(chr(10), 0, found.start())}"
        if found.group(1) is not None:
            pieces.append(Placeholder(found.group(1), place))
        elif found.group() in ("{{", "}}"):
            pieces.append(found.group()[0])
        else:
            raise TemplateError(place, f"`{found.group()}` stands alone; write it twice to have it in the text")
    return tuple(piece for piece in (*pieces, text[at:]) if piece)


def fallbacks(language: str) -> tuple[str, ...]:
    """Return the languages to look for, best first: the tag, then each shorter one, down to the primary language."""
    parts = language.lower().split("-")
    return tuple("-".join(parts[:count]) for count in range(len(parts), 0, -1))


def unfilled(*, measures: bool, rolling: timedelta | None, no_end: str) -> dict[str, str]:
    """Return the placeholders for which a rule has no value, and why.

    ``rolling`` is how long its window is, None if that is of the calendar; ``no_end`` says why its advice has no end.
    """
    if not measures:
        unknown = dict.fromkeys(PLACEHOLDERS.keys() - {"until"}, "the rule measures nothing")
    elif rolling is None:
        unknown = dict.fromkeys(_UNITS, "the window is of the calendar")
    else:
        odd = (unit for unit in _UNITS if rolling % timedelta(**{unit: 1}))
        unknown = {unit: f"the window is not of whole {unit}" for unit in odd}
    return unknown | ({"until": no_end} if no_end else {})


def read_message(table: CheckedTable, language: str, unknown: Mapping[str, str]) -> dict[str, Template]:
    """Return a message by language, in that of the program at least; ``unknown`` are placeholders without a value."""
    found: dict[str, Template] = {}
    for tag in table.names():
        if len(tag) > LANGUAGE_BYTES_MAX or not LANGUAGE.fullmatch(tag):
            table.note(tag, 'is no BCP 47 language tag such as "fr-CA"')
        elif tag.lower() in (each.lower() for each in found):
            table.note(tag, "is there twice: capitals and small letters are alike")
        found[tag] = _read_template(table, tag, unknown)
    if not any(fallback in (each.lower() for each in found) for fallback in fallbacks(language)):
        table.note_whole(f'must have a text in the language of the program, "{language}"')
    if len(found) > LANGUAGES_MAX:
        table.note_whole(f"must have at most {LANGUAGES_MAX} languages, but it has {len(found)}")
    return found


def _read_template(table: CheckedTable, tag: str, unknown: Mapping[str, str]) -> Template:
    try:
        template = parse_template(table.text(tag, MESSAGE_BYTES_MAX))
    except TemplateError as error:
        table.note(tag, str(error))
        return ()
    for piece in template:
        if isinstance(piece, str):
            continue
        if piece.name not in PLACEHOLDERS:
            known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            hint = did_you_mean(piece.name, PLACEHOLDERS)
            table.note(tag, f"{piece.place}: unknown placeholder {{{piece.name}}}; expected one of {known}{hint}")
        elif piece.name in unknown:
            table.note(tag, f"{piece.place}: {{{piece.name}}} has no value here: {unknown[piece.name]}")
    return template
