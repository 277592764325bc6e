"""Reads the cases of a rule set: purchases told in words, and what each must earn. For `verification`.

CasesError      a case file that cannot be used; the text has every mistake with its place
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import yaml

from pointguard_rules.findings import Place
from pointguard_server.rules.fixed_point import Status
from pointguard_server.rules.named_inputs import Purchase
from pointguard_server.rules.value_types import Limit

TOP_KEYS: Final = ("currency", "cases")
TOLD_KEYS: Final = ("moment", "facts", "lines", "windows", "earned", "dates")
EXPECTED_KEYS: Final = ("awards", "limits", "fails")
CASE_KEYS: Final = ("name", *TOLD_KEYS, *EXPECTED_KEYS)
_FAILURES: Final = tuple(status.name for status in Status if status is not Status.OK)
_LIMITS: Final = tuple(limit.name for limit in Limit if limit is not Limit.NONE)
_WORDS: Final = {list: "a list", dict: "names with values", str: "a text", int: "a whole number"}


class CasesError(ValueError):
    """The cases cannot be used. The text has a line for each mistake, which begins with its place."""

    def __init__(self, mistakes: list[tuple[Place, str]]) -> None:
        super().__init__("\n".join(f"{place}: {message}" for place, message in mistakes))


@dataclass(frozen=True, slots=True)
class Expected:
    """What a case must come to: points of each rule that gives any, why rules gave less, and `fails` by arithmetic."""

    awards: Mapping[str, int]
    limits: Mapping[str, str]
    fails: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One case, and where its expectation stands."""

    name: str
    place: Place
    purchase: Purchase
    expected: Expected


@dataclass(frozen=True, slots=True)
class Cases:
    """The cases of a rule set, in order. `currency` is the program's, empty if it is not told."""

    currency: str
    cases: tuple[Case, ...]


def read_cases(text: str, path: Path) -> Cases:
    """Return the cases of a file's text.

    Raises:
        CasesError: with every mistake of its form.
    """
    reader = _Reader(path)
    cases = reader.cases(text)
    if reader.mistakes:
        raise CasesError(reader.mistakes)
    return cases


class _Reader:
    """Walks the nodes of a YAML text, since its plain values know no place."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._construct: Callable[[yaml.Node], Any] = lambda _node: None
        self.mistakes: list[tuple[Place, str]] = []

    def cases(self, text: str) -> Cases:
        """Return what the text says, as far as it can be used."""
        loader = yaml.SafeLoader(text)
        try:
            root = loader.get_single_node()
            if root is None:
                self._report(None, "there are no cases")
                return Cases("", ())
            self._construct = lambda node: loader.construct_object(node, deep=True)
            top = self._mapping(root, TOP_KEYS, "the file")
            listed = self._items(top.get("cases"), root)
            return Cases(self._value(top.get("currency"), str, ""), tuple(self._case(node) for node in listed))
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self.mistakes.append((self._place(mark), f"not YAML: {error.problem}"))
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            self._report(None, f"not YAML: {' '.join(str(error).split())}")
        finally:
            loader.dispose()
        return Cases("", ())

    def _items(self, node: yaml.Node | None, root: yaml.Node) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self._report(node or root, "`cases` must be a list of one case or more")
            return []
        return list(node.value)

    def _case(self, node: yaml.Node) -> Case:
        parts = self._mapping(node, CASE_KEYS, "a case")
        place = self._place(node.start_mark)
        name = self._value(parts.get("name"), str, "")
        if not name:
            self._report(node, "a case must have a `name`")
        if "awards" not in parts and "fails" not in parts:
            self._report(node, "a case must have `awards`, or else `fails`")
        expected = parts.get("awards", parts.get("fails"))
        return Case(
            name,
            place if expected is None else self._place(expected.start_mark),
            self._purchase(parts),
            Expected(
                self._named(parts.get("awards"), int),
                self._named(parts.get("limits"), str, _LIMITS),
                self._one_of(parts.get("fails"), _FAILURES),
            ),
        )

    def _purchase(self, parts: Mapping[str, yaml.Node]) -> Purchase:
        told: dict[str, Any] = {}
        for key, kind in (("facts", dict), ("windows", dict), ("earned", dict), ("dates", dict), ("lines", list)):
            if key in parts:
                told[key] = self._value(parts[key], kind, kind())
        for line in told.get("lines", ()):
            if not isinstance(line, dict):
                self._report(parts["lines"], "each of `lines` must be names with values")
                told["lines"] = []
                break
        if "moment" in parts:
            told["moment"] = self._moment(parts["moment"])
        return Purchase(**told)

    def _moment(self, node: yaml.Node) -> datetime | None:
        value = self._construct(node)
        try:
            if isinstance(value, datetime | str):
                found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
                if found.tzinfo is None:
                    return found
            elif isinstance(value, date):
                return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - the program's own clock
        except ValueError:
            pass
        self._report(node, "`moment` must be local time without a zone, such as 2026-06-11 19:00")
        return None

    def _named(self, node: yaml.Node | None, kind: type, known: tuple[str, ...] = ()) -> dict[str, Any]:
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            self._report(node, f"must be names of rules, each with {_WORDS[kind]}")
            return {}
        self._refuse_twice(node)
        return {
            str(self._construct(key)): self._one_of(value, known) if known else self._value(value, kind, kind())
            for key, value in node.value
        }

    def _one_of(self, node: yaml.Node | None, known: tuple[str, ...]) -> str:
        value: str = self._value(node, str, "")
        if node is not None and value not in known:
            self._report(node, f"must be one of {', '.join(known)}{_meant(value, known)}")
        return value

    def _value(self, node: yaml.Node | None, kind: type, default: Any) -> Any:
        if node is None:
            return default
        if isinstance(node, yaml.MappingNode):
            self._refuse_twice(node)
        value = self._construct(node)
        if isinstance(value, kind) and not isinstance(value, bool):
            return value
        self._report(node, f"must be {_WORDS[kind]}")
        return default

    def _mapping(self, node: yaml.Node, known: tuple[str, ...], what: str) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self._report(node, f"{what} must have {', '.join(known)}")
            return {}
        self._refuse_twice(node)
        parts = {}
        for key, value in node.value:
            if key.value in known:
                parts[key.value] = value
            else:
                meant = _meant(str(key.value), known)
                self._report(key, f"{what} knows no `{key.value}`; expected one of {', '.join(known)}{meant}")
        return parts

    def _refuse_twice(self, node: yaml.MappingNode) -> None:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                self._report(key, f"`{key.value}` is there twice")
            seen.add(str(key.value))

    def _report(self, node: yaml.Node | None, message: str) -> None:
        self.mistakes.append((self._place(node.start_mark if node is not None else None), message))

    def _place(self, mark: yaml.Mark | None) -> Place:
        return Place(self._path) if mark is None else Place(self._path, mark.line + 1, mark.column + 1)


def _meant(name: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(name, known, 1)
    return f"; did you mean `{close[0]}`?" if close else ""
