"""What a program is made of: its configuration, its earn rules and its stores, read and checked.

For ``bootstrap``, and for ``live_programs``, which takes up changes. Errors name file and place:

    ValueError
    ├── ProgramConfigError    (service/program_config.py)
    ├── RuleSetError          (rules/problems.py)
    └── StoresError
"""

import csv
import io
import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.service.checking_messages import Order
from pointguard_server.service.fraud_conditions import check_conditions
from pointguard_server.service.program_config import ProgramConfig, load_program_config
from pointguard_server.service.rule_checking import Check, check_here

# As ``rules/checker.py`` allows names of files: no folders.
_SET_FILE = re.compile(r'\bfrom\s+"([A-Za-z0-9_][A-Za-z0-9_. -]{0,99})"')


class Store(NamedTuple):
    """A store, as its file has it."""

    store_id: str
    business_unit: str
    country: str
    province: str


class StoresError(ValueError):
    """The stores cannot be used; the text names the line and the column."""


@dataclass(frozen=True, slots=True)
class ProgramSources:
    """A program's source texts, checked. The earn rules' text, and those of files of sets, are in the rule set."""

    configuration: str
    config: ProgramConfig
    rule_set: RuleSet
    stores: tuple[Store, ...]
    fraud_conditions: RuleSet | None = None  # of the configuration's fraud rules, if they have any


class SetFiles(NamedTuple):
    """The files that sets of earn rules name: what they hold, or why they cannot be read."""

    texts: dict[str, str]
    unreadable: dict[str, str]


_NO_SETS: Final = SetFiles({}, {})


def check_program(
    configuration: str,
    name: str,
    read_rules: Callable[[str], tuple[str, str]],
    stores: tuple[Store, ...],
    sets: SetFiles = _NO_SETS,
    check: Check = check_here,
) -> ProgramSources:
    """Check a configuration and its earn rules.

    ``read_rules`` gives the text and the full name of a file beside the configuration; ``check`` says in which process
    rules are looked at.

    Raises:
        ProgramConfigError, RuleSetError: with every mistake of the file.
        OSError: if the earn rules cannot be read.
    """
    config = load_program_config(configuration, name)
    fraud_conditions = check_conditions(config, name, check)
    earn_rules, rules_name = read_rules(config.earn_rules)
    rule_set = check(Order(earn_rules, rules_name, config.currency, sets.texts, unreadable=sets.unreadable))
    return ProgramSources(configuration, config, rule_set, stores, fraud_conditions)


def check_stores(text: str, name: str) -> tuple[Store, ...]:
    """Return the stores of a CSV file with a header.

    Raises:
        StoresError: naming the first line that is wrong.
    """
    rows = csv.DictReader(io.StringIO(text, newline=""))
    missing = [column for column in Store._fields if column not in (rows.fieldnames or ())]
    if missing:
        raise StoresError(f"{name}:1: must have the columns {','.join(Store._fields)}; missing: {', '.join(missing)}")
    stores = []
    for row in rows:
        for column in Store._fields:
            # An empty province is one that is not known; a line that ends too early is a mistake.
            if row[column] is None or (column == "store_id" and not row[column]):
                raise StoresError(f"{name}:{rows.line_num}: {column}: is missing")
        stores.append(Store(*(row[column] for column in Store._fields)))
    return tuple(stores)


class ProgramTexts(NamedTuple):
    """What a program's files hold at one moment; a text instead of bytes says why a file cannot be read."""

    configuration: bytes | str
    earn_rules: bytes | str
    stores: bytes | str
    sets: tuple[tuple[str, bytes | str], ...] = ()  # the files that the earn rules name


class ProgramFiles:
    """The files of one program: a configuration, the earn rules that it names and, if there are any, its stores.

    ``texts`` is what was read last.
    """

    def __init__(self, program: Path, stores: Path | None) -> None:
        self._program = program
        self._stores = stores
        self._rules = program
        self.texts = ProgramTexts(b"", b"", b"")

    def read(self) -> ProgramTexts:
        """Return what the files hold now. Small files: reading them tells more surely than their times of change."""
        configuration = _read(self._program)
        if configuration != self.texts.configuration and (name := _rules_named(configuration)):
            self._rules = self._program.parent / name
        rules = _read(self._rules)
        sets = tuple((name, _read(self._rules.parent / name)) for name in _sets_named(rules))
        self.texts = ProgramTexts(configuration, rules, _read(self._stores) if self._stores else b"", sets)
        return self.texts

    def check(self, texts: ProgramTexts, check: Check = check_here) -> ProgramSources:
        """Return the program that the texts make; ``check`` says in which process rules are looked at.

        Raises:
            ProgramConfigError, RuleSetError, StoresError: with the mistakes of the first file that has any.
            OSError, ValueError: if one cannot be read.
        """
        configuration = _decoded(texts.configuration, self._program)
        stores = check_stores(_decoded(texts.stores, self._stores), str(self._stores)) if self._stores else ()

        def read_rules(name: str) -> tuple[str, str]:
            path = self._program.parent / name
            return _decoded(texts.earn_rules, path), str(path)

        return check_program(configuration, str(self._program), read_rules, stores, _set_files(texts.sets), check)


def _set_files(sets: Iterable[tuple[str, bytes | str]]) -> SetFiles:
    files = SetFiles({}, {})
    for name, content in sets:
        try:
            files.texts[name] = _decoded(content, Path(name))
        except (OSError, ValueError) as error:
            files.unreadable[name] = str(error)
    return files


def _read(path: Path) -> bytes | str:
    try:
        return path.read_bytes()
    except OSError as error:
        return str(error)


def _decoded(content: bytes | str, path: Path) -> str:
    if isinstance(content, str):
        raise OSError(content)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: must be UTF-8: {error.reason} at byte {error.start}") from None


def _sets_named(rules: bytes | str) -> tuple[str, ...]:
    """Return the files of sets that a text of earn rules names, each once; also in a text that has mistakes."""
    text = rules.decode(errors="replace") if isinstance(rules, bytes) else ""
    return tuple(dict.fromkeys(_SET_FILE.findall(text)))


def _rules_named(configuration: bytes | str) -> str:
    """Return the name of the earn rules' file, or the empty text as long as the configuration does not say."""
    try:
        name = tomllib.loads(_decoded(configuration, Path()))["program"]["earn"]["rules"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return name if isinstance(name, str) else ""
