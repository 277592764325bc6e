"""Checks, formats and tests rule sets without a server, by the language's own parser, checker and interpreter.

For the command line. What a server cannot do yet it says when the rule set is pushed.

    UnknownRule       a case expects something of a rule that is not there
    LayoutDiffers     the text is not in its canonical layout; the text of the error says where
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches, unified_diff
from pathlib import Path
from time import perf_counter
from typing import Final

from pointguard_rules.cases import Case, Cases, CasesError, Expected, read_cases
from pointguard_rules.findings import Check, Place, Suite
from pointguard_rules.folder import RuleFiles, read_text
from pointguard_server.rules.fixed_point import Status
from pointguard_server.rules.formatter import format_source
from pointguard_server.rules.interpreter import evaluate
from pointguard_server.rules.named_inputs import NamedInputError, inputs_of
from pointguard_server.rules.rule_set import RuleSet, RuleSetError, load_rule_set
from pointguard_server.rules.value_types import Limit

NO_MISTAKES: Final = "has no mistakes"
CANONICAL: Final = "is in its canonical layout"
CASES_READ: Final = "has cases that can be read"
EVERY_RULE: Final = "gives points by every rule in some case"


class UnknownRule(ValueError):
    """A case names a rule that the rule set does not have."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        close = get_close_matches(name, known, 1)
        super().__init__(f"there is no rule {name!r}" + (f"; did you mean {close[0]!r}?" if close else ""))


class LayoutDiffers(ValueError):
    """A text is not in its canonical layout: the first place where, and the difference."""

    def __init__(self, path: Path, before: str, after: str) -> None:
        old, new = before.splitlines(), after.splitlines()
        line = next((number for number, pair in enumerate(zip(old, new, strict=False), 1) if pair[0] != pair[1]), 0)
        difference = list(unified_diff(old, new, lineterm="", n=1))[2:]
        place = Place(path, line or min(len(old), len(new)) + 1)
        lines = (f"{place}: is not in its canonical layout (- as it is, + as it should be)", *difference)
        super().__init__("\n".join(lines))


def check(files: RuleFiles) -> Suite:
    """Look for mistakes: of form, of meaning, of cost, and in the files of sets."""
    return Suite(files.rules, (_timed(NO_MISTAKES, lambda: load(files), files.rules),))


def check_layout(files: RuleFiles) -> Suite:
    """Look whether the text is in its canonical layout."""

    def look() -> None:
        before = read_text(files.rules)
        after = _formatted(files, before)
        if after != before:
            raise LayoutDiffers(files.rules, before, after)

    return Suite(files.rules, (_timed(CANONICAL, look, files.rules),))


def rewrite(files: RuleFiles) -> tuple[Suite, bool]:
    """Bring the text into its canonical layout, and return whether that changed the file."""
    changed = False

    def write() -> None:
        nonlocal changed
        before = read_text(files.rules)
        after = _formatted(files, before)
        changed = after != before
        if changed:
            _replace(files.rules, after)

    return Suite(files.rules, (_timed(CANONICAL, write, files.rules),)), changed


def decide(files: RuleFiles, *, every_rule: bool = False) -> Suite:
    """Decide every case and compare. With `every_rule`, a rule that gives no points in any case is a mistake."""
    started = perf_counter()
    try:
        cases, rule_set = _read_cases(files), load(files)
    except (OSError, ValueError) as error:
        return Suite(files.rules, (Check(CASES_READ, perf_counter() - started, _told(files.cases, error)),))
    if cases is None and not every_rule:
        return Suite(files.rules, (), f"there is no {files.cases.name}")
    giving: set[str] = set()
    checks = list(_decided(rule_set, cases.cases if cases is not None else (), giving))
    silent = [rule.name for rule in rule_set.rules if rule.name not in giving]
    note = f"no case gives points by {', '.join(silent)}" if silent else ""
    if every_rule:
        checks.append(Check(EVERY_RULE, 0.0, f"{Place(files.cases)}: {note}" if note else ""))
    return Suite(files.rules, tuple(checks), "" if every_rule else note)


