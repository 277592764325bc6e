"""The front door of the rule language: a source text becomes a ``RuleSet``, or problems. For the engine and up."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from pointguard_server.rules import checker, parser, tree_text
from pointguard_server.rules.checked import CheckedRuleSet
from pointguard_server.rules.problems import Problem, RuleSetError
from pointguard_server.rules.value_types import Part

__all__ = ["LANGUAGE_VERSION", "Problem", "Rule", "RuleSet", "RuleSetError", "load_rule_set"]

# Changes when the same source may come to mean something else: fields, functions, arithmetic, rounding.
LANGUAGE_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Rule:
    """What the world knows of a rule: its award is entry ``ordinal`` of the awards."""

    name: str
    part: Part
    ordinal: int


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A rule set without problems.

    ``digest`` (hexadecimal SHA-256) covers the meaning and the language's version, not layout and comments.
    ``literals`` are the (domain, text) pairs whose ids the host puts into the constants, in this order; one pair may
    occur twice.
    """

    name: str
    source: str
    digest: str
    rules: tuple[Rule, ...]
    literals: tuple[tuple[str, str], ...]
    checked: CheckedRuleSet


def load_rule_set(source: str, name: str) -> RuleSet:
    """The rule set of ``source``; ``name`` (a file's, say) is what problems are reported under.

    Raises:
        RuleSetError: with every problem found.
    """
    syntax, problems = parser.parse(source)
    if syntax is None:
        raise RuleSetError(name, problems)
    checked, problems = checker.check(syntax)
    if checked is None:
        raise RuleSetError(name, problems)
    rules = tuple(
        Rule(written.name.text, rule.part, ordinal)
        for ordinal, (written, rule) in enumerate(zip(syntax.rules, checked.rules, strict=True))
    )
    digest = _digest(tree_text.tree_text(syntax))
    return RuleSet(name, source, digest, rules, checked.literals, checked)


def _digest(canonical: str) -> str:
    return sha256(f"pointguard earn rules {LANGUAGE_VERSION}\n{canonical}".encode()).hexdigest()
