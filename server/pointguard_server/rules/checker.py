"""Gives the syntax tree its meaning, or says everything that is wrong with it. For ``rule_set`` and tests.

Declarations are taken in the order of the source: what a ``let`` or ``set`` names is known from there on.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pointguard_server.rules import depth, syntax
from pointguard_server.rules.checked import CheckedLet, CheckedRule, CheckedRuleSet
from pointguard_server.rules.expression_checker import ExpressionChecker
from pointguard_server.rules.fields import OBJECTS
from pointguard_server.rules.functions import FUNCTIONS
from pointguard_server.rules.inputs import WINDOW_SOURCES
from pointguard_server.rules.problems import Problem
from pointguard_server.rules.rule_checker import LONGEST_NAME, RuleChecker
from pointguard_server.rules.scope import KnownLet, KnownSet, Scope
from pointguard_server.rules.set_files import ReadSet, SetFileError, read_entries
from pointguard_server.rules.syntax import RuleSetSyntax, SourceRange, Word
from pointguard_server.rules.texts import Literals, Texts
from pointguard_server.rules.value_types import ValueType

_START: Final = SourceRange(1, 1, 1, 1)
_RESERVED: Final = frozenset((*FUNCTIONS, *WINDOW_SOURCES, *OBJECTS, "lines"))
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]{0,99}")


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checker makes of a source: the checked rule set, or None and every problem of meaning.

    ``files`` are the entries of the sets that come from files, by the file's name.
    """

    rule_set: CheckedRuleSet | None
    problems: tuple[Problem, ...]
    files: Mapping[str, Texts] = field(default_factory=dict)


def check(rule_set: RuleSetSyntax, currency: str = "", read_set: ReadSet | None = None) -> Checked:
    """Check a tree.

    Args:
        rule_set: the tree.
        currency: the program's; without it, all money must be in one currency, whichever.
        read_set: reads the files of sets; without it, a set from a file is a problem.
    """
    scope = Scope(currency, read_set)
    checker = _Checker(scope)
    rules = checker.declarations(rule_set)
    if scope.problems:
        return Checked(None, tuple(scope.problems))
    return Checked(
        CheckedRuleSet(
            rules=tuple(rules),
            lets=tuple(scope.lets),
            literals=Literals.of(scope.literals, scope.members),
            constant_literals=len(scope.literals),
            tables=scope.tables,
            inputs=tuple(scope.inputs),
            line_patterns=tuple(scope.line_patterns),
            named_texts=tuple(scope.named_texts),
            currency=scope.currency,
        ),
        (),
        scope.files,
    )