def load(files: RuleFiles) -> RuleSet:
    """Return the rule set of its files, in the currency of its cases if they tell one.

    Raises:
        RuleSetError: with every mistake.
        OSError, ValueError: if the text cannot be read.
    """
    currency = ""
    with suppress(OSError, ValueError):
        cases = _read_cases(files)
        currency = cases.currency if cases is not None else ""
    return load_rule_set(read_text(files.rules), str(files.rules), currency=currency, read_set=files.read_set)


def _read_cases(files: RuleFiles) -> Cases | None:
    return read_cases(read_text(files.cases), files.cases) if files.cases.exists() else None


def _formatted(files: RuleFiles, text: str) -> str:
    return format_source(text, str(files.rules))


def _timed(title: str, look: Callable[[], object], path: Path) -> Check:
    started = perf_counter()
    problem = ""
    try:
        look()
    except (OSError, ValueError) as error:
        problem = _told(path, error)
    return Check(title, perf_counter() - started, problem)


def _told(path: Path, error: Exception) -> str:
    """Return what is wrong with its place; what has a place already is told as it stands."""
    if isinstance(error, RuleSetError | CasesError | LayoutDiffers):
        return str(error)
    return f"{Place(path)}: {error.strerror if isinstance(error, OSError) and error.strerror else error}"


def _decided(rule_set: RuleSet, cases: Sequence[Case], giving: set[str]) -> Iterator[Check]:
    for case in cases:
        started = perf_counter()
        try:
            problem = _difference(case, _outcome(rule_set, case, giving))
        except (NamedInputError, UnknownRule) as error:
            problem = f"{case.place}: {case.name}: {error}"
        yield Check(case.name, perf_counter() - started, problem)


def _outcome(rule_set: RuleSet, case: Case, giving: set[str]) -> Expected:
    """Return what a case comes to; the rules that give points are added to ``giving``."""
    names = [rule.name for rule in rule_set.rules]
    for name in (*case.expected.awards, *case.expected.limits):
        if name not in names:
            raise UnknownRule(name, names)
    inputs = inputs_of(rule_set, case.purchase)
    outcome = evaluate(rule_set.checked, inputs.facts, inputs.lines, inputs.constants)
    awards = {names[award.ordinal]: award.points for award in outcome.awards if award.points}
    giving |= set(awards)
    return Expected(
        awards,
        {names[award.ordinal]: award.limit.name for award in outcome.awards if award.limit is not Limit.NONE},
        "" if outcome.status is Status.OK else outcome.status.name,
    )


def _difference(case: Case, got: Expected) -> str:
    """Return how an outcome differs from what was expected, line by line; empty if it does not."""
    wanted = Expected(
        {name: points for name, points in case.expected.awards.items() if points},
        case.expected.limits,
        case.expected.fails,
    )
    if wanted == got:
        return ""
    lines = [f"{case.place}: {case.name}: differs (- expected, + got)"]
    for title, expected, found in (
        ("awards", wanted.awards, got.awards),
        ("limits", wanted.limits, got.limits),
        ("fails", {"fails": wanted.fails} if wanted.fails else {}, {"fails": got.fails} if got.fails else {}),
    ):
        if expected or found:
            lines += [f"  {title}:", *_compared(expected, found)]
    return "\n".join(lines)


def _compared(expected: Mapping[str, object], found: Mapping[str, object]) -> Iterator[str]:
    for name in dict.fromkeys((*expected, *found)):
        if expected.get(name) == found.get(name):
            yield f"      {name}: {found[name]}"
            continue
        if name in expected:
            yield f"    - {name}: {expected[name]}"
        if name in found:
            yield f"    + {name}: {found[name]}"


def _replace(path: Path, text: str) -> None:
    """Write a file so that whoever reads it sees the old text or the new one, under the old file's mode."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        shutil.copymode(path, temporary)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
