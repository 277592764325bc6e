"""The front door of the rule language: a source text becomes a ``RuleSet``, or problems. For the engine and up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from pointguard_server.rules import checker, parser, tree_text
from pointguard_server.rules.budget import cost_within_budget
from pointguard_server.rules.checked import CheckedRuleSet
from pointguard_server.rules.problems import Problem, RuleSetError
from pointguard_server.rules.set_files import ReadSet
from pointguard_server.rules.texts import Literals, Texts
from pointguard_server.rules.value_types import Part

__all__ = ["LANGUAGE_VERSION", "Problem", "Rule", "RuleSet", "RuleSetError", "load_rule_set"]

# Changes when the same source may come to mean something else: fields, functions, arithmetic, rounding.
LANGUAGE_VERSION: Final = 2


@dataclass(frozen=True, slots=True)
class Rule:
    """What the world knows of a rule: its award is entry ``ordinal`` of the awards."""

    name: str
    part: Part
    ordinal: int


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A rule set without problems.

    ``digest`` (hexadecimal SHA-256) covers the meaning and the language's version, not layout and comments, and the
    texts of sets that come from files, which are in ``files`` by the file's name. ``literals`` are the (domain, text)
    pairs whose ids the host gives (``constants``); one pair may occur twice. ``cost`` is in units, at most
    ``cost.BUDGET``.
    """

    name: str
    source: str
    digest: str
    rules: tuple[Rule, ...]
    literals: Literals
    checked: CheckedRuleSet
    cost: float = 0.0
    files: Mapping[str, Texts] = field(default_factory=dict)


def load_rule_set(source: str, name: str, *, currency: str = "", read_set: ReadSet | None = None) -> RuleSet:
    """The rule set of ``source``.

    Args:
        source: the text.
        name: what problems are reported under; a file's name, say.
        currency: the program's (ISO 4217); without it, all money as written must be in one currency.
        read_set: reads the files of sets by name; without it, sets from files are refused.

    Raises:
        RuleSetError: with every problem found.
    """
    syntax, problems = parser.parse(source)
    if syntax is None:
        raise RuleSetError(name, problems)
    result = checker.check(syntax, currency, read_set)
    if result.rule_set is None:
        raise RuleSetError(name, result.problems)
    units, problems = cost_within_budget(result.rule_set, [rule.name.text for rule in syntax.rules], source)
    if problems:
        raise RuleSetError(name, problems, by_place=False)
    rules = tuple(
        Rule(written.name.text, rule.part, ordinal)
        for ordinal, (written, rule) in enumerate(zip(syntax.rules, result.rule_set.rules, strict=True))
    )
    digest = _digest(tree_text.tree_text(syntax, result.files))
    return RuleSet(name, source, digest, rules, result.rule_set.literals, result.rule_set, units, result.files)


def _digest(canonical: str) -> str:
    return sha256(f"pointguard earn rules {LANGUAGE_VERSION}\n{canonical}".encode()).hexdigest()