class _Checker:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._expressions = ExpressionChecker(scope)
        self._rules = RuleChecker(scope, self._expressions)

    def declarations(self, rule_set: RuleSetSyntax) -> list[CheckedRule]:
        """Check everything; the result is only of use if there are no problems."""
        self._check_counts(rule_set)
        for named in reversed(rule_set.declarations):
            if not isinstance(named, syntax.RuleSyntax):
                self._scope.later[named.name.text] = named.name.source_range.line
        rules: list[CheckedRule] = []
        for declaration in rule_set.declarations:
            match declaration:
                case syntax.LetSyntax():
                    self._let(declaration)
                case syntax.SetSyntax():
                    self._set(declaration)
                case syntax.RuleSyntax():
                    rule = self._rules.rule(declaration)
                    rules += [rule] if rule and self._is_shallow(rule, declaration) else []
        return rules

    def _check_counts(self, rule_set: RuleSetSyntax) -> None:
        rules = rule_set.rules
        if not rules:
            self._scope.report(_START, "", "the rule set has no rule", 'rule "name" earn base …')
        seen: dict[str, SourceRange] = {}
        for rule in rules:
            self._check_rule_name(rule.name, seen)

    def _check_rule_name(self, name: Word, seen: dict[str, SourceRange]) -> None:
        if not name.text.strip() or len(name.text) > LONGEST_NAME:
            expected = f"1 to {LONGEST_NAME} characters"
            self._scope.report(
                name.source_range, name.text[:LONGEST_NAME], "the rule's name is empty or too long", expected
            )
        first = seen.setdefault(name.text, name.source_range)
        if first is not name.source_range:
            message = f'a rule named "{name.text}" is at line {first.line} already'
            self._scope.report(name.source_range, name.text, message, "a name of its own for each rule")

    # Names

    def _is_free(self, name: Word) -> bool:
        if name.text in _RESERVED:
            message = f"`{name.text}` has a meaning of its own"
            self._scope.report(name.source_range, name.text, message, "another name")
            return False
        if len(name.text) > LONGEST_NAME:
            self._scope.report(
                name.source_range,
                name.text[:LONGEST_NAME],
                "the name is too long",
                f"at most {LONGEST_NAME} characters",
            )
            return False
        if name.text in self._scope.known_lets or name.text in self._scope.known_sets:
            line = self._scope.later[name.text]
            message = f"`{name.text}` is defined at line {line} already"
            self._scope.report(name.source_range, name.text, message, "a name of its own")
            return False
        return True

    def _let(self, declaration: syntax.LetSyntax) -> None:
        name = declaration.name
        expressions = self._expressions
        expressions.in_let, expressions.reads_line, expressions.calls_lines = True, False, False
        value = expressions.expression(declaration.value)
        expressions.in_let = False
        if value is not None and value.type in (ValueType.TEXT, ValueType.TEXTS):
            message = "a text can only be compared"
            self._scope.report(declaration.value.source_range, name.text, message, "a number, money, date or condition")
            value = None
        if expressions.reads_line and expressions.calls_lines:
            message = f"`{name.text}` reads one line and looks at all of them"
            expected = "two names: one for the line, one for all lines"
            self._scope.report(declaration.value.source_range, name.text, message, expected)
            value = None
        if not self._is_free(name):
            return
        index = len(self._scope.lets)
        if value is not None:
            self._scope.lets.append(CheckedLet(name.text, value, expressions.reads_line))
            if not self._is_deep_enough(declaration):
                self._scope.lets.pop()
                value = None
        kind = value.type if value is not None else None
        self._scope.known_lets[name.text] = KnownLet(name.text, index, kind, expressions.reads_line)

    def _is_deep_enough(self, declaration: syntax.LetSyntax) -> bool:
        value = self._scope.lets[-1].value
        return self._fits(depth.of(value, self._scope.lets), declaration.value.source_range)

    def _is_shallow(self, rule: CheckedRule, written: syntax.RuleSyntax) -> bool:
        nodes = [node for node in (rule.validity, rule.condition, rule.award) if node is not None]
        return all(self._fits(depth.of(node, self._scope.lets), written.name.source_range) for node in nodes)

    def _fits(self, steps: int, place: SourceRange) -> bool:
        if steps <= depth.DEEPEST:
            return True
        message = "the expression goes too deep, with the names that it builds on"
        self._scope.report(place, "", message, f"at most {depth.DEEPEST} steps")
        return False

    # Sets

    def _set(self, declaration: syntax.SetSyntax) -> None:
        if declaration.file is None:
            entries = self._expressions.texts.known_set(declaration.items)
        else:
            entries = self._from_file(declaration.file)
        if self._is_free(declaration.name):
            self._scope.known_sets[declaration.name.text] = entries

    def _from_file(self, file: syntax.TextLiteral) -> KnownSet:
        name, place = file.value, file.source_range
        if self._scope.read_set is None or not _FILE_NAME.fullmatch(name):
            expected = "the name of a file beside the rules" if self._scope.read_set else "the texts themselves"
            self._scope.report(place, name[:LONGEST_NAME], "a set cannot be read from there", expected)
            return KnownSet(None)
        try:
            texts = read_entries(self._scope.read_set(name))
        except SetFileError as error:
            self._scope.report(place, name, f"the file of the set cannot be used: {error}", "one text a line")
            return KnownSet(None)
        except (OSError, ValueError) as error:
            self._scope.report(place, name, f"the file of the set cannot be read: {error}", "a file beside the rules")
            return KnownSet(None)
        self._scope.files[name] = texts
        return KnownSet(ValueType.TEXT, texts=texts)
