"""Refuses a rule set that costs more than its budget, and names what costs most. For ``rule_set``."""

from collections.abc import Sequence
from typing import Final

from pointguard_server.rules.checked import CheckedRuleSet
from pointguard_server.rules.cost import BUDGET, HUNDREDTHS, Price, Priced, price
from pointguard_server.rules.problems import Problem
from pointguard_server.rules.syntax import SourceRange

_SHOWN: Final = 5
_LEAST_SHARE: Final = 0.05
_LONGEST_TEXT: Final = 80
_HINT: Final = "a function over lines counts for the longest basket: share it with `let`, or look at fewer things"


def cost_within_budget(rules: CheckedRuleSet, names: Sequence[str], source: str) -> tuple[float, tuple[Problem, ...]]:
    """The cost in units, and if it is over the budget a problem for each of the costliest parts, costliest first.

    ``names`` are the rules' in their order. A problem stands where the costliest expression of its part does.
    """
    found = price(rules, names)
    if found.units <= BUDGET:
        return found.units, ()
    least = found.units * HUNDREDTHS * _LEAST_SHARE
    dear = [part for part in found.parts[:_SHOWN] if part.hundredths >= least] or found.parts[:1]
    return found.units, tuple(_problem(found, part, source) for part in dear)


def _problem(found: Price, part: Priced, source: str) -> Problem:
    text = text_at(source, part.costliest)
    return Problem(
        part.costliest,
        text,
        f"the rule set costs {found.units:,.0f} units, of which `{part.name}` costs {_units(part.hundredths)},"
        f" most of all by `{text}`, {_units(part.costliest_hundredths)}",
        f"at most {BUDGET:,} for all",
        _HINT,
    )


def _units(hundredths: int) -> str:
    return f"{hundredths / HUNDREDTHS:,.0f}"


def text_at(source: str, place: SourceRange) -> str:
    """What is written at a place, in one line, cut where it is long.

    A place begins and ends with the first and the last operand; parentheses around those belong to the text.
    """
    starts = [0]
    for line in source.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    start, end = starts[place.line - 1] + place.column - 1, starts[place.end_line - 1] + place.end_column - 1
    while (missing := _unclosed(source[start:end])) > 0 and source[end:].lstrip().startswith(")"):
        end = source.index(")", end) + 1
    while missing < 0 and source[:start].rstrip().endswith("("):
        start = source.rindex("(", 0, start)
        missing = _unclosed(source[start:end])
    text = " ".join(source[start:end].split())
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"


def _unclosed(text: str) -> int:
    """How many more parentheses open than close; fewer if negative."""
    return text.count("(") - text.count(")")
